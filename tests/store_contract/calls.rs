//! Calls of webhooks: one for each visit, one daemon's at a time, and settled once.

use std::time::Duration;

use nurtured::{
    domain::{
        event::{EventKind, StepRef},
        id::EnrolmentNo,
        pause::Scope,
        webhook::NewCall,
    },
    store::{
        Store,
        records::{Call, CallCount, Called, ClaimToken},
    },
};

use super::made;
use crate::support::databases::{NOON, for_each_database};

const LEASE: Duration = Duration::from_mins(3);

async fn ask(store: &Store, parks: bool) {
    let lead = made::settled_lead(store, "ann@a.example").await;
    let batch = store.lock_leads(&[lead]).await.unwrap();
    let about = StepRef { enrolment: EnrolmentNo(1), step: "webhook.crm".into(), visit: 1 };
    let call = NewCall {
        about,
        workflow: "hello".into(),
        target: "crm".into(),
        parks,
        told: serde_json::Map::new(),
    };
    let mut write = made::write(&batch.records[0]);
    // Decided twice: one call.
    write.calls = vec![call.clone(), call];
    assert_eq!(store.commit(batch, vec![write], NOON).await.unwrap().lost, []);
}

fn token(number: i64) -> ClaimToken {
    ClaimToken(number)
}

async fn counted(store: &Store) -> Vec<(String, u64)> {
    let calls: Vec<CallCount> = store.calls().await.unwrap();
    calls.into_iter().map(|it| (it.state, it.number)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_one_daemons_until_its_lease_is_over() {
    for_each_database(async |db| {
        let store = &db.store;
        assert!(store.next_call_at(NOON).await.unwrap().is_never());
        ask(store, false).await;
        assert_eq!(store.next_call_at(NOON).await.unwrap(), NOON);
        store.pause(&Scope::Workflow("hello".into()), "ops", NOON).await.unwrap();
        assert!(store.next_call_at(NOON).await.unwrap().is_never(), "it is paused");
        store.resume(&Scope::Workflow("hello".into()), NOON).await.unwrap();
        let claim = async |number| store.claim_calls(NOON, token(number), LEASE, 10).await.unwrap();
        let ours: Vec<Call> = claim(1).await;
        assert_eq!((ours.len(), claim(2).await.len()), (1, 0));
        assert!(store.next_call_at(NOON).await.unwrap().is_never(), "it is in our hands");
        let later = store.claim_calls(NOON + LEASE, token(3), LEASE, 10).await.unwrap();
        // On PostgreSQL its own clock tells of leases.
        if let Some(theirs) = later.first() {
            assert_eq!(theirs.id, ours[0].id);
            let called = Called::Answered { status: 200 };
            assert!(!store.settle_call(&ours[0], &called, NOON).await.unwrap(), "it is theirs");
            assert!(store.settle_call(theirs, &called, NOON).await.unwrap());
            assert!(!store.settle_call(theirs, &called, NOON).await.unwrap(), "once");
            assert_eq!(counted(store).await, [("answered".to_owned(), 1)]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_took_is_parked_tried_again_and_told_to_its_lead() {
    for_each_database(async |db| {
        let store = &db.store;
        ask(store, true).await;
        let claim = async |at| store.claim_calls(at, token(1), LEASE, 10).await.unwrap();
        let call = claim(NOON).await.remove(0);
        let until = NOON + LEASE;
        let again = Called::Again { until, reason: "answered 500".to_owned() };
        assert!(store.settle_call(&call, &again, NOON).await.unwrap());
        assert_eq!(store.next_call_at(NOON).await.unwrap(), until);
        assert!(claim(NOON).await.is_empty());
        let call = claim(until).await.remove(0);
        assert_eq!((call.attempts, call.first_tried_at), (1, Some(NOON)));
        let over = Called::GivenUp { reason: "answered 500".to_owned() };
        assert!(store.settle_call(&call, &over, until).await.unwrap());
        assert_eq!(store.parked_calls().await.unwrap(), 1);
        let parked = store.calls().await.unwrap().remove(0);
        assert_eq!(
            (parked.state.as_str(), parked.reason.as_deref()),
            ("parked", Some("answered 500"))
        );
        let mut batch = store.lock_leads(&[call.lead]).await.unwrap();
        let history = store.history(&mut batch, &[call.lead]).await.unwrap();
        drop(batch);
        let told = history[&call.lead].iter().find(|it| it.kind == EventKind::WEBHOOK_FAILED);
        let told = told.expect("an event");
        assert_eq!((told.object.as_deref(), told.about.as_ref()), (Some("crm"), Some(&call.about)));
        store.try_parked_again(until).await.unwrap();
        let again = claim(until).await;
        assert_eq!((again.len(), again[0].attempts, again[0].first_tried_at), (1, 0, None));
        assert_eq!(again[0].told, call.told);
    })
    .await;
}
