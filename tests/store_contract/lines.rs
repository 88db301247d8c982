use std::collections::BTreeSet;

use nurtured::{
    domain::{
        allocator::Taken,
        id::LeadId,
        name::Name,
        pace::{Answer, Line, Opening, Per, Rate},
    },
    store::{Asked, Backlog, Batch, Legacy, Store, records::Quota},
};

use super::made::*;
use crate::support::databases::for_each_database;

fn all() -> Line {
    Line::rate("all", Rate { mails: 60, per: Per::Minute })
}

fn asked(lines: Vec<Line>, has_turn: bool) -> Asked<'static> {
    Asked { lines, has_turn, opening: Opening::default() }
}

async fn look(store: &Store, batch: &mut Batch, lead: LeadId, head: i64) -> Option<i64> {
    let heads = store.line_heads(batch, &BTreeSet::from([Name::new("all")])).await.unwrap();
    batch.shared.taken.push(Taken { lead, line: "all".into(), head });
    heads.get("all").copied().filter(|head| *head != 0)
}

#[tokio::test]
async fn places_are_taken_one_after_the_other() {
    for_each_database(async |db| {
        let (all, other) = (|| asked(vec![all()], false), asked(Vec::new(), false));
        let mails = [all(), other, all(), all(), all()];
        let answers = db.store.line_up(&mails, NOON).await.unwrap();
        let at = |seconds: u32| NOON + seconds * MINUTE / 60;
        // The next may leave within a second; who has to wait longer is told a turn.
        let line = &mails[0].lines[0];
        let wait = |seconds| Answer::Wait(at(seconds), line);
        assert_eq!(
            answers,
            [Answer::Go(at(0)), Answer::Go(NOON), Answer::Go(at(1)), wait(2), wait(3)]
        );
        // Who has come to its turn goes before newcomers, and nobody leaves before the line lets them.
        let again = [asked(vec![line.clone()], true), all()];
        assert_eq!(db.store.line_up(&again, at(2)).await.unwrap(), [Answer::Go(at(2)), wait(4)]);
        assert_eq!(db.store.line_up(&[], NOON).await.unwrap(), []);
        let names = BTreeSet::from(["all".into(), "nobody's".into()]);
        let heads = db.store.where_lines_begin(&names).await.unwrap();
        assert_eq!(
            heads.into_iter().collect::<Vec<_>>(),
            [("all".into(), at(3).millis() * 1000 - 999)]
        );
        // Who cannot wait so long takes no turn from others.
        let brief = Opening { closes: Some(at(4)), window: None };
        let brief = Asked { opening: brief, ..all() };
        let brief = [brief, all()];
        let answers = db.store.line_up(&brief, at(3)).await.unwrap();
        assert_eq!(answers, [Answer::Full(at(4), line), wait(5)]);
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
            db.store.line_up(&[asked(vec![all()], false)], NOON).await.unwrap();
            assert_eq!(db.store.commit(slow, vec![decided], NOON).await.unwrap().lost, [lead]);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_decided_ahead_stands_behind_those_who_are_still_to_be_written() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@x.example", "b@x.example", "c@x.example"]).await;
        let (quota, mut backlog) =
            (Quota { acts: 0, timers: 0, bulk: 1, sweep: 0 }, Backlog::default());
        let glimpsed = db.store.glimpse(&leads[1..]).await.unwrap();
        let found: Vec<LeadId> = glimpsed.records.iter().map(|record| record.lead).collect();
        assert_eq!((found, glimpsed.is_locked), (leads[1..].to_vec(), false));
        glimpsed.give_back().await.unwrap();
        let mut first = db.store.claim_next(NOON, &quota, &mut backlog).await.unwrap();
        if first.is_locked {
            // Where leads are locked nothing is decided ahead.
            return first.give_back().await.unwrap();
        }
        let looked_at = db.store.glimpse(&leads[1..]).await.unwrap();
        let found: Vec<LeadId> = looked_at.records.iter().map(|record| record.lead).collect();
        assert_eq!((found, looked_at.is_locked), (leads[1..].to_vec(), false));
        looked_at.give_back().await.unwrap();
        let lead = first.records[0].lead;
        assert_eq!(look(&db.store, &mut first, lead, 7_000_000).await, None);
        let mut ahead = async |legacy: Legacy, head| {
            let mut batch = db.store.claim_next(NOON, &quota, &mut backlog).await.unwrap();
            batch.shared.build_on(legacy);
            let lead = batch.records[0].lead;
            assert!(leads.contains(&lead));
            assert_eq!(look(&db.store, &mut batch, lead, head).await, Some(7_000_000));
            batch
        };
        let second = ahead(first.shared.legacy(), 8_000_000).await;
        let third = ahead(first.shared.legacy(), 9_000_000).await;
        for (batch, is_lost) in [(first, false), (second, false), (third, true)] {
            let decided = write(&batch.records[0]);
            let committed = db.store.commit(batch, vec![decided], NOON).await.unwrap();
            assert_eq!(
                !committed.lost.is_empty(),
                is_lost,
                "the third was overtaken by the second"
            );
        }
    })
    .await;
}
