use nurtured::{
    domain::{
        id::LeadId,
        lead::{Ended, Outcome},
        time::Instant,
    },
    store::{
        Store,
        records::{Quota, SweepProgress},
    },
};

use super::made::*;
use crate::support::databases::for_each_database;

const NONE: SweepProgress = SweepProgress { woken: 0, done: true };

#[tokio::test]
async fn a_sweep_wakes_every_sleeping_lead_in_steps_and_goes_on_after_a_restart() {
    for_each_database(async |db| {
        let names: Vec<String> = (0..10).map(|n| format!("l{n}@example.com")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let leads = import(&db.store, &names).await;
        assert_eq!(db.store.sweep_step(4, NOON).await.unwrap(), NONE);
        for &lead in &leads[1..9] {
            decide(&db.store, lead, |_| {}).await;
        }
        release(&db.store).await;
        db.store.park_lead(leads[9], "poison", NOON).await.unwrap();
        let first = db.store.sweep_step(4, NOON).await.unwrap();
        assert_eq!(
            first,
            SweepProgress { woken: 3, done: false },
            "the first lead was due already"
        );

        let restarted = nurtured::store::Store::open(&db.url).await.unwrap();
        let second = restarted.sweep_step(4, NOON).await.unwrap();
        assert_eq!(second, SweepProgress { woken: 4, done: false });
        let third = restarted.sweep_step(4, NOON).await.unwrap();
        assert_eq!(third, SweepProgress { woken: 1, done: true }, "and not the parked one");
        assert_eq!(restarted.sweep_step(4, NOON).await.unwrap(), NONE);
        let sweep = Quota { acts: 0, timers: 0, bulk: 0, sweep: 100 };
        let batch = restarted.claim_due(NOON, &sweep).await.unwrap();
        assert_eq!(batch.records.len(), 8);
        sleep_all(&restarted, batch, NOON).await;
        restarted.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_newer_release_ends_the_sweep_of_an_older_one() {
    for_each_database(async |db| {
        let lead = settled_lead(&db.store, "a@example.com").await;
        release(&db.store).await;
        release(&db.store).await;
        let step = db.store.sweep_step(100, NOON).await.unwrap();
        assert_eq!(step, SweepProgress { woken: 1, done: true });
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        assert_eq!(batch.records[0].lead, lead);
        sleep_all(&db.store, batch, NOON).await;
        db.store.sweep_step(100, NOON).await.unwrap();
        assert_eq!(db.store.next_wake_at().await.unwrap(), Instant::NEVER);
    })
    .await;
}

/// Leads in the workflow `reawaken`, asleep.
async fn leads_inside(store: &Store, count: usize) -> Vec<LeadId> {
    let names: Vec<String> = (0..count).map(|n| format!("in{n}@example.com")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let leads = import(store, &names).await;
    for &lead in &leads {
        decide(store, lead, |decision| decision.enrolments.push(entered(1))).await;
    }
    leads
}

#[tokio::test]
async fn a_pause_and_its_end_wake_the_leads_in_the_workflow_in_steps_and_no_others() {
    for_each_database(async |db| {
        let leads = leads_inside(&db.store, 5).await;
        settled_lead(&db.store, "outside@example.com").await;
        // One has left, one is in twice, one is parked.
        decide(&db.store, leads[0], |decision| {
            let mut left = entered(1);
            let outcome = Outcome::Left;
            left.is_new = false;
            left.ended = Some(Ended { at: NOON, outcome, reason: String::new() });
            decision.enrolments.push(left);
        })
        .await;
        decide(&db.store, leads[1], |decision| decision.enrolments.push(entered(2))).await;
        db.store.park_lead(leads[4], "poison", NOON).await.unwrap();
        assert!(!db.store.has_open_sweep().await.unwrap());
        db.store.pause(&"reawaken".into(), "ops", NOON).await.unwrap();
        for pause in [true, false] {
            if !pause {
                db.store.resume(&"reawaken".into(), NOON).await.unwrap();
            }
            assert!(db.store.has_open_sweep().await.unwrap());
            let first = db.store.sweep_step(2, NOON).await.unwrap();
            assert_eq!(first, SweepProgress { woken: 2, done: false });
            let restarted = Store::open(&db.url).await.unwrap();
            let second = restarted.sweep_step(2, NOON).await.unwrap();
            assert_eq!(second, SweepProgress { woken: 1, done: false });
            let third = restarted.sweep_step(2, NOON).await.unwrap();
            assert_eq!(third, SweepProgress { woken: 0, done: false });
            assert_eq!(restarted.sweep_step(2, NOON).await.unwrap(), NONE);
            assert!(!restarted.has_open_sweep().await.unwrap());
            let bulk = Quota { acts: 0, timers: 0, bulk: 100, sweep: 0 };
            let batch = restarted.claim_due(NOON, &bulk).await.unwrap();
            let woken: Vec<LeadId> = batch.records.iter().map(|record| record.lead).collect();
            assert_eq!(woken, leads[1..4]);
            assert_eq!(batch.paused.workflows.contains("reawaken"), pause);
            sleep_all(&restarted, batch, NOON).await;
            restarted.close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn other_rules_of_time_zones_begin_a_sweep() {
    for_each_database(async |db| {
        settled_lead(&db.store, "a@example.com").await;
        release(&db.store).await;
        while !db.store.sweep_step(100, NOON).await.unwrap().done {}
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        sleep_all(&db.store, batch, NOON).await;
        assert!(!db.store.note_zone_rules(1).await.unwrap(), "the first that are known");
        assert!(!db.store.note_zone_rules(1).await.unwrap());
        assert_eq!(db.store.sweep_step(100, NOON).await.unwrap(), NONE);
        assert!(db.store.note_zone_rules(2).await.unwrap());
        assert!(!db.store.note_zone_rules(2).await.unwrap());
        assert_eq!(db.store.sweep_step(100, NOON).await.unwrap().woken, 1);
    })
    .await;
}
