use futures::{FutureExt as _, future::BoxFuture};
use nurtured::{
    domain::{
        decision::{LedgerLine, MadeEvent, ScoreKind, Verb},
        event::{EventData, EventKind},
        id::{EnrolmentNo, LeadId, Rev},
        lead::{CivilDue, Due, Ended, Entry, Held, Outcome, Phase, Stage},
        message::MessageState,
        score::MilliPoints,
        time::Instant,
    },
    store::{
        Store, StoreError,
        records::{Settled, Settlement},
    },
};

use super::made::*;
use crate::support::databases::{TestDatabase, for_each_database};

#[tokio::test]
async fn a_decision_is_loaded_as_it_was_written() {
    for_each_database(async |db| {
        let lead = import(&db.store, &["a@example.com"]).await[0];
        let batch = db.store.lock_leads(&[lead]).await.unwrap();
        let record = &batch.records[0];
        assert_eq!((record.rev, record.memory.reflected), (Rev(1), Rev(0)));
        let mut profile = record.profile.clone();
        profile.tags.insert("warm".into());
        let mut decision = write(record);
        decision.profile = Some(profile.clone());
        decision.memory = Some(memory("cold-prospects"));
        decision.stage = Some((Stage::Mql, NOON));
        decision.enrolments.push(entered(1));
        decision.messages.push(mail(1, "hello"));
        decision.events.push(MadeEvent {
            kind: EventKind::STAGE_CHANGED,
            object: Some("mql".into()),
            reason: "fit".into(),
        });
        decision.log.push(line(Verb::Entered, "cold-prospects is true"));
        decision.ledger.push(LedgerLine {
            score: ScoreKind::Fit,
            rule: "size".into(),
            points: MilliPoints::points(12),
            at: NOON,
            reason: "200 people".into(),
            event: None,
        });
        decision.wake_at = NOON + HOUR;
        let committed = db.store.commit(batch, vec![decision], NOON + MINUTE).await.unwrap();
        assert_eq!(committed.written, [(lead, Rev(3))]);
        assert_eq!((committed.reserved, committed.withdrawn), (1, 0));

        let record = db.store.record(lead).await.unwrap().unwrap();
        assert_eq!((record.rev, record.memory.reflected), (Rev(3), Rev(3)));
        assert_eq!(record.decided_at, NOON + MINUTE);
        assert_eq!((record.stage, record.stage_since), (Stage::Mql, NOON));
        assert_eq!(record.profile, profile);
        assert_eq!(record.memory.segments, memory("cold-prospects").segments);
        assert_eq!(record.memory.plan, 5);
        assert_eq!(record.enrolments, [entered(1).enrolment]);
        assert!(record.new_events.is_empty(), "what a decision makes is reflected");
        let open = record.open_message.unwrap();
        assert_eq!((open.about, open.state), (about(1, "hello"), MessageState::Reserved));
        assert_eq!(open.template, "cold/report");
        assert_eq!(db.store.next_wake_at().await.unwrap(), NOON + HOUR);
        let events = db.store.events_of(lead).await.unwrap();
        assert_eq!((events[1].rev, &events[1].kind), (Rev(2), &EventKind::STAGE_CHANGED));
        assert_eq!(db.store.ledger(lead).await.unwrap()[0].line.points, MilliPoints::points(12));
    })
    .await;
}

#[tokio::test]
async fn every_phase_of_an_enrolment_comes_back() {
    for_each_database(async |db| {
        let lead = settled_lead(&db.store, "a@example.com").await;
        let mut change = entered(1);
        change.enrolment.entry = Some(Entry {
            rev: Rev(1),
            kind: EventKind::FORM_SUBMITTED,
            object: Some("demo".into()),
            at: NOON,
            data: EventData::default(),
            same: vec![Rev(9)],
        });
        let civil =
            CivilDue { local: "2027-03-28T02:30".parse().unwrap(), zone: "Europe/Rome".into() };
        for (visit, phase) in [
            (1, Phase::READY),
            (2, Phase::Ready { held: Some(Held { reason: "window".into(), until: NOON + HOUR }) }),
            (3, Phase::Waiting { due: Due { at: NOON + HOUR, civil: Some(civil) } }),
            (4, Phase::Waiting { due: Due { at: NOON + HOUR, civil: None } }),
            (5, Phase::Mailing),
        ] {
            change.enrolment.phase = phase;
            change.enrolment.visit = visit;
            let written = change.clone();
            decide(&db.store, lead, |decision| decision.enrolments.push(written)).await;
            let record = db.store.record(lead).await.unwrap().unwrap();
            assert_eq!(record.enrolments, [change.enrolment.clone()]);
            change.is_new = false;
        }
        assert_eq!(db.store.active_versions().await.unwrap(), [version()]);
        change.ended = Some(Ended { at: NOON, outcome: Outcome::Goal, reason: "it bought".into() });
        decide(&db.store, lead, |decision| decision.enrolments.push(change)).await;
        assert!(db.store.record(lead).await.unwrap().unwrap().enrolments.is_empty());
        let shown = &db.store.enrolments(lead).await.unwrap()[0];
        assert_eq!((shown.no, shown.state.as_str()), (EnrolmentNo(1), "goal"));
        assert_eq!(shown.reason.as_deref(), Some("it bought"));
        assert!(db.store.active_versions().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_stale_rev_is_lost_and_stays_due_while_the_others_are_written() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@example.com", "b@example.com"]).await;
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        let mut writes: Vec<_> = batch.records.iter().map(write).collect();
        for decision in &mut writes {
            decision.enrolments.push(entered(1));
            decision.messages.push(mail(1, "hello"));
            decision.log.push(line(Verb::Entered, "x"));
            if decision.lead == leads[0] {
                decision.rev = Rev(0);
            }
        }
        let committed = db.store.commit(batch, writes, NOON).await.unwrap();
        assert_eq!(committed.lost, [leads[0]]);
        assert_eq!(committed.written, [(leads[1], Rev(2))]);
        assert_eq!(committed.reserved, 1);
        let lost = db.store.record(leads[0]).await.unwrap().unwrap();
        assert!(lost.enrolments.is_empty() && lost.open_message.is_none());
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        assert_eq!(batch.records.len(), 1);
        assert_eq!(batch.records[0].lead, leads[0]);
    })
    .await;
}

#[tokio::test]
async fn a_second_open_marketing_message_and_a_second_visit_are_refused_whole() {
    for_each_database(async |db| {
        let (lead, _) = lead_with_mail(&db.store, "a@example.com").await;
        let other = import(&db.store, &["b@example.com"]).await[0];
        for (enrolment, step) in [(1, "other-step"), (1, "hello")] {
            let batch = db.store.lock_leads(&[lead, other]).await.unwrap();
            let mut writes: Vec<_> = batch.records.iter().map(write).collect();
            for decision in &mut writes {
                if decision.lead == lead {
                    decision.messages.push(mail(enrolment, step));
                }
                decision.log.push(line(Verb::Reserved, "x"));
            }
            let error = db.store.commit(batch, writes, NOON).await.unwrap_err();
            assert!(matches!(error, StoreError::UniqueViolation(_)), "{error}");
        }
        assert_eq!(
            db.store.record(other).await.unwrap().unwrap().rev,
            Rev(1),
            "nothing was written"
        );
        // Also when the first one is over, its step and visit stay taken (P1, P13).
        let id = db.store.messages_of(lead).await.unwrap()[0].id;
        decide(&db.store, lead, |decision| decision.withdraw.push((id, "goal".into()))).await;
        let batch = db.store.lock_leads(&[lead]).await.unwrap();
        let mut decision = write(&batch.records[0]);
        decision.messages.push(mail(1, "hello"));
        assert!(db.store.commit(batch, vec![decision], NOON).await.is_err());
        // A second enrolment under the number of the first one as well.
        let batch = db.store.lock_leads(&[lead]).await.unwrap();
        let mut decision = write(&batch.records[0]);
        decision.enrolments.push(entered(1));
        assert!(db.store.commit(batch, vec![decision], NOON).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn internal_mail_has_its_own_key_and_is_not_counted_as_open() {
    for_each_database(async |db| {
        let (lead, _) = lead_with_mail(&db.store, "a@example.com").await;
        decide(&db.store, lead, |decision| {
            decision.messages.push(notice(1, "ada"));
            decision.messages.push(notice(1, "bob"));
        })
        .await;
        assert_eq!(db.store.messages_of(lead).await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_message_is_withdrawn_before_the_point_of_no_return_only() {
    for_each_database(async |db| {
        let (lead, id) = lead_with_mail(&db.store, "a@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        let batch = db.store.lock_leads(&[lead]).await.unwrap();
        let mut decision = write(&batch.records[0]);
        decision.withdraw.push((id, "a better one".into()));
        decision.messages.push(mail(1, "better"));
        let committed = db.store.commit(batch, vec![decision], NOON).await.unwrap();
        assert_eq!((committed.withdrawn, committed.reserved), (1, 1));
        let messages = db.store.messages_of(lead).await.unwrap();
        let old = messages.iter().find(|message| message.id == id).unwrap();
        assert_eq!(old.state, MessageState::Cancelled);
        assert_eq!(old.reason.as_deref(), Some("a better one"));
        assert_eq!(db.store.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap(), [false]);

        // The better one is on the wire: the decision that wants it back is lost, and nothing of it is written.
        let better = messages.iter().find(|message| message.id != id).unwrap().id;
        claim(&db.store, NOON, TOKEN).await;
        assert_eq!(db.store.mark_transmitting(&[(better, TOKEN)], NOON).await.unwrap(), [true]);
        let batch = db.store.lock_leads(&[lead]).await.unwrap();
        let mut decision = write(&batch.records[0]);
        decision.withdraw.push((better, "changed our mind".into()));
        decision.messages.push(mail(1, "third"));
        let committed = db.store.commit(batch, vec![decision], NOON).await.unwrap();
        assert_eq!((committed.lost, committed.withdrawn), (vec![lead], 0));
        assert_eq!(state(&db.store, better).await, MessageState::Transmitting);
    })
    .await;
}

#[tokio::test]
async fn what_changed_while_leads_were_looked_at_loses_their_decisions_and_they_stay_due() {
    // Elsewhere they are locked from the claim on.
    let db = TestDatabase::sqlite().await;
    let lead = import(&db.store, &["a@example.com"]).await[0];
    type Change = (&'static str, for<'a> fn(&'a Store, LeadId) -> BoxFuture<'a, ()>);
    let changes: [Change; 3] = [
        ("a release", |store, _| Box::pin(release(store).map(drop))),
        ("a pause", |store, _| {
            Box::pin(async { store.pause(&"welcome".into(), "ada", NOON).await.unwrap() })
        }),
        ("an event", |store, lead| {
            Box::pin(
                async move { drop(store.record_events(&[clicked(lead)], NOON).await.unwrap()) },
            )
        }),
    ];
    for (what, change) in changes {
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        let writes = vec![write(&batch.records[0])];
        change(&db.store, lead).await;
        let committed = db.store.commit(batch, writes, NOON).await.unwrap();
        assert_eq!((committed.lost, committed.written), (vec![lead], vec![]), "{what}");
        assert_eq!(db.store.next_wake_at().await.unwrap(), NOON, "{what}");
    }
    let batch = db.store.claim_due(NOON, &all()).await.unwrap();
    assert_eq!(batch.records[0].new_events.len(), 2, "the import and the click");
    sleep_all(&db.store, batch, NOON).await;
    assert_eq!(db.store.next_wake_at().await.unwrap(), Instant::NEVER);
}

#[tokio::test]
async fn an_outcome_that_is_no_event_overtakes_a_decision_that_did_not_know_of_it() {
    let db = TestDatabase::sqlite().await;
    let (lead, id) = lead_with_mail(&db.store, "a@example.com").await;
    claim(&db.store, NOON, TOKEN).await;
    db.store.record_events(&[clicked(lead)], NOON).await.unwrap();
    let looked_at = db.store.claim_due(NOON, &all()).await.unwrap();
    let writes = vec![write(&looked_at.records[0])];
    let outcome = Settled::Parked { reason: "no first name".into() };
    let settlement = Settlement { message: id, token: TOKEN, relay: None, outcome };
    let batch = db.store.settle(&[settlement], &[], NOON).await.unwrap();
    // Deciding on it failed.
    db.store.commit(batch, Vec::new(), NOON).await.unwrap();
    let committed = db.store.commit(looked_at, writes, NOON).await.unwrap();
    assert_eq!((committed.lost, committed.is_outdated), (vec![lead], false));
    let batch = db.store.claim_due(NOON, &all()).await.unwrap();
    assert_eq!(batch.records[0].open_message, None);
}

#[tokio::test]
async fn the_whole_history_is_read_within_a_batch() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@example.com", "b@example.com"]).await;
        db.store.record_events(&[clicked(leads[0])], NOON).await.unwrap();
        let mut batch = db.store.claim_due(NOON, &all()).await.unwrap();
        let histories = db.store.history(&mut batch, &leads).await.unwrap();
        assert_eq!(histories[&leads[0]].len(), 2);
        assert_eq!(histories[&leads[0]][1].kind, EventKind::MAIL_CLICKED);
        assert_eq!(histories[&leads[1]].len(), 1);
        sleep_all(&db.store, batch, NOON).await;
    })
    .await;
}

#[tokio::test]
async fn a_nul_in_a_decision_is_an_error_that_names_the_lead() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@example.com", "b@example.com"]).await;
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        let mut writes: Vec<_> = batch.records.iter().map(write).collect();
        for decision in &mut writes {
            let reason = if decision.lead == leads[1] { "a\0b" } else { "fine" };
            decision.log.push(line(Verb::Held, reason));
        }
        let error = db.store.commit(batch, writes, NOON).await.unwrap_err();
        let named = StoreError::Unstorable { table: "decision_log", key: leads[1].to_string() };
        assert_eq!(error, named);
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        assert_eq!(batch.records.len(), 2, "nothing of the batch was written");
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_given_back_and_an_ended_enrolment_can_be_read() {
    for_each_database(async |db| {
        let (lead, _) = lead_with_mail(&db.store, "a@example.com").await;
        let batch = db.store.lock_leads(&[lead]).await.unwrap();
        assert_eq!((batch.release, batch.records.len()), (None, 1));
        batch.give_back().await.unwrap();
        let first = release(&db.store).await;
        let second = release(&db.store).await;
        let before = db.store.release_before(second).await.unwrap().unwrap();
        assert_eq!(before.id, first);
        assert_eq!(db.store.release_before(first).await.unwrap(), None);
        decide(&db.store, lead, |decision| {
            let mut ended = entered(1);
            ended.is_new = false;
            ended.ended = Some(nurtured::domain::lead::Ended {
                outcome: nurtured::domain::lead::Outcome::Left,
                reason: "exit".into(),
                at: NOON,
            });
            decision.enrolments.push(ended);
        })
        .await;
        let key = (lead, entered(1).enrolment.no);
        let found = db.store.these_enrolments(&[key]).await.unwrap();
        assert_eq!(found[&key].workflow, "reawaken");
        let batch = db.store.lock_leads(&[lead]).await.unwrap();
        assert_eq!(batch.release, Some(second));
        assert_eq!(batch.records[0].decided_under, nurtured::domain::id::ReleaseId(1));
    })
    .await;
}
