//! One unit of work: a batch of leads, decided and committed.

use std::{
    collections::{BTreeSet, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{Engine, live::Live};
use crate::{
    domain::{
        allocator::Allocator,
        decide::decide,
        decision::{Decision, Grants},
        definitions::Definitions,
        event::Event,
        id::LeadId,
        lead::{LeadRecord, LeadState, Profile},
        name::Name,
        time::Instant,
    },
    store::{Batch, StoreError, records::LeadWrite},
};

/// How often the allocator may refuse before a decision is committed as held.
const REFUSALS: usize = 16;

/// What a batch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// Leads that were due and taken.
    pub claimed: u64,
    /// Leads whose decision was written.
    pub decided: u64,
    /// Leads whose rev had moved on: due again.
    pub lost: u64,
    /// Messages reserved.
    pub reserved: u64,
    /// Messages withdrawn before they were sent.
    pub cancelled: u64,
    /// Leads parked.
    pub parked: u64,
}

/// What was decided on a batch, to be written.
pub(super) struct Verdicts {
    batch: Batch,
    writes: Vec<LeadWrite>,
    /// Leads that could not be decided, and why.
    failed: Vec<(LeadId, String)>,
}

impl Decided {
    pub fn add(&mut self, other: Self) {
        self.claimed += other.claimed;
        self.decided += other.decided;
        self.lost += other.lost;
        self.reserved += other.reserved;
        self.cancelled += other.cancelled;
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
        now: Instant,
    ) -> Result<Decided, StoreError> {
        let mut done = Decided::default();
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
            match self.decide_and_commit(live, batch, now).await {
                Ok(decided) => done.add(decided),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) if leads.len() == 1 => {
                    done.parked += self.failed(&leads, &error.to_string(), now).await?;
                }
                Err(_) => {
                    let (left, right) = leads.split_at(leads.len() / 2);
                    pending.push(left.to_vec());
                    pending.push(right.to_vec());
                }
            }
        }
        Ok(done)
    }

    /// Decides the records of an open batch and commits; a lead that cannot be decided is left out
    /// and its attempt counted.
    pub async fn decide_and_commit(
        &self,
        live: &Live,
        batch: Batch,
        now: Instant,
    ) -> Result<Decided, StoreError> {
        let verdicts = self.decide_batch(live, batch, now).await?;
        self.commit_batch(verdicts, now).await.map(|(done, _)| done)
    }

    /// Decides the records of an open batch; nothing is written.
    pub(super) async fn decide_batch(
        &self,
        live: &Live,
        mut batch: Batch,
        now: Instant,
    ) -> Result<Verdicts, StoreError> {
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
        let mut writes = Vec::with_capacity(records.len());
        let mut failed = Vec::new();
        let mut allocator = Allocator;
        for record in records {
            let lead = record.lead;
            let history = histories.get(&lead).map_or(&[][..], Vec::as_slice);
            let attempt = catch_unwind(AssertUnwindSafe(|| {
                decide_record(definitions, &batch.paused, record, history, &mut allocator, now)
            }));
            match attempt {
                Ok(write) => writes.push(write),
                Err(panic) => failed.push((lead, panic_text(&*panic))),
            }
        }
        Ok(Verdicts { batch, writes, failed })
    }

    /// Also the leads that were overtaken while they were only looked at.
    pub(super) async fn commit_batch(
        &self,
        verdicts: Verdicts,
        now: Instant,
    ) -> Result<(Decided, Vec<LeadId>), StoreError> {
        let Verdicts { batch, writes, failed } = verdicts;
        let was_locked = batch.is_locked();
        let committed = self.store.commit(batch, writes, now).await?;
        let mut done = Decided {
            claimed: 0,
            decided: committed.written.len() as u64,
            lost: committed.lost.len() as u64,
            reserved: committed.reserved,
            cancelled: committed.withdrawn,
            parked: committed.parked.len() as u64,
        };
        for (lead, reason) in committed.parked {
            told_of_parking(lead, &reason);
        }
        for (lead, reason) in failed {
            done.parked += self.failed(&[lead], &reason, now).await?;
        }
        let is_final = was_locked || committed.is_outdated;
        Ok((done, if is_final { Vec::new() } else { committed.lost }))
    }

    /// Counts failed attempts; parks the leads that have had their last. Returns how many.
    async fn failed(
        &self,
        leads: &[LeadId],
        reason: &str,
        now: Instant,
    ) -> Result<u64, StoreError> {
        let attempts = self.store.count_attempt(leads).await?;
        let mut parked = 0;
        for (lead, count) in attempts {
            if count >= self.config.engine.park_after {
                self.park(lead, reason, now).await?;
                parked += 1;
            }
        }
        Ok(parked)
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

fn decide_record(
    definitions: &Definitions,
    paused: &BTreeSet<Name>,
    record: LeadRecord,
    history: &[Event],
    allocator: &mut Allocator,
    now: Instant,
) -> LeadWrite {
    let (mut state, profile, refolded) = look(definitions, record, history, now);
    let mut grants = Grants::with_paused(paused);
    let mut decision = decide(definitions, &state, &grants, now);
    for _ in 0..REFUSALS {
        if !allocator.grant(&decision.wants, &mut grants) {
            break;
        }
        decision = decide(definitions, &state, &grants, now);
    }
    let Decision { changes, enrolments, messages, withdraw, events, log, ledger, wake_at, .. } =
        decision;
    let touches_profile = changes.touches_profile();
    let touches_memory = changes.touches_memory() || refolded;
    let stage = changes.stage;
    let reflected = state.new_events.last().map_or(state.rev, |event| event.rev);
    changes.apply_to(&mut state);
    LeadWrite {
        lead: state.lead,
        rev: state.rev,
        release: definitions.release,
        profile: touches_profile.then(|| state.profile(definitions, profile)),
        memory: touches_memory.then(|| state.memory(definitions, reflected)),
        stage,
        enrolments,
        messages,
        withdraw,
        events,
        log,
        ledger,
        wake_at,
    }
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

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    format!("deciding it panicked: {}", text.as_deref().unwrap_or("no message"))
}
