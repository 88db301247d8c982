//! What can go wrong in the store, as a caller tells it apart. Never holds an address or a password.

use std::fmt;

/// An error of the store.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, opened or written: the disk, the server, a lock.
    #[error("{0}")]
    Environment(String),
    /// Nothing has been set up in this database.
    #[error("the database has not been set up: run `nurtured migrate`")]
    NotMigrated,
    /// The database lacks migrations that this binary needs.
    #[error(
        "the database is at version {found}, this binary needs {needed}: run `nurtured migrate`"
    )]
    OlderSchema { found: i64, needed: i64 },
    /// The database was written by a newer binary.
    #[error(
        "this binary is older than the database (version {found}, it knows {known}): install the newer one"
    )]
    NewerSchema { found: i64, known: i64 },
    /// Another engine runs on this SQLite file, or on a server's database of which a restore must be alone.
    #[error("an engine is already running on this database")]
    EngineRunning,
    /// A row that cannot be read. The key names the row by its ids.
    #[error("table `{table}`, column `{column}`, row {key}: what is stored there cannot be read")]
    Corrupt { table: &'static str, column: &'static str, key: String },
    /// A text that databases do not store: it has a NUL character in it.
    #[error("table `{table}`, row {key}: a text with a NUL character cannot be stored")]
    Unstorable { table: &'static str, key: String },
    /// Something is there already that may be there once only.
    #[error("{0}")]
    UniqueViolation(String),
    /// Lost to another transaction; doing it again will do.
    #[error("the database gave up on a transaction in favour of another: try again")]
    Conflict,
    /// What should not happen.
    #[error("{0}")]
    Other(String),
}

impl StoreError {
    /// Whether the same call may well succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Environment(_) | Self::Conflict)
    }

    pub(super) fn corrupt(
        table: &'static str,
        column: &'static str,
        key: impl fmt::Display,
    ) -> Self {
        Self::Corrupt { table, column, key: key.to_string() }
    }
}

/// The same as what people read: the driver's own form would print rows' values.
impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreError({self})")
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => from_database(database.as_ref()),
            sqlx::Error::Io(io) => {
                Self::Environment(format!("the database cannot be reached: {io}"))
            }
            sqlx::Error::Tls(tls) => {
                Self::Environment(format!("the database cannot be reached: {tls}"))
            }
            sqlx::Error::PoolTimedOut => {
                Self::Environment("the database did not give us a connection in time".to_owned())
            }
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::Environment("the connection to the database is closed".to_owned())
            }
            sqlx::Error::InvalidSavePointStatement | sqlx::Error::BeginFailed => {
                Self::Environment("the database did not begin a transaction".to_owned())
            }
            sqlx::Error::ColumnDecode { index, .. } => {
                Self::Other(format!("column {index} of a result has an unexpected type"))
            }
            other => Self::Other(other.to_string()),
        }
    }
}

fn from_database(error: &dyn sqlx::error::DatabaseError) -> StoreError {
    // The message alone: PostgreSQL puts the values of the row into the detail.
    let message = error.message();
    if error.is_unique_violation() {
        return StoreError::UniqueViolation(message.to_owned());
    }
    let code = error.code().unwrap_or_default();
    let environment = match code.parse::<u32>() {
        // SQLite's primary codes: busy, locked, read-only, I/O error, corrupt, full, cannot open, not a database.
        Ok(number) if code.len() < 5 => matches!(number & 0xff, 5 | 6 | 8 | 10 | 11 | 13 | 14 | 26),
        // PostgreSQL's classes: connection, authorisation, no such database, resources, operator, system;
        // and a session that the server has ended because it left its transaction idle.
        _ => ["08", "25P03", "28", "3D", "53", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class)),
    };
    if environment {
        StoreError::Environment(format!("the database says: {message}"))
    } else if matches!(&*code, "40001" | "40P01" | "55P03") {
        StoreError::Conflict
    } else {
        StoreError::Other(format!("the database says: {message} (code {code})"))
    }
}
