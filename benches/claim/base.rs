//! A million leads, made by a few statements. Each is in one workflow; some are due.

// Each bench uses a part of this.
#![allow(dead_code)]

use std::path::Path;

use nurtured::domain::{
    definitions::Definitions,
    id::{EnrolmentNo, Rev},
    lead::{LeadRecord, LeadState, Phase},
    time::Instant,
};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::busy::leads::{self, NOW};

/// How many leads differ in what is known of them.
const KINDS: usize = 16;
/// Of each lead so many kinds of events are known.
const FACTS: usize = 8;
const WAY: &str = "way-18";
const HOUR: i64 = 3_600_000;

/// Before anybody is due.
pub fn early() -> Instant {
    Instant::from_millis(NOW.millis() - 48 * HOUR)
}

/// When the leads of the other side are due, who are in a lane of their own.
pub fn late() -> Instant {
    Instant::from_millis(NOW.millis() + 24 * HOUR)
}

pub fn connection(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .disable_statement_logging()
}

/// `due` leads are due now, as many late.
pub async fn fill(file: &Path, definitions: &Definitions, count: usize, due: usize) {
    let options =
        connection(file).synchronous(SqliteSynchronous::Off).pragma("cache_size", "-500000");
    let mut db = SqliteConnection::connect_with(&options).await.expect("a connection");
    kinds(&mut db, definitions).await;
    let workflow = &definitions.workflow(WAY).expect("it is there").workflow;
    let stride = (count / (2 * due)).max(1);
    sqlx::raw_sql("BEGIN").execute(&mut db).await.expect("begun");
    for statement in FILL {
        sqlx::query(statement)
            .bind(i64::try_from(count).expect("fits"))
            .bind(NOW.millis())
            .bind(i64::try_from(stride).expect("fits"))
            .bind(workflow.version.0.as_str())
            .bind(waiting(definitions).as_str())
            .bind(late().millis())
            .bind(i64::try_from(crate::stopwatch::size("SPREAD", 3_600_000).max(1)).expect("fits"))
            .execute(&mut db)
            .await
            .unwrap_or_else(|error| panic!("{error}: {statement}"));
    }
    sqlx::raw_sql("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut db).await.expect("done");
    db.close().await.expect("closed");
}

/// The first step that is a wait: a mail follows.
fn waiting(definitions: &Definitions) -> nurtured::domain::name::Name {
    let workflow = &definitions.workflow(WAY).expect("it is there").workflow;
    workflow.steps.iter().find(|step| step.kind.word() == "wait").expect("it waits").id.clone()
}

async fn kinds(db: &mut SqliteConnection, definitions: &Definitions) {
    let create =
        "CREATE TEMP TABLE kinds (kind BIGINT PRIMARY KEY, profile TEXT, memory BLOB, stage TEXT)";
    sqlx::query(create).execute(&mut *db).await.expect("made");
    let states = leads::come_to_rest(definitions, KINDS, 1, in_one_way);
    for (kind, state) in states.iter().enumerate() {
        let (profile, memory) = stored(definitions, state);
        sqlx::query("INSERT INTO kinds VALUES ($1, $2, $3, $4)")
            .bind(i64::try_from(kind).expect("few"))
            .bind(profile)
            .bind(memory)
            .bind(state.stage.word())
            .execute(&mut *db)
            .await
            .expect("written");
    }
}

fn stored(definitions: &Definitions, state: &LeadState) -> (String, Vec<u8>) {
    let mut profile = state.profile(definitions, nurtured::domain::lead::Profile::default());
    profile.consents.clone_from(&state.consents);
    let memory = state.memory(definitions, Rev(10));
    let profile = serde_json::to_string(&profile).expect("JSON");
    (profile, memory.pack(Vec::new()).expect("packed"))
}

fn in_one_way(definitions: &Definitions, number: u64) -> LeadRecord {
    let mut record = leads::lead(definitions, number);
    while record.memory.facts.len() > FACTS {
        record.memory.facts.pop_last();
    }
    record.memory.sends.truncate(3);
    let workflow = &definitions.workflow(WAY).expect("it is there").workflow;
    record.enrolments.truncate(1);
    for enrolment in &mut record.enrolments {
        enrolment.no = EnrolmentNo(1);
        enrolment.workflow = workflow.name.clone();
        enrolment.version = workflow.version.clone();
        enrolment.step = waiting(definitions);
        assert!(matches!(enrolment.phase, Phase::Waiting { .. }));
    }
    record
}

/// `$1` leads, `$2` now, `$3` every so-manieth is due, now or at `$6`, by turns; `$4` the version and
/// `$5` the step that all are at.
const FILL: [&str; 8] = [
    "CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) \
     SELECT i, 2305843009213693952 + i * 4096 AS lead, printf('lead-%08d@d%d.example.com', i, i % 5000) AS address, \
     printf('@d%d.example.com', i % 5000) AS domain, \
     CASE WHEN i % $3 > 0 THEN NULL WHEN (i / $3) % 2 = 0 THEN $2 ELSE $6 END AS due FROM n",
    "INSERT INTO leads (lead, address, domain, stage, stage_since, created_at, updated_at, profile, memory) \
     SELECT n.lead, n.address, n.domain, k.stage, $2 - 86400000, $2 - 8640000000, $2, k.profile, k.memory \
     FROM n INNER JOIN temp.kinds AS k ON k.kind = n.i % 16",
    "INSERT INTO addresses (domain, local, lead) SELECT domain, substr(address, 1, instr(address, '@') - 1), lead FROM n",
    // At odd instants, so that those who are due together stand far apart.
    "INSERT INTO lead_timer (lead, bucket, lane, wake_at, rev, reflected, attempts, stop_epoch, decided_at) \
     SELECT lead, i % 64, CASE WHEN due = $6 THEN 2 ELSE 1 END, CASE WHEN due IS NULL THEN $2 + 864000000 ELSE due END - (i * 7919) % $7, \
     CASE WHEN due IS NULL THEN 10 ELSE 11 END, 10, 0, 0, $2 - 86400000 FROM n",
    "INSERT INTO enrolments (lead, enrolment, workflow, version, status, step, visit, phase, entered_at, armed_at, due_at) \
     SELECT lead, 1, 'way-18', $4, 'active', $5, 1, 'waiting', $2 - 864000000, $2 - 86400000, \
     CASE WHEN due IS NULL THEN $2 + 864000000 ELSE $2 - 3600000 END FROM n",
    "INSERT INTO events (lead, rev, kind, object, occurred_at, recorded_at, judgement, data, source) \
     SELECT lead, 11, 'page.visited', '/customers', $2 - 3600000, $2 - 3600000, 'human', '{}', 'http' FROM n \
     WHERE due IS NOT NULL",
    "INSERT INTO messages (id, lead, enrolment, step, visit, recipient, kind, workflow, version, purpose, template, \
     priority, state, due_at, attempts, stop_epoch, created_at, settled_at, sent_at) \
     SELECT lead + 1, lead, 1, 'first', 1, '', 'marketing', 'way-18', $4, 'insights', 'cold/industry-report', 18, \
     'sent', $2 - 864000000, 1, 0, $2 - 864000000, $2 - 864000000, $2 - 864000000 FROM n",
    "INSERT INTO decision_log (lead, rev, line, at, what, workflow, step, reason) \
     SELECT lead, 9, 0, $2 - 864000000, 'reserved', 'way-18', 'first', 'cold/industry-report' FROM n",
];
