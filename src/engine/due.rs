//! Leads that are due: batch after batch. On SQLite each is loaded and decided while the one before is
//! written.

use std::sync::{Arc, PoisonError};

use super::{
    Engine,
    deciding::{Decided, Verdicts},
    live::Live,
};
use crate::{
    domain::{id::LeadId, time::Instant},
    store::{Backlog, Batch, Legacy, StoreError, records::Quota},
};

/// How many batches are decided in one go. Between two runs the engine looks after other things.
const RUN: usize = 16;

/// A batch that has been decided, or could not be: then its leads are decided in halves.
struct Ready {
    /// By when its leads were due.
    due: Instant,
    leads: Vec<LeadId>,
    corrupt: Vec<(LeadId, String)>,
    is_locked: bool,
    verdicts: Result<Verdicts, StoreError>,
}

impl Engine {
    /// Decides leads that are due by the clock, or at `least` if that is later: all of them, or what one
    /// run comes to.
    ///
    /// By `live`, unless the database has another release by now: then that is taken over first, so
    /// that no lead is decided by definitions that `apply` has replaced.
    ///
    /// # Errors
    /// What was written before stays so; the next run meets the rest.
    pub async fn decide_due(
        self: &Arc<Self>,
        live: &Arc<Live>,
        least: Instant,
    ) -> Result<Decided, StoreError> {
        let mut done = Decided::default();
        self.decide_run(live, least, &mut done).await.map(|()| done)
    }

    /// The same; `done` says what was written also where it ends with an error.
    pub(super) async fn decide_run(
        self: &Arc<Self>,
        live: &Arc<Live>,
        least: Instant,
        done: &mut Decided,
    ) -> Result<(), StoreError> {
        let mut live = Arc::clone(live);
        let mut backlog = self.take_backlog();
        let (mut due, mut batch) = self.claim(&mut backlog, least).await?;
        if self.is_behind(&live, &batch) {
            batch.give_back().await?;
            live = self.catch_up(&live).await?;
            backlog = Backlog::default();
            (due, batch) = self.claim(&mut backlog, least).await?;
        }
        let mut ready = Some(self.ready(&live, batch, due).await);
        let mut left = RUN;
        while let Some(this) = ready.take() {
            left -= 1;
            let goes_on = left > 0 && !backlog.is_empty();
            // Locks are not held meanwhile.
            let legacy = (goes_on && !this.is_locked)
                .then(|| this.verdicts.as_ref().map(Verdicts::legacy).unwrap_or_default());
            let builds_on_this = legacy.as_ref().is_some_and(|legacy| !legacy.is_empty());
            // On a task of its own: it takes as long as to write this one.
            let ahead = legacy.map(|legacy| {
                let (engine, live) = (Arc::clone(self), Arc::clone(&live));
                let mut backlog = std::mem::take(&mut backlog);
                tokio::spawn(async move {
                    let next = engine.next(&live, &mut backlog, least, legacy).await;
                    (next, backlog)
                })
            });
            let written = self.write(&live, this, done).await;
            let next = match ahead {
                Some(ahead) => match ahead.await {
                    Ok((next, rest)) => {
                        backlog = rest;
                        next
                    }
                    Err(error) => Err(StoreError::Other(error.to_string())),
                },
                None if goes_on && written.is_ok() => {
                    self.next(&live, &mut backlog, least, Legacy::default()).await
                }
                None => Ok(None),
            };
            let is_whole = written?;
            ready = match next? {
                // What it was decided by has not come to be.
                Some(next) if builds_on_this && !is_whole => self.decided_anew(&live, next).await?,
                next => next,
            };
        }
        self.keep_backlog(backlog);
        Ok(())
    }

    /// Also the instant by which they are due.
    async fn claim(
        &self,
        backlog: &mut Backlog,
        least: Instant,
    ) -> Result<(Instant, Batch), StoreError> {
        // Asked for each batch: what somebody does during a run has its turn in it.
        let due = least.max(self.clock.now());
        let quota = Quota::of(self.config.engine.batch);
        Ok((due, self.store.claim_next(due, &quota, backlog).await?))
    }

    /// The next batch, decided as if the one before were written already, that leaves this; `None` if another release
    /// is live by now.
    async fn next(
        &self,
        live: &Live,
        backlog: &mut Backlog,
        least: Instant,
        legacy: Legacy,
    ) -> Result<Option<Ready>, StoreError> {
        let (due, mut batch) = self.claim(backlog, least).await?;
        batch.shared.build_on(legacy);
        if self.is_behind(live, &batch) {
            return batch.give_back().await.map(|()| None);
        }
        Ok(Some(self.ready(live, batch, due).await))
    }

    /// The same leads, decided by what is written now; `None` if another release is live by now.
    async fn decided_anew(&self, live: &Live, before: Ready) -> Result<Option<Ready>, StoreError> {
        let Ready { due, leads, corrupt, verdicts, .. } = before;
        if let Ok(verdicts) = verdicts {
            verdicts.give_back().await?;
        }
        let unreadable = corrupt.into_iter().map(|(lead, _)| lead);
        let leads: Vec<LeadId> = leads.into_iter().chain(unreadable).collect();
        let batch = self.store.glimpse(&leads).await?;
        if self.is_behind(live, &batch) {
            return batch.give_back().await.map(|()| None);
        }
        Ok(Some(self.ready(live, batch, due).await))
    }

    async fn ready(&self, live: &Live, batch: Batch, due: Instant) -> Ready {
        Ready {
            due,
            leads: batch.records.iter().map(|record| record.lead).collect(),
            corrupt: batch.corrupt.clone(),
            is_locked: batch.is_locked,
            verdicts: self.decide_batch(live, batch, due).await,
        }
    }

    /// Returns whether all of it was written as it was decided.
    async fn write(
        &self,
        live: &Live,
        ready: Ready,
        done: &mut Decided,
    ) -> Result<bool, StoreError> {
        let before = done.reserved;
        let written = self.write_all(live, ready, done).await;
        // Also where something failed later.
        if done.reserved > before {
            self.outbox.notify_waiters();
        }
        written
    }

    async fn write_all(
        &self,
        live: &Live,
        ready: Ready,
        done: &mut Decided,
    ) -> Result<bool, StoreError> {
        let Ready { due, leads, corrupt, verdicts, .. } = ready;
        done.claimed += (leads.len() + corrupt.len()) as u64;
        let written = match verdicts {
            Ok(verdicts) => self.commit_batch(verdicts, done).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(left) => {
                self.count_failures(&left.failed, due, done).await?;
                // Whoever is always overtaken would never be decided: once more, and nobody else writes.
                self.decide_locked(live, left.overtaken, due, done).await?;
                Ok(left.is_whole)
            }
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                tracing::warn!(leads = leads.len(), %error, "a batch failed and is bisected");
                self.decide_locked(live, leads, due, done).await?;
                // The commit that would have parked them was rolled back.
                for (lead, reason) in corrupt {
                    self.park(lead, &reason, due).await?;
                    done.parked += 1;
                }
                Ok(false)
            }
        }
    }

    fn take_backlog(&self) -> Backlog {
        std::mem::take(&mut *self.backlog.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep_backlog(&self, mut backlog: Backlog) {
        backlog.settle();
        *self.backlog.lock().unwrap_or_else(PoisonError::into_inner) = backlog;
    }
}

#[cfg(test)]
#[path = "due_tests.rs"]
mod tests;
