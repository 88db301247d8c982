//! Migrations, and whether a database and this binary fit.

use std::{collections::BTreeSet, sync::LazyLock};

use sqlx::{
    AssertSqlSafe, SqlSafeStr, SqlStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::{
    Result, Store, StoreError,
    db::{Either, on_db},
    dialect::sqlite_schema,
    gate::Turn,
};
use crate::domain::time::Instant;

/// `migrations/`, embedded; a test holds the list to the folder. A file is never changed once it was
/// released: its checksum is in databases.
const FILES: [(i64, &str, &str); 15] = [
    (1, "the house", include_str!("../../migrations/0001_the_house.sql")),
    (4, "figures", include_str!("../../migrations/0004_figures.sql")),
    (5, "discount codes", include_str!("../../migrations/0005_discount_codes.sql")),
    (6, "passed over", include_str!("../../migrations/0006_passed_over.sql")),
    (7, "compact memory", include_str!("../../migrations/0007_compact_memory.sql")),
    (8, "accounts", include_str!("../../migrations/0008_accounts.sql")),
    (9, "doubts", include_str!("../../migrations/0009_doubts.sql")),
    (10, "pace", include_str!("../../migrations/0010_pace.sql")),
    (11, "relays", include_str!("../../migrations/0011_relays.sql")),
    (12, "guards", include_str!("../../migrations/0012_guards.sql")),
    (13, "warm up", include_str!("../../migrations/0013_warm_up.sql")),
    (14, "places", include_str!("../../migrations/0014_places.sql")),
    (16, "schedules", include_str!("../../migrations/0016_schedules.sql")),
    (17, "calls", include_str!("../../migrations/0017_calls.sql")),
    (18, "parked calls", include_str!("../../migrations/0018_parked_calls.sql")),
];

static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| migrator(SqlSafeStr::into_sql_str));
static SQLITE: LazyLock<Migrator> =
    LazyLock::new(|| migrator(|text| AssertSqlSafe(sqlite_schema(text)).into_sql_str()));

fn migrator(dialect: impl Fn(&'static str) -> SqlStr) -> Migrator {
    let migration = |(version, description, text): (i64, &'static str, _)| {
        let simple = MigrationType::Simple;
        Migration::new(version, description.into(), simple, dialect(text), false)
    };
    Migrator::with_migrations(FILES.into_iter().map(migration).collect())
}

/// What a migration did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// Descriptions of the migrations that were applied, in order; empty when there was nothing to do.
    pub applied: Vec<String>,
    /// The version that the database is at now.
    pub version: i64,
}

impl Store {
    /// Brings the database to this binary's version. Running it again does nothing.
    ///
    /// `rehearsal` marks a database, when it is first set up, as one on which time may be driven ahead
    /// of the clock; it cannot be set on, or taken off, a database that is there.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`]; [`StoreError::Environment`] when `rehearsal` is asked of a database
    /// that was not made for it.
    pub async fn migrate(&self, rehearsal: bool, now: Instant) -> Result<Migrated> {
        let before = self.applied().await?;
        let known = newest();
        if let Some(&found) = before.last().filter(|&&found| found > known) {
            return Err(StoreError::NewerSchema { found, known });
        }
        if rehearsal && !before.is_empty() && !self.is_rehearsal().await? {
            return Err(StoreError::Environment(
                "this database was not made for rehearsals: make a new one".to_owned(),
            ));
        }
        {
            let (writer, _pass) = self.db.writer().await;
            match writer {
                Either::Sqlite(pool) => SQLITE.run(pool).await,
                Either::Postgres(pool) => POSTGRES.run(pool).await,
            }
            .map_err(failed)?;
        }
        if before.is_empty() {
            self.write_meta("rehearsal", if rehearsal { "yes" } else { "no" }).await?;
            self.write_meta("created_at", &now.millis().to_string()).await?;
        }
        let applied = FILES
            .iter()
            .filter(|(version, ..)| !before.contains(version))
            .map(|(_, description, _)| (*description).to_owned())
            .collect();
        Ok(Migrated { applied, version: known })
    }

    /// Whether the database and this binary fit. Every command but `migrate` asks first.
    ///
    /// # Errors
    /// [`StoreError::NotMigrated`], [`StoreError::OlderSchema`], [`StoreError::NewerSchema`].
    pub async fn check_schema(&self) -> Result<()> {
        let (applied, known) = (self.applied().await?, newest());
        match applied.last() {
            None => Err(StoreError::NotMigrated),
            Some(&found) if found > known => Err(StoreError::NewerSchema { found, known }),
            Some(&found) if found < known => Err(StoreError::OlderSchema { found, needed: known }),
            Some(_) => Ok(()),
        }
    }

    /// Whether time may be driven ahead of the clock here.
    pub async fn is_rehearsal(&self) -> Result<bool> {
        let value: Option<String> = on_db!(
            self.db.read(),
            sql!("SELECT value FROM meta WHERE key = 'rehearsal'"),
            |db, sql| sqlx::query_scalar(sql).fetch_optional(db).await
        )?;
        Ok(value.as_deref() == Some("yes"))
    }

    /// Versions of the applied migrations, ascending; none where nothing was set up.
    async fn applied(&self) -> Result<BTreeSet<i64>> {
        const TABLE: &str = "_sqlx_migrations";
        let there: Option<i64> = match self.db.read() {
            Either::Sqlite(db) => sqlx::query_scalar(
                "SELECT CAST(1 AS BIGINT) FROM sqlite_master WHERE type = 'table' AND name = $1",
            )
            .bind(TABLE)
            .fetch_optional(db)
            .await,
            Either::Postgres(db) => {
                sqlx::query_scalar("SELECT CAST(1 AS BIGINT) WHERE to_regclass($1) IS NOT NULL")
                    .bind(TABLE)
                    .fetch_optional(db)
                    .await
            }
        }?;
        if there.is_none() {
            return Ok(BTreeSet::new());
        }
        let versions: Vec<i64> = on_db!(
            self.db.read(),
            sql!("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version"),
            |db, sql| sqlx::query_scalar(sql).fetch_all(db).await
        )?;
        Ok(versions.into_iter().collect())
    }

    async fn write_meta(&self, key: &str, value: &str) -> Result<()> {
        let mut tx = self.db.begin(Turn::Work).await?;
        on_db!(
            tx.on(),
            sql!("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING"),
            |db, sql| sqlx::query(sql).bind(key).bind(value).execute(db).await.map(drop)
        )?;
        tx.commit().await
    }
}

fn newest() -> i64 {
    FILES.iter().map(|(version, ..)| *version).max().unwrap_or_default()
}

fn failed(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => StoreError::Environment(format!("cannot migrate: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let embedded: Vec<String> = FILES
            .iter()
            .map(|(version, name, _)| format!("{version:04}_{}.sql", name.replace(' ', "_")))
            .collect();
        assert_eq!(embedded, names);
    }
}
