use nurtured::{
    domain::{lead::Memory, score::MilliPoints, time::Instant},
    store::{DatabaseUrl, Store, StoreError},
};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use super::made::*;
use crate::support::{
    databases::{TestDatabase, for_each_database},
    postgres,
};

/// Runs a statement behind the store's back.
pub async fn behind(db: &TestDatabase, sql: &'static str) {
    match db.url.file() {
        Some(file) => {
            let mut connection =
                SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
            connection.execute(sql).await.unwrap();
            connection.close().await.unwrap();
        }
        None => {
            let mut connection = PgConnection::connect(&postgres::url_text(&db.url)).await.unwrap();
            connection.execute(sql).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn migrating_again_does_nothing() {
    for_each_database(async |db| {
        db.store.check_schema().await.unwrap();
        let again = db.store.migrate(false, NOON).await.unwrap();
        assert!(again.applied.is_empty());
        assert_eq!(again, db.store.migrate(false, NOON).await.unwrap());
        db.store.check_schema().await.unwrap();
        db.store.ping().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_database_that_answers_and_cannot_be_written_to_is_told_from_one_that_can() {
    for_each_database(async |db| {
        for now in [NOON, NOON + MINUTE] {
            db.store.try_writing(now).await.unwrap();
        }
        let (refuse, allow) = match db.name {
            // As on a full disk, the transaction is gone, not only the statement.
            "sqlite" => (
                "CREATE TRIGGER full BEFORE UPDATE ON meta BEGIN SELECT RAISE(ROLLBACK, 'full'); END",
                "DROP TRIGGER full",
            ),
            _ => (
                "ALTER TABLE meta ADD CONSTRAINT is_full CHECK (key <> 'written_at') NOT VALID",
                "ALTER TABLE meta DROP CONSTRAINT is_full",
            ),
        };
        behind(db, refuse).await;
        db.store.ping().await.unwrap();
        db.store.try_writing(NOON + HOUR).await.unwrap_err();
        behind(db, allow).await;
        db.store.try_writing(NOON + HOUR).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_database_that_was_not_set_up_says_what_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::parse("sqlite:none.db", folder.path()).unwrap();
    let error = Store::open(&url).await.unwrap_err();
    assert!(matches!(error, StoreError::Environment(_)));
    assert!(error.to_string().contains("nurtured migrate"), "{error}");
    assert!(!url.file().unwrap().exists(), "opening makes no file");

    let empty = Store::create(&url).await.unwrap();
    assert_eq!(empty.check_schema().await, Err(StoreError::NotMigrated));
    let done = empty.migrate(true, NOON).await.unwrap();
    assert_eq!(done.applied[0], "the house");
    assert!(Store::open(&url).await.unwrap().is_rehearsal().await.unwrap());

    if let Some(url) = postgres::fresh_database().await {
        let empty = Store::open(&url).await.unwrap();
        assert_eq!(empty.check_schema().await, Err(StoreError::NotMigrated));
    }
}

#[tokio::test]
async fn a_database_becomes_a_rehearsal_only_when_it_is_made() {
    for_each_database(async |db| {
        assert!(!db.store.is_rehearsal().await.unwrap());
        assert!(db.store.migrate(true, NOON).await.is_err());
        assert!(!db.store.is_rehearsal().await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_newer_database_is_left_alone_and_an_older_one_is_named() {
    for_each_database(async |db| {
        let known = db.store.migrate(false, NOON).await.unwrap().version;
        behind(
            db,
            "UPDATE _sqlx_migrations SET version = 999 \
             WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)",
        )
        .await;
        let newer = StoreError::NewerSchema { found: 999, known };
        assert_eq!(db.store.check_schema().await, Err(newer.clone()));
        assert_eq!(db.store.migrate(false, NOON).await, Err(newer));
        behind(db, "DELETE FROM _sqlx_migrations WHERE version > 1").await;
        let older = StoreError::OlderSchema { found: 1, needed: known };
        assert_eq!(db.store.check_schema().await, Err(older));
    })
    .await;
}

/// As a database of version 6 had it: JSON, with what one database or the other might take for its own.
#[tokio::test]
async fn what_is_remembered_of_leads_outlives_the_upgrade_to_its_compact_form() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@x.example", "b@x.example"]).await;
        let json = r#"{"plan":5,"segments":{"à \\x41 \"b\" \n":9},"fit":20000,"next_enrolment":3}"#;
        if db.url.file().is_none() {
            let text = "ALTER TABLE leads ALTER COLUMN memory TYPE TEXT USING convert_from(memory, 'UTF8')";
            behind(db, text).await;
        }
        behind(db, "DELETE FROM _sqlx_migrations WHERE version = 7").await;
        let set = format!("UPDATE leads SET memory = '{json}' WHERE lead = {}", leads[0].0);
        crate::support::engine::behind(db, set).await;
        let store = Store::open(&db.url).await.unwrap();
        assert_eq!(store.migrate(false, NOON).await.unwrap().applied, ["compact memory"]);
        let memory = store.record(leads[0]).await.unwrap().unwrap().memory;
        assert_eq!((memory.plan, memory.fit, memory.next_enrolment.0), (5, MilliPoints(20_000), 3));
        assert_eq!(memory.segments, [("à \\x41 \"b\" \n".into(), Instant::from_millis(9))].into());
        let memory = store.record(leads[1]).await.unwrap().unwrap().memory;
        assert_eq!(memory, Memory::default());
    })
    .await;
}

#[tokio::test]
async fn one_engine_runs_on_a_file_and_several_on_a_server() {
    for_each_database(async |db| {
        let first = db.store.engine_lock().unwrap();
        let other = Store::open(&db.url).await.unwrap();
        let second = other.engine_lock();
        if db.name == "sqlite" {
            assert_eq!(second.err(), Some(StoreError::EngineRunning));
            drop(first);
            assert!(other.engine_lock().is_ok());
        } else {
            assert!(second.is_ok());
        }
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn who_is_to_be_alone_on_a_server_finds_nobody_there_and_lets_nobody_in() {
    for_each_database(async |db| {
        if db.name == "sqlite" {
            // There the lock of the one engine is what keeps others away.
            Store::open_alone(&db.url).await.unwrap().close().await;
            return;
        }
        assert_eq!(Store::open_alone(&db.url).await.err(), Some(StoreError::EngineRunning));
        db.store.close().await;
        let alone = Store::open_alone(&db.url).await.unwrap();
        alone.ping().await.unwrap();
        let refused = Store::open(&db.url).await.unwrap_err().to_string();
        assert!(refused.contains("`nurtured restore` is at work"), "{refused}");
        alone.close().await;
        Store::open(&db.url).await.unwrap().close().await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let url = DatabaseUrl::parse("postgres://ada:s3cret@127.0.0.1:1/x", std::path::Path::new("."));
    let error = Store::open(&url.unwrap()).await.unwrap_err();
    assert!(matches!(error, StoreError::Environment(_)));
    assert!(error.to_string().contains("127.0.0.1:1/x"), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}
