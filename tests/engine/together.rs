//! Many at once: intake writes while deciders decide.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use nurtured::{
    domain::{event::EventKind, score::MilliPoints},
    store::{
        Store,
        records::{NewEvent, Recorded},
    },
};
use tokio::task::JoinSet;

use crate::support::{
    databases::{NOON, for_each_database},
    engine::{Campaign, Rig},
};

const LEADS: usize = 30;
const INTAKE: usize = 8;
/// Times each intake task comes by each lead: few enough that no score rule is at its cap.
const TURNS: usize = 3;

fn campaign() -> Campaign {
    Campaign::new()
        .file(
            "workflows/scoring.yaml",
            "scoring:\n  half_life: 30d\n  engagement:\n    - { name: saw, on: visited(), points: 1, cap: 32 }\n",
        )
        .workflow("visits", "enter:\n  event: page.visited\n  again: always\nsteps:\n  - tag: seen\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_event_is_reflected_and_none_twice() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let names: Vec<String> = (0..LEADS).map(|n| format!("l{n}@example.com")).collect();
        let leads = rig.leads(&names, &[]).await;
        rig.tick().await;
        let live = rig.engine.live().unwrap();

        let at_work = Arc::new(AtomicUsize::new(INTAKE));
        let mut tasks = JoinSet::new();
        for number in 0..INTAKE {
            let (leads, at_work) = (leads.clone(), Arc::clone(&at_work));
            // Half of them as if from another process.
            let store = if number % 2 == 0 {
                rig.store.clone()
            } else {
                Store::open(&db.url).await.unwrap()
            };
            tasks.spawn(async move {
                for turn in 0..TURNS {
                    for group in 0..LEADS / 3 {
                        // Three leads at once, each task in an order of its own.
                        let first = (group * 3 + number * 7 + turn) % LEADS;
                        let visits: Vec<NewEvent> =
                            [first, (first + 1) % LEADS, (first + 2) % LEADS]
                                .iter()
                                .map(|&index| {
                                    NewEvent::new(
                                        leads[index],
                                        EventKind::PAGE_VISITED,
                                        NOON,
                                        "test",
                                    )
                                })
                                .collect();
                        let recorded = store.record_events(&visits, NOON).await.unwrap();
                        assert!(recorded.iter().all(|r| matches!(r, Recorded::New { .. })));
                    }
                }
                at_work.fetch_sub(1, Ordering::SeqCst);
            });
        }
        for _ in 0..4 {
            let (engine, live, at_work) =
                (Arc::clone(&rig.engine), Arc::clone(&live), Arc::clone(&at_work));
            tasks.spawn(async move {
                loop {
                    let done = at_work.load(Ordering::SeqCst) == 0;
                    let decided = engine.decide_due(&live, NOON).await.unwrap();
                    if done && decided.claimed == 0 {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            });
        }
        tasks.join_all().await;
        rig.tick().await;

        let visits = INTAKE * TURNS;
        for &lead in &leads {
            assert_eq!(rig.events(lead, &EventKind::PAGE_VISITED).await.len(), visits);
            let record = rig.record(lead).await;
            assert!(record.new_events.is_empty());
            let fact = &record.memory.facts["page.visited"];
            assert_eq!(fact.count as usize, visits);
            let ledger = rig.store.ledger(lead).await.unwrap();
            let points: i64 = ledger.iter().map(|row| row.line.points.0).sum();
            assert_eq!(points, MilliPoints::points(visits.try_into().unwrap()).0, "{ledger:#?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_overtaken_while_looked_at_is_decided_all_the_same() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let lead = rig.leads(&["busy@example.com".to_owned()], &[]).await[0];
        rig.tick().await;
        let live = rig.engine.live().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for _ in 0..3 {
            let (store, stop) = (rig.store.clone(), Arc::clone(&stop));
            tasks.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let visit = NewEvent::new(lead, EventKind::PAGE_VISITED, NOON, "test");
                    store.record_events(&[visit], NOON).await.unwrap();
                }
            });
        }
        // Where leads are locked from the claim on nobody is overtaken.
        let (mut overtaken, enough) = (0, if db.name == "sqlite" { 3 } else { 0 });
        for round in 0.. {
            assert!(round < 5_000, "overtaken {overtaken} times");
            let decided = rig.engine.decide_due(&live, NOON).await.unwrap();
            assert_eq!(decided.decided, decided.claimed, "{decided:?}");
            overtaken += decided.lost;
            if round >= 20 && overtaken >= enough {
                break;
            }
        }
        stop.store(true, Ordering::SeqCst);
        tasks.join_all().await;
    })
    .await;
}
