//! The one task that records hits, a batch at a time.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    IntakeError, IntakeStats, Taken, Waiting,
    plan::{Plan, Planned},
    recent::{Place, Recent},
};
use crate::{
    clock::Clock,
    domain::{event::EventKind, id::MessageId, time::Instant},
    store::{
        Store, StoreError,
        records::{NewEvent, Recorded},
    },
};

/// Hits in one transaction.
const BATCH: usize = 256;
/// How often a batch is tried when the database prefers another transaction.
const TRIES: u32 = 3;
/// How often an idle intake shows that it is alive.
const BEAT: Duration = Duration::from_secs(10);

/// Drains the queue of the intake; see [`IntakeWorker::run`].
#[derive(Debug)]
pub struct IntakeWorker {
    store: Store,
    clock: Clock,
    nudge: Arc<Notify>,
    queue: mpsc::Receiver<Waiting>,
    stats: Arc<IntakeStats>,
    recent: Recent,
}

/// What a round of the intake came to.
#[derive(Clone, Copy, Debug)]
pub enum Round<'a> {
    /// There was nothing to do.
    Idle,
    Written,
    /// Nobody's hit could be recorded.
    Failed(&'a StoreError),
}

/// What somebody who waits is told.
type Answer = Result<Taken, IntakeError>;

impl IntakeWorker {
    pub(super) fn new(
        store: Store,
        clock: Clock,
        nudge: Arc<Notify>,
        queue: mpsc::Receiver<Waiting>,
        stats: Arc<IntakeStats>,
    ) -> Self {
        Self { store, clock, nudge, queue, stats, recent: Recent::default() }
    }

    /// Records until `stop`; then takes nothing more, records what is in the queue, and returns. `beat`
    /// is called once a round, and now and then while there is nothing to do.
    pub async fn run(mut self, stop: CancellationToken, beat: impl Fn(Round<'_>) + Send) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut closing = false;
        let mut idle = tokio::time::interval(BEAT);
        loop {
            beat(Round::Idle);
            tokio::select! {
                biased;
                taken = self.queue.recv_many(&mut batch, BATCH) => {
                    if taken == 0 {
                        return;
                    }
                    match self.settle(std::mem::take(&mut batch)).await {
                        Ok(()) => beat(Round::Written),
                        Err(error) => beat(Round::Failed(&error)),
                    }
                }
                () = stop.cancelled(), if !closing => {
                    closing = true;
                    self.queue.close();
                }
                _ = idle.tick() => {}
            }
        }
    }

    /// Records a batch and answers everybody in it.
    ///
    /// # Errors
    /// When nothing of it could be recorded.
    async fn settle(&mut self, batch: Vec<Waiting>) -> Result<(), StoreError> {
        match self.record(&batch).await {
            Ok(taken) => {
                answer(batch, taken);
                Ok(())
            }
            Err(error) if batch.len() > 1 && !error.is_transient() => {
                // One of them cannot be recorded: it must not take the others with it.
                let mut done = Err(error);
                for waiting in batch {
                    let alone = [waiting];
                    match self.record(&alone).await {
                        Ok(taken) => {
                            answer(alone, taken);
                            done = Ok(());
                        }
                        Err(error) => answer(alone, [Err(refused(&error))]),
                    }
                }
                done
            }
            Err(error) => {
                answer(batch, std::iter::repeat(Err(refused(&error))));
                Err(error)
            }
        }
    }

    async fn record(&mut self, batch: &[Waiting]) -> Result<Vec<Answer>, StoreError> {
        let mut messages: Vec<MessageId> =
            batch.iter().map(|waiting| waiting.hit.mail.message).collect();
        messages.sort_unstable();
        messages.dedup();
        let briefs = self.store.message_briefs(&messages).await?;
        let mut plan = Plan::default();
        for waiting in batch {
            let hit = &waiting.hit;
            // A token names both; a mail that has moved to another lead is nobody's hit.
            let brief = briefs.get(&hit.mail.message).filter(|brief| brief.lead == hit.mail.lead);
            plan.take(hit, waiting.at, brief, &self.recent);
        }
        let now = self.clock.now();
        let recorded = if plan.events.is_empty() {
            Vec::new()
        } else {
            let recorded = self.write(&plan.events, now).await?;
            self.stats.transactions.fetch_add(1, Ordering::Relaxed);
            self.nudge.notify_one();
            recorded
        };
        Ok(self.conclude(plan, &recorded, now))
    }

    /// One transaction. Losing it to another one is no reason to refuse anybody.
    async fn write(&self, events: &[NewEvent], now: Instant) -> Result<Vec<Recorded>, StoreError> {
        for _ in 1..TRIES {
            match self.store.record_events(events, now).await {
                Err(StoreError::Conflict) => {}
                recorded => return recorded,
            }
        }
        self.store.record_events(events, now).await
    }

    /// After the transaction: what is remembered, and what everybody is told.
    fn conclude(&mut self, plan: Plan, recorded: &[Recorded], now: Instant) -> Vec<Answer> {
        let Plan { events, answers, mut mails } = plan;
        for mail in mails.values_mut() {
            mail.hits.retain_mut(|hit| match hit.place {
                Place::Recorded(_) => true,
                Place::Pending(index) => match recorded.get(index) {
                    Some(Recorded::New { rev, .. }) => {
                        hit.place = Place::Recorded(*rev);
                        true
                    }
                    _ => false,
                },
            });
        }
        self.recent.keep(mails, now);
        let taken: Vec<Answer> = answers
            .into_iter()
            .map(|planned| match planned {
                Planned::Ignored => Ok(Taken::Ignored),
                Planned::Event(index) => match recorded.get(index) {
                    Some(Recorded::New { .. }) => Ok(Taken::Recorded(events[index].judgement)),
                    Some(Recorded::Duplicate) => Ok(Taken::Already),
                    Some(Recorded::NoSuchLead) => Ok(Taken::Nobody),
                    Some(Recorded::Unstorable) | None => Err(IntakeError::Unavailable),
                },
            })
            .collect();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let on_disk = |taken: &&Answer| matches!(taken, Ok(Taken::Recorded(_) | Taken::Already));
        let hits = taken.iter().filter(on_disk).count();
        let revised =
            events.iter().filter(|event| event.kind == EventKind::JUDGEMENT_REVISED).count();
        self.stats.hits.fetch_add(count(hits), Ordering::Relaxed);
        self.stats.revised.fetch_add(count(revised), Ordering::Relaxed);
        taken
    }
}

fn refused(error: &StoreError) -> IntakeError {
    tracing::warn!(%error, "hits could not be recorded");
    IntakeError::Unavailable
}

fn answer(batch: impl IntoIterator<Item = Waiting>, taken: impl IntoIterator<Item = Answer>) {
    for (waiting, taken) in batch.into_iter().zip(taken) {
        if let Some(sender) = waiting.answer {
            // Whoever waited may have gone.
            let _ = sender.send(taken);
        }
    }
}
