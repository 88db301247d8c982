//! One engine a file: an operating-system lock, which a crash cannot leave behind. Whoever writes much
//! beside an engine leaves the file to it half of the time.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Result, Store, StoreError,
    owner::{folder_of, make_file},
};

/// Who looks whether an engine runs holds its lock for a moment.
const TRIES: usize = 10;
const BETWEEN_TRIES: Duration = Duration::from_millis(2);

/// For so long bulk work has the file at once where an engine runs.
const LONGEST: Duration = Duration::from_millis(50);

/// Held as long as an engine runs. On PostgreSQL engines share, and it locks nothing.
#[derive(Debug)]
pub struct EngineLock {
    _file: Option<File>,
}

impl Store {
    /// Takes the right to run an engine on this database.
    ///
    /// # Errors
    /// [`StoreError::EngineRunning`] when another one has it.
    pub fn engine_lock(&self) -> Result<EngineLock> {
        EngineLock::on(self.db.file())
    }
}

impl EngineLock {
    /// The right to run an engine on this file, be it there already or not.
    ///
    /// # Errors
    /// [`StoreError::EngineRunning`] when another one has it.
    pub fn on(database: Option<&Path>) -> Result<Self> {
        let Some(path) = database else { return Ok(Self { _file: None }) };
        let name = beside(path);
        let cannot = |error: std::io::Error| {
            StoreError::Environment(format!("cannot lock {}: {error}", name.display()))
        };
        let file = match make_file(&name, folder_of(&name)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                OpenOptions::new().write(true).open(&name)
            }
            made => made,
        };
        let file = file.map_err(cannot)?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: Some(file) }),
                Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::Error(error)) => return Err(cannot(error)),
            }
        }
        Err(StoreError::EngineRunning)
    }

    /// Whether an engine runs on this file.
    #[must_use]
    pub fn is_taken(database: &Path) -> bool {
        // Shared: two who look do not see each other.
        let lock = File::open(beside(database));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

impl Store {
    /// Whether an engine is at work on this file; `None`: on PostgreSQL it cannot be told.
    #[must_use]
    pub fn is_engine_running(&self) -> Option<bool> {
        self.db.file().map(EngineLock::is_taken)
    }
}

/// The lock's own file.
fn beside(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(".lock");
    name.into()
}

/// The time for which bulk work has had a file.
#[derive(Debug)]
pub struct Stint {
    database: PathBuf,
    begun: tokio::time::Instant,
}

impl Stint {
    pub fn begin(database: &Path) -> Self {
        Self { database: database.to_owned(), begun: tokio::time::Instant::now() }
    }

    /// Whether the same transaction may take more in: an engine on the file is not kept waiting for long.
    pub fn may_go_on(&self) -> bool {
        self.begun.elapsed() < LONGEST || !EngineLock::is_taken(&self.database)
    }

    /// Leaves the file to the engine on it for as long; where none runs, nobody is waited for.
    pub async fn rest(self) {
        tokio::time::sleep(self.rest_after(self.begun.elapsed())).await;
    }

    fn rest_after(&self, held: Duration) -> Duration {
        if EngineLock::is_taken(&self.database) { held } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DatabaseUrl;

    #[tokio::test]
    async fn bulk_work_rests_as_long_as_it_worked_while_an_engine_runs() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::parse("sqlite:test.db", folder.path()).unwrap();
        let store = Store::create(&url).await.unwrap();
        let stint = Stint::begin(store.db.file().unwrap());
        let held = Duration::from_millis(40);
        assert_eq!(stint.rest_after(held), Duration::ZERO);
        let engine = store.engine_lock().unwrap();
        assert_eq!(stint.rest_after(held), held);
        let long_ago = tokio::time::Instant::now().checked_sub(LONGEST).unwrap();
        let old = Stint { begun: long_ago, ..Stint::begin(store.db.file().unwrap()) };
        assert!(stint.may_go_on() && !old.may_go_on());
        assert_eq!(store.engine_lock().unwrap_err(), StoreError::EngineRunning);
        drop(engine);
        assert_eq!(stint.rest_after(held), Duration::ZERO);
        assert!(old.may_go_on());
        store.engine_lock().unwrap();
    }
}
