//! What happens to mails on their way is written down: the points of no return and the ends of all connections
//! together, as a transaction has its price, however much it holds.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::task::TaskTracker;

use super::{Engine, group::Group, running::Turn, settling::Tally, traffic::OnItsWay};
use crate::{
    domain::id::MessageId,
    store::records::{ClaimToken, Settlement},
};

/// Between two tries to write outcomes.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What is to be written of a message, in the order in which it came.
pub(super) enum Entry {
    /// It comes to its point of no return. The answer: whether it may be handed over.
    Mark(MessageId, ClaimToken),
    /// Its end; if it was on its way, it is so until this is written.
    End(Settlement, Option<OnItsWay>),
}

/// Writes entries, in the order in which they come.
pub(super) struct Recorder {
    engine: Arc<Engine>,
    tally: Mutex<Tally>,
}

impl Recorder {
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine, tally: Mutex::default() }
    }

    /// A task that writes what it is given; the answer to each entry is whether it holds.
    pub fn start(self: &Arc<Self>, tracker: &TaskTracker) -> Group<Entry, bool> {
        let recorder = Arc::clone(self);
        Group::start(tracker, 256, move |entries| {
            let recorder = Arc::clone(&recorder);
            async move { recorder.write(entries).await }
        })
    }

    /// What all ends came to.
    pub fn tally(&self) -> Tally {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(&self, entries: Vec<Entry>) -> Vec<bool> {
        let (mut marks, mut ends, mut on_their_way) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_mark = Vec::with_capacity(entries.len());
        for entry in entries {
            is_mark.push(matches!(entry, Entry::Mark(..)));
            match entry {
                Entry::Mark(message, token) => marks.push((message, token)),
                Entry::End(settlement, on_its_way) => {
                    ends.push(settlement);
                    on_their_way.extend(on_its_way);
                }
            }
        }
        let written = if ends.is_empty() {
            self.mark(&marks).await
        } else {
            self.settle(&ends, &marks).await
        };
        let Some(marked) = written else { return Vec::new() };
        let mut marked = marked.into_iter();
        let answer = |is_mark: bool| !is_mark || marked.next().unwrap_or(false);
        is_mark.into_iter().map(answer).collect()
    }

    async fn mark(&self, marks: &[(MessageId, ClaimToken)]) -> Option<Vec<bool>> {
        let engine = &self.engine;
        match engine.store.mark_transmitting(marks, engine.clock.now()).await {
            Ok(marked) => Some(marked),
            Err(error) => {
                (engine.on_turn)("send", Turn::Failed(&error));
                tracing::error!(%error, "the point of no return cannot be written; nothing is handed over");
                None
            }
        }
    }

    /// Settles, and tries again for as long as the claims are ours: an answer of the relay that is not
    /// written down would be in doubt. `None`: recovery settles it when the leases are over. What is to be
    /// marked has one try alone, as a relay waits for it.
    async fn settle(
        &self,
        ends: &[Settlement],
        marks: &[(MessageId, ClaimToken)],
    ) -> Option<Vec<bool>> {
        let live = self.engine.live()?;
        let deadline = tokio::time::Instant::now() + self.engine.config.engine.lease;
        let (mut pause, mut marks) = (SHORTEST_PAUSE, marks);
        loop {
            let settled = self.engine.settle(&live, ends, marks, self.engine.clock.now()).await;
            let turn = settled.as_ref().map_or_else(Turn::Failed, |_| Turn::Well);
            (self.engine.on_turn)("send", turn);
            match settled {
                Ok((settled, marked)) => {
                    self.tally.lock().unwrap_or_else(PoisonError::into_inner).add(settled);
                    return Some(marked);
                }
                Err(error)
                    if error.is_transient() && tokio::time::Instant::now() + pause < deadline =>
                {
                    if pause == SHORTEST_PAUSE {
                        tracing::warn!(%error, messages = ends.len(), "outcomes are written again");
                    }
                    marks = &[];
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => {
                    tracing::error!(%error, messages = ends.len(), "outcomes cannot be written");
                    return None;
                }
            }
        }
    }
}
