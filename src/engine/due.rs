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

/// By when leads must be due.
#[derive(Clone, Copy, Debug)]
enum By {
    Instant(Instant),
    /// Asked for each batch: what somebody does during a run has its turn in it.
    Clock,
}

/// A batch that has been decided, or could not be: then its leads are decided in halves.
struct Ready {
    now: Instant,
    leads: Vec<LeadId>,
    corrupt: Vec<(LeadId, String)>,
    is_locked: bool,
    verdicts: Result<Verdicts, StoreError>,
}

impl Engine {
    /// Decides leads that are due at `now`: all of them, or what one run comes to.
    ///
    /// By `live`, unless the database has another release by now: then that is taken over first, so
    /// that no lead is decided by definitions that `apply` has replaced.
    pub async fn decide_due(
        self: &Arc<Self>,
        live: &Arc<Live>,
        now: Instant,
    ) -> Result<Decided, StoreError> {
        self.run(live, By::Instant(now)).await
    }

    /// The same by the clock, which goes on meanwhile.
    pub(super) async fn decide_by_clock(
        self: &Arc<Self>,
        live: &Arc<Live>,
    ) -> Result<Decided, StoreError> {
        self.run(live, By::Clock).await
    }

    async fn run(self: &Arc<Self>, live: &Arc<Live>, by: By) -> Result<Decided, StoreError> {
        let mut live = Arc::clone(live);
        let mut backlog = self.take_backlog();
        let (mut now, mut batch) = self.claim(&mut backlog, by).await?;
        if self.is_behind(&live, &batch) {
            batch.give_back().await?;
            live = self.catch_up(&live).await?;
            backlog = Backlog::default();
            (now, batch) = self.claim(&mut backlog, by).await?;
        }
        let mut ready = Some(self.ready(&live, batch, now).await);
        let mut done = Decided::default();
        let mut left = RUN;
        while let Some(this) = ready.take() {
            left -= 1;
            let goes_on = left > 0 && !backlog.is_empty();
            // On a task of its own: it takes as long as to write this one. Locks are not held meanwhile.
            let ahead = (goes_on && !this.is_locked).then(|| {
                let (engine, live) = (Arc::clone(self), Arc::clone(&live));
                let mut backlog = std::mem::take(&mut backlog);
                tokio::spawn(async move {
                    let next = engine.next(&live, &mut backlog, by).await;
                    (next, backlog)
                })
            });
            let written = self.write(&live, this).await;
            let next = match ahead {
                Some(ahead) => {
                    let (next, rest) =
                        ahead.await.map_err(|error| StoreError::Other(error.to_string()))?;
                    backlog = rest;
                    next
                }
                None if goes_on && written.is_ok() => self.next(&live, &mut backlog, by).await,
                None => Ok(None),
            };
            let next = written.and_then(|written| {
                done.add(written);
                next
            });
            match next {
                Ok(next) => ready = next,
                Err(error) => return done.or(error),
            }
        }
        self.keep_backlog(backlog);
        Ok(done)
    }

    async fn claim(&self, backlog: &mut Backlog, by: By) -> Result<(Instant, Batch), StoreError> {
        let now = match by {
            By::Instant(now) => now,
            By::Clock => self.clock.now(),
        };
        let quota = Quota::of(self.config.engine.batch);
        Ok((now, self.store.claim_next(now, &quota, backlog).await?))
    }

    /// The next batch, decided; `None` if another release is live by now.
    async fn next(
        &self,
        live: &Live,
        backlog: &mut Backlog,
        by: By,
    ) -> Result<Option<Ready>, StoreError> {
        let (now, batch) = self.claim(backlog, by).await?;
        if self.is_behind(live, &batch) {
            return batch.give_back().await.map(|()| None);
        }
        Ok(Some(self.ready(live, batch, now).await))
    }

    async fn ready(&self, live: &Live, batch: Batch, now: Instant) -> Ready {
        Ready {
            now,
            leads: batch.records.iter().map(|record| record.lead).collect(),
            corrupt: batch.corrupt.clone(),
            is_locked: batch.is_locked(),
            verdicts: self.decide_batch(live, batch, now).await,
        }
    }

    async fn write(&self, live: &Live, ready: Ready) -> Result<Decided, StoreError> {
        let Ready { now, leads, corrupt, verdicts, .. } = ready;
        let mut done =
            Decided { claimed: (leads.len() + corrupt.len()) as u64, ..Decided::default() };
        let written = match verdicts {
            Ok(verdicts) => self.commit_batch(verdicts, now).await,
            Err(error) => Err(error),
        };
        match written {
            Ok((decided, overtaken)) => {
                done.add(decided);
                // Whoever is always overtaken would never be decided: once more, and nobody else writes.
                done.add(self.decide_locked(live, overtaken, now).await?);
            }
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                tracing::warn!(leads = leads.len(), %error, "a batch failed and is bisected");
                done.add(self.decide_locked(live, leads, now).await?);
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

impl Decided {
    /// What was written before an error counts; whatever it is, the next run meets it again.
    fn or(self, error: StoreError) -> Result<Self, StoreError> {
        if self.claimed == 0 {
            return Err(error);
        }
        tracing::debug!(%error, "a run ended early");
        Ok(self)
    }
}
