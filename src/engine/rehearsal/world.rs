//! The world of a rehearsal: leads, what they share, and an agenda.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{Cast, DayOfRamp, Person, Witness, clocks::Clocks, warming::Warming};
use crate::{
    domain::{
        account::Account,
        allocator::{Allocator, has_lines},
        decision::{Decision, Grants, NewMessage},
        definitions::Definitions,
        fleet::Fleet,
        lead::LeadState,
        message::OpenMessage,
        name::Name,
        pace::Heads,
        ramp::Ramps,
        time::Instant,
    },
    engine::{
        deciding::panic_text,
        undecided::{Undecided, in_order},
    },
    store::records::NewEvent,
};

/// How often a moment is gone through before what is left over waits for the next. Only definitions that chase their
/// own tail come this far.
const ROUNDS: usize = 64;

/// A mail at the instant at which it is to leave.
#[derive(Clone, Copy, Debug)]
pub struct Mail<'a> {
    pub open: &'a OpenMessage,
    pub now: Instant,
}

/// What becomes of a mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Left {
    Sent,
    /// Its address is refused, for good if `hard`.
    Refused {
        hard: bool,
        reason: String,
    },
    /// It may not leave any more.
    Cancelled(String),
}

/// What becomes of mails, and of those who get them.
pub trait Fate {
    /// What a relay says to a mail, and what its reader does later: events foretold for their instants.
    fn of_mail(&self, lead: &LeadState, mail: &Mail<'_>) -> (Left, Vec<NewEvent>);

    /// What comes of a notice to one of our own people, likewise.
    fn of_notice(&self, _lead: &LeadState, _notice: &NewMessage, _now: Instant) -> Vec<NewEvent> {
        Vec::new()
    }
}

/// Every mail arrives, and nobody does anything.
impl Fate for () {
    fn of_mail(&self, _lead: &LeadState, _mail: &Mail<'_>) -> (Left, Vec<NewEvent>) {
        (Left::Sent, Vec::new())
    }
}

/// Leads on a virtual clock.
#[derive(Debug)]
pub struct World<F> {
    pub(super) definitions: Arc<Definitions>,
    pub(super) fleet: Fleet,
    ramps: Ramps,
    pub(super) warming: Warming,
    pub(super) clocks: Clocks,
    now: Instant,
    /// Workflows whose mails are paused.
    paused: BTreeSet<Name>,
    /// What companies and lines are like by what was granted so far.
    pub(super) accounts: BTreeMap<Name, Account>,
    heads: Heads,
    pub(super) people: Vec<Person>,
    /// When each of them is looked at next; what is outdated stays in.
    pub(super) agenda: BinaryHeap<Reverse<(Instant, usize)>>,
    pub(super) fate: F,
    /// How many leads are decided in one go, as the engine would.
    batch: usize,
    /// How often a lead was decided.
    pub decisions: u64,
}

impl<F: Fate> World<F> {
    /// One that begins at an instant: what workflows' clocks have ticked by then is over. `batch` is the engine's: leads
    /// that are due at the same instant ask in one order within each.
    #[must_use]
    pub fn new(
        definitions: Arc<Definitions>,
        fleet: Fleet,
        fate: F,
        batch: usize,
        begin: Instant,
    ) -> Self {
        Self {
            clocks: Clocks::at(&definitions, begin),
            now: begin,
            definitions,
            fleet,
            ramps: Ramps::default(),
            warming: Warming::default(),
            paused: BTreeSet::new(),
            accounts: BTreeMap::new(),
            heads: Heads::new(),
            people: Vec::new(),
            agenda: BinaryHeap::new(),
            fate,
            batch: batch.max(1),
            decisions: 0,
        }
    }

    /// With these leads in it, and what they share.
    #[must_use]
    pub fn with(mut self, cast: Cast) -> Self {
        let Cast { people, accounts, heads, ramps, .. } = cast;
        people.into_iter().for_each(|person| self.add(person));
        let warming = Warming::new(ramps.into_iter().collect());
        Self { warming, accounts, heads, ..self }
    }

    /// With these workflows' mails paused.
    #[must_use]
    pub fn with_paused(self, paused: BTreeSet<Name>) -> Self {
        Self { paused, ..self }
    }

    /// How far relays that warm up were on each day, after a rehearsal.
    #[must_use]
    pub fn ramps(&mut self) -> &[DayOfRamp] {
        self.warming.tell(&self.fleet);
        self.warming.told()
    }

    pub fn add(&mut self, person: Person) {
        self.agenda.push(Reverse((person.next(), self.people.len())));
        self.people.push(person);
    }

    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    #[must_use]
    pub fn definitions(&self) -> &Arc<Definitions> {
        &self.definitions
    }

    /// Goes from one instant at which something happens to the next, until all that is due by `until` is done.
    pub fn run(&mut self, until: Instant, witness: &mut impl Witness) {
        loop {
            let ticks = self.clocks.next();
            let due = self.agenda.peek().map_or(Instant::NEVER, |Reverse((at, _))| *at);
            let next = ticks.min(due);
            if next > until || next.is_never() {
                break;
            }
            // What was due before it began is late.
            let now = next.max(self.now);
            self.now = now;
            let policy = &self.definitions.policy;
            if let Some(ramps) = self.warming.follow(&self.fleet, policy, now) {
                self.ramps = ramps;
            }
            // As the engine does: whom a tick is for is asked when all else is decided.
            if due <= now {
                self.moment(now, witness);
            } else {
                self.strike(now);
            }
        }
    }

    /// Tells everybody whom a clock ticks for.
    fn strike(&mut self, now: Instant) {
        let definitions = Arc::clone(&self.definitions);
        for tick in self.clocks.strike(&definitions, now) {
            for (index, person) in self.people.iter_mut().enumerate() {
                let is_there = person.parked.is_none();
                if is_there && tick.is_for(&definitions, &person.state, now) {
                    person.foretell(NewEvent::tick(person.state.lead, &tick.workflow, now));
                    self.agenda.push(Reverse((now, index)));
                }
            }
        }
    }

    /// When something happens next.
    #[must_use]
    pub fn next(&self) -> Instant {
        self.people.iter().map(Person::next).min().unwrap_or(Instant::NEVER)
    }

    /// Everything that is due at an instant.
    fn moment(&mut self, now: Instant, witness: &mut impl Witness) {
        let mut due: Vec<usize> = Vec::new();
        while let Some(&Reverse((at, index))) = self.agenda.peek() {
            if at > now {
                break;
            }
            self.agenda.pop();
            if self.people[index].next() <= now {
                due.push(index);
            }
        }
        due.sort_unstable();
        due.dedup();
        let definitions = Arc::clone(&self.definitions);
        for &index in &due {
            self.people[index].let_happen(&definitions, now, |person, event| {
                witness.happened(index, &person.state, event);
            });
        }
        for _ in 0..ROUNDS {
            self.decide(&due, now, witness);
            if !self.post(&due, now, witness) && !self.is_due(&due, now) {
                break;
            }
        }
        for index in due {
            let person = &mut self.people[index];
            if person.next() <= now && person.parked.is_none() {
                person.due_at = now.next();
            }
            self.agenda.push(Reverse((self.people[index].next(), index)));
        }
    }

    fn is_due(&self, due: &[usize], now: Instant) -> bool {
        due.iter().any(|&index| self.people[index].next() <= now)
    }

    /// Decides those whose timers have rung, in the order of the engine, until none rings any more.
    fn decide(&mut self, due: &[usize], now: Instant, witness: &mut impl Witness) {
        for _ in 0..ROUNDS {
            let rings = |person: &Person| person.due_at <= now && person.parked.is_none();
            let mut ringing: Vec<usize> = Vec::with_capacity(due.len());
            ringing.extend(due.iter().filter(|index| rings(&self.people[**index])));
            if ringing.is_empty() {
                break;
            }
            ringing
                .sort_by_key(|&index| (self.people[index].due_at, self.people[index].state.lead));
            for batch in ringing.chunks(self.batch) {
                self.decide_batch(batch, now, witness);
            }
        }
    }

    pub(super) fn decide_batch(
        &mut self,
        batch: &[usize],
        now: Instant,
        witness: &mut impl Witness,
    ) {
        self.decisions += batch.len() as u64;
        let definitions = Arc::clone(&self.definitions);
        let policy = &definitions.policy;
        let has_lines = has_lines(policy, &self.fleet);
        let grants = Grants::with_paused(&self.paused).in_lines(has_lines);
        let (mut decided, mut asking) = (Vec::with_capacity(batch.len()), Vec::new());
        let mut failed = Vec::new();
        for &index in batch {
            let Person { state, account, due_at, .. } = &self.people[index];
            let about = (account.clone(), *due_at);
            let begin = || Undecided::new(&definitions, grants.clone(), state, about, now);
            match catch_unwind(AssertUnwindSafe(begin)) {
                Ok(begun) if begun.concerns_itself_alone() => {
                    decided.push((index, begun.unasked()));
                }
                Ok(begun) => asking.push((index, begun)),
                Err(panic) => failed.push((index, panic_text(&*panic))),
            }
        }
        if !asking.is_empty() {
            let (accounts, heads) = (mem::take(&mut self.accounts), mem::take(&mut self.heads));
            let mut allocator = Allocator::new(policy, (&self.fleet, &self.ramps), accounts, heads);
            if has_lines {
                asking = in_order(asking, |(_, begun)| begun, &allocator, now);
            }
            for (index, begun) in asking {
                let end = || begun.decided(&definitions, &mut allocator, now).1;
                match catch_unwind(AssertUnwindSafe(end)) {
                    Ok(decision) => decided.push((index, decision)),
                    Err(panic) => failed.push((index, panic_text(&*panic))),
                }
            }
            (self.accounts, self.heads) = (allocator.accounts, allocator.heads);
        }
        for (index, decision) in decided {
            self.apply(index, decision, now, witness);
        }
        for (index, reason) in failed {
            let person = &mut self.people[index];
            witness.parked(index, &person.state, &reason, now);
            person.parked = Some(reason);
        }
    }

    fn apply(
        &mut self,
        index: usize,
        decision: Decision,
        now: Instant,
        witness: &mut impl Witness,
    ) {
        let person = &mut self.people[index];
        witness.decided(&self.definitions, index, &person.state, &decision, now);
        // Nobody is called, and everybody would have answered.
        let calls = decision.calls.iter();
        let answers: Vec<NewEvent> =
            calls.map(|call| person.answered(&call.about, &call.target, now.next())).collect();
        answers.into_iter().for_each(|answer| person.foretell(answer));
        for notice in person.decided(&self.definitions, decision, now) {
            for event in self.fate.of_notice(&person.state, &notice, now) {
                person.foretell(event);
            }
        }
    }
}
