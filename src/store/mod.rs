//! The store: all SQL, over SQLite and PostgreSQL alike.
//!
//! [`Store`] is concrete and cheap to clone. A method is one unit of work and takes a batch where the
//! caller has many. `now` is a parameter in SQL too. One SQL text serves both databases; what truly
//! differs is in `dialect`.

// Its macros are for the modules after it.
#[macro_use]
mod dialect;

mod accounts;
mod backlog;
mod backup;
mod batch;
mod calls;
mod checkpoint;
mod codes;
mod commit;
mod db;
mod deferred;
mod doubts;
mod enrolled;
mod enrolments;
mod error;
mod events;
mod figures;
mod gate;
mod gather;
mod glances;
mod group;
mod guards;
mod intake;
mod leads;
mod leases;
mod lines;
mod load;
mod lock;
mod messages;
mod outbox;
mod owner;
mod parked;
mod past;
mod pauses;
#[cfg(test)]
mod plans;
mod probe;
mod profiles;
mod ramps;
pub mod records;
mod relays;
mod releases;
mod rows;
mod schedules;
mod schema;
mod settle;
mod show;
mod suppressions;
mod sweeps;
mod timers;
mod upsert;
mod url;

use std::sync::Arc;

pub use accounts::{Legacy, Shared};
pub use backlog::Backlog;
pub use batch::Batch;
use db::Db;
pub use error::StoreError;
pub use glances::{Columns, Found, History, Which};
use group::Group;
pub use guards::{GUARD, Ill, Taken};
pub use lines::Asked;
pub use load::People;
pub use lock::EngineLock;
pub use outbox::Route;
pub use owner::{folder_of, make_file};
pub use past::Pasts;
pub use pauses::By;
pub use ramps::{DayFigure, DayOfRelay, Ramp};
pub use relays::{Astray, Down, Probing};
pub use releases::live_since;
pub use schedules::{MissedTick, Ring, Ringing, Schedule};
pub use schema::Migrated;
pub use suppressions::Subject;
pub use upsert::{Importing, Profiles};
pub use url::{BadUrl, DatabaseUrl};

use crate::{clock, domain::id::IdSource};

/// What every fallible method of the store returns.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// All that is remembered, in one SQLite file or one PostgreSQL database.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
    ids: Arc<IdSource>,
    group: Group,
}

impl Store {
    /// Opens a database that is there.
    ///
    /// # Errors
    /// [`StoreError::Environment`] when it is not, or cannot be reached.
    pub async fn open(url: &DatabaseUrl) -> Result<Self> {
        Ok(Self::over(Db::open(url, false).await?))
    }

    /// Opens a database that nobody else is at work on: on a server no daemon and no command, and none is let
    /// in until it is closed. An SQLite file is kept by its [`EngineLock`].
    ///
    /// # Errors
    /// As of [`Store::open`]; [`StoreError::EngineRunning`] when somebody is.
    pub async fn open_alone(url: &DatabaseUrl) -> Result<Self> {
        Ok(Self::over(Db::open_alone(url).await?))
    }

    /// Opens a database and makes an SQLite file that is not there. Run [`Store::migrate`] next.
    ///
    /// # Errors
    /// [`StoreError::Environment`] when it cannot be made or reached.
    pub async fn create(url: &DatabaseUrl) -> Result<Self> {
        Ok(Self::over(Db::open(url, true).await?))
    }

    fn over(db: Db) -> Self {
        // Ten bits tell daemons apart; two that draw the same would still have to make an id in the
        // same millisecond to meet, and then the database refuses the second.
        let node = u16::try_from(clock::random_u64() >> 54).unwrap_or_default();
        Self { db, ids: Arc::new(IdSource::new(node)), group: Group::default() }
    }

    /// With ids that depend on nothing but the time and their order, for what is to be the same each time. Of
    /// several daemons on one database, each must be another node.
    #[must_use]
    pub fn as_node(self, node: u16) -> Self {
        Self { ids: Arc::new(IdSource::new(node)), ..self }
    }

    /// Whether one engine at a time is all that this database allows: an SQLite file.
    #[must_use]
    pub fn admits_one_engine(&self) -> bool {
        self.db.file().is_some()
    }

    /// Writes back and closes all connections.
    pub async fn close(&self) {
        self.db.close().await;
    }
}
