//! One engine a file: an operating-system lock, which a crash cannot leave behind.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
};

use super::{Result, Store, StoreError};

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
        let Some(path) = self.db.file() else { return Ok(EngineLock { _file: None }) };
        let mut name = OsString::from(path);
        name.push(".lock");
        let cannot = |error: std::io::Error| {
            StoreError::Environment(format!("cannot lock {}: {error}", name.display()))
        };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&name)
            .map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => Ok(EngineLock { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => Err(StoreError::EngineRunning),
            Err(TryLockError::Error(error)) => Err(cannot(error)),
        }
    }
}
