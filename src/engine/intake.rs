//! Intake of hits: what comes in over HTTP is on disk before it is answered.
//!
//! Each request hands its hit to one queue and waits. The [`IntakeWorker`] takes what is there, never
//! waiting for more, judges it, records it in one transaction and only then answers everybody in it. So
//! the more comes in, the more shares one write to disk; a lone hit is written at once.

mod plan;
mod recent;
mod worker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, mpsc, oneshot};
pub use worker::{IntakeWorker, Round};

use super::{answering::Answer, hearing::Word};
use crate::{
    clock::Clock,
    domain::{event::Judgement, time::Instant},
    store::Store,
    token::MailRef,
};

/// Hits that may wait. More are refused at once: their senders come again.
const QUEUE: usize = 4_096;
/// How long a request waits for the disk before it is told to come again.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// Somebody, or something, came by a link of ours.
#[derive(Clone, PartialEq, Debug)]
pub struct Hit {
    pub mail: MailRef,
    pub act: Act,
    /// Asked with HEAD.
    pub head: bool,
    /// The user agent, empty if there was none.
    pub agent: String,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    Click {
        url: String,
    },
    Open,
    /// The objection itself, by POST.
    Unsubscribe,
    /// A question's answer, by POST.
    Answer(Box<Answer>),
    /// A question's page was only looked at, as below; `link` tells it from others.
    LookAtQuestion {
        link: String,
    },
    /// What sales says of a lead, by POST.
    Outcome(Box<Word>),
    /// The unsubscribe page was only looked at. Not recorded; but who goes through all links of a mail
    /// comes by it too.
    LookAtUnsubscribe,
}

/// What became of a hit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// On disk, with its first judgement.
    Recorded(Judgement),
    /// On disk from before: nothing changes by doing it again.
    Already,
    /// The lead is not in the database any more.
    Nobody,
    /// Nothing to record: a mail to our own people, a trial mail, or one hit of too many on one mail.
    Ignored,
}

/// Why a hit is not on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IntakeError {
    #[error("more hits are waiting than can be recorded in time")]
    Busy,
    #[error("the database cannot be reached")]
    Unavailable,
}

/// How much the intake has done, for metrics.
#[derive(Debug, Default)]
pub struct IntakeStats {
    hits: AtomicU64,
    transactions: AtomicU64,
    revised: AtomicU64,
}

impl IntakeStats {
    /// Hits that were answered as recorded.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// Transactions that recorded them.
    pub fn transactions(&self) -> u64 {
        self.transactions.load(Ordering::Relaxed)
    }

    /// Hits that were judged anew.
    pub fn revised(&self) -> u64 {
        self.revised.load(Ordering::Relaxed)
    }
}

/// One hit in the queue, and who waits for its answer.
#[derive(Debug)]
struct Waiting {
    hit: Hit,
    at: Instant,
    /// `None` where nobody waits.
    answer: Option<oneshot::Sender<Result<Taken, IntakeError>>>,
}

/// The handle that requests hold; cheap to clone.
#[derive(Clone, Debug)]
pub struct Intake {
    queue: mpsc::Sender<Waiting>,
    clock: Clock,
    stats: Arc<IntakeStats>,
}

impl Intake {
    /// The handle, and the worker to spawn. `nudge` is rung when something was recorded.
    #[must_use]
    pub fn new(store: Store, clock: Clock, nudge: Arc<Notify>) -> (Self, IntakeWorker) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let stats = Arc::new(IntakeStats::default());
        let worker = IntakeWorker::new(store, clock.clone(), nudge, receiver, Arc::clone(&stats));
        (Self { queue: sender, clock, stats }, worker)
    }

    /// Records a hit. When this returns `Ok`, it is on disk.
    ///
    /// # Errors
    /// When it is not known to be on disk. It may still get there, and may be sent again.
    pub async fn take(&self, hit: Hit) -> Result<Taken, IntakeError> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { hit, at: self.clock.now(), answer: Some(answer) };
        self.queue.try_send(waiting).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => IntakeError::Busy,
            mpsc::error::TrySendError::Closed(_) => IntakeError::Unavailable,
        })?;
        match tokio::time::timeout(ANSWER_WITHIN, answered).await {
            Ok(Ok(answer)) => answer,
            // The worker is gone, or the disk does not answer.
            Ok(Err(_)) | Err(_) => Err(IntakeError::Unavailable),
        }
    }

    /// Takes notice of a hit that nobody waits for. It is lost where there is no room for it.
    pub fn notice(&self, hit: Hit) {
        let waiting = Waiting { hit, at: self.clock.now(), answer: None };
        // Only a hint for the judgement of others.
        let _ = self.queue.try_send(waiting);
    }

    /// By the clock that hits are recorded by.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Hits that wait now.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    #[must_use]
    pub fn stats(&self) -> &IntakeStats {
        &self.stats
    }
}
