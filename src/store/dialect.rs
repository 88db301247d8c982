//! What truly differs between the two databases: how to connect, how to begin, how to lock rows, how a
//! list in one parameter becomes rows.

use std::{path::Path, str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

/// One statement, as each database reads it.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

/// Writes a statement once. Beside literals it takes these words:
/// - `timers`: reads timers, called `t`, as [`Timer`](super::timers::Timer) takes them;
/// - `each`: the rows `j(value)` of the JSON array in `$1`;
/// - `each_wanted`: the same of `$4`;
/// - `lock`: locks the rows of the table that is called `t`, waiting for them;
/// - `skip`: locks those of them that are free and passes over the others;
/// - `share`: keeps them from being changed, and lets others do the same;
/// - `(text 3 "profile")`: the text in the bytes `$3` where the row's `profile` says that it is
///   ([`Texts`](super::rows::Texts));
/// - `(bytes 3 "memory")`: the bytes there;
/// - `(list "a, b")`: all rows as a JSON array, each an array of these columns; NULL where there are none;
/// - `taken_back`: the state of a message `t` that is not to be sent any more;
/// - `due`: counts the leads that are to be decided at `$1`;
/// - `vias`: the names `relay(via)` of the relays that mails wait for, for a recursive query: from one to the next;
/// - `that_matter`: the kinds of the index `events_that_matter`, which is used where they are named;
/// - `no_memory`: what is remembered of a lead who was never decided;
/// - `looks`: of a lead `l` its key and memory, where it stands if `$2` and its profile if `$3`;
/// - `looks_back`: of leads `l` the same, and their events of the kinds and objects in `$4`;
/// - `(entered b)`: and the event `b` is on a mail of an enrolment that began between `$2` and `$3`, or `$4`.
macro_rules! sql {
    ($($part:tt),+ $(,)?) => {
        $crate::store::dialect::Text {
            sqlite: concat!($(fragment!(sqlite $part)),+),
            postgres: concat!($(fragment!(postgres $part)),+),
        }
    };
}

macro_rules! fragment {
    ($dialect:ident timers) => {
        "SELECT t.lead, t.rev, t.reflected, t.attempts, t.stop_epoch, t.decided_at, t.decided_release, \
         t.lane, t.wake_at FROM lead_timer AS t"
    };
    // Not `json_each`: each row would be made into text, and parsed again for each of its columns.
    (sqlite each) => {
        "jsonb_each($1) AS j"
    };
    (postgres each) => {
        "jsonb_array_elements(CAST($1 AS jsonb)) AS j(value)"
    };
    (sqlite each_wanted) => {
        "jsonb_each($4) AS j"
    };
    (postgres each_wanted) => {
        "jsonb_array_elements(CAST($4 AS jsonb)) AS j(value)"
    };
    // One connection writes: there is nobody to lock out.
    (sqlite lock) => {
        ""
    };
    (postgres lock) => {
        " FOR UPDATE OF t"
    };
    (sqlite skip) => {
        ""
    };
    (postgres skip) => {
        " FOR UPDATE OF t SKIP LOCKED"
    };
    (sqlite share) => {
        ""
    };
    (postgres share) => {
        " FOR SHARE OF t"
    };
    // `substr` of bytes goes straight to the place; of a text it would count all characters before it.
    (sqlite (text $bytes:literal $column:literal)) => {
        concat!("CAST(", fragment!(sqlite (bytes $bytes $column)), " AS TEXT)")
    };
    (postgres (text $bytes:literal $column:literal)) => {
        concat!("convert_from(", fragment!(postgres (bytes $bytes $column)), ", 'UTF8')")
    };
    (sqlite (bytes $bytes:literal $column:literal)) => {
        concat!(
            "substr($",
            $bytes,
            ", j.value ->> '$.",
            $column,
            "[0]', j.value ->> '$.",
            $column,
            "[1]')"
        )
    };
    (postgres (bytes $bytes:literal $column:literal)) => {
        concat!(
            "substring($",
            $bytes,
            " FROM CAST(j.value -> '",
            $column,
            "' ->> 0 AS int) FOR CAST(j.value -> '",
            $column,
            "' ->> 1 AS int))"
        )
    };
    (sqlite (list $columns:literal)) => {
        concat!("CASE WHEN COUNT(*) > 0 THEN json_group_array(json_array(", $columns, ")) END")
    };
    (postgres (list $columns:literal)) => {
        concat!("CAST(json_agg(json_build_array(", $columns, ")) AS TEXT)")
    };
    // It may have arrived.
    ($dialect:ident taken_back) => {
        "CASE WHEN t.doubted_at IS NULL THEN 'cancelled' ELSE 'in_doubt' END"
    };
    ($dialect:ident due) => {
        "COUNT(*) FROM lead_timer WHERE lane IN (0, 1, 2, 3) AND wake_at <= $1"
    };
    ($dialect:ident vias) => {
        "relay(via) AS (\
         SELECT (SELECT t.via FROM messages AS t WHERE t.state IN ('reserved', 'deferred') \
         ORDER BY t.via LIMIT 1) \
         UNION ALL SELECT (SELECT t.via FROM messages AS t WHERE t.state IN ('reserved', 'deferred') \
         AND t.via > relay.via ORDER BY t.via LIMIT 1) \
         FROM relay WHERE relay.via IS NOT NULL)"
    };
    ($dialect:ident that_matter) => {
        "('mail.bounced', 'mail.complained', 'lead.replied', 'lead.unsubscribed', 'stage.changed', \
         'deal.won', 'handoff.made', 'handoff.accepted', 'handoff.returned')"
    };
    (sqlite no_memory) => {
        "'{}'"
    };
    (postgres no_memory) => {
        "CAST('{}' AS bytea)"
    };
    ($dialect:ident looks) => {
        "l.lead, l.memory, \
         CASE WHEN $2 THEN l.stage || ' ' || l.stage_since || ' ' || l.address ELSE '' END AS standing, \
         CASE WHEN $3 THEN l.profile ELSE '' END AS profile"
    };
    // The events of a lead come in one row with it: as rows of their own they would take twice as long.
    ($dialect:ident looks_back) => {
        concat!(
            "SELECT ",
            fragment!($dialect looks),
            ", COALESCE((SELECT ",
            fragment!($dialect (list "e.rev, e.kind, e.object, e.occurred_at, e.judgement, e.settles_at, e.revises, e.data")),
            " FROM events AS e WHERE e.lead = l.lead AND (e.kind IN (SELECT j.value ->> 'kind' FROM ",
            fragment!($dialect each_wanted),
            " WHERE j.value ->> 'object' IS NULL) \
             OR (e.kind, e.object) IN (SELECT j.value ->> 'kind', j.value ->> 'object' FROM ",
            fragment!($dialect each_wanted),
            "))), '') AS history FROM leads AS l WHERE "
        )
    };
    ($dialect:ident (entered $event:ident)) => {
        concat!(
            "AND ($4 OR EXISTS (SELECT 1 FROM messages AS m INNER JOIN enrolments AS e ON e.lead = m.lead \
             AND e.enrolment = m.enrolment WHERE m.id = ",
            stringify!($event),
            ".message AND e.entered_at >= $2 AND e.entered_at < $3))"
        )
    };
    ($dialect:ident $literal:literal) => {
        $literal
    };
}

/// A deferred transaction that begins to write fails at once when somebody else does, whatever the
/// busy timeout: it takes the lock when it begins.
pub const SQLITE_WRITE: &str = "BEGIN IMMEDIATE";
pub const SQLITE_READ: &str = "BEGIN DEFERRED";
/// Whatever the server's default is: a statement must see what others committed while it waited.
pub const POSTGRES_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
pub const POSTGRES_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A daemon that is frozen, or a machine that is gone, must not keep its locks from the others. No
/// transaction of ours is idle for longer than it takes to decide a batch.
pub const POSTGRES_SESSION: &str = "SET idle_in_transaction_session_timeout = '10s'";

/// Every session of ours shares a lock of the whole database, so that a restore can be alone on it: whoever
/// is lost is let go by the server. The number is `nurtured` in ASCII.
pub const POSTGRES_AMONG_OTHERS: &str = "SET lock_timeout = '2s'; \
    SELECT pg_advisory_lock_shared(7959393760959423844); SET lock_timeout = DEFAULT";
/// The same lock, of one session, whose others share none. A command that has just ended is waited for.
pub const POSTGRES_ALONE: &str = "SET lock_timeout = '2s'; \
    SELECT pg_advisory_lock(7959393760959423844); SET lock_timeout = DEFAULT";
/// `lock_not_available`: the time-out of one of these.
pub const POSTGRES_NOT_AVAILABLE: &str = "55P03";

/// 16 MB for the connection that writes, 8 MB for each that reads: memory stays flat.
const WRITER_CACHE: &str = "-16384";
const READER_CACHE: &str = "-8192";

/// A migration as SQLite reads it: without the lines that are for PostgreSQL alone, and with keys of one tree. Without
/// that each table would be two there: its rows by a number of SQLite's own, and an index of its key that leads
/// to them.
pub fn sqlite_schema(migration: &str) -> String {
    let for_both = |line: &&str| !line.ends_with("-- PostgreSQL");
    let lines: String =
        migration.split_inclusive('\n').filter(|line| for_both(&line.trim_end())).collect();
    lines
        .replace("BIGINT NOT NULL PRIMARY KEY", "INTEGER NOT NULL PRIMARY KEY")
        .replace("/* WITHOUT ROWID */", "WITHOUT ROWID")
}

/// How to connect to a file, to write.
pub fn sqlite(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(256)
        // A batch's rows in one go: each time the buffer is full two threads wait for each other.
        .row_buffer_size(1024)
        .pragma("cache_size", WRITER_CACHE)
        // 64 MB: before that, checkpoints are made beside the writing (store/checkpoint.rs).
        .pragma("wal_autocheckpoint", "16000")
        .log_statements(log_nothing())
        .log_slow_statements(log_nothing(), Duration::MAX)
}

/// How to connect to a file, to read.
pub fn sqlite_reader(file: &Path) -> SqliteConnectOptions {
    sqlite(file).pragma("cache_size", READER_CACHE).pragma("query_only", "true")
}

/// How to connect to a file, to copy its log into it.
pub fn sqlite_checkpoints(file: &Path) -> SqliteConnectOptions {
    sqlite(file).pragma("cache_size", "-256")
}

/// How to connect to a server.
pub fn postgres(options: &PgConnectOptions) -> PgConnectOptions {
    options
        .clone()
        .application_name("nurtured")
        .statement_cache_capacity(256)
        .log_statements(log_nothing())
        .log_slow_statements(log_nothing(), Duration::MAX)
}

/// The type is the `log` crate's, which is no dependency of ours.
fn log_nothing<L: FromStr>() -> L
where
    L::Err: std::fmt::Debug,
{
    match L::from_str("off") {
        Ok(level) => level,
        Err(_) => unreachable!("`off` is a level"),
    }
}
