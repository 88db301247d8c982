use nurtured::{
    domain::time::Instant,
    store::records::{Lane, NewEvent, Quota},
};

use super::made::*;
use crate::support::databases::for_each_database;

#[tokio::test]
async fn leads_come_by_lane_the_oldest_first_and_spare_room_is_used() {
    for_each_database(async |db| {
        let names: Vec<String> = (0..12).map(|n| format!("l{n}@example.com")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let leads = import(&db.store, &names).await;
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        assert_eq!(batch.records.len(), 12);
        let mut writes: Vec<_> = batch.records.iter().map(write).collect();
        for (minutes, decision) in (1..).zip(&mut writes) {
            decision.wake_at = NOON + MINUTE * minutes;
        }
        let by_wake: Vec<_> = writes.iter().map(|decision| decision.lead).collect();
        db.store.commit(batch, writes, NOON).await.unwrap();
        assert_eq!(db.store.next_wake_at().await.unwrap(), NOON + MINUTE);
        let early = db.store.claim_due(NOON, &all()).await.unwrap();
        assert!(early.records.is_empty());
        drop(early);

        // One of them acts: it is first, and the timers take the room that the other lanes leave.
        let later = NOON + HOUR;
        let actor = by_wake[11];
        assert!(leads.contains(&actor));
        db.store.record_events(&[clicked(actor)], NOON + MINUTE).await.unwrap();
        let quota = Quota { acts: 2, timers: 2, bulk: 1, sweep: 1 };
        let batch = db.store.claim_due(later, &quota).await.unwrap();
        let claimed: Vec<_> = batch.records.iter().map(|record| record.lead).collect();
        assert_eq!(claimed[0], actor);
        assert_eq!(claimed[1..], by_wake[..5]);
        sleep_all(&db.store, batch, later).await;
        let batch = db.store.claim_due(later, &quota).await.unwrap();
        let claimed: Vec<_> = batch.records.iter().map(|record| record.lead).collect();
        assert_eq!(claimed, by_wake[5..11]);
        sleep_all(&db.store, batch, later).await;
        assert_eq!(db.store.next_wake_at().await.unwrap(), Instant::NEVER);
    })
    .await;
}

#[tokio::test]
async fn an_event_keeps_a_due_lead_in_its_place_and_moves_it_to_the_better_lane() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@example.com", "b@example.com"]).await;
        // Both are due in the bulk lane since noon; a click does not send `a` to the back.
        let event = NewEvent { lane: Lane::Bulk, ..clicked(leads[0]) };
        db.store.record_events(&[event], NOON + MINUTE).await.unwrap();
        let bulk = Quota { acts: 0, timers: 0, bulk: 1, sweep: 0 };
        let batch = db.store.claim_due(NOON + MINUTE, &bulk).await.unwrap();
        assert_eq!(batch.records[0].lead, leads[0]);
        drop(batch);
        db.store.record_events(&[clicked(leads[1])], NOON + MINUTE).await.unwrap();
        let acts = Quota { acts: 1, timers: 0, bulk: 0, sweep: 0 };
        let batch = db.store.claim_due(NOON + MINUTE, &acts).await.unwrap();
        assert_eq!(batch.records[0].lead, leads[1]);
    })
    .await;
}

#[tokio::test]
async fn failed_tries_are_counted_and_a_decision_forgets_them() {
    for_each_database(async |db| {
        let lead = import(&db.store, &["a@example.com"]).await[0];
        assert_eq!(db.store.count_attempt(&[lead]).await.unwrap()[&lead], 1);
        assert_eq!(db.store.count_attempt(&[lead]).await.unwrap()[&lead], 2);
        assert_eq!(db.store.record(lead).await.unwrap().unwrap().attempts, 2);
        decide(&db.store, lead, |_| {}).await;
        assert_eq!(db.store.record(lead).await.unwrap().unwrap().attempts, 0);
    })
    .await;
}

#[tokio::test]
async fn a_parked_lead_stays_out_until_a_release() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@example.com", "b@example.com"]).await;
        db.store.park_lead(leads[0], "it panicked\0", NOON).await.unwrap();
        db.store.record_events(&[clicked(leads[0])], NOON).await.unwrap();
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        assert_eq!(batch.records.len(), 1);
        assert_eq!(batch.records[0].lead, leads[1]);
        sleep_all(&db.store, batch, NOON).await;
        assert_eq!(db.store.next_wake_at().await.unwrap(), Instant::NEVER);
        assert_eq!(db.store.census(NOON).await.unwrap().parked_leads, 1);
        assert!(db.store.lock_leads(&[leads[0]]).await.unwrap().records.is_empty());

        release(&db.store).await;
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        assert_eq!(batch.records[0].lead, leads[0]);
        assert_eq!(batch.records[0].new_events.len(), 2, "what came meanwhile was kept");
        drop(batch);
        assert_eq!(db.store.census(NOON).await.unwrap().parked_leads, 0);

        db.store.park_lead(leads[0], "again", NOON).await.unwrap();
        db.store.try_parked_again(NOON).await.unwrap();
        assert_eq!(db.store.census(NOON).await.unwrap().parked_leads, 0);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_batch_leaves_everything_as_it_was() {
    for_each_database(async |db| {
        let lead = import(&db.store, &["a@example.com"]).await[0];
        for _ in 0..3 {
            let batch = db.store.claim_due(NOON, &all()).await.unwrap();
            assert_eq!(batch.records[0].lead, lead);
            drop(batch);
            // PostgreSQL hears of a dropped transaction a moment later: waiting for its lock is enough.
            drop(db.store.lock_leads(&[lead]).await.unwrap());
            db.store.count_attempt(&[lead]).await.unwrap();
        }
        assert_eq!(db.store.record(lead).await.unwrap().unwrap().attempts, 3);
    })
    .await;
}
