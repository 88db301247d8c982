//! SQLite's write-ahead log is copied into the file beside the writing, not in the middle of it.
//!
//! Left to itself, SQLite does this within a commit, on the one connection that writes. The copying
//! needs no lock that a writer needs, so a connection of its own does it meanwhile; what that one has
//! not come to when the log is long, the writer does, as ever.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use sqlx::SqlitePool;

/// After so many commits the log is looked at.
const EVERY: u32 = 16;

#[derive(Clone, Debug)]
pub struct Checkpoints(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Of one connection.
    pool: SqlitePool,
    commits: AtomicU32,
    running: AtomicBool,
}

impl Checkpoints {
    pub fn new(pool: SqlitePool) -> Self {
        let (commits, running) = (AtomicU32::new(0), AtomicBool::new(false));
        Self(Arc::new(Inner { pool, commits, running }))
    }

    /// Something was written. Does not wait for anything.
    pub fn committed(&self) {
        let due = self.0.commits.fetch_add(1, Ordering::Relaxed) % EVERY == EVERY - 1;
        if !due || self.0.running.swap(true, Ordering::AcqRel) {
            return;
        }
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            // Nothing is lost when it fails: the log is as durable as the file.
            let copied = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&inner.pool).await;
            if let Err(error) = copied {
                tracing::debug!(%error, "the log was not copied into the database");
            }
            inner.running.store(false, Ordering::Release);
        });
    }

    pub async fn close(&self) {
        self.0.pool.close().await;
    }
}
