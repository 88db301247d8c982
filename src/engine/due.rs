//! Leads that are due: batch after batch, each loaded and decided while the one before is written.

use std::sync::{Arc, PoisonError};

use super::{
    Engine,
    deciding::{Decided, Verdicts},
    live::Live,
};
use crate::{
    domain::{id::LeadId, time::Instant},
    store::{Backlog, Batch, StoreError, records::Quota},
};

/// How many batches are decided in one go. Between two runs the engine looks after other things.
const RUN: usize = 16;

/// A batch that has been decided, or could not be: then its leads are decided in halves.
struct Ready {
    leads: Vec<LeadId>,
    corrupt: Vec<(LeadId, String)>,
    verdicts: Result<Verdicts, StoreError>,
}

impl Engine {
    /// Decides leads that are due: all of them, or what one run comes to.
    ///
    /// By `live`, unless the database has another release by now: then that is taken over first, so
    /// that no lead is decided by definitions that `apply` has replaced.
    pub async fn decide_due(
        self: &Arc<Self>,
        live: &Arc<Live>,
        now: Instant,
    ) -> Result<Decided, StoreError> {
        let mut live = Arc::clone(live);
        let mut backlog = self.take_backlog();
        let mut batch = self.claim(&mut backlog, now).await?;
        if self.is_behind(&live, &batch) {
            batch.give_back().await?;
            live = self.catch_up(&live).await?;
            backlog = Backlog::default();
            batch = self.claim(&mut backlog, now).await?;
        }
        let mut ready = self.ready(&live, batch, now).await;
        let mut done = Decided::default();
        for left in (0..RUN).rev() {
            if left == 0 || backlog.is_empty() {
                done.add(self.write(&live, ready, now).await?);
                break;
            }
            // On a task of its own: it takes as long as to write the batch before.
            let next = tokio::spawn({
                let (engine, live) = (Arc::clone(self), Arc::clone(&live));
                async move {
                    let batch = engine.claim(&mut backlog, now).await?;
                    let ready = if engine.is_behind(&live, &batch) {
                        None
                    } else {
                        Some(engine.ready(&live, batch, now).await)
                    };
                    Ok::<_, StoreError>((ready, backlog))
                }
            });
            done.add(self.write(&live, ready, now).await?);
            let next = next.await.map_err(|error| StoreError::Other(error.to_string()))?;
            let (next, rest) = next?;
            backlog = rest;
            let Some(next) = next else { break };
            ready = next;
        }
        self.keep_backlog(backlog);
        Ok(done)
    }

    async fn claim(&self, backlog: &mut Backlog, now: Instant) -> Result<Batch, StoreError> {
        self.store.claim_next(now, &Quota::of(self.config.engine.batch), backlog).await
    }

    async fn ready(&self, live: &Live, batch: Batch, now: Instant) -> Ready {
        Ready {
            leads: batch.records.iter().map(|record| record.lead).collect(),
            corrupt: batch.corrupt.clone(),
            verdicts: self.decide_batch(live, batch, now).await,
        }
    }

    async fn write(&self, live: &Live, ready: Ready, now: Instant) -> Result<Decided, StoreError> {
        let Ready { leads, corrupt, verdicts } = ready;
        let mut done =
            Decided { claimed: (leads.len() + corrupt.len()) as u64, ..Decided::default() };
        let written = match verdicts {
            Ok(verdicts) => self.commit_batch(verdicts, now).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(decided) => done.add(decided),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                tracing::warn!(leads = leads.len(), %error, "a batch failed and is bisected");
                done.add(self.bisect(live, leads, now).await?);
                // The commit that would have parked them was rolled back.
                for (lead, reason) in corrupt {
                    self.park(lead, &reason, now).await?;
                    done.parked += 1;
                }
            }
        }
        if done.reserved > 0 {
            self.outbox.notify_one();
        }
        Ok(done)
    }

    fn take_backlog(&self) -> Backlog {
        std::mem::take(&mut *self.backlog.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep_backlog(&self, mut backlog: Backlog) {
        backlog.settle();
        *self.backlog.lock().unwrap_or_else(PoisonError::into_inner) = backlog;
    }
}
