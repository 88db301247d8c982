//! Many leads with a mail reserved each: one is made by the engine, the others are copies of it.

use std::{path::Path, process::Command, time::Duration};

use nurtured::{
    clock::Clock,
    engine::releasing,
    store::{DatabaseUrl, Store},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::campaign::{self, NOON};

/// To each domain a mail a minute.
const POLICY: &str = "policy:\n  tracking: with insights\n  purposes:\n    \
                      insights: { label: Industry insights, basis: [consent] }\n  \
                      pacing:\n    each_domain: 60 per hour\n";

/// All of them are due within a hundred minutes, evenly, in no order of their ids.
pub fn spacing(count: usize) -> Duration {
    Duration::from_mins(100) / u32::try_from(count).unwrap()
}

/// What this takes in memory is not ours.
pub fn in_another_process(folder: &Path, count: usize, domains: usize) {
    let filled = Command::new(std::env::current_exe().unwrap())
        .env("CROWD", folder)
        .env("MAILS", count.to_string())
        .env("DOMAINS", domains.to_string())
        .status()
        .unwrap();
    assert!(filled.success());
}

pub async fn fill(folder: &Path, count: usize, domains: usize) {
    let url = DatabaseUrl::parse("sqlite:nurtured.db", folder).unwrap();
    let store = Store::create(&url).await.unwrap();
    store.migrate(true, NOON).await.unwrap();
    let engine = crate::engine(folder, store, Clock::driven(NOON), (1, 4));
    releasing::apply(&engine.store, &campaign::artefacts(POLICY), "bench", "", NOON).await.unwrap();
    campaign::leads(&engine.store, "p", 1, NOON).await;
    engine.take_over().await.unwrap();
    let live = engine.live().unwrap();
    let decided = engine.decide_due(&live, NOON).await.unwrap();
    assert_eq!(decided.reserved, 1, "{decided:?}");
    engine.store.close().await;
    copy(&folder.join("nurtured.db"), count, domains).await;
}

async fn copy(file: &Path, count: usize, domains: usize) {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off)
        .pragma("cache_size", "-500000")
        .disable_statement_logging();
    let mut db = SqliteConnection::connect_with(&options).await.unwrap();
    let numbers = format!(
        "BEGIN; CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
         WHERE i + 1 < {count}) SELECT i, 'd' || (i % {domains}) || '.example' AS domain FROM n"
    );
    sqlx::raw_sql(AssertSqlSafe(numbers)).execute(&mut db).await.unwrap();
    let micros = spacing(count).as_micros();
    let due = format!("t.due_at + (n.i * 611953 % {count}) * {micros} / 1000");
    let of_lead = ("lead", "t.lead + n.i * 4096");
    for (table, otherwise) in [
        (
            "leads",
            &[of_lead, ("address", "'p' || n.i || '@' || n.domain"), ("domain", "'@' || n.domain")]
                [..],
        ),
        ("addresses", &[of_lead, ("domain", "'@' || n.domain"), ("local", "'p' || n.i")]),
        ("lead_timer", &[of_lead, ("bucket", "n.i % 64")]),
        ("enrolments", &[of_lead]),
        ("messages", &[of_lead, ("id", "t.id + n.i * 4096"), ("due_at", &due)]),
    ] {
        copy_rows(&mut db, table, otherwise).await;
    }
    let lines = format!(
        "INSERT OR IGNORE INTO lines (line, head) \
         SELECT DISTINCT 'domain ' || n.domain, {} FROM n; COMMIT; ANALYZE; \
         PRAGMA wal_checkpoint(TRUNCATE)",
        NOON.millis() * 1_000
    );
    sqlx::raw_sql(AssertSqlSafe(lines)).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}

/// A table's one row, as often as there are numbers, with some columns otherwise.
async fn copy_rows(db: &mut SqliteConnection, table: &str, otherwise: &[(&str, &str)]) {
    let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
        .bind(table)
        .fetch_all(&mut *db)
        .await
        .unwrap();
    let values = columns.iter().map(|column| {
        let found = otherwise.iter().find(|(name, _)| name == column);
        found.map_or_else(|| format!("t.{column}"), |(_, value)| (*value).to_owned())
    });
    let (values, columns) = (values.collect::<Vec<_>>().join(", "), columns.join(", "));
    let copy =
        format!("INSERT INTO {table} ({columns}) SELECT {values} FROM {table} AS t CROSS JOIN n");
    sqlx::raw_sql(AssertSqlSafe(copy)).execute(db).await.unwrap();
}
