//! `nurtured run`: the composition root. Builds the parts, starts the tasks, stops them in two stages.
//!
//! What the daemon keeps running beside HTTP comes in by [`Wired`]: the engine's loops are futures that
//! are given to it, so this module knows when to start and stop work, and nothing about what it is.

mod chores;
mod inbox;
mod listen;
mod logging;
mod open;
mod signals;
mod stop;
mod systemd;
mod wiring;

use std::{net::SocketAddr, sync::Arc, time::Duration};

pub use chores::Chore;
use chores::Chores;
use futures::future::BoxFuture;
pub use listen::bind;
pub use logging::init as init_logging;
pub use signals::{Signal, Signals};
pub use stop::Stop;
use tokio::{
    net::TcpListener,
    sync::Notify,
    task::{JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
pub use wiring::wire;

use crate::{
    clock::Clock,
    config::Config,
    engine::{
        intake::{Intake, IntakeWorker, Round},
        live::Current,
    },
    http::{
        Health, Limits, Metrics, Public, console,
        listener::{self, ListenerStats},
        metrics::Observed,
        public,
    },
    store::{EngineLock, Store},
    token::Keyring,
};

/// Why the daemon did not start, or ended other than it was told to.
///
/// Our errors name their causes in their own text, so no chain of sources is printed behind one.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The database, a port, the disk, a file of secrets; or an engine runs already.
    #[error("{0}")]
    Environment(String),
    /// A part of the daemon ended by itself.
    #[error("the {name} loop ended: {reason}")]
    Ended { name: &'static str, reason: String },
}

/// What everything in the daemon is built from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Parts {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub store: Store,
    pub keyring: Arc<Keyring>,
    pub intake: Intake,
    pub metrics: Arc<Metrics>,
    pub health: Health,
    /// What is live, once the engine has taken it over.
    pub current: Current,
    /// Rung when something was recorded: a lead may be due now.
    pub nudge: Arc<Notify>,
    /// Rung on SIGHUP.
    pub reload: Arc<Notify>,
    pub stop: Stop,
    /// Where we listen, with the port that we got where port 0 was asked for.
    pub public: SocketAddr,
    pub console: SocketAddr,
}

/// One loop of the engine. It runs until [`Stop::claiming`] is cancelled and it has finished what it had
/// begun, or until [`Stop::all`] is cancelled and it has left what it had begun in doubt. If it ends
/// before either, the daemon stops, with its error.
pub struct Loop {
    pub name: &'static str,
    pub work: BoxFuture<'static, anyhow::Result<()>>,
}

/// What the engine gives the daemon to run.
#[derive(Default)]
pub struct Wired {
    pub loops: Vec<Loop>,
    /// Housekeeping beside the daemon's own.
    pub chores: Vec<Chore>,
}

/// From the second signal, or the end of the grace, to the end of the process.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
/// How much of it the loops have to leave all; what is left is for closing.
const LOOPS_WITHIN: Duration = Duration::from_millis(1_500);
/// The longest that the intake may be at one batch before it is taken for dead.
const INTAKE_WITHIN: Duration = Duration::from_mins(2);

/// Runs the daemon until it is told to stop.
///
/// `wire` builds the engine on the parts, after the database, the keys and the ports are there and
/// before anything is accepted or sent; an error in it ends the start.
///
/// # Errors
/// When something needed is not there, or when a part ends by itself.
pub async fn run(
    config: Config,
    clock: Clock,
    mut signals: Signals,
    wire: impl AsyncFnOnce(&Parts) -> anyhow::Result<Wired>,
) -> Result<(), DaemonError> {
    let reload = Arc::new(Notify::new());
    let starting = Box::pin(async {
        let (parts, doors) = build(config, clock, Arc::clone(&reload)).await?;
        let wired = wire(&parts).await.map_err(|error| environment(error.to_string()))?;
        Ok((parts, doors, wired))
    });
    let Some((parts, doors, wired)) = unless_stopped(starting, &mut signals, &reload).await? else {
        tracing::info!("stopped before it ran");
        return Ok(());
    };

    let closing = CancellationToken::new();
    let mut behind = open_doors(&parts, doors, &closing);
    let chores = chores::start(&parts, wired.chores).await?;
    let mut work = JoinSet::new();
    for Loop { name, work: future } in wired.loops {
        work.spawn(async move { (name, future.await) });
    }
    systemd::ready(&format!("listening on {} and {}", parts.public, parts.console));
    let watchdog = tokio::spawn(systemd::watchdog(parts.health.clone()));
    tracing::info!(public = %parts.public, console = %parts.console, "running");

    let ended = supervise(&parts, &mut signals, &mut work, &mut behind).await;
    tracing::info!(grace = ?parts.config.engine.grace, "stopping: what is under way is finished");
    systemd::stopping();
    parts.health.stop();
    parts.stop.claiming.cancel();
    let gone_by = finish(&parts, &mut signals, &mut work, &mut behind.public).await;
    let closed = tokio::select! {
        () = close(&parts, behind, chores, closing) => true,
        () = signals.stop() => false,
        () = tokio::time::sleep_until(gone_by) => false,
    };
    watchdog.abort();
    if closed {
        tracing::info!("stopped");
    } else {
        tracing::warn!("stopped, and did not wait for the database or for housekeeping");
    }
    ended
}

/// Nobody hits us any more: what waits for the disk is written, then the console may go.
async fn close(parts: &Parts, behind: Behind, chores: Chores, closing: CancellationToken) {
    behind.intake_stop.cancel();
    if !behind.intake.is_finished() {
        let _ = behind.intake.await;
    }
    chores.stop().await;
    closing.cancel();
    let _ = tokio::time::timeout(LEAVE_WITHIN, behind.console).await;
    parts.store.close().await;
}

/// The start; `None` if it was told to stop meanwhile: it may be waiting for a database.
async fn unless_stopped<T>(
    mut starting: impl Future<Output = Result<T, DaemonError>> + Unpin,
    signals: &mut Signals,
    reload: &Notify,
) -> Result<Option<T>, DaemonError> {
    loop {
        tokio::select! {
            started = &mut starting => return started.map(Some),
            signal = signals.next() => match signal {
                Signal::Stop => return Ok(None),
                Signal::Reload => reload.notify_one(),
            },
        }
    }
}

/// What is accepted and written once the doors are open.
struct Doors {
    public: TcpListener,
    console: TcpListener,
    worker: IntakeWorker,
    /// Held as long as the daemon runs.
    lock: EngineLock,
}

/// The tasks behind the doors.
struct Behind {
    public: JoinSet<()>,
    console: tokio::task::JoinHandle<()>,
    intake: tokio::task::JoinHandle<()>,
    intake_stop: CancellationToken,
    _lock: EngineLock,
}

async fn build(
    config: Config,
    clock: Clock,
    reload: Arc<Notify>,
) -> Result<(Parts, Doors), DaemonError> {
    // The ports first: whoever has them may well be another daemon on the same database.
    let public = bind(config.public.listen, "[public] listen").await?;
    let console = bind(config.console.listen, "[console] listen").await?;
    let opened = open::open(&config, clock.now()).await?;
    let store = opened.store;
    let nudge = Arc::new(Notify::new());
    let (intake, worker) = Intake::new(store.clone(), clock.clone(), Arc::clone(&nudge));
    let parts = Parts {
        keyring: Arc::new(opened.keyring),
        intake,
        metrics: Arc::new(Metrics::new()),
        health: Health::new(store.clone(), clock.clone()),
        store,
        current: Current::default(),
        nudge,
        reload,
        stop: Stop::default(),
        public: listen::address(&public)?,
        console: listen::address(&console)?,
        clock,
        config: Arc::new(config),
    };
    Ok((parts, Doors { public, console, worker, lock: opened.lock }))
}

fn open_doors(parts: &Parts, doors: Doors, closing: &CancellationToken) -> Behind {
    let stats = Arc::new(ListenerStats::default());
    parts.metrics.observe(Observed {
        store: parts.store.clone(),
        clock: parts.clock.clone(),
        intake: parts.intake.clone(),
        public: Arc::clone(&stats),
        health: parts.health.clone(),
    });
    let routes = public::router(Public {
        keyring: Arc::clone(&parts.keyring),
        intake: parts.intake.clone(),
        metrics: Arc::clone(&parts.metrics),
        store: parts.store.clone(),
        current: parts.current.clone(),
    });
    let limits = Limits { connections: parts.config.public.connections, ..Limits::default() };
    let mut public = JoinSet::new();
    public.spawn(listener::serve(doors.public, routes, limits, stats, parts.stop.claiming.clone()));
    let routes = console::router(console::Console {
        metrics: Arc::clone(&parts.metrics),
        health: parts.health.clone(),
    });
    let limits = Limits { connections: 128, ..Limits::default() };
    let stats = Arc::new(ListenerStats::default());
    let console =
        tokio::spawn(listener::serve(doors.console, routes, limits, stats, closing.clone()));
    let intake_stop = CancellationToken::new();
    let pulse = parts.health.pulse("intake", INTAKE_WITHIN);
    let beat = move |round: Round<'_>| {
        pulse.beat();
        match round {
            Round::Idle => {}
            Round::Written => pulse.well(),
            Round::Failed(error) => pulse.failing(&error),
        }
    };
    let intake = tokio::spawn(doors.worker.run(intake_stop.clone(), beat));
    Behind { public, console, intake, intake_stop, _lock: doors.lock }
}

/// Until a signal to stop, or until something ends that should not.
async fn supervise(
    parts: &Parts,
    signals: &mut Signals,
    work: &mut JoinSet<(&'static str, anyhow::Result<()>)>,
    behind: &mut Behind,
) -> Result<(), DaemonError> {
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Stop => return Ok(()),
                Signal::Reload => {
                    tracing::info!("told to reload; nurtured.toml is read at the start only");
                    parts.reload.notify_one();
                }
            },
            Some(ended) = work.join_next(), if !work.is_empty() => return Err(by_itself(ended)),
            ended = &mut behind.intake => return Err(by_itself(ended.map(|()| ("intake", Ok(()))))),
            Some(ended) = behind.public.join_next() => {
                return Err(by_itself(ended.map(|()| ("public", Ok(())))));
            }
        }
    }
}

fn by_itself(ended: Result<(&'static str, anyhow::Result<()>), JoinError>) -> DaemonError {
    let (name, reason) = match ended {
        Ok((name, Ok(()))) => (name, "without a reason".to_owned()),
        Ok((name, Err(error))) => (name, error.to_string()),
        Err(error) => ("unknown", error.to_string()),
    };
    tracing::error!(name, reason, "a part of the daemon ended");
    DaemonError::Ended { name, reason }
}

/// Lets everything finish what it has begun; on a second signal or when the grace is over, makes it leave.
/// Returns by when the process is to be gone.
async fn finish(
    parts: &Parts,
    signals: &mut Signals,
    work: &mut JoinSet<(&'static str, anyhow::Result<()>)>,
    public: &mut JoinSet<()>,
) -> Instant {
    let grace_over = Instant::now() + parts.config.engine.grace;
    let all_done = async {
        while work.join_next().await.is_some() {}
        while public.join_next().await.is_some() {}
    };
    let in_time = tokio::select! {
        () = all_done => true,
        () = signals.stop() => false,
        () = tokio::time::sleep_until(grace_over) => false,
    };
    if in_time {
        return grace_over + LEAVE_WITHIN;
    }
    tracing::warn!("stopping at once: what is under way is left in doubt");
    parts.stop.all.cancel();
    public.abort_all();
    let told = Instant::now();
    let left = async { while work.join_next().await.is_some() {} };
    if tokio::time::timeout_at(told + LOOPS_WITHIN, left).await.is_err() {
        work.abort_all();
    }
    told + LEAVE_WITHIN
}

fn environment(message: impl Into<String>) -> DaemonError {
    DaemonError::Environment(message.into())
}

impl std::fmt::Debug for Loop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loop").field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Wired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wired").field("loops", &self.loops).finish_non_exhaustive()
    }
}
