use nurtured::domain::id::EnrolmentNo;

use super::{made::*, schema::behind};
use crate::support::databases::for_each_database;

#[tokio::test]
async fn an_unreadable_lead_is_named_and_parked_and_the_others_go_on() {
    for_each_database(async |db| {
        let names = ["a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example"];
        let leads = import(&db.store, &names).await;
        for &lead in &leads {
            let mut event = clicked(lead);
            event.about = Some(about(1, "hello"));
            db.store.record_events(&[event], NOON).await.unwrap();
        }
        decide(&db.store, leads[2], |decision| decision.enrolments.push(entered(1))).await;
        db.store.record_events(&[clicked(leads[2])], NOON).await.unwrap();
        behind(db, "UPDATE leads SET profile = '{' WHERE address = 'a@x.example'").await;
        behind(db, "UPDATE leads SET memory = 'null' WHERE address = 'b@x.example'").await;
        behind(db, "UPDATE enrolments SET phase = 'waiting'").await;
        behind(
            db,
            "UPDATE events SET about = 'zzz' WHERE about IS NOT NULL AND lead = \
             (SELECT lead FROM leads WHERE address = 'd@x.example')",
        )
        .await;

        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        assert_eq!(batch.records.len(), 1);
        assert_eq!(batch.records[0].lead, leads[4]);
        let mut corrupt = batch.corrupt.clone();
        corrupt.sort();
        let expected = [
            (leads[0], "table `leads`, column `profile`"),
            (leads[1], "table `leads`, column `memory`"),
            (leads[2], "table `enrolments`, column `due_at`"),
            (leads[3], "table `events`, column `about`"),
        ];
        for ((lead, reason), (expected_lead, start)) in corrupt.iter().zip(expected) {
            assert_eq!(*lead, expected_lead);
            assert!(reason.starts_with(start), "{reason}");
            assert!(reason.contains(&lead.to_string()), "{reason}");
        }
        assert_eq!(corrupt.len(), 4);
        sleep_all(&db.store, batch, NOON).await;
        assert_eq!(db.store.census(NOON).await.unwrap().parked_leads, 4);
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        assert!(batch.records.is_empty() && batch.corrupt.is_empty());
        drop(batch);
        let error = db.store.record(leads[0]).await.unwrap_err();
        assert!(error.to_string().contains("column `profile`"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn an_unreadable_history_sets_its_lead_aside() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@x.example", "b@x.example"]).await;
        decide(&db.store, leads[0], |_| {}).await;
        behind(
            db,
            "UPDATE events SET data = '{' WHERE lead = \
             (SELECT lead FROM leads WHERE address = 'a@x.example')",
        )
        .await;
        let mut batch = db.store.lock_leads(&leads).await.unwrap();
        assert_eq!(batch.records.len(), 2, "reflected events are not loaded");
        let histories = db.store.history(&mut batch, &leads).await.unwrap();
        assert_eq!(histories.keys().copied().collect::<Vec<_>>(), [leads[1]]);
        assert_eq!(batch.corrupt[0].0, leads[0]);
        assert_eq!(batch.records.len(), 1);
        sleep_all(&db.store, batch, NOON).await;
        assert_eq!(db.store.census(NOON).await.unwrap().parked_leads, 1);
    })
    .await;
}

#[tokio::test]
async fn an_unreadable_message_or_enrolment_keeps_no_other_one() {
    for_each_database(async |db| {
        let (bad, damaged) = lead_with_mail(&db.store, "a@x.example").await;
        let (good, whole) = lead_with_mail(&db.store, "b@x.example").await;
        behind(
            db,
            "UPDATE messages SET visit = -1 WHERE lead = \
             (SELECT lead FROM leads WHERE address = 'a@x.example')",
        )
        .await;
        behind(
            db,
            "UPDATE enrolments SET phase = 'waiting' WHERE lead = \
             (SELECT lead FROM leads WHERE address = 'a@x.example')",
        )
        .await;
        let briefs = db.store.message_briefs(&[damaged, whole]).await.unwrap();
        assert_eq!(briefs.keys().copied().collect::<Vec<_>>(), [whole]);
        let of = [(bad, EnrolmentNo(1)), (good, EnrolmentNo(1))];
        let enrolments = db.store.these_enrolments(&of).await.unwrap();
        assert_eq!(enrolments.keys().copied().collect::<Vec<_>>(), of[1..]);
        assert_eq!(claim(&db.store, NOON, TOKEN).await, [whole]);
    })
    .await;
}
