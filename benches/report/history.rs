//! What a workflow has come to with so many messages, made by a few statements: half of its enrolments are
//! under way, on each step some; mails that were sent, refused and are in doubt; opens and clicks by people
//! and machines.

use std::path::Path;

use nurtured::domain::{
    definitions::Definitions,
    time::Instant,
    workflow::{StepKind, Workflow},
};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::busy::leads::NOW;

pub const WAY: &str = "way-18";

/// Mails that each lead got.
const MAILS: usize = 4;

const DAY: i64 = 86_400_000;

/// Half of them have entered later.
pub fn middle() -> Instant {
    Instant::from_millis(NOW.millis() - 50 * DAY)
}

/// How many of so many messages the relay took.
pub fn sent(messages: usize) -> usize {
    let leads = messages / MAILS;
    // As the statement has it: of each mail of a lead whose number ends so.
    MAILS
        * (0..100)
            .filter(|ending| ![17, 49, 83].contains(ending))
            .map(|ending| leads / 100 + usize::from(ending < leads % 100))
            .sum::<usize>()
}

pub async fn fill(file: &Path, definitions: &Definitions, messages: usize) {
    let workflow = &definitions.workflow(WAY).expect("it is there").workflow;
    let mut db = connect(file, SqliteSynchronous::Off, "-500000").await;
    let leads = i64::try_from(messages / MAILS).expect("fits");
    run(&mut db, "BEGIN", leads, "", "", 0).await;
    run(&mut db, NUMBERS, leads, "", "", 0).await;
    let version = workflow.version.0.as_str();
    steps(&mut db, workflow).await;
    run(&mut db, ENROLMENTS, leads, version, "", 0).await;
    let mails = workflow.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Email { .. } => Some(step.id.clone()),
        _ => None,
    });
    let mails: Vec<_> = mails.collect();
    assert_eq!(mails.len(), MAILS);
    for (number, step) in (0..).zip(&mails) {
        run(&mut db, MESSAGES, leads, version, step, number).await;
        for statement in EVENTS {
            run(&mut db, statement, leads, version, step, number).await;
        }
    }
    sqlx::raw_sql("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut db).await.expect("done");
    db.close().await.expect("closed");
}

/// The steps by number, each with the turns of a way that leads there.
async fn steps(db: &mut SqliteConnection, workflow: &Workflow) {
    let create =
        "CREATE TEMP TABLE steps (number BIGINT PRIMARY KEY, step TEXT, turns TEXT, phase TEXT)";
    sqlx::query(create).execute(&mut *db).await.expect("made");
    let branches = workflow.steps.iter().flat_map(|step| {
        let mut kind = step.kind.clone();
        let branches: Vec<_> = kind.branches_mut().into_iter().filter_map(|to| *to).collect();
        let to = branches.into_iter().filter(|to| Some(*to) != step.next);
        to.map(|to| (step.id.clone(), workflow.steps.get(to).id.clone())).collect::<Vec<_>>()
    });
    let branches: Vec<_> = branches.collect();
    for (number, step) in (0_i64..).zip(workflow.steps.iter()) {
        let straight = [vec![]].into_iter();
        let ways = straight.chain(branches.iter().map(|turn| vec![turn.clone()]));
        let turns = ways.into_iter().find(|turns| workflow.steps.way(turns, &step.id).is_some());
        let turns = turns.expect("a way with one turn at most");
        let turns = (!turns.is_empty()).then(|| serde_json::to_string(&turns).expect("JSON"));
        let phase = match step.kind {
            StepKind::Email { .. } => "ready",
            _ => "waiting",
        };
        sqlx::query("INSERT INTO steps VALUES ($1, $2, $3, $4)")
            .bind(number)
            .bind(step.id.as_str())
            .bind(turns)
            .bind(phase)
            .execute(&mut *db)
            .await
            .expect("written");
    }
}

async fn run(
    db: &mut SqliteConnection,
    statement: &'static str,
    leads: i64,
    version: &str,
    step: &str,
    number: i64,
) {
    sqlx::query(statement)
        .bind(leads)
        .bind(NOW.millis())
        .bind(version)
        .bind(step)
        .bind(number)
        .execute(db)
        .await
        .unwrap_or_else(|error| panic!("{error}: {statement}"));
}

async fn connect(
    file: &Path,
    synchronous: SqliteSynchronous,
    cache: &'static str,
) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .pragma("cache_size", cache)
        .disable_statement_logging()
        .connect()
        .await
        .expect("a connection")
}

/// The other side: how many rows there are of what, by the database library alone.
pub struct Bare(SqliteConnection);

impl Bare {
    pub async fn open(file: &Path) -> Self {
        Self(connect(file, SqliteSynchronous::Full, "-8192").await)
    }

    pub async fn count(&mut self) {
        for statement in [
            "SELECT workflow, step, state, COUNT(*) FROM messages GROUP BY workflow, step, state",
            "SELECT kind, judgement, COUNT(*) FROM events GROUP BY kind, judgement",
            "SELECT workflow, version, step, status, COUNT(*) FROM enrolments GROUP BY workflow, version, step, status",
        ] {
            let rows = sqlx::query(statement).fetch_all(&mut self.0).await.expect("counted");
            assert!(!rows.is_empty());
        }
    }
}

const NUMBERS: &str = "CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS \
    (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) \
    SELECT i, 2305843009213693952 + i * 4096 AS lead FROM n";

const ENROLMENTS: &str = "INSERT INTO enrolments (lead, enrolment, workflow, version, status, step, visit, \
    phase, entered_at, armed_at, due_at, held, ended_at, reason, turns) \
    SELECT n.lead, 1, 'way-18', $3, CASE WHEN n.i % 2 = 0 THEN 'active' WHEN n.i % 6 = 1 THEN 'left' \
    WHEN n.i % 6 = 3 THEN 'goal' ELSE 'finished' END, s.step, 1, s.phase, $2 - (n.i % 100) * 86400000, $2, $2 + 86400000, \
    CASE WHEN n.i % 2 = 0 AND s.phase = 'ready' THEN '[' || ($2 + (n.i % 3) * 3600000) || \
    ',\"outside of the window mon-fri 09:00-17:30 in Europe/Rome\"]' END, \
    CASE WHEN n.i % 2 = 1 THEN $2 END, \
    CASE WHEN n.i % 2 = 0 THEN NULL WHEN n.i % 6 = 1 THEN 'replied()' WHEN n.i % 6 = 3 THEN 'stage in [\"sql\", \"customer\"]' \
    ELSE 'came to the end' END, s.turns \
    FROM n INNER JOIN temp.steps AS s ON s.number = (n.i * 7919) % (SELECT COUNT(*) FROM temp.steps)";

/// Of each hundred one is refused, one in doubt and one withdrawn.
const MESSAGES: &str = "INSERT INTO messages (id, lead, enrolment, step, visit, recipient, kind, workflow, \
    version, purpose, template, priority, state, due_at, attempts, stop_epoch, relay, created_at, \
    first_tried_at, settled_at, sent_at) \
    SELECT 2305843009213693952 + ($5 * $1 + i) * 4096, lead, 1, $4, 1, '', 'marketing', 'way-18', $3, \
    'insights', 'cold/industry-report', 18, CASE i % 100 WHEN 17 THEN 'failed' WHEN 49 THEN 'in_doubt' \
    WHEN 83 THEN 'cancelled' ELSE 'sent' END, $2 - 5000, 1, 0, 'main', $2 - 5000, $2 - 4000, $2 - 3000, $2 - 3000 FROM n";

/// What each lead was told, and what came back: every third mail is opened by a person, every seventh by a
/// machine; every fifteenth clicked by a person, every tenth by a machine; some pages are visited.
const EVENTS: [&str; 6] = [
    "INSERT INTO events (lead, rev, kind, object, occurred_at, recorded_at, judgement, message, about, data, source) \
     SELECT lead, 10 + $5 * 10, 'mail.sent', 'cold/industry-report', $2 - 3000, $2 - 3000, 'human', \
     2305843009213693952 + ($5 * $1 + i) * 4096, '{\"enrolment\":1,\"step\":\"' || $4 || '\",\"visit\":1}', \
     '{\"purpose\":{\"text\":\"insights\"},\"workflow\":{\"text\":\"way-18\"}}', 'delivery' FROM n",
    "INSERT INTO events (lead, rev, kind, object, occurred_at, recorded_at, judgement, settles_at, message, data, \
     source, workflow, step) SELECT lead, 11 + $5 * 10, 'mail.opened', 'cold/industry-report', $2 - 2000, $2 - 2000, \
     'unsure', $2 - 1000, 2305843009213693952 + ($5 * $1 + i) * 4096, '{}', 'http', 'way-18', $4 FROM n WHERE i % 3 = 0",
    "INSERT INTO events (lead, rev, kind, object, occurred_at, recorded_at, judgement, message, data, source, \
     workflow, step) SELECT lead, 12 + $5 * 10, 'mail.opened', 'cold/industry-report', $2 - 2500, $2 - 2500, 'machine', \
     2305843009213693952 + ($5 * $1 + i) * 4096, '{\"because\":{\"text\":\"early\"}}', 'http', 'way-18', $4 FROM n WHERE i % 7 = 0",
    "INSERT INTO events (lead, rev, kind, object, occurred_at, recorded_at, judgement, settles_at, message, data, \
     source, workflow, step) SELECT lead, 13 + $5 * 10, 'mail.clicked', 'cold/industry-report', $2 - 2000, $2 - 2000, \
     'unsure', $2 - 1000, 2305843009213693952 + ($5 * $1 + i) * 4096, '{\"url\":{\"text\":\"https://www.example.com/a\"}}', \
     'http', 'way-18', $4 FROM n WHERE i % 15 = 0",
    "INSERT INTO events (lead, rev, kind, object, occurred_at, recorded_at, judgement, message, data, source, \
     workflow, step) SELECT lead, 14 + $5 * 10, 'mail.clicked', 'cold/industry-report', $2 - 2500, $2 - 2500, 'machine', \
     2305843009213693952 + ($5 * $1 + i) * 4096, '{\"url\":{\"text\":\"https://www.example.com/a\"}}', 'http', 'way-18', $4 \
     FROM n WHERE i % 10 = 0",
    "INSERT INTO events (lead, rev, kind, object, occurred_at, recorded_at, judgement, data, source) \
     SELECT lead, 15 + $5 * 10, 'page.visited', '/pricing', $2 - 1000, $2 - 1000, 'human', '{}', 'http' FROM n WHERE i % 4 = 0",
];
