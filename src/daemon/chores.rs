//! Housekeeping by the clock, in UTC. Nothing that must survive a restart or follow somebody's time zone
//! is done here: the scheduler forgets what it missed, and runs a job again while it is still at it.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::task::TaskTracker;

use super::{DaemonError, Parts};

/// Something done again and again.
#[derive(Clone)]
pub struct Chore {
    pub name: &'static str,
    /// Six fields, seconds first, in UTC.
    pub schedule: &'static str,
    pub work: Arc<dyn Fn() -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>,
}

/// The chores at work.
pub(super) struct Chores {
    scheduler: JobScheduler,
    tasks: TaskTracker,
}

/// Starts the daemon's own chores and those of the engine.
pub(super) async fn start(parts: &Parts, more: Vec<Chore>) -> Result<Chores, DaemonError> {
    let refused = |error: JobSchedulerError| {
        DaemonError::Environment(format!("housekeeping cannot be started: {error}"))
    };
    let scheduler = JobScheduler::new().await.map_err(refused)?;
    let tasks = TaskTracker::new();
    let census = census(parts);
    // Until the first bell its figures would stand at zero.
    tasks.spawn(turn(census.clone()));
    for chore in std::iter::once(census).chain(more) {
        scheduler.add(job(chore, tasks.clone()).map_err(refused)?).await.map_err(refused)?;
    }
    scheduler.start().await.map_err(refused)?;
    Ok(Chores { scheduler, tasks })
}

impl Chores {
    /// Starts none any more, and waits for those under way.
    pub(super) async fn stop(mut self) {
        if let Err(error) = self.scheduler.shutdown().await {
            tracing::debug!(%error, "housekeeping was not running");
        }
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn job(chore: Chore, tasks: TaskTracker) -> Result<Job, JobSchedulerError> {
    let at_it = Arc::new(Mutex::new(()));
    Job::new_async(chore.schedule, move |_, _| {
        let (chore, tasks, at_it) = (chore.clone(), tasks.clone(), Arc::clone(&at_it));
        Box::pin(async move {
            // The scheduler does not wait for the last round.
            let Ok(guard) = at_it.try_lock_owned() else {
                tracing::debug!(chore = chore.name, "still at it");
                return;
            };
            tasks.spawn(async move {
                turn(chore).await;
                drop(guard);
            });
        })
    })
}

async fn turn(chore: Chore) {
    if let Err(error) = (chore.work)().await {
        tracing::warn!(chore = chore.name, %error, "housekeeping failed");
    }
}

/// Counts what is in the database, for the metrics: it reads whole tables, which takes seconds where there
/// are millions of leads.
fn census(parts: &Parts) -> Chore {
    let parts = parts.clone();
    Chore {
        name: "census",
        schedule: "0 */10 * * * *",
        work: Arc::new(move || {
            let parts = parts.clone();
            Box::pin(async move {
                parts.metrics.census(&parts.store.census(parts.clock.now()).await?);
                Ok(())
            })
        }),
    }
}

impl std::fmt::Debug for Chore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chore")
            .field("name", &self.name)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}
