//! Whether the process is alive, and whether it can do its work.
//!
//! *Live*: its loops still turn; if not, only a restart helps. *Ready*: it can also reach the database
//! and write to it, and is not on its way out; if not, send traffic elsewhere and wait.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant as Monotonic},
};

use crate::{clock::Clock, store::Store};

/// How long the database may take to say that it is there.
const PING_WITHIN: Duration = Duration::from_secs(2);

/// How long a small write may take, behind those of everybody else.
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// From one try to write to the next, however often somebody asks.
const WRITE_EVERY: Duration = Duration::from_secs(5);

/// For how long a failure counts that nothing came after: who gets no more work cannot show that it
/// works again.
const TROUBLE_LASTS: Duration = Duration::from_secs(30);

/// The health of this process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Health {
    store: Store,
    clock: Clock,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    started: Monotonic,
    stopping: AtomicBool,
    pulses: Mutex<Vec<Arc<Beats>>>,
    /// When we last tried to write, and what came of it.
    written: tokio::sync::Mutex<Option<(Monotonic, Result<(), String>)>>,
}

#[derive(Debug)]
struct Beats {
    name: &'static str,
    /// The longest silence that is still life.
    within: Duration,
    /// Of the last beat, in milliseconds since the start; `u64::MAX` once the loop has ended well.
    last: AtomicU64,
    /// Why its last turn came to nothing, and when.
    trouble: Mutex<Option<(u64, String)>>,
}

/// The pulse of one loop: to be felt at least once in the time it was registered with.
#[derive(Clone, Debug)]
pub struct Pulse {
    started: Monotonic,
    beats: Arc<Beats>,
}

impl Pulse {
    /// "I still turn." Call it once a round, also when there was nothing to do.
    pub fn beat(&self) {
        self.beats.last.store(millis_since(self.started), Ordering::Relaxed);
    }

    /// The last turn did its work.
    pub fn well(&self) {
        *self.beats.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The loop turns, and its work fails, for `reason`.
    pub fn failing(&self, reason: &(impl ToString + ?Sized)) {
        let trouble = Some((millis_since(self.started), reason.to_string()));
        *self.beats.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// The loop has ended as it should.
    pub fn rest(&self) {
        self.beats.last.store(u64::MAX, Ordering::Relaxed);
    }
}

impl Health {
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        let inner = Inner {
            started: Monotonic::now(),
            stopping: AtomicBool::new(false),
            pulses: Mutex::default(),
            written: tokio::sync::Mutex::default(),
        };
        Self { store, clock, inner: Arc::new(inner) }
    }

    /// Watches one more loop. From now on a silence of more than `within` is taken for death.
    #[must_use]
    pub fn pulse(&self, name: &'static str, within: Duration) -> Pulse {
        let started = self.inner.started;
        let last = AtomicU64::new(millis_since(started));
        let beats = Arc::new(Beats { name, within, last, trouble: Mutex::default() });
        self.inner.pulses.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&beats));
        Pulse { started, beats }
    }

    /// The loops that no longer turn.
    #[must_use]
    pub fn stalled(&self) -> Vec<&'static str> {
        let now = millis_since(self.inner.started);
        let pulses = self.inner.pulses.lock().unwrap_or_else(PoisonError::into_inner);
        pulses
            .iter()
            .filter(|beats| {
                let last = beats.last.load(Ordering::Relaxed);
                u128::from(now.saturating_sub(last)) > beats.within.as_millis()
            })
            .map(|beats| beats.name)
            .collect()
    }

    /// What a loop has lately failed at.
    fn trouble(&self) -> Option<String> {
        let now = millis_since(self.inner.started);
        let pulses = self.inner.pulses.lock().unwrap_or_else(PoisonError::into_inner);
        pulses.iter().find_map(|beats| {
            let trouble = beats.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            let (at, reason) = trouble.as_ref()?;
            let lasts = u128::from(now.saturating_sub(*at)) < TROUBLE_LASTS.as_millis();
            lasts.then(|| format!("the {} loop fails: {reason}", beats.name))
        })
    }

    /// From now on not ready.
    pub fn stop(&self) {
        self.inner.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether work can be done now.
    ///
    /// # Errors
    /// With the reason, for a person to read.
    pub async fn ready(&self) -> Result<(), String> {
        if self.inner.stopping.load(Ordering::Relaxed) {
            return Err("stopping".into());
        }
        if let Some(name) = self.stalled().first() {
            return Err(format!("the {name} loop does not turn"));
        }
        if let Some(trouble) = self.trouble() {
            return Err(trouble);
        }
        match tokio::time::timeout(PING_WITHIN, self.store.ping()).await {
            Ok(Ok(())) => self.can_write().await,
            Ok(Err(error)) => Err(format!("the database cannot be reached: {error}")),
            Err(_) => Err(format!("the database has not answered for {PING_WITHIN:?}")),
        }
    }

    /// A full disk still lets us read, and nobody notices who has nothing to write.
    async fn can_write(&self) -> Result<(), String> {
        let mut written = self.inner.written.lock().await;
        if let Some((at, outcome)) = &*written
            && at.elapsed() < WRITE_EVERY
        {
            return outcome.clone();
        }
        let try_writing = self.store.try_writing(self.clock.now());
        let outcome = match tokio::time::timeout(WRITE_WITHIN, try_writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the database cannot be written to: {error}")),
            Err(_) => Err(format!("nothing could be written for {WRITE_WITHIN:?}")),
        };
        *written = Some((Monotonic::now(), outcome.clone()));
        outcome
    }
}

fn millis_since(started: Monotonic) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}
