//! SQLite's write-ahead log is copied into the file beside the writing, not in the middle of it.
//!
//! Left to itself, SQLite does this within a commit, on the one connection that writes. The copying
//! needs no lock that a writer needs, so a connection of its own does it meanwhile; what that one has
//! not come to when the log is long, the writer does, as ever.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::SqlitePool;

/// After transactions of so many microseconds the log is copied: small ones write little each, large ones
/// would make it long within a few.
const AFTER: u64 = 200_000;

#[derive(Clone, Debug)]
pub struct Checkpoints(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Of one connection.
    pool: SqlitePool,
    /// Microseconds of transactions since.
    written: AtomicU64,
    running: AtomicBool,
}

impl Checkpoints {
    pub fn new(pool: SqlitePool) -> Self {
        let (written, running) = (AtomicU64::new(0), AtomicBool::new(false));
        Self(Arc::new(Inner { pool, written, running }))
    }

    /// Something was written, which took so long. Does not wait for anything.
    pub fn committed(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(AFTER);
        let written = self.0.written.fetch_add(took, Ordering::Relaxed) + took;
        if written < AFTER || self.0.running.swap(true, Ordering::AcqRel) {
            return;
        }
        self.0.written.store(0, Ordering::Relaxed);
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
