//! The engine's loops: decide, send, and keep up with releases and with what others left behind.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Engine, deciding::Decided, live::LiveError, sending::Until};
use crate::{domain::time::Instant, store::StoreError};

/// The longest sleep of a loop: what another process wrote is seen by then.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// How long leads that are due and locked by others are left alone, in milliseconds.
const LOCKED: i64 = 50;

/// How often in a row a run may be lost to other transactions before that is an outage.
const CONFLICTS: u32 = 20;

/// How often the database is asked for a new release.
const RELEASES: Duration = Duration::from_secs(2);

/// How long a loop waits after the database could not be reached.
const PAUSE: Duration = Duration::from_secs(2);

/// What a loop tells of itself.
#[derive(Clone, Copy, Debug)]
pub enum Turn<'a> {
    /// It turns.
    Begun,
    /// The database has taken what it had to write.
    Well,
    /// It turns, and its work fails.
    Failed(&'a StoreError),
}

/// Told which loop it is, and how it fares.
pub type OnTurn = dyn Fn(&'static str, Turn<'_>) + Send + Sync;

/// Tells of a change only, so that an outage of an hour is two lines.
#[derive(Debug, Default)]
pub(super) struct Outage {
    since: Option<Instant>,
}

impl Outage {
    pub fn over(&mut self, what: &str) {
        if let Some(since) = self.since.take() {
            tracing::info!(what, %since, "works again");
        }
    }

    pub fn failed(&mut self, what: &str, error: &dyn std::error::Error, now: Instant) {
        if self.since.is_none() {
            self.since = Some(now);
            tracing::error!(what, %error, "does not work; tried again every {} s", PAUSE.as_secs());
        }
    }
}

/// Runs that were lost to other transactions, in a row.
#[derive(Debug, Default)]
pub(super) struct Conflicts(u32);

impl Conflicts {
    /// Whether a run that ended with this error is tried again, after [`Conflicts::PAUSE`]: the leads are
    /// free again. `done`: what it came to before.
    pub fn forgive(&mut self, error: &StoreError, done: &Decided) -> bool {
        if !matches!(error, StoreError::Conflict) {
            return false;
        }
        self.0 = if done.decided > 0 { 1 } else { self.0 + 1 };
        let is_forgiven = self.0 <= CONFLICTS;
        if is_forgiven {
            tracing::debug!("deciding lost to another transaction, and is tried again");
        }
        is_forgiven
    }

    pub const PAUSE: Duration = Duration::from_millis(LOCKED.unsigned_abs());
}

impl Engine {
    /// Decides leads as they become due, until told to stop. `beat` is called at each turn and told
    /// what was decided, and why no more could be.
    ///
    /// # Errors
    /// Never for the database being away: that is waited for.
    pub async fn decide_loop(
        self: Arc<Self>,
        stop: CancellationToken,
        beat: impl Fn(&Decided, Result<(), &StoreError>, Duration) + Send + Sync,
    ) -> Result<(), LiveError> {
        let mut outage = Outage::default();
        let mut conflicts = Conflicts::default();
        while !stop.is_cancelled() {
            // Registered before looking, so that nothing that comes in between is missed.
            let nudged = self.nudge.notified();
            tokio::pin!(nudged);
            nudged.as_mut().enable();
            let now = self.clock.now();
            let started = tokio::time::Instant::now();
            let mut done = Decided::default();
            let turn = self.decide_turn(now, &mut done).await;
            let told = |result| beat(&done, result, started.elapsed());
            let sleep = match turn {
                Ok(sleep) => {
                    outage.over("deciding");
                    conflicts = Conflicts::default();
                    told(Ok(()));
                    sleep
                }
                Err(error) if conflicts.forgive(&error, &done) => {
                    told(Ok(()));
                    Some(Conflicts::PAUSE)
                }
                Err(error) => {
                    outage.failed("deciding", &error, now);
                    told(Err(&error));
                    Some(PAUSE)
                }
            };
            let Some(sleep) = sleep else { continue };
            tokio::select! {
                () = &mut nudged => {}
                () = tokio::time::sleep(sleep) => {}
                () = stop.cancelled() => {}
            }
        }
        Ok(())
    }

    /// One run of batches, one step of a sweep, and one of each tick. Returns how long there is nothing to do; `None`: there is
    /// more.
    async fn decide_turn(
        self: &Arc<Self>,
        now: Instant,
        done: &mut Decided,
    ) -> Result<Option<Duration>, StoreError> {
        let Some(live) = self.live() else { return Ok(Some(LONGEST_SLEEP)) };
        self.decide_run(&live, Instant::DAWN, done).await?;
        let sweeping = self.sweep(now).await?;
        let ringing = self.ring(now).await?;
        if done.claimed > 0 || sweeping || ringing {
            return Ok(None);
        }
        let next = self.store.next_wake_at().await?.min(self.next_tick_at().await);
        let wait = next.since(now);
        let longest = i64::try_from(LONGEST_SLEEP.as_millis()).unwrap_or(i64::MAX);
        // What is due and was not claimed is in another daemon's hands.
        let shortest = if wait > 0 { 1 } else { LOCKED };
        Ok(Some(Duration::from_millis(wait.clamp(shortest, longest).unsigned_abs())))
    }

    /// Sends messages as they become due, until told to stop; then what is on its way is finished.
    ///
    /// # Errors
    /// Never for the database being away: that is waited for.
    pub async fn send_loop(self: Arc<Self>, stop: CancellationToken) -> Result<(), LiveError> {
        let mut outage = Outage::default();
        while !stop.is_cancelled() {
            match self.send(Until::Stopped, &stop).await {
                Ok(_) => outage.over("sending"),
                Err(error) => {
                    outage.failed("sending", &error, self.clock.now());
                    (self.on_turn)("send", Turn::Failed(&error));
                    pause(&stop).await;
                }
            }
        }
        Ok(())
    }

    /// Takes over new releases and what others have found out of the relays, and recovers what a lost process had
    /// claimed, until told to stop.
    ///
    /// `reload` is rung by a SIGHUP; then `on_reload` is done, whole.
    ///
    /// # Errors
    /// Never: a release that cannot be run is logged, and the one that runs goes on.
    pub async fn keep_up<F: Future<Output = ()>>(
        self: Arc<Self>,
        stop: CancellationToken,
        reload: Arc<Notify>,
        on_reload: impl Fn() -> F,
    ) -> Result<(), LiveError> {
        let mut outage = Outage::default();
        while !stop.is_cancelled() {
            (self.on_turn)("keep-up", Turn::Begun);
            let now = self.clock.now();
            let turn = async {
                self.take_over().await?;
                if let Some(live) = self.live() {
                    self.recover(&live, false, now).await?;
                    self.guard(now).await?;
                    self.follow_relays().await?;
                }
                Ok::<(), LiveError>(())
            };
            match turn.await {
                Ok(()) => {
                    outage.over("keeping up with releases");
                    (self.on_turn)("keep-up", Turn::Well);
                }
                Err(error) => {
                    outage.failed("keeping up with releases", &error, now);
                    // Beside a release that cannot be run, the one before it goes on.
                    if let LiveError::Store(error) = &error {
                        (self.on_turn)("keep-up", Turn::Failed(error));
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(RELEASES) => {}
                () = reload.notified() => on_reload().await,
                () = stop.cancelled() => {}
            }
        }
        Ok(())
    }
}

async fn pause(stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(PAUSE) => {}
        () = stop.cancelled() => {}
    }
}
