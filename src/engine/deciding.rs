//! One unit of work: a batch of leads, decided and committed.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{
    Engine,
    live::Live,
    undecided::{Loaded, in_order},
};
use crate::{
    domain::{
        allocator::{Allocator, has_lines},
        decision::{Grants, LogLine, Verb},
        definitions::Definitions,
        event::Event,
        id::LeadId,
        lead::{LeadRecord, LeadState, Profile},
        time::Instant,
    },
    store::{Batch, Legacy, StoreError, records::LeadWrite},
};

/// What a batch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// Leads that were due and taken.
    pub claimed: u64,
    /// Leads whose decision was written.
    pub decided: u64,
    /// Leads that something happened to while they were decided. They are decided once more.
    pub lost: u64,
    /// Messages reserved.
    pub reserved: u64,
    /// Messages withdrawn before they were sent.
    pub cancelled: u64,
    /// Steps whose date was past, and mails that did not leave in time.
    pub skipped: u64,
    /// Leads parked.
    pub parked: u64,
}

/// What was decided on a batch, to be written.
pub(super) struct Verdicts {
    batch: Batch,
    /// The instant at which they were decided.
    at: Instant,
    writes: Vec<LeadWrite>,
    /// Leads that could not be decided, and why.
    failed: Vec<(LeadId, String)>,
}

impl Verdicts {
    /// What this batch leaves to the one behind it.
    pub fn legacy(&self) -> Legacy {
        self.batch.shared.legacy()
    }

    /// Nothing of it is written.
    pub async fn give_back(self) -> Result<(), StoreError> {
        self.batch.give_back().await
    }
}

/// How many steps a decision passes over since they are too late.
fn skipped(write: &LeadWrite) -> u64 {
    let too_late = |line: &&LogLine| matches!(line.what, Verb::Skipped | Verb::Expired);
    write.log.iter().filter(too_late).count() as u64
}

/// What came of a batch that was written, beside its decisions: the leads that were left out, and what was marked.
pub(super) struct LeftOut {
    /// All was written as it was decided.
    pub is_whole: bool,
    /// While they were only looked at something happened to them.
    pub overtaken: Vec<LeadId>,
    /// Leads that could not be decided, and why.
    pub failed: Vec<(LeadId, String)>,
    /// For each message that was to be marked with a settlement, whether it may be handed over.
    pub marked: Vec<bool>,
}

impl Decided {
    pub fn add(&mut self, other: Self) {
        self.claimed += other.claimed;
        self.decided += other.decided;
        self.lost += other.lost;
        self.reserved += other.reserved;
        self.cancelled += other.cancelled;
        self.skipped += other.skipped;
        self.parked += other.parked;
    }
}

impl Engine {
    /// Decides leads once they are locked, halving a batch that fails until the leads that fail are alone;
    /// counts their attempts.
    pub(super) async fn decide_locked(
        &self,
        live: &Live,
        leads: Vec<LeadId>,
        least: Instant,
        done: &mut Decided,
    ) -> Result<(), StoreError> {
        let mut pending = vec![leads];
        while let Some(leads) = pending.pop() {
            if leads.is_empty() {
                continue;
            }
            let batch = self.store.lock_leads(&leads).await?;
            if self.is_behind(live, &batch) {
                batch.give_back().await?;
                break;
            }
            match self.decide_and_commit(live, batch, least, done).await {
                Ok(left) => self.count_failures(&left.failed, least, done).await?,
                Err(error) if error.is_transient() => return Err(error),
                Err(error) if leads.len() == 1 => {
                    self.count_failures(&[(leads[0], error.to_string())], least, done).await?;
                }
                Err(_) => {
                    let (left, right) = leads.split_at(leads.len() / 2);
                    pending.push(left.to_vec());
                    pending.push(right.to_vec());
                }
            }
        }
        Ok(())
    }

    /// Decides the records of an open batch and commits.
    pub(super) async fn decide_and_commit(
        &self,
        live: &Live,
        batch: Batch,
        least: Instant,
        done: &mut Decided,
    ) -> Result<LeftOut, StoreError> {
        let verdicts = self.decide_batch(live, batch, least).await?;
        self.commit_batch(verdicts, done).await
    }

    /// Decides the records of an open batch by the clock, or at `least` if that is later; nothing is
    /// written.
    pub(super) async fn decide_batch(
        &self,
        live: &Live,
        mut batch: Batch,
        least: Instant,
    ) -> Result<Verdicts, StoreError> {
        // Now that they are loaded: an instant from before would be earlier than what they tell, and a
        // reply that is still to come keeps no mail back.
        let at = least.max(self.clock.now());
        let enrolments = batch.records.iter().flat_map(|record| &record.enrolments);
        let versions = enrolments.map(|enrolment| &enrolment.version);
        let fuller = self.with_structures(live, versions).await;
        let definitions = &fuller.as_deref().unwrap_or(live).definitions;
        let strangers: Vec<LeadId> = batch
            .records
            .iter()
            .filter(|record| record.memory.plan != definitions.plan_mark)
            .map(|record| record.lead)
            .collect();
        let histories = if strangers.is_empty() {
            HashMap::new()
        } else {
            self.store.history(&mut batch, &strangers).await?
        };
        // Only now: a lead whose history cannot be read is no longer among them.
        let records = std::mem::take(&mut batch.records);
        let policy = &definitions.policy;
        let asking =
            Grants::with_paused(&batch.paused.workflows).in_lines(has_lines(policy, &self.fleet));
        let (mut loaded, mut failed) = (Vec::with_capacity(records.len()), Vec::new());
        for record in records {
            let lead = record.lead;
            let history = histories.get(&lead).map_or(&[][..], Vec::as_slice);
            let held = batch.paused.leads.get(&lead);
            let begin = || {
                let grants = asking.clone().and_of_lead(held);
                Loaded::new(definitions, grants, record, history, at)
            };
            match catch_unwind(AssertUnwindSafe(begin)) {
                Ok(begun) => loaded.push(begun),
                Err(panic) => failed.push((lead, panic_text(&*panic))),
            }
        }
        // What is shared is looked at for the few who ask for it.
        let ramps = self.ramps.now();
        let (accounts, heads) = self.shared(definitions, &ramps, &mut batch, &loaded, at).await?;
        let mut allocator = Allocator::new(policy, (&self.fleet, &ramps), accounts, heads);
        let mut writes = Vec::with_capacity(loaded.len());
        if has_lines(policy, &self.fleet) {
            loaded = in_order(loaded, |it| &it.undecided, &allocator, at);
        }
        for begun in loaded {
            let lead = begun.undecided.state.lead;
            let end = || begun.decided(definitions, &mut allocator, at);
            match catch_unwind(AssertUnwindSafe(end)) {
                Ok(write) => writes.push(write),
                Err(panic) => failed.push((lead, panic_text(&*panic))),
            }
        }
        batch.shared.take_in(allocator, at);
        Ok(Verdicts { batch, at, writes, failed })
    }

    /// Writes what was decided; `done` says what that came to.
    pub(super) async fn commit_batch(
        &self,
        verdicts: Verdicts,
        done: &mut Decided,
    ) -> Result<LeftOut, StoreError> {
        let Verdicts { batch, at, writes, failed } = verdicts;
        let was_locked = batch.is_locked;
        let skipped: Vec<(LeadId, u64)> = writes
            .iter()
            .map(|write| (write.lead, skipped(write)))
            .filter(|(_, n)| *n > 0)
            .collect();
        let committed = self.store.commit(batch, writes, at).await?;
        let is_lost = |lead: &LeadId| committed.lost.contains(lead);
        done.skipped +=
            skipped.iter().filter(|(lead, _)| !is_lost(lead)).map(|(_, n)| n).sum::<u64>();
        done.decided += committed.written.len() as u64;
        done.lost += committed.lost.len() as u64;
        done.reserved += committed.reserved;
        done.cancelled += committed.withdrawn;
        done.parked += committed.parked.len() as u64;
        for (lead, reason) in committed.parked {
            told_of_parking(lead, &reason);
        }
        let is_whole = committed.lost.is_empty() && failed.is_empty();
        let is_final = was_locked || committed.is_outdated;
        let overtaken = if is_final { Vec::new() } else { committed.lost };
        Ok(LeftOut { is_whole, overtaken, failed, marked: committed.marked })
    }

    /// Counts failed attempts; parks the leads that have had their last.
    pub(super) async fn count_failures(
        &self,
        failed: &[(LeadId, String)],
        now: Instant,
        done: &mut Decided,
    ) -> Result<(), StoreError> {
        for (lead, reason) in failed {
            let attempts = self.store.count_attempt(&[*lead]).await?;
            if attempts.get(lead).is_some_and(|count| *count >= self.config.engine.park_after) {
                self.park(*lead, reason, now).await?;
                done.parked += 1;
            }
        }
        Ok(())
    }

    pub(super) async fn park(
        &self,
        lead: LeadId,
        reason: &str,
        now: Instant,
    ) -> Result<(), StoreError> {
        told_of_parking(lead, reason);
        self.store.park_lead(lead, reason, now).await
    }
}

fn told_of_parking(lead: LeadId, reason: &str) {
    tracing::error!(%lead, reason, "a lead cannot be decided and is parked");
}

/// A record through definitions, its missing facts filled in. Returns also the stored profile, and
/// whether facts were filled.
pub fn look(
    definitions: &Definitions,
    record: LeadRecord,
    history: &[Event],
    now: Instant,
) -> (LeadState, Profile, bool) {
    let profile = record.profile.clone();
    let reflected = record.memory.reflected;
    let replanned = record.memory.plan != definitions.plan_mark;
    let hydrated = record.hydrate(definitions);
    let mut state = hydrated.state;
    if replanned {
        let known = history.partition_point(|event| event.rev <= reflected);
        state.fill_facts(definitions, &hydrated.missing, &history[..known], now);
    }
    (state, profile, replanned)
}

pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    format!("deciding it panicked: {}", text.as_deref().unwrap_or("no message"))
}
