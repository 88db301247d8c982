//! The rows as they stand: read, made JSON, inserted a thousand at a time. No address is checked, no type
//! read, no duplicate looked for but by the key.

use std::path::Path;

use serde_json::{Map, Value, json};
use sqlx::{
    ConnectOptions, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

const BATCH: usize = 1_000;

pub async fn import(file: &Path, database: &Path) {
    let mut db = SqliteConnectOptions::new()
        .filename(database)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("cache_size", "-65536")
        .pragma("wal_autocheckpoint", "4000")
        .disable_statement_logging()
        .connect()
        .await
        .expect("a connection");
    let mut reader = csv::Reader::from_path(file).expect("a file");
    let headers = reader.headers().expect("headers").clone();
    let mut lead = 1_i64 << 61;
    let mut rows = Vec::with_capacity(BATCH);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).expect("a row") {
        lead += 4096;
        let profile: Map<String, Value> = headers
            .iter()
            .zip(&record)
            .map(|(name, cell)| (name.to_owned(), cell.into()))
            .collect();
        let address = &record[3];
        rows.push(json!({
            "lead": lead,
            "address": address,
            "domain": address.find('@').map(|at| &address[at..]),
            "local": address.split('@').next(),
            "bucket": lead / 4096 % 64,
            "profile": json!({ "attributes": profile }).to_string(),
        }));
        if rows.len() == BATCH {
            write(&mut db, &mut rows).await;
        }
    }
    write(&mut db, &mut rows).await;
}

async fn write(db: &mut SqliteConnection, rows: &mut Vec<Value>) {
    let text = json!(rows).to_string();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *db).await.expect("begun");
    for statement in WRITE {
        sqlx::query(statement).bind(&text).execute(&mut *db).await.expect("written");
    }
    sqlx::query("COMMIT").execute(&mut *db).await.expect("committed");
    rows.clear();
}

const WRITE: [&str; 4] = [
    "INSERT INTO addresses (domain, local, lead) SELECT j.value ->> 'domain', j.value ->> 'local', j.value ->> 'lead' \
     FROM json_each($1) AS j WHERE true ON CONFLICT (domain, local) DO NOTHING",
    "INSERT INTO leads (lead, address, domain, stage, stage_since, created_at, updated_at, profile, memory) \
     SELECT j.value ->> 'lead', j.value ->> 'address', j.value ->> 'domain', 'lead', 0, 0, 0, \
     j.value ->> 'profile', '{}' FROM json_each($1) AS j",
    "INSERT INTO lead_timer (lead, bucket, lane, wake_at, rev, reflected, attempts, stop_epoch, decided_at) \
     SELECT j.value ->> 'lead', j.value ->> 'bucket', 2, 0, 1, 0, 0, 0, 0 FROM json_each($1) AS j",
    "INSERT INTO events (lead, rev, kind, object, occurred_at, recorded_at, judgement, data, source) \
     SELECT j.value ->> 'lead', 1, 'lead.imported', 'export.csv', 0, 0, 'human', '{}', 'import' FROM json_each($1) AS j",
];
