use nurtured::{
    domain::{id::LeadId, time::Instant},
    store::{
        Backlog, Batch,
        records::{Lane, NewEvent, Quota},
    },
};

use super::made::*;
use crate::support::databases::for_each_database;

#[tokio::test]
async fn leads_come_by_lane_and_spare_room_is_used() {
    for_each_database(async |db| {
        let names: Vec<String> = (0..12).map(|n| format!("l{n}@example.com")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut leads = import(&db.store, &names).await;
        leads.sort_unstable();
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        assert_eq!(batch.records.len(), 12);
        let mut writes: Vec<_> = batch.records.iter().map(write).collect();
        for (minutes, decision) in (1..).zip(&mut writes) {
            decision.wake_at = NOON + MINUTE * minutes;
        }
        db.store.commit(batch, writes, NOON).await.unwrap();
        assert_eq!(db.store.next_wake_at().await.unwrap(), NOON + MINUTE);
        let early = db.store.claim_due(NOON, &all()).await.unwrap();
        assert!(early.records.is_empty());
        drop(early);

        // One of them acts: it is among the first, and the timers take the room that the other lanes leave.
        let later = NOON + HOUR;
        db.store.record_events(&[clicked(leads[11])], NOON + MINUTE).await.unwrap();
        let quota = Quota { acts: 2, timers: 2, bulk: 1, sweep: 1 };
        let batch = db.store.claim_due(later, &quota).await.unwrap();
        assert_eq!(claimed(&batch), [&leads[..5], &leads[11..]].concat());
        sleep_all(&db.store, batch, later).await;
        let batch = db.store.claim_due(later, &quota).await.unwrap();
        assert_eq!(claimed(&batch), leads[5..11]);
        sleep_all(&db.store, batch, later).await;
        assert_eq!(db.store.next_wake_at().await.unwrap(), Instant::NEVER);
    })
    .await;
}

fn claimed(batch: &Batch) -> Vec<LeadId> {
    batch.records.iter().map(|record| record.lead).collect()
}

#[tokio::test]
async fn of_a_long_queue_the_oldest_are_looked_up_and_taken_as_their_rows_lie() {
    for_each_database(async |db| {
        let names: Vec<String> = (0..9).map(|n| format!("l{n}@example.com")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut leads = import(&db.store, &names).await;
        leads.sort_unstable();
        // The last is the oldest.
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        let mut writes: Vec<_> = batch.records.iter().map(write).collect();
        for (minutes, decision) in (1..).zip(writes.iter_mut().rev()) {
            decision.wake_at = NOON + MINUTE * minutes;
        }
        db.store.commit(batch, writes, NOON).await.unwrap();

        let later = NOON + HOUR;
        let quota = Quota::of(2);
        let mut backlog = Backlog::of(4);
        let first = db.store.claim_next(later, &quota, &mut backlog).await.unwrap();
        assert_eq!(claimed(&first), leads[5..9]);
        // Not committed yet, and not taken a second time.
        let second = db.store.claim_next(later, &quota, &mut backlog).await.unwrap();
        assert!(claimed(&second).iter().all(|lead| !claimed(&first).contains(lead)));
        sleep_all(&db.store, first, later).await;
        sleep_all(&db.store, second, later).await;

        // Of those who were looked up some have been decided since.
        let mut stale = Backlog::of(4);
        let batch = db.store.claim_next(later, &Quota::of(1), &mut stale).await.unwrap();
        drop(batch);
        loop {
            let batch = db.store.claim_due(later, &all()).await.unwrap();
            if batch.records.is_empty() {
                break;
            }
            sleep_all(&db.store, batch, later).await;
        }
        let batch = db.store.claim_next(later, &quota, &mut stale).await.unwrap();
        assert_eq!(claimed(&batch), []);
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
