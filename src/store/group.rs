//! Group commit: intakes that come while the writer is busy share the next transaction and its one
//! sync to disk. On PostgreSQL the server does that by itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::{
    Result, Store, StoreError,
    gate::Turn,
    records::{NewEvent, Recorded},
};
use crate::domain::time::Instant;

/// Intakes that wait for the next transaction.
#[derive(Clone, Debug, Default)]
pub struct Group(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    /// A task is there that will take them.
    led: bool,
    intakes: Vec<Intake>,
}

#[derive(Debug)]
struct Intake {
    events: Vec<NewEvent>,
    now: Instant,
    answer: oneshot::Sender<Result<Vec<Recorded>>>,
}

/// The right to take what waits. Given back also by a task that dies.
struct Lead {
    group: Group,
    over: bool,
}

impl Store {
    /// Waits until the events are on disk, together with whatever else came meanwhile. Goes on also when
    /// the caller does not wait for the answer: a commit that others wait for must not be cut short.
    pub(super) async fn record_in_group(
        &self,
        events: &[NewEvent],
        now: Instant,
    ) -> Result<Vec<Recorded>> {
        let (answer, answered) = oneshot::channel();
        let intake = Intake { events: events.to_vec(), now, answer };
        if let Some(lead) = self.group.join(intake) {
            let store = self.clone();
            tokio::spawn(async move { store.lead_group(lead).await });
        }
        answered.await.unwrap_or_else(|_| {
            Err(StoreError::Other("the task that records events died: try again".to_owned()))
        })
    }

    async fn lead_group(&self, mut lead: Lead) {
        while !lead.is_over() {
            let tx = match self.db.begin(Turn::Act).await {
                Ok(tx) => tx,
                Err(error) => {
                    for intake in self.group.take() {
                        let _ = intake.answer.send(Err(error.clone()));
                    }
                    continue;
                }
            };
            // Only now: what came while we waited for our turn goes along.
            let intakes = self.group.take();
            let all: Vec<&NewEvent> = intakes.iter().flat_map(|intake| &intake.events).collect();
            let now = intakes.iter().map(|intake| intake.now).max().unwrap_or(Instant::DAWN);
            match tx.record(&all, now).await {
                Ok(recorded) => {
                    let mut recorded = recorded.into_iter();
                    for Intake { events, answer, .. } in intakes {
                        let _ = answer.send(Ok(recorded.by_ref().take(events.len()).collect()));
                    }
                }
                // One of them may be to blame: each on its own.
                Err(_) => {
                    for Intake { events, now, answer } in intakes {
                        let _ = answer.send(self.record_alone(Turn::Act, &events, now).await);
                    }
                }
            }
        }
    }
}

impl Group {
    /// Returns the lead if nobody has it.
    fn join(&self, intake: Intake) -> Option<Lead> {
        let mut waiting = self.waiting();
        waiting.intakes.push(intake);
        let led = std::mem::replace(&mut waiting.led, true);
        (!led).then(|| Lead { group: self.clone(), over: false })
    }

    fn take(&self) -> Vec<Intake> {
        std::mem::take(&mut self.waiting().intakes)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lead {
    /// Gives the lead back if nobody waits.
    fn is_over(&mut self) -> bool {
        let mut waiting = self.group.waiting();
        self.over = waiting.intakes.is_empty();
        waiting.led = !self.over;
        self.over
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if !self.over {
            let mut waiting = self.group.waiting();
            waiting.led = false;
            // Their callers hear that it died.
            waiting.intakes.clear();
        }
    }
}
