//! Connections and transactions of either database, and the macro that runs one call on both.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Connection as _, Executor as _, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection,
    SqlitePool, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::SqlitePoolOptions,
};

use super::{
    Result, StoreError,
    checkpoint::Checkpoints,
    dialect,
    gate::{Gate, Pass, Turn},
    lock::Stint,
    owner::{folder_of, make_file},
    url::{DatabaseUrl, Kind},
};

/// The same thing of either database.
#[derive(Clone, Debug)]
pub enum Either<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// Runs one call on whichever database it is: `on_db!(place, sql!(…), |db, sql| …)`.
///
/// The body is compiled once for each driver; `db` is its executor, `sql` its text.
macro_rules! on_db {
    ($place:expr, $text:expr, |$db:ident, $sql:ident| $body:expr) => {
        match $place {
            $crate::store::db::Either::Sqlite($db) => {
                let $sql = $text.sqlite;
                $body
            }
            $crate::store::db::Either::Postgres($db) => {
                let $sql = $text.postgres;
                $body
            }
        }
    };
}
pub(super) use on_db;

/// The connections.
#[derive(Clone, Debug)]
pub struct Db {
    place: Either<File, PgPool>,
    /// On a server, what keeps others away for as long as we are alone on it.
    alone: Option<Arc<tokio::sync::Mutex<Option<PgConnection>>>>,
    /// What is paused stays so; only that whoever has this acts as if it were not.
    pub ignores_pauses: bool,
}

#[derive(Clone, Debug)]
struct File {
    path: PathBuf,
    gate: Gate,
    /// Of one connection.
    writer: SqlitePool,
    readers: SqlitePool,
    checkpoints: Checkpoints,
}

/// An open transaction. Dropped without a commit, it is rolled back.
#[derive(Debug)]
pub struct Tx {
    inner: Either<Transaction<'static, Sqlite>, Transaction<'static, Postgres>>,
    // After the transaction: the next writer comes in when this one has let go.
    pass: Option<Pass>,
    stint: Option<Stint>,
    /// And since when it writes.
    checkpoints: Option<(Checkpoints, tokio::time::Instant)>,
    /// Of its [`Db`].
    pub ignores_pauses: bool,
}

const PATIENCE: Duration = Duration::from_secs(30);

/// How long a server may take to let us in for the first time. One that packets do not reach never says
/// no, and the driver waits for ever.
const LET_IN_WITHIN: Duration = Duration::from_secs(10);

impl Db {
    pub async fn open(url: &DatabaseUrl, create: bool) -> Result<Self> {
        match &url.0 {
            Kind::Sqlite(file) => Self::open_file(file, create).await,
            Kind::Postgres(options) => Self::open_server(url, options, false).await,
        }
    }

    /// A server's database with no daemon and no command on it, and none as long as this is open.
    pub async fn open_alone(url: &DatabaseUrl) -> Result<Self> {
        match &url.0 {
            Kind::Sqlite(file) => Self::open_file(file, false).await,
            Kind::Postgres(options) => Self::open_server(url, options, true).await,
        }
    }

    async fn open_server(
        url: &DatabaseUrl,
        options: &PgConnectOptions,
        alone: bool,
    ) -> Result<Self> {
        let options = dialect::postgres(options);
        // A pool would try for a long time before it says what is wrong.
        let mut first = let_in(url, &options, LET_IN_WITHIN).await?;
        let lock = if alone { dialect::POSTGRES_ALONE } else { dialect::POSTGRES_AMONG_OTHERS };
        first.execute(lock).await.map_err(|error| {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            match code.as_deref() {
                Some(dialect::POSTGRES_NOT_AVAILABLE) if alone => StoreError::EngineRunning,
                Some(dialect::POSTGRES_NOT_AVAILABLE) => StoreError::Environment(format!(
                    "`nurtured restore` is at work on {url}: wait for its end"
                )),
                _ => unreachable_database(url, &error),
            }
        })?;
        let pool = PgPoolOptions::new()
            .max_connections(12)
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if !alone {
                        connection.execute(dialect::POSTGRES_AMONG_OTHERS).await?;
                    }
                    connection.execute(dialect::POSTGRES_SESSION).await.map(drop)
                })
            })
            .connect_lazy_with(options);
        let alone = if alone {
            Some(Arc::new(tokio::sync::Mutex::new(Some(first))))
        } else {
            first.close().await.map_err(|error| unreachable_database(url, &error))?;
            None
        };
        Ok(Self { place: Either::Postgres(pool), alone, ignores_pauses: false })
    }

    async fn open_file(path: &Path, create: bool) -> Result<Self> {
        let cannot =
            |why: String| StoreError::Environment(format!("cannot open {}: {why}", path.display()));
        if create {
            create_file(path)?;
        } else if !path.try_exists().map_err(|error| cannot(error.to_string()))? {
            return Err(StoreError::Environment(format!(
                "there is no database {}: run `nurtured migrate`",
                path.display()
            )));
        }
        let writer = connections(1).connect_with(dialect::sqlite(path)).await;
        let writer = writer.map_err(|error| cannot(why_not_opened(path, &error)))?;
        let readers = connections(4).connect_lazy_with(dialect::sqlite_reader(path));
        let copier = connections(1).connect_lazy_with(dialect::sqlite_checkpoints(path));
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let checkpoints = Checkpoints::new(copier);
        let file = File { path, gate: Gate::default(), writer, readers, checkpoints };
        Ok(Self { place: Either::Sqlite(file), alone: None, ignores_pauses: false })
    }

    /// For one statement that reads.
    pub const fn read(&self) -> Either<&SqlitePool, &PgPool> {
        match &self.place {
            Either::Sqlite(file) => Either::Sqlite(&file.readers),
            Either::Postgres(pool) => Either::Postgres(pool),
        }
    }

    /// Several reads of one state of the database.
    pub async fn snapshot(&self) -> Result<Tx> {
        let ignores_pauses = self.ignores_pauses;
        let inner = match &self.place {
            Either::Sqlite(file) => {
                Either::Sqlite(file.readers.begin_with(dialect::SQLITE_READ).await?)
            }
            Either::Postgres(pool) => {
                Either::Postgres(pool.begin_with(dialect::POSTGRES_READ).await?)
            }
        };
        Ok(Tx { inner, pass: None, stint: None, checkpoints: None, ignores_pauses })
    }

    /// A transaction that writes.
    pub async fn begin(&self, turn: Turn) -> Result<Tx> {
        let ignores_pauses = self.ignores_pauses;
        match &self.place {
            Either::Sqlite(file) => {
                let pass = file.gate.enter(turn).await;
                let transaction = file.writer.begin_with(dialect::SQLITE_WRITE).await?;
                let stint = (turn == Turn::Bulk).then(|| Stint::begin(&file.path));
                let checkpoints = Some((file.checkpoints.clone(), tokio::time::Instant::now()));
                let inner = Either::Sqlite(transaction);
                Ok(Tx { inner, pass: Some(pass), stint, checkpoints, ignores_pauses })
            }
            Either::Postgres(pool) => Ok(Tx {
                inner: Either::Postgres(pool.begin_with(dialect::POSTGRES_WRITE).await?),
                pass: None,
                stint: None,
                checkpoints: None,
                ignores_pauses,
            }),
        }
    }

    /// Alone on the writing connection, for what makes its own transactions.
    pub async fn writer(&self) -> (Either<&SqlitePool, &PgPool>, Option<Pass>) {
        match &self.place {
            Either::Sqlite(file) => {
                let pass = file.gate.enter(Turn::Work).await;
                (Either::Sqlite(&file.writer), Some(pass))
            }
            Either::Postgres(pool) => (Either::Postgres(pool), None),
        }
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.place {
            Either::Sqlite(file) => Some(&file.path),
            Either::Postgres(_) => None,
        }
    }

    pub async fn close(&self) {
        match &self.place {
            Either::Sqlite(file) => {
                file.checkpoints.close().await;
                file.readers.close().await;
                file.writer.close().await;
            }
            Either::Postgres(pool) => pool.close().await,
        }
        if let Some(alone) = &self.alone
            && let Some(connection) = alone.lock().await.take()
        {
            // It lets go of the lock also where it cannot take its leave.
            let _ = connection.close().await;
        }
    }
}

impl Tx {
    /// For one statement.
    pub fn on(&mut self) -> Either<&mut SqliteConnection, &mut PgConnection> {
        match &mut self.inner {
            Either::Sqlite(transaction) => Either::Sqlite(&mut **transaction),
            Either::Postgres(transaction) => Either::Postgres(&mut **transaction),
        }
    }

    /// Whether more may go into this transaction of bulk work. On PostgreSQL others write as well: there it
    /// locks what it comes to in order, once, and goes no further.
    pub fn may_go_on(&self) -> bool {
        self.stint.as_ref().is_some_and(Stint::may_go_on)
    }

    pub async fn commit(self) -> Result<()> {
        let Self { inner, pass, stint, checkpoints, .. } = self;
        match inner {
            Either::Sqlite(transaction) => transaction.commit().await?,
            Either::Postgres(transaction) => transaction.commit().await?,
        }
        drop(pass);
        if let Some((checkpoints, begun)) = checkpoints {
            checkpoints.committed(begun.elapsed());
        }
        if let Some(stint) = stint {
            stint.rest().await;
        }
        Ok(())
    }

    /// Rolls back and waits until it is done.
    pub async fn rollback(self) -> Result<()> {
        match self.inner {
            Either::Sqlite(transaction) => transaction.rollback().await?,
            Either::Postgres(transaction) => transaction.rollback().await?,
        }
        Ok(())
    }
}

/// Connections to a file, kept for as long as they are in order.
fn connections(most: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(most)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(PATIENCE)
        // Where a disk is full or fails, SQLite ends a transaction by itself. The driver goes on counting
        // it and would never begin another one on this connection: a new one takes its place.
        .before_acquire(|connection, _| {
            Box::pin(async move { Ok(!connection.is_in_transaction()) })
        })
}

/// Leads' addresses are in there: for its owner only.
fn create_file(path: &Path) -> Result<()> {
    match make_file(path, folder_of(path)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            Err(StoreError::Environment(format!("cannot create {}: {error}", path.display())))
        }
    }
}

/// SQLite does not say what the system said.
fn why_not_opened(path: &Path, error: &sqlx::Error) -> String {
    match fs::OpenOptions::new().read(true).write(true).open(path) {
        Err(error) => error.to_string(),
        Ok(_) if lacks_its_companions(error) => {
            format!("{} (its folder must be writable, too)", message(error))
        }
        Ok(_) => message(error),
    }
}

/// SQLite could not make or open the files beside the database: its primary codes read-only and cannot open.
fn lacks_its_companions(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| matches!(code & 0xff, 8 | 14))
}

async fn let_in(
    url: &DatabaseUrl,
    options: &PgConnectOptions,
    within: Duration,
) -> Result<PgConnection> {
    match tokio::time::timeout(within, PgConnection::connect_with(options)).await {
        Ok(connected) => connected.map_err(|error| unreachable_database(url, &error)),
        Err(_) => Err(StoreError::Environment(format!(
            "cannot connect to {url}: it has not answered for {within:?}"
        ))),
    }
}

fn unreachable_database(url: &DatabaseUrl, error: &sqlx::Error) -> StoreError {
    StoreError::Environment(format!("cannot connect to {url}: {}", message(error)))
}

fn message(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => database.message().to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_says_nothing_is_not_waited_for() {
        let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let text = format!("postgres://nobody:hunter2@{}/leads", mute.local_addr().unwrap());
        let url = DatabaseUrl::parse(&text, Path::new("")).unwrap();
        let Kind::Postgres(options) = &url.0 else { panic!("not PostgreSQL") };
        let error = let_in(&url, options, Duration::from_millis(50)).await.unwrap_err();
        let said = error.to_string();
        assert!(said.contains("/leads: it has not answered for 50ms"), "{said}");
    }

    #[tokio::test]
    async fn a_connection_whose_transaction_sqlite_has_ended_by_itself_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_file(&folder.path().join("full.db"), true).await.unwrap();
        for _ in 0..5 {
            let mut writing = db.begin(Turn::Work).await.unwrap();
            end_by_itself(&mut writing).await;
            writing.commit().await.unwrap_err();
            let mut reading = db.snapshot().await.unwrap();
            end_by_itself(&mut reading).await;
            reading.rollback().await.unwrap_err();
        }
        db.begin(Turn::Work).await.unwrap().commit().await.unwrap();
        db.snapshot().await.unwrap().rollback().await.unwrap();
    }

    /// As on a full disk: the driver does not know of it.
    async fn end_by_itself(tx: &mut Tx) {
        on_db!(tx.on(), sql!("ROLLBACK"), |db, sql| sqlx::query(sql).execute(db).await.map(drop))
            .unwrap();
    }

    #[tokio::test]
    async fn bulk_work_alone_gives_way() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_file(&folder.path().join("bulk.db"), true).await.unwrap();
        for (turn, gives_way) in [(Turn::Act, false), (Turn::Work, false), (Turn::Bulk, true)] {
            let tx = db.begin(turn).await.unwrap();
            assert_eq!(tx.stint.is_some(), gives_way);
            tx.commit().await.unwrap();
        }
    }

    #[test]
    fn a_transaction_that_could_not_begin_may_begin_later() {
        for error in [sqlx::Error::InvalidSavePointStatement, sqlx::Error::BeginFailed] {
            assert!(StoreError::from(error).is_transient());
        }
    }
}
