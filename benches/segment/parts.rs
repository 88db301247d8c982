//! The parts of the work, each alone: reading what is known of all leads, making it into states, evaluating.

use std::{cell::Cell, hint::black_box, path::Path};

use nurtured::domain::{
    condition::View,
    definitions::Definitions,
    lead::{LeadState, Memory},
    time::Instant,
};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection, sqlite::SqliteSynchronous};

use crate::{
    base,
    busy::leads::{self, NOW},
    stopwatch::Stopwatch,
};

/// One of these pages at a time, over the last hundred days.
const PAGES: &str = "CASE (n.lead / 4096 + k.number) % 3 WHEN 0 THEN '/pricing' WHEN 1 THEN '/blog' ELSE '/roadmap' END";

/// So many events for each lead, before those that its state knows by number.
pub async fn add_events(file: &Path, leads: usize, each: usize) {
    let options = base::connection(file).synchronous(SqliteSynchronous::Off);
    let mut db = options.pragma("cache_size", "-500000").connect().await.expect("a connection");
    let statement = format!(
        "INSERT INTO events (lead, rev, kind, object, occurred_at, recorded_at, judgement, data, source) \
         WITH RECURSIVE k(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM k WHERE number < $1) \
         SELECT n.lead, k.number, 'page.visited', {PAGES}, $2 - ((n.lead / 4096 + k.number * 17) % 100) * 86400000, \
         $2 - ((n.lead / 4096 + k.number * 17) % 100) * 86400000, 'human', '{{}}', 'http' \
         FROM leads AS n CROSS JOIN k"
    );
    let added = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(i64::try_from(each).expect("few"))
        .bind(NOW.millis())
        .execute(&mut db)
        .await
        .expect("added");
    assert_eq!(usize::try_from(added.rows_affected()).expect("fits"), leads * each);
    // Nothing is swept but by a release that comes.
    for statement in [
        "UPDATE sweeps SET done = true",
        "UPDATE lead_timer SET decided_release = (SELECT MAX(release) FROM releases), wake_at = $1, lane = 1",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    ] {
        let later = NOW.millis() + 864_000_000;
        sqlx::query(statement).bind(later).execute(&mut db).await.expect("done");
    }
    db.close().await.expect("closed");
}

pub async fn alone(file: &Path, definitions: &Definitions) {
    let options = base::connection(file).pragma("cache_size", "-16384");
    let mut db: SqliteConnection = options.connect().await.expect("a connection");
    let watch = Stopwatch::start();
    let bytes = sqlx::query("SELECT COUNT(*), SUM(length(memory) + length(profile)) FROM leads")
        .fetch_one(&mut db)
        .await
        .expect("read");
    let (leads, bytes): (i64, i64) = (bytes.get(0), bytes.get(1));
    let leads = usize::try_from(leads).expect("fits");
    print(&format!("reading them, {} MB", bytes >> 20), leads, &watch);

    let states = leads::at_rest(definitions, 400);
    let stored: Vec<Vec<u8>> = states
        .iter()
        .map(|state| {
            let memory = state.memory(definitions, nurtured::domain::id::Rev(10));
            memory.pack(Vec::new()).expect("packed")
        })
        .collect();
    let rounds = 100;
    let watch = Stopwatch::start();
    for bytes in stored.iter().cycle().take(rounds * stored.len()) {
        black_box(Memory::unpack(bytes).expect("a memory"));
    }
    print("making them into memories", rounds * stored.len(), &watch);
    let texts: Vec<String> = stored
        .iter()
        .map(|bytes| {
            serde_json::to_string(&Memory::unpack(bytes).expect("a memory")).expect("JSON")
        })
        .collect();
    let watch = Stopwatch::start();
    for text in texts.iter().cycle().take(rounds * texts.len()) {
        black_box(Memory::unpack(text.as_bytes()).expect("a memory"));
    }
    print("the same of JSON, as before", rounds * texts.len(), &watch);

    let watch = Stopwatch::start();
    for state in states.iter().cycle().take(rounds * states.len()) {
        evaluate(definitions, state);
    }
    print("evaluating a segment", rounds * states.len(), &watch);
}

fn print(what: &str, leads: usize, watch: &Stopwatch) {
    let (wall, _) = watch.lap().rates(leads);
    println!("{what:<33} {wall:>9.0} leads/s");
}

/// The segment of those who looked at prices, as one of many.
fn evaluate(definitions: &Definitions, state: &LeadState) {
    let known: [Cell<_>; 0] = [];
    let view = View {
        now: NOW,
        since: Instant::DAWN,
        entry: None,
        attributes: &state.attributes,
        tags: &state.tags,
        stage: state.stage,
        stage_since: state.stage_since,
        facts: &state.facts,
        profiled: true,
        scoring: &definitions.scoring,
        segments: &definitions.segments,
        known_segments: &known,
        worked: None,
        missing: &[],
    };
    let segment = definitions.segment("priced").expect("it is there");
    black_box(segment.condition.verdict(&view));
}
