//! The database and the keys: opened, and made at the very first start.

use super::{DaemonError, environment};
use crate::{
    config::Config,
    domain::time::Instant,
    store::{DatabaseUrl, EngineLock, Store, StoreError},
    token::Keyring,
};

/// What the daemon stands on.
pub(super) struct Opened {
    pub store: Store,
    pub keyring: Keyring,
    pub lock: EngineLock,
}

/// Opens the database, takes the lock of the one engine, brings the schema up to date and loads the keys.
///
/// Keys are made only for a new database: made anew for an old one, they would turn every link in mails
/// already sent into a dead one. They are made before its tables, so that a start that fails at either
/// can be tried again.
pub(super) async fn open(config: &Config, now: Instant) -> Result<Opened, DaemonError> {
    let url = DatabaseUrl::parse(&config.database.url, &config.base)
        .map_err(|error| environment(format!("[database] url: {error}")))?;
    let store = Store::create(&url).await.map_err(|error| of(&error))?;
    let lock = store.engine_lock().map_err(|error| of(&error))?;
    let fits = store.check_schema().await;
    match &fits {
        Ok(()) | Err(StoreError::NotMigrated | StoreError::OlderSchema { .. }) => {}
        Err(error) => return Err(of(error)),
    }
    let file = &config.secrets.file.path().map_err(|error| environment(error.to_string()))?;
    let keyring = if fits == Err(StoreError::NotMigrated) && !file.exists() {
        tracing::info!(file = %file.display(), "new keys; keep a copy of them in a safe place");
        Keyring::create(file)
    } else {
        Keyring::load(file)
    };
    let keyring = keyring.map_err(|error| environment(error.to_string()))?;
    if fits.is_err() {
        let migrated = store.migrate(false, now).await.map_err(|error| of(&error))?;
        tracing::info!(version = migrated.version, "the database was brought up to date");
    }
    Ok(Opened { store, keyring, lock })
}

fn of(error: &StoreError) -> DaemonError {
    environment(error.to_string())
}
