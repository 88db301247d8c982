//! Batches: leads that are loaded, decided and written together.

use std::collections::HashMap;

use super::{
    Result, Shared, Store, StoreError,
    backlog::Backlog,
    db::Tx,
    gate::Turn,
    records::{ClaimToken, Quota},
    rows,
};
use crate::domain::{
    event::Event,
    id::{LeadId, MessageId, ReleaseId},
    lead::LeadRecord,
    pause::Paused,
    time::Instant,
};

/// Loaded leads, and the open transaction that they were loaded in. Give it to [`Store::commit`], with
/// or without decisions; dropped, it is rolled back.
///
/// While one from [`Store::lock_leads`] or [`Store::settle`] is open no other method that writes to
/// SQLite goes ahead: do not call one.
#[derive(Debug)]
pub struct Batch {
    pub records: Vec<LeadRecord>,
    /// Leads with a row that cannot be read, and which. The commit parks them.
    pub corrupt: Vec<(LeadId, String)>,
    /// Of a settlement: the messages that were not settled, as the token is stale or the state is not one
    /// that leads there.
    pub refused: Vec<MessageId>,
    /// Of a settlement: the messages that the commit marks. They are locked.
    pub(super) marks: Vec<(MessageId, ClaimToken)>,
    /// The release that is live as the batch's transaction sees it.
    pub release: Option<ReleaseId>,
    /// What is paused of all workflows, and of its leads.
    pub paused: Paused,
    /// What its leads share with others: by what they are decided, and what comes of it.
    pub shared: Box<Shared>,
    pub(super) tx: Tx,
    /// Whether its leads are locked. If they are only looked at, the transaction only reads: the commit makes
    /// another, and finds out what has changed.
    pub is_locked: bool,
}

impl Store {
    /// Takes due leads and loads them. Leads that another daemon has in its hands are passed over.
    ///
    /// SQLite has one that writes: there they are only looked at, so that others may write meanwhile, and
    /// the commit writes those whose rev still holds. Elsewhere they are locked.
    pub async fn claim_due(&self, now: Instant, quota: &Quota) -> Result<Batch> {
        self.claim_next(now, quota, &mut Backlog::default()).await
    }

    /// The same, of those who were looked up by earlier claims, as long as there are any.
    pub async fn claim_next(
        &self,
        now: Instant,
        quota: &Quota,
        backlog: &mut Backlog,
    ) -> Result<Batch> {
        let is_locked = self.db.file().is_none();
        let mut tx =
            if is_locked { self.db.begin(Turn::Work).await? } else { self.db.snapshot().await? };
        let timers = tx.claim_timers(now, quota, backlog).await?;
        let mut batch = tx.into_batch(timers).await?;
        batch.is_locked = is_locked;
        Ok(batch)
    }

    /// Loads these leads as they are now, on either database, and keeps nobody from writing. Unknown and parked ones are left out.
    pub async fn glimpse(&self, leads: &[LeadId]) -> Result<Batch> {
        let is_file = self.db.file().is_some();
        // What is paused is locked by whoever asks for it, which a snapshot on PostgreSQL may not.
        let mut tx =
            if is_file { self.db.snapshot().await? } else { self.db.begin(Turn::Work).await? };
        let leads = rows::ids(leads.iter().map(|lead| lead.0));
        let timers = tx.timers_of(&leads).await?;
        let mut batch =
            tx.into_batch(timers.into_iter().filter(|timer| !timer.is_parked()).collect()).await?;
        batch.is_locked = false;
        Ok(batch)
    }

    /// Locks these leads, waiting for whoever has them, and loads them. Unknown and parked ones are
    /// left out.
    pub async fn lock_leads(&self, leads: &[LeadId]) -> Result<Batch> {
        let mut tx = self.db.begin(Turn::Work).await?;
        let leads = rows::ids(leads.iter().map(|lead| lead.0));
        let timers = tx.lock_timers(&leads).await?;
        tx.into_batch(timers.into_iter().filter(|timer| !timer.is_parked()).collect()).await
    }

    /// The whole history of some leads of a batch, by rev, reflected events and others. A lead without a
    /// readable one is not in the answer, but in [`Batch::corrupt`] and no longer in [`Batch::records`].
    pub async fn history(
        &self,
        batch: &mut Batch,
        leads: &[LeadId],
    ) -> Result<HashMap<LeadId, Vec<Event>>> {
        let mut histories: HashMap<LeadId, Vec<Event>> =
            leads.iter().map(|&lead| (lead, Vec::new())).collect();
        let events = batch.tx.all_events(&rows::ids(leads.iter().map(|lead| lead.0))).await?;
        for row in events {
            let lead = LeadId(row.lead);
            match Event::try_from(row) {
                Ok(event) => {
                    if let Some(history) = histories.get_mut(&lead) {
                        history.push(event);
                    }
                }
                Err(error) => {
                    if histories.remove(&lead).is_some() {
                        batch.set_aside(lead, &error);
                    }
                }
            }
        }
        Ok(histories)
    }
}

impl Batch {
    /// Gives it back as it was, and waits until others may write again.
    pub async fn give_back(self) -> Result<()> {
        self.tx.rollback().await
    }

    fn set_aside(&mut self, lead: LeadId, error: &StoreError) {
        self.records.retain(|record| record.lead != lead);
        self.corrupt.push((lead, error.to_string()));
    }
}
