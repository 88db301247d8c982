//! A whole SQLite database in one file: copied beside its daemon, looked at before it is trusted.

use std::{fs, path::Path};

use sqlx::{
    Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use super::{
    Result, Store, StoreError,
    db::{Either, on_db},
    dialect,
    owner::folder_of,
};
use crate::domain::time::Instant;

const THOROUGH: &str = "PRAGMA integrity_check(1)";
const QUICK: &str = "PRAGMA quick_check(1)";

impl Store {
    /// Writes one state of the database into a new file, beside whoever writes to it meanwhile, and
    /// returns its size in bytes. The file is its owner's alone; it is there whole, sound and on the disk,
    /// or not at all.
    ///
    /// # Errors
    /// When a file of this name is there, when it cannot be written; and on PostgreSQL, which has tools of
    /// its own for that.
    pub async fn copy_to(&self, file: &Path) -> Result<u64> {
        let cannot = |error: &dyn std::fmt::Display| {
            StoreError::Environment(format!("cannot write {}: {error}", file.display()))
        };
        let Some(database) = self.db.file() else {
            return Err(StoreError::Environment("PostgreSQL is copied by pg_dump".to_owned()));
        };
        if file.try_exists().map_err(|error| cannot(&error))? {
            return Err(cannot(&"it is there already; name another file"));
        }
        let folder = folder_of(file);
        // Goes away by itself when something fails.
        let draft = tempfile::Builder::new().prefix(".nurtured-backup-").tempfile_in(folder);
        let draft = draft.map_err(|error| cannot(&error))?;
        let name =
            draft.path().to_str().ok_or_else(|| cannot(&"its folder's name is not UTF-8"))?;
        // A connection of its own: those that read may write nowhere.
        let mut copier = SqliteConnection::connect_with(&dialect::sqlite(database)).await?;
        let copied = sqlx::query("VACUUM INTO $1").bind(name).execute(&mut copier).await;
        copier.close().await?;
        copied?;
        // Nobody else has it, so nothing is made beside it.
        let alone = SqliteConnectOptions::new().filename(name).read_only(true).immutable(true);
        let mut reader = SqliteConnection::connect_with(&alone).await?;
        let sound = expect_sound(&mut reader, THOROUGH).await;
        reader.close().await?;
        sound?;
        // SQLite leaves the forcing to disk of such a copy to us.
        let settle = || {
            draft.as_file().sync_all()?;
            let bytes = draft.as_file().metadata()?.len();
            draft.persist_noclobber(file).map_err(|error| error.error)?;
            fs::File::open(folder)?.sync_all()?;
            Ok::<u64, std::io::Error>(bytes)
        };
        settle().map_err(|error| cannot(&error))
    }

    /// Whether the whole file is sound, page by page, with every index. PostgreSQL looks after its own.
    ///
    /// # Errors
    /// [`StoreError::Environment`] with the first thing that is not.
    pub async fn check_integrity(&self) -> Result<()> {
        match self.db.read() {
            Either::Sqlite(db) => expect_sound(&mut *db.acquire().await?, THOROUGH).await,
            Either::Postgres(_) => Ok(()),
        }
    }

    /// The same without comparing rows with their indexes, for who waits for an answer.
    ///
    /// # Errors
    /// As of [`Store::check_integrity`].
    pub async fn check_quickly(&self) -> Result<()> {
        match self.db.read() {
            Either::Sqlite(db) => expect_sound(&mut *db.acquire().await?, QUICK).await,
            Either::Postgres(_) => Ok(()),
        }
    }

    /// Closes a database with all of it in its one file: that may be moved.
    ///
    /// # Errors
    /// When somebody else has it open.
    pub async fn close_into_one_file(self) -> Result<()> {
        self.close().await;
        let Some(file) = self.db.file() else { return Ok(()) };
        let one = dialect::sqlite(file).journal_mode(SqliteJournalMode::Delete);
        Ok(SqliteConnection::connect_with(&one).await?.close().await?)
    }

    /// When something was last decided, recorded or sent here; `None` in an unused database.
    pub async fn last_act(&self) -> Result<Option<Instant>> {
        let at: Option<i64> = on_db!(
            self.db.read(),
            sql!(
                "SELECT MAX(a.at) FROM (SELECT MAX(decided_at) AS at FROM lead_timer \
                 UNION ALL SELECT MAX(recorded_at) FROM events \
                 UNION ALL SELECT MAX(at) FROM attempts \
                 UNION ALL SELECT MAX(at) FROM releases) AS a"
            ),
            |db, sql| sqlx::query_scalar(sql).fetch_one(db).await
        )?;
        Ok(at.map(Instant::from_millis))
    }
}

async fn expect_sound(db: &mut SqliteConnection, check: &'static str) -> Result<()> {
    let found: String = sqlx::query_scalar(check).fetch_one(db).await?;
    if found == "ok" {
        return Ok(());
    }
    Err(StoreError::Environment(format!("the database is damaged: {found}")))
}
