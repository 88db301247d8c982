use std::collections::BTreeSet;

use nurtured::{
    domain::{
        allocator::Taken,
        id::LeadId,
        name::Name,
        pace::{Line, Per, Rate},
    },
    store::{Batch, Store, records::Quota},
};

use super::made::*;
use crate::support::databases::for_each_database;

fn all() -> Line {
    Line { name: "all".into(), rate: Rate { mails: 60, per: Per::Minute } }
}

async fn look(store: &Store, batch: &mut Batch, lead: LeadId, head: i64) -> Option<i64> {
    let heads = store.line_heads(batch, &BTreeSet::from([Name::new("all")])).await.unwrap();
    batch.shared.taken.push(Taken { lead, line: "all".into(), head });
    heads.get("all").copied().filter(|head| *head != 0)
}

#[tokio::test]
async fn places_are_taken_one_after_the_other() {
    for_each_database(async |db| {
        let mails = vec![vec![all()], Vec::new(), vec![all()]];
        let slots = db.store.line_up(&mails, NOON).await.unwrap();
        assert_eq!(slots, [NOON, NOON, NOON + MINUTE / 60]);
        assert_eq!(db.store.line_up(&[vec![all()]], NOON).await.unwrap(), [NOON + MINUTE / 30]);
        assert_eq!(db.store.line_up(&[], NOON).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn who_was_given_a_place_that_another_took_is_not_written() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@x.example", "b@x.example"]).await;
        let mut batch = db.store.lock_leads(&leads[..1]).await.unwrap();
        assert_eq!(look(&db.store, &mut batch, leads[0], 7_000_000).await, None);
        let decided = write(&batch.records[0]);
        assert!(db.store.commit(batch, vec![decided], NOON).await.unwrap().lost.is_empty());

        let mut slow = db
            .store
            .claim_due(NOON, &Quota { acts: 0, timers: 0, bulk: 2, sweep: 0 })
            .await
            .unwrap();
        let lead = slow.records[0].lead;
        assert_eq!(look(&db.store, &mut slow, lead, 9_000_000).await, Some(7_000_000));
        let decided = write(&slow.records[0]);
        if slow.is_locked {
            // The line is locked with the leads: nobody is faster.
            assert!(db.store.commit(slow, vec![decided], NOON).await.unwrap().lost.is_empty());
        } else {
            db.store.line_up(&[vec![all()]], NOON).await.unwrap();
            assert_eq!(db.store.commit(slow, vec![decided], NOON).await.unwrap().lost, [lead]);
        }
    })
    .await;
}
