//! Leads, a batch at a time, decided by what would be live.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::task::JoinSet;

use super::foresight::{Fate, Foreseen, Foresight};
use crate::{
    domain::{
        decision::Grants,
        definitions::Definitions,
        event::Event,
        id::LeadId,
        lead::{LeadRecord, LeadState, Stage},
        name::Name,
        time::Instant,
        workflow::Enter,
    },
    engine::{deciding::look, rehearsal},
    store::{Store, StoreError},
};

/// Leads that are decided in one go.
const BATCH: usize = 1_000;
/// Batches at a time.
const READERS: usize = 3;

/// By what leads are looked at.
#[derive(Debug)]
pub struct Lens {
    pub before: Option<Arc<Definitions>>,
    pub after: Arc<Definitions>,
    /// Whoever is in one of these is told of, also where nothing becomes of them.
    pub changed: BTreeSet<Name>,
    /// Whether each person is told of, or only how many they are.
    pub people: bool,
    /// Until when it is looked ahead, if it is: whoever may get a mail by then is kept for that.
    pub until: Option<Instant>,
    pub now: Instant,
}

/// One lead's way in one workflow.
#[derive(Clone, PartialEq, Debug)]
pub struct Person {
    pub lead: LeadId,
    pub address: String,
    pub seen: Foreseen,
}

/// What became of all of them.
#[derive(Debug, Default)]
pub struct Tally {
    pub decided: u64,
    /// Leads that cannot be read or decided.
    pub unreadable: u64,
    /// By workflow, what becomes of how many; without those of whom it would become without a release.
    pub fates: BTreeMap<Name, BTreeMap<Fate, u64>>,
    pub stages: BTreeMap<(Stage, Stage), u64>,
    /// Leads who go another way by the release.
    pub affected: u64,
    /// In the order of leads, if they are asked for.
    pub people: Vec<Person>,
    /// Those who are kept for a look ahead, as they are by what is live, and by what would be.
    pub casts: (Vec<rehearsal::Person>, Vec<rehearsal::Person>),
}

/// # Errors
/// When the database cannot be read. A lead that cannot be read is counted as such.
pub async fn tally(store: &Store, lens: Lens, leads: &[LeadId]) -> Result<Tally, StoreError> {
    let batches: VecDeque<Vec<LeadId>> = leads.chunks(BATCH).map(<[LeadId]>::to_vec).collect();
    let (lens, batches) = (Arc::new(lens), Arc::new(Mutex::new(batches)));
    let mut readers: JoinSet<Result<Tally, StoreError>> = JoinSet::new();
    for _ in 0..READERS {
        let (store, lens, batches) = (store.clone(), Arc::clone(&lens), Arc::clone(&batches));
        readers.spawn(async move {
            let mut tally = Tally::default();
            loop {
                let next = batches.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(leads) = next else { return Ok(tally) };
                tally.take(&store, &lens, &leads).await?;
            }
        });
    }
    let mut sum = Tally::default();
    while let Some(read) = readers.join_next().await {
        sum.add(read.map_err(|error| StoreError::Other(error.to_string()))??);
    }
    sum.people.sort_by_key(|person| person.lead);
    Ok(sum)
}

/// Whether a clock may let in somebody who is not due.
fn rings(definitions: &Definitions) -> bool {
    let mut workflows = definitions.workflows.iter();
    workflows.any(|live| matches!(live.workflow.enter, Enter::Schedule { .. }))
}

impl Lens {
    /// Whether a lead is due, so that something may become of it without a release.
    fn is_due(&self, record: &LeadRecord) -> bool {
        record.due_at <= self.now || !record.new_events.is_empty()
    }

    /// Whether a lead may get a mail by what is live in the time that is looked ahead. To who is left alone nothing happens
    /// but clocks, which ring for anybody.
    fn may_stir(&self, before: &Definitions, record: &LeadRecord) -> bool {
        self.until.is_some_and(|until| {
            record.due_at <= until
                || record.open_message.is_some()
                || record.decided_under < before.release
                || rings(before)
        })
    }

    /// By what is live, where a lead is looked at by that, too.
    fn before(&self, record: &LeadRecord) -> Option<&Definitions> {
        let before = self.before.as_deref()?;
        (self.is_due(record) || self.may_stir(before, record)).then_some(before)
    }
}

impl Tally {
    async fn take(
        &mut self,
        store: &Store,
        lens: &Lens,
        leads: &[LeadId],
    ) -> Result<(), StoreError> {
        let mut batch = store.glimpse(leads).await?;
        let is_folded = |record: &LeadRecord| {
            let plan = record.memory.plan;
            let by_before = || lens.before(record).is_none_or(|before| before.plan_mark == plan);
            plan == lens.after.plan_mark && by_before()
        };
        let strangers: Vec<LeadId> = batch
            .records
            .iter()
            .filter(|record| !is_folded(record))
            .map(|record| record.lead)
            .collect();
        let histories = if strangers.is_empty() {
            HashMap::new()
        } else {
            store.history(&mut batch, &strangers).await?
        };
        self.unreadable += batch.corrupt.len() as u64;
        let records = std::mem::take(&mut batch.records);
        let paused = std::mem::take(&mut batch.paused);
        batch.give_back().await?;
        let asking = Grants::with_paused(&paused.workflows);
        for record in records {
            let history = histories.get(&record.lead).map_or(&[][..], Vec::as_slice);
            let grants = asking.clone().and_of_lead(paused.leads.get(&record.lead));
            let decide = || self.decide(lens, record, history, &grants);
            if catch_unwind(AssertUnwindSafe(decide)).is_err() {
                self.unreadable += 1;
            }
        }
        Ok(())
    }

    fn decide(&mut self, lens: &Lens, record: LeadRecord, history: &[Event], grants: &Grants) {
        let (now, lead, was) = (lens.now, record.lead, record.stage);
        let address = lens.people.then(|| record.address.as_str().to_owned());
        let enrolments = record.enrolments.clone();
        let (is_due, timer) = (lens.is_due(&record), (record.decided_under, record.due_at));
        let person = |definitions: &Definitions, state: LeadState| {
            rehearsal::Person::decided_under(definitions, state, timer, now)
        };
        let before = lens.before(&record).map(|before| {
            let (state, ..) = look(before, record.clone(), history, now);
            (before, state)
        });
        if let (Some(_), Some((before, state))) = (lens.until, &before) {
            self.casts.0.push(person(before, state.clone()));
        }
        let (state, ..) = look(&lens.after, record, history, now);
        let kept = lens.until.map(|until| (until, state.clone()));
        // Right after a decision there is nothing to decide, so most would stay as they are without a release.
        let anyway = before
            .filter(|_| is_due)
            .map(|(before, state)| Foresight::new(before, state, grants, now));
        let then = Foresight::new(&lens.after, state, grants, now);
        if let Some((until, state)) = kept
            && (then.may_mail_until(until) || rings(&lens.after))
        {
            self.casts.1.push(person(&lens.after, state));
        }
        let mut is_affected = false;
        let both = (lens.before.as_deref(), &*lens.after);
        for seen in then.of_all(both, &enrolments, anyway.as_ref()) {
            let stays = matches!(seen.what, Fate::Stays | Fate::StaysOnOldVersion)
                || seen.what == Fate::Drains && seen.anyway;
            if stays && !lens.changed.contains(&seen.workflow) {
                continue;
            }
            if !seen.anyway {
                is_affected |= !stays;
                let of_workflow = self.fates.entry(seen.workflow.clone()).or_default();
                *of_workflow.entry(seen.what).or_default() += 1;
            }
            if let Some(address) = &address {
                self.people.push(Person { lead, address: address.clone(), seen });
            }
        }
        let stage = then.stage();
        if stage != was && anyway.is_none_or(|anyway| anyway.stage() != stage) {
            is_affected = true;
            *self.stages.entry((was, stage)).or_default() += 1;
        }
        self.decided += 1;
        self.affected += u64::from(is_affected);
    }

    fn add(&mut self, other: Self) {
        self.decided += other.decided;
        self.unreadable += other.unreadable;
        self.affected += other.affected;
        for (workflow, fates) in other.fates {
            let sum = self.fates.entry(workflow).or_default();
            for (fate, people) in fates {
                *sum.entry(fate).or_default() += people;
            }
        }
        for (stages, people) in other.stages {
            *self.stages.entry(stages).or_default() += people;
        }
        self.people.extend(other.people);
        let (without, with) = other.casts;
        self.casts.0.extend(without);
        self.casts.1.extend(with);
    }
}
