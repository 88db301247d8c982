//! Discount codes: each is one lead's, whoever asks at the same time.

use std::collections::HashSet;

use nurtured::{
    domain::id::{EnrolmentNo, LeadId, MessageId},
    store::{
        Store,
        records::{CodeWanted, Given, Pool},
    },
};
use tokio::task::JoinSet;

use super::made::NOON;
use crate::support::databases::for_each_database;

fn wanted(lead: i64, enrolment: i64) -> CodeWanted {
    CodeWanted {
        pool: "spring".into(),
        lead: LeadId(lead),
        enrolment: EnrolmentNo(enrolment),
        message: MessageId(lead * 100 + enrolment),
    }
}

fn codes(numbers: std::ops::Range<i32>) -> Vec<String> {
    numbers.map(|number| format!("S-{number}")).collect()
}

async fn give(store: &Store, wanted: &[CodeWanted]) -> Vec<Option<String>> {
    store.give_codes(wanted, NOON).await.unwrap().codes
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_go_into_a_pool_once_and_stay_whose_they_are() {
    for_each_database(async |db| {
        let (store, pool) = (&db.store, "spring".into());
        assert_eq!(store.code_pools().await.unwrap(), []);
        assert_eq!(store.foresee_codes(&pool, &codes(0..3)).await.unwrap(), 3);
        assert_eq!(store.add_codes(&pool, &codes(0..3), Some(2), NOON).await.unwrap(), 3);
        assert_eq!(store.foresee_codes(&pool, &codes(1..5)).await.unwrap(), 2);
        // In the order in which they came.
        let first = give(store, &[wanted(1, 1), wanted(2, 1)]).await;
        assert_eq!(first, [Some("S-0".to_owned()), Some("S-1".to_owned())]);
        assert_eq!(store.add_codes(&pool, &codes(0..3), None, NOON).await.unwrap(), 0);
        // The same passage has the same code, another of the same lead has its own.
        let again = give(store, &[wanted(2, 1), wanted(1, 1), wanted(1, 2), wanted(3, 1)]).await;
        let said: Vec<Option<&str>> = again.iter().map(Option::as_deref).collect();
        assert_eq!(said, [Some("S-1"), Some("S-0"), Some("S-2"), None]);
        let figures = Pool { pool: "spring".into(), left: 0, given: 3, warn_below: 2 };
        assert_eq!(store.code_pools().await.unwrap(), [figures]);
        assert_eq!(
            give(store, &[CodeWanted { pool: "none".into(), ..wanted(1, 1) }]).await,
            [None]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_runs_low_is_told_of_once() {
    for_each_database(async |db| {
        let pool = "spring".into();
        db.store.add_codes(&pool, &codes(0..5), Some(3), NOON).await.unwrap();
        let mut told = Vec::new();
        for lead in 1..=5 {
            let Given { low, .. } = db.store.give_codes(&[wanted(lead, 1)], NOON).await.unwrap();
            told.extend(low.into_iter().map(|(pool, left)| (lead, pool, left)));
        }
        assert_eq!(told, [(3, pool, 2)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_code_that_another_has_however_many_ask_at_once() {
    for_each_database(async |db| {
        let pool = "spring".into();
        db.store.add_codes(&pool, &codes(0..150), None, NOON).await.unwrap();
        let other = Store::open(&db.url).await.unwrap();
        let mut tasks = JoinSet::new();
        // Two and two of them ask for the same leads, and there is not enough for all.
        for task in 0..8_i64 {
            let store = if task % 2 == 0 { db.store.clone() } else { other.clone() };
            tasks.spawn(async move {
                let mut given = Vec::new();
                for lead in 0..40 {
                    let one = wanted(task / 2 * 100 + lead, 1);
                    let code = give(&store, std::slice::from_ref(&one)).await.remove(0);
                    given.push((one.lead, code));
                }
                given
            });
        }
        let given: HashSet<(LeadId, Option<String>)> =
            tasks.join_all().await.into_iter().flatten().collect();
        let with_code: Vec<&String> = given.iter().filter_map(|(_, code)| code.as_ref()).collect();
        let distinct: HashSet<&&String> = with_code.iter().collect();
        assert_eq!(distinct.len(), with_code.len(), "a code twice");
        assert_eq!(with_code.len(), 150);
        let figures = db.store.code_pools().await.unwrap();
        assert_eq!((figures[0].left, figures[0].given), (0, 150));
    })
    .await;
}
