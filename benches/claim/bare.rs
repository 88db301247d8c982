//! The same work without decisions: one claim, three loads, six writes, each for a whole batch, straight
//! on the database library. Nothing is read into types, nothing is checked but the rev.

use std::path::Path;

use serde_json::json;
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteSynchronous};

use crate::{base, busy::leads::NOW};

pub struct Bare {
    db: SqliteConnection,
    next: i64,
}

type Timer = (i64, i64, i64, i64, i64, i64, i64);
type Lead = (i64, String, String, i64, i64, String, Vec<u8>, Option<String>);

impl Bare {
    pub async fn open(file: &Path) -> Self {
        let options = base::connection(file)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("cache_size", "-65536")
            .pragma("wal_autocheckpoint", "4000");
        Self { db: options.connect().await.expect("a connection"), next: 1 << 40 }
    }

    /// One batch; returns how many leads.
    pub async fn turn(&mut self, batch: i64) -> usize {
        let db = &mut self.db;
        let late = base::late().millis();
        run(db, "BEGIN IMMEDIATE").await;
        let timers: Vec<Timer> = sqlx::query_as(
            "SELECT t.lead, t.wake_at, t.rev, t.reflected, t.attempts, t.stop_epoch, t.decided_at \
             FROM lead_timer AS t WHERE t.lane = 2 AND t.wake_at <= $1 AND (t.wake_at, t.lead) > ($2, 0) \
             ORDER BY t.wake_at, t.lead LIMIT $3",
        )
        .bind(late)
        .bind(i64::MIN)
        .bind(batch)
        .fetch_all(&mut *db)
        .await
        .expect("claimed");
        assert!(!timers.is_empty(), "all are done");
        let ids = json!(timers.iter().map(|timer| timer.0).collect::<Vec<_>>()).to_string();
        let leads: Vec<Lead> =
            sqlx::query_as(LOAD[0]).bind(&ids).fetch_all(&mut *db).await.expect("loaded");
        assert_eq!(leads.len(), timers.len());
        for statement in &LOAD[1..] {
            sqlx::query(*statement).bind(&ids).fetch_all(&mut *db).await.expect("loaded");
        }
        let revs: Vec<_> = timers
            .iter()
            .map(|timer| json!({ "lead": timer.0, "loaded": timer.2, "rev": timer.2 + 1 }))
            .collect();
        write(db, WRITE[0], json!(revs).to_string()).await;
        let memories: Vec<_> = leads.iter().map(|lead| json!({ "lead": lead.0 })).collect();
        write(db, WRITE[1], json!(memories).to_string()).await;
        let rows: Vec<_> = timers
            .iter()
            .map(|timer| {
                self.next += 1;
                json!({ "lead": timer.0, "rev": timer.2 + 1, "id": self.next })
            })
            .collect();
        let rows = json!(rows).to_string();
        for statement in &WRITE[2..] {
            write(db, statement, rows.clone()).await;
        }
        run(db, "COMMIT").await;
        timers.len()
    }
}

async fn run(db: &mut SqliteConnection, statement: &'static str) {
    sqlx::query(statement).execute(db).await.expect("done");
}

async fn write(db: &mut SqliteConnection, statement: &'static str, rows: String) {
    let written = sqlx::query(statement).bind(rows).bind(NOW.millis()).execute(db).await;
    assert!(written.expect("written").rows_affected() > 0, "{statement}");
}

const LOAD: [&str; 4] = [
    "SELECT l.lead, l.address, l.stage, l.stage_since, l.created_at, l.profile, l.memory, \
     COALESCE((SELECT s.reason FROM suppressions AS s WHERE s.subject = l.address), \
     (SELECT s.reason FROM suppressions AS s WHERE s.subject = l.domain)) AS suppressed \
     FROM leads AS l WHERE l.lead IN (SELECT j.value FROM json_each($1) AS j)",
    "SELECT * FROM enrolments AS e WHERE e.status = 'active' AND e.lead IN (SELECT j.value FROM json_each($1) AS j)",
    "SELECT * FROM messages AS m WHERE m.kind = 'marketing' \
     AND m.state IN ('reserved', 'claimed', 'transmitting', 'deferred') \
     AND m.lead IN (SELECT j.value FROM json_each($1) AS j)",
    "SELECT e.* FROM json_each($1) AS j INNER JOIN events AS e ON e.lead = j.value AND e.rev > 10",
];

const WRITE: [&str; 6] = [
    "WITH r AS MATERIALIZED (SELECT j.value ->> 'lead' AS lead, j.value ->> 'loaded' AS loaded, \
     j.value ->> 'rev' AS rev FROM json_each($1) AS j) \
     UPDATE lead_timer SET rev = r.rev, reflected = r.rev, wake_at = 9223372036854775807, decided_at = $2 \
     FROM r WHERE lead_timer.lead = r.lead AND lead_timer.rev = r.loaded",
    // The bytes that are there: JSON has none to bring others.
    "WITH r AS MATERIALIZED (SELECT j.value ->> 'lead' AS lead FROM json_each($1) AS j) \
     UPDATE leads AS t SET memory = substr(memory, 1), updated_at = $2 FROM r WHERE t.lead = r.lead",
    "WITH r AS MATERIALIZED (SELECT j.value ->> 'lead' AS lead FROM json_each($1) AS j) \
     UPDATE enrolments AS t SET step = 'next', phase = 'mailing', armed_at = $2, due_at = NULL \
     FROM r WHERE t.lead = r.lead AND t.enrolment = 1",
    "INSERT INTO messages (id, lead, enrolment, step, visit, recipient, kind, workflow, version, purpose, template, \
     priority, state, due_at, attempts, stop_epoch, created_at) SELECT j.value ->> 'id', j.value ->> 'lead', 1, \
     'next', 1, '', 'marketing', 'way-18', 'version', 'insights', 'cold/case-study', 18, 'reserved', $2, 0, 0, $2 \
     FROM json_each($1) AS j",
    "INSERT INTO decision_log (lead, rev, line, at, what, workflow, step, reason) SELECT j.value ->> 'lead', \
     j.value ->> 'rev', 0, $2, 'reserved', 'way-18', 'next', 'cold/case-study' FROM json_each($1) AS j",
    "INSERT INTO score_ledger (lead, rev, line, at, recorded_at, score, rule, points, reason) \
     SELECT j.value ->> 'lead', j.value ->> 'rev', 0, $2, $2, 'engagement', 'any-page', 2000, 'page.visited' \
     FROM json_each($1) AS j",
];
