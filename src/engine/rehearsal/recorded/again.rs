//! A lead's recorded past, decided again: what happened comes as it came, and it is decided when it was decided.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{
    Chronicle,
    difference::keys,
    outset::{grounds, outset, written_by},
    settled::Settled,
    turns::{Decided, Turn, turns},
};
use crate::{
    domain::{
        allocator::is_of_others,
        decide::decide,
        decision::{Decision, Grants, LogLine, Resource, Verb},
        definitions::Definitions,
        event::{Event, EventKind, StepRef},
        id::Rev,
        lead::{LeadState, Profile},
        message::{MessageKind, MessageState},
        name::Name,
        pause,
        time::Instant,
    },
    engine::{
        deciding::{look, panic_text},
        rehearsal::Person,
        undecided::refused,
    },
    store::records::{MessageRow, Past},
};

/// A daemon may come to a lead so much later than it was due; it is then decided when the record says.
const LATE: Duration = Duration::from_hours(1);

/// How often a lead is looked at at most between two turns of its record.
const LOOKS: usize = 10_000;

/// A decision that was taken again.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub at: Instant,
    pub definitions: &'a Arc<Definitions>,
    /// The lead before it, with what was new.
    pub before: &'a LeadState,
    /// And after it.
    pub after: &'a LeadState,
    pub decision: &'a Decision,
    /// `None`: in the record there is none.
    pub recorded: Option<&'a Decided>,
}

/// A lead on its way through its record.
#[derive(Debug)]
pub struct Again<'r> {
    chronicle: &'r Chronicle,
    past: &'r Past,
    turns: Vec<Turn>,
    /// How many of them are gone through.
    done: usize,
    definitions: Arc<Definitions>,
    person: Person,
    profile: Profile,
    /// What happened or was decided last.
    last: Instant,
    /// Until when it was looked at.
    looked_at: Instant,
    /// When the first release was made that the lead is still to be decided by. Of what that makes of it the record
    /// knows nothing yet.
    horizon: Instant,
    /// Something of the record has not been decided on.
    has_news: bool,
    /// Why mails of workflows are held that others decide about: a pause, the pace, the company.
    held: BTreeMap<Name, String>,
    reserved: HashSet<StepRef>,
    /// Mails that left here and not in the record, or not then.
    left: HashSet<StepRef>,
    /// How often it was decided.
    pub decisions: u64,
    /// How many mails were held for what others did, as the record says.
    pub held_by_others: u64,
    /// Why it cannot be decided any more.
    pub failed: Option<(Instant, String)>,
}

impl<'r> Again<'r> {
    /// A lead at the beginning of its record. `None`: nothing was ever live.
    #[must_use]
    pub fn new(chronicle: &'r Chronicle, past: &'r Past) -> Option<Self> {
        let record = outset(past);
        let begin = record.due_at;
        let definitions = chronicle.at(begin).or_else(|| chronicle.at(chronicle.begin()?))?;
        let (state, profile, _) = look(definitions, record, &[], begin);
        Some(Self {
            chronicle,
            past,
            turns: turns(past),
            done: 0,
            definitions: Arc::clone(definitions),
            person: Person::new(definitions, state, begin),
            profile,
            last: begin,
            looked_at: Instant::DAWN,
            horizon: chronicle.made_after(past.record.decided_under).unwrap_or(Instant::NEVER),
            has_news: false,
            held: BTreeMap::new(),
            reserved: HashSet::new(),
            left: HashSet::new(),
            decisions: 0,
            held_by_others: 0,
            failed: None,
        })
    }

    /// The lead as it is now, and by what.
    #[must_use]
    pub fn now(&self) -> (&Arc<Definitions>, &LeadState) {
        (&self.definitions, &self.person.state)
    }

    /// Whether something is live at an instant that the lead is still to be decided by.
    #[must_use]
    pub fn is_behind(&self, at: Instant) -> bool {
        self.horizon <= at
    }

    /// Goes on until an instant.
    pub fn run(&mut self, until: Instant, seen: &mut impl FnMut(Seen<'_>)) {
        while self.failed.is_none() {
            let Some(turn) = self.turns.get(self.done).cloned() else { break };
            match turn {
                Turn::Came(event) if event.recorded_at > until => break,
                Turn::Came(event) => {
                    // A decision may see what is recorded a moment after it began.
                    let decided = self.next_decided().unwrap_or(Instant::NEVER);
                    self.look_around(event.recorded_at.min(decided), seen);
                    self.take(event);
                }
                Turn::Decided(decided) => {
                    let at = decided.at.unwrap_or_else(|| self.likely_instant());
                    if at > until {
                        break;
                    }
                    self.look_around(at, seen);
                    if self.failed.is_none() && self.chronicle.at(at).is_some() {
                        self.note_held(&decided.lines);
                        self.decide(at, Some(&decided), seen);
                    }
                }
            }
            self.done += 1;
        }
        if self.failed.is_none() && self.done == self.turns.len() {
            // As far as the record's daemon had nothing to do.
            self.look_around(until.min(self.past.record.due_at), seen);
        }
        self.arrive_at(until);
    }

    /// The lead as a decision at an instant leaves it, by what was live then.
    #[must_use]
    pub fn settled(mut self, at: Instant) -> Option<Settled> {
        self.run(at, &mut |_| {});
        let decision = self.decision(at)?;
        Some(Settled::of(self.definitions, self.person, decision, at))
    }

    /// The ground and the definitions of an instant. An import is recorded a moment after a decision that had begun,
    /// and is seen by it all the same: what has come is known.
    fn arrive_at(&mut self, at: Instant) {
        if let Some(definitions) = self.chronicle.at(at).cloned()
            && definitions.release != self.definitions.release
        {
            let before = std::mem::replace(&mut self.definitions, definitions);
            let (after, history) = (&self.definitions, Some(self.past.events.as_slice()));
            self.person.carry_over((&before, after), &mut self.profile, history, at);
        }
        let state = &mut self.person.state;
        let known = at.max(self.last);
        state.consents = grounds(&self.past.record.profile.consents, known);
        let objection = self.past.suppressed.filter(|(since, _)| *since <= known);
        state.suppressed = objection.map(|(_, reason)| reason);
    }

    /// When it is to be looked at next: its timer rings, or something else goes live.
    fn wake(&self) -> Instant {
        let release = self.chronicle.next_after(self.looked_at).unwrap_or(Instant::NEVER);
        self.person.due_at.min(release)
    }

    /// When a decision was of which the record does not say it.
    fn likely_instant(&self) -> Instant {
        if self.has_news {
            return self.last;
        }
        let later = self.turns[self.done + 1..].iter().find_map(|turn| match turn {
            Turn::Came(event) => Some(event.recorded_at),
            Turn::Decided(decided) => decided.at,
        });
        let wake = self.wake();
        if later.is_none_or(|later| wake <= later) { wake.max(self.last) } else { self.last }
    }

    /// When the next decision of the record was, if it says so.
    fn next_decided(&self) -> Option<Instant> {
        self.turns[self.done..].iter().find_map(|turn| match turn {
            Turn::Decided(decided) => Some(decided.at),
            Turn::Came(_) => None,
        })?
    }

    /// The next decision of the record that logged something, from a turn on.
    fn next_logged(&self) -> Option<&Decided> {
        self.turns[self.done..].iter().find_map(|turn| match turn {
            Turn::Decided(decided) if !decided.lines.is_empty() => Some(decided),
            _ => None,
        })
    }

    /// Decides what this binary would do before an instant and the record knows nothing of.
    fn look_around(&mut self, before: Instant, seen: &mut impl FnMut(Seen<'_>)) {
        for _ in 0..LOOKS {
            let at = self.wake().max(self.last);
            if self.has_news || at >= before.min(self.horizon) || self.failed.is_some() {
                return;
            }
            if self.chronicle.at(at).is_none() {
                self.looked_at = at;
                self.person.due_at = self.chronicle.begin().unwrap_or(Instant::NEVER);
                continue;
            }
            self.arrive_at(at);
            let Some(decision) = self.decision(at) else { return };
            let mine = keys(&decision.log);
            if mine.is_empty() && decision.messages.is_empty() {
                self.looked_at = at;
                self.person.due_at = decision.wake_at.max(at.next());
                continue;
            }
            // The daemon came to it a little later.
            let is_late = self.next_logged().is_some_and(|decided| {
                decided.at.is_some_and(|then| then.is_within(LATE, at))
                    && keys(&decided.lines).iter().any(|key| mine.contains(key))
            });
            if is_late {
                return;
            }
            self.decide(at, None, seen);
        }
    }

    /// Something of the record happens.
    fn take(&mut self, event: Event) {
        let state = &mut self.person.state;
        state.rev = event.rev;
        self.last = self.last.max(event.recorded_at);
        if let Some(about) = &event.about
            && is_outcome(&event.kind)
        {
            // What did not leave here has no outcome.
            if !self.reserved.contains(about) || self.left.contains(about) {
                return;
            }
            state.open_message = state.open_message.take().filter(|open| open.about != *about);
        }
        if let Some((name, value)) = written_by(&event)
            && let Some(slot) = self.definitions.schema.slot(name)
        {
            state.attributes[slot.0] = Some(value.clone());
        }
        self.person.due_at = self.person.due_at.min(event.recorded_at);
        self.person.state.new_events.push(event);
        self.has_news = true;
    }

    /// Takes over what the record says of what other leads or people had a say in.
    fn note_held(&mut self, lines: &[LogLine]) {
        for line in lines {
            let Some(workflow) = &line.workflow else { continue };
            if line.what == Verb::Held && is_of_others(&line.reason) {
                self.held_by_others += 1;
                self.held.insert(workflow.clone(), line.reason.clone());
            } else if matches!(line.what, Verb::Held | Verb::Reserved | Verb::Ended) {
                self.held.remove(workflow);
            }
        }
    }

    fn decision(&mut self, at: Instant) -> Option<Decision> {
        let decided = catch_unwind(AssertUnwindSafe(|| self.granted(at)));
        match decided {
            Ok(decision) => Some(decision),
            Err(panic) => {
                self.failed = Some((at, panic_text(&*panic)));
                None
            }
        }
    }

    fn granted(&self, at: Instant) -> Decision {
        let (definitions, state) = (&self.definitions, &self.person.state);
        let by = |is: fn(&str) -> bool| self.held.iter().filter(move |(_, reason)| is(reason));
        let paused: BTreeSet<Name> =
            by(|reason| reason == pause::HELD).map(|(name, _)| name.clone()).collect();
        let lead = by(|reason| reason.starts_with(pause::HELD) && reason != pause::HELD).next();
        let grants = Grants::with_paused(&paused).and_of_lead(lead.map(|(_, reason)| reason));
        let slot = self.turns[self.done..].iter().find_map(|turn| match turn {
            Turn::Decided(Decided { at: Some(then), .. }) if *then > at => Some(*then),
            _ => None,
        });
        let slot = slot.unwrap_or(Instant::NEVER);
        let decision = decide(definitions, state, &grants, at);
        refused(definitions, (state, decision), grants, at, |wants, grants| {
            let mut is_news = false;
            for want in wants {
                let Resource::Mail { workflow } = &want.resource;
                if let Some(reason) = self.held.get(workflow)
                    && grants.refusal(want).is_none()
                {
                    grants.refuse(want, slot, reason.clone());
                    is_news = true;
                }
            }
            is_news
        })
    }

    fn decide(&mut self, at: Instant, recorded: Option<&Decided>, seen: &mut impl FnMut(Seen<'_>)) {
        self.arrive_at(at);
        let Some(decision) = self.decision(at) else { return };
        self.decisions += 1;
        let before = self.person.state.clone();
        self.person.decided(&self.definitions, decision.clone(), at);
        (self.last, self.looked_at, self.has_news) = (self.last.max(at), at, false);
        if let Some(decided) = recorded {
            self.person.state.rev = Rev(decided.rev.0.max(self.person.state.rev.0));
        }
        let marketing = decision.messages.iter().find(|it| it.kind == MessageKind::Marketing);
        if let Some(message) = marketing {
            self.reserve(&message.about, at);
        }
        let (definitions, after) = (&self.definitions, &self.person.state);
        seen(Seen { at, definitions, before: &before, after, decision: &decision, recorded });
    }

    /// A mail that is in the record leaves when it did; another at once.
    fn reserve(&mut self, about: &StepRef, at: Instant) {
        let is_it = |row: &&MessageRow| row.kind == MessageKind::Marketing && row.about == *about;
        let row = self.past.messages.iter().find(is_it);
        let again = self.reserved.contains(about);
        self.reserved.insert(about.clone());
        match row.filter(|row| again || row.created_at.is_within(LATE, at)) {
            Some(row) if row.state == MessageState::Parked => self.person.state.open_message = None,
            Some(row) => {
                if let Some(open) = &mut self.person.state.open_message {
                    open.id = row.id;
                }
            }
            None => {
                self.left.insert(about.clone());
                if let Some(event) = self.person.outcome(EventKind::MAIL_SENT, at) {
                    self.person.record(&self.definitions, event, at);
                }
            }
        }
    }
}

fn is_outcome(kind: &EventKind) -> bool {
    [
        EventKind::MAIL_SENT,
        EventKind::MAIL_FAILED,
        EventKind::MAIL_CANCELLED,
        EventKind::MAIL_IN_DOUBT,
        EventKind::MAIL_LOST,
    ]
    .contains(kind)
}
