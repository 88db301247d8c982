use nurtured::{
    domain::{
        event::{EventKind, Judgement},
        id::{LeadId, MessageId, Rev},
        lead::Suppression,
        value::Value,
    },
    store::records::{NewEvent, ProfileChange, Recorded},
};

use super::made::*;
use crate::support::databases::for_each_database;

fn rev(number: i64) -> Recorded {
    Recorded::New { rev: Rev(number), clamped: false }
}

#[tokio::test]
async fn an_event_comes_back_as_it_was_recorded() {
    for_each_database(async |db| {
        let lead = settled_lead(&db.store, "a@example.com").await;
        let mut event = clicked(lead);
        event.object = Some("/pricing".into());
        event.occurred_at = NOON - MINUTE;
        event.judgement = Judgement::Unsure;
        event.settles_at = Some(NOON + MINUTE);
        event.message = Some(MessageId(77));
        event.about = Some(about(3, "hello"));
        event.data.insert("plan".into(), Value::Text("pro ✓ \"quoted\" \0 and NUL".into()));
        event.data.insert("seats".into(), Value::Number(7.5));
        event.data.insert("when".into(), Value::Date(NOON));
        assert_eq!(db.store.record_events(&[event.clone()], NOON).await.unwrap(), [rev(3)]);

        let record = db.store.record(lead).await.unwrap().unwrap();
        assert_eq!(record.rev, Rev(3));
        let [stored] = &record.new_events[..] else { panic!("one event: {record:?}") };
        assert_eq!(stored.rev, Rev(3));
        assert_eq!(stored.kind, EventKind::MAIL_CLICKED);
        assert_eq!((stored.occurred_at, stored.recorded_at), (NOON - MINUTE, NOON));
        assert_eq!((stored.judgement, stored.settles_at), (event.judgement, event.settles_at));
        assert_eq!((&stored.object, &stored.about), (&event.object, &event.about));
        assert_eq!((stored.message, &stored.data), (event.message, &event.data));
        assert_eq!(db.store.events_of(lead).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn events_of_one_batch_get_consecutive_revs_in_order_whatever_their_instants() {
    for_each_database(async |db| {
        let a = settled_lead(&db.store, "a@example.com").await;
        let b = settled_lead(&db.store, "b@example.com").await;
        let at =
            |lead, kind, minutes: u32| NewEvent::new(lead, kind, NOON - MINUTE * minutes, "file");
        let recorded = db
            .store
            .record_events(
                &[
                    at(a, EventKind::PAGE_VISITED, 1),
                    at(b, EventKind::PAGE_VISITED, 1),
                    at(a, EventKind::FORM_SUBMITTED, 9),
                    at(LeadId(404), EventKind::FORM_SUBMITTED, 9),
                    at(a, EventKind::LEAD_REPLIED, 5),
                ],
                NOON,
            )
            .await
            .unwrap();
        assert_eq!(recorded, [rev(3), rev(3), rev(4), Recorded::NoSuchLead, rev(5)]);
        let events = db.store.record(a).await.unwrap().unwrap().new_events;
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["page.visited", "form.submitted", "lead.replied"]);
    })
    .await;
}

#[tokio::test]
async fn the_same_dedupe_key_is_recorded_once_per_lead() {
    for_each_database(async |db| {
        let a = settled_lead(&db.store, "a@example.com").await;
        let b = settled_lead(&db.store, "b@example.com").await;
        let keyed = |lead, key: &str| NewEvent { dedupe: Some(key.to_owned()), ..clicked(lead) };
        let first = db
            .store
            .record_events(&[keyed(a, "x"), keyed(a, "x"), keyed(b, "x"), keyed(a, "y")], NOON)
            .await
            .unwrap();
        assert_eq!(first, [rev(3), Recorded::Duplicate, rev(3), rev(4)]);
        let more = [keyed(a, "x"), keyed(b, "y"), clicked(a), keyed(b, "y"), clicked(LeadId(404))];
        let foreseen = db.store.foresee_events(&more, NOON).await.unwrap();
        assert_eq!(db.store.events_of(a).await.unwrap().len(), 3);
        let again = db.store.record_events(&more, NOON).await.unwrap();
        let no_lead = Recorded::NoSuchLead;
        assert_eq!(again, [Recorded::Duplicate, rev(4), rev(5), Recorded::Duplicate, no_lead]);
        assert_eq!(foreseen, again);
        assert_eq!(db.store.events_of(a).await.unwrap().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn an_event_from_the_future_is_clamped_and_says_so() {
    for_each_database(async |db| {
        let lead = settled_lead(&db.store, "a@example.com").await;
        let event = NewEvent { occurred_at: NOON + HOUR, ..clicked(lead) };
        let recorded = db.store.record_events(&[event], NOON).await.unwrap();
        assert_eq!(recorded, [Recorded::New { rev: Rev(3), clamped: true }]);
        assert_eq!(db.store.events_of(lead).await.unwrap()[1].occurred_at, NOON);
    })
    .await;
}

#[tokio::test]
async fn a_nul_refuses_its_own_event_only() {
    for_each_database(async |db| {
        let lead = settled_lead(&db.store, "a@example.com").await;
        let object = NewEvent { object: Some("/a\0b".into()), ..clicked(lead) };
        let key = NewEvent { dedupe: Some("\0".into()), ..clicked(lead) };
        let recorded = db.store.record_events(&[object, clicked(lead), key], NOON).await.unwrap();
        assert_eq!(recorded, [Recorded::Unstorable, rev(3), Recorded::Unstorable]);
    })
    .await;
}

#[tokio::test]
async fn a_revision_changes_the_stored_judgement_of_the_hit() {
    for_each_database(async |db| {
        let lead = settled_lead(&db.store, "a@example.com").await;
        let hit = NewEvent { judgement: Judgement::Unsure, ..clicked(lead) };
        let recorded = db.store.record_events(&[hit], NOON).await.unwrap();
        let Recorded::New { rev, .. } = recorded[0] else { panic!("{recorded:?}") };
        let mut revision = NewEvent::new(lead, EventKind::JUDGEMENT_REVISED, NOON, "http");
        revision.judgement = Judgement::Machine;
        revision.revises = Some(rev);
        db.store.record_events(&[revision], NOON).await.unwrap();
        let events = db.store.events_of(lead).await.unwrap();
        assert_eq!(events[1].judgement, Judgement::Machine);
        assert_eq!(events[2].revises, Some(rev));
    })
    .await;
}

#[tokio::test]
async fn an_objection_suppresses_in_its_own_transaction() {
    for_each_database(async |db| {
        let lead = settled_lead(&db.store, "a@example.com").await;
        let before = db.store.record(lead).await.unwrap().unwrap();
        assert_eq!(before.suppressed, None);
        let mut event = NewEvent::new(lead, EventKind::LEAD_UNSUBSCRIBED, NOON, "http");
        event.suppress = Some(Suppression::Unsubscribed);
        db.store.record_events(&[event.clone()], NOON).await.unwrap();
        let after = db.store.record(lead).await.unwrap().unwrap();
        assert_eq!(after.suppressed, Some(Suppression::Unsubscribed));
        assert_eq!(after.stop_epoch, before.stop_epoch + 1);
        // A complaint weighs more; a later reason of another kind does not.
        event.suppress = Some(Suppression::Complained);
        db.store.record_events(&[event.clone()], NOON).await.unwrap();
        event.suppress = Some(Suppression::HardBounce);
        db.store.record_events(&[event], NOON).await.unwrap();
        let last = db.store.suppression_of(&address("a@example.com")).await.unwrap();
        assert_eq!(last, Some(Suppression::Complained));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn single_events_of_many_callers_are_all_recorded_and_answered() {
    for_each_database(async |db| {
        let lead = settled_lead(&db.store, "a@example.com").await;
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..100 {
            let store = db.store.clone();
            callers.spawn(async move {
                let mut event = clicked(if caller == 50 { LeadId(404) } else { lead });
                event.dedupe = Some((caller / 2).to_string());
                store.record_events(&[event], NOON).await.unwrap()[0]
            });
        }
        let answers = callers.join_all().await;
        let count = |wanted: fn(&Recorded) -> bool| answers.iter().filter(|r| wanted(r)).count();
        assert_eq!(count(|r| matches!(r, Recorded::New { .. })), 50);
        assert_eq!(count(|r| matches!(r, Recorded::Duplicate)), 49);
        assert_eq!(count(|r| matches!(r, Recorded::NoSuchLead)), 1);
        assert_eq!(db.store.events_of(lead).await.unwrap().len(), 51);
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_take_its_event_along() {
    let db = crate::support::databases::TestDatabase::sqlite().await;
    let lead = settled_lead(&db.store, "a@example.com").await;
    let held = db.store.lock_leads(&[lead]).await.unwrap();
    let (store, gone) = (db.store.clone(), clicked(lead));
    let caller = tokio::spawn(async move { store.record_events(&[gone], NOON).await });
    tokio::task::yield_now().await;
    caller.abort();
    let (store, stays) = (db.store.clone(), clicked(lead));
    let other = tokio::spawn(async move { store.record_events(&[stays], NOON).await });
    tokio::task::yield_now().await;
    drop(held);
    other.await.unwrap().unwrap();
    assert_eq!(db.store.events_of(lead).await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_an_event_changes_in_the_profile_is_there_with_it_and_is_the_last_answer() {
    for_each_database(async |db| {
        let lead = settled_lead(&db.store, "a@example.com").await;
        let other = settled_lead(&db.store, "b@example.com").await;
        let answered = |value: &str, change: &[(&[&str], &[&str])]| {
            let names = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
            let mut event = NewEvent::new(lead, EventKind::LEAD_ANSWERED, NOON, "http");
            event.object = Some("preferences".into());
            event.data.insert("value".into(), Value::Text(value.into()));
            event.profile = change.first().map(|(given, withdrawn)| ProfileChange {
                attributes: vec![("later_until".into(), value.into())],
                given: names(given),
                withdrawn: names(withdrawn),
                source: "preferences".into(),
            });
            event
        };
        assert_eq!(db.store.last_answer(lead, "preferences").await.unwrap(), None);
        let events = [
            answered("one", &[(&["insights"], &[])]),
            answered("two", &[(&["offers"], &["insights", "never-known"])]),
            answered("three", &[]),
        ];
        db.store.record_events(&events, NOON + MINUTE).await.unwrap();
        let profile = db.store.record(lead).await.unwrap().unwrap().profile;
        assert_eq!(profile.attributes["later_until"], "two");
        let withdrawn = |purpose: &str| profile.consents[purpose].withdrawn_at;
        assert_eq!((withdrawn("insights"), withdrawn("offers")), (Some(NOON), None));
        assert_eq!(profile.consents["offers"].at, NOON);
        assert!(!profile.consents.contains_key("never-known"), "nothing to take back");
        let last = db.store.last_answer(lead, "preferences").await.unwrap().unwrap();
        assert_eq!(last.data["value"], Value::Text("three".into()));
        assert_eq!(db.store.last_answer(lead, "topic").await.unwrap(), None);
        assert_eq!(db.store.last_answer(other, "preferences").await.unwrap(), None);
    })
    .await;
}
