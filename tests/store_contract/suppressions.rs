use std::time::Duration;

use nurtured::{
    domain::{
        id::{LeadId, MessageId},
        lead::Suppression,
        time::Instant,
    },
    store::{Subject, records::Subscription},
};

use super::{made::*, schema::behind};
use crate::support::databases::{TestDatabase, for_each_database};

#[tokio::test]
async fn addresses_and_domains_are_suppressed_once_and_their_leads_hear_of_it() {
    for_each_database(async |db| {
        let ada = settled_lead(&db.store, "ada@example.com").await;
        let bob = settled_lead(&db.store, "bob@other.example").await;
        let eve = settled_lead(&db.store, "eve@sub.other.example").await;
        assert_eq!(db.store.next_wake_at().await.unwrap(), Instant::NEVER);
        let list = [
            (Subject::Address(address("ada@example.com")), Suppression::Manual),
            (Subject::Domain("Other.example".to_owned()), Suppression::Manual),
            (Subject::Address(address("nobody@example.com")), Suppression::Complained),
        ];
        let source = "list.csv".into();
        let subjects = [&list[0].0, &list[1].0, &list[2].0, &list[1].0].map(Clone::clone);
        assert_eq!(db.store.foresee_suppressed(&subjects).await.unwrap(), 3);
        let asked =
            ["ada@example.com", "bob@other.example", "eve@sub.other.example", "no@one.example"]
                .map(address);
        let before = db.store.mailable_among(&asked).await.unwrap();
        assert_eq!(before, asked[..3].iter().cloned().collect());
        assert_eq!(db.store.suppress(&list, &source, NOON).await.unwrap(), 3);
        let after = db.store.mailable_among(&asked).await.unwrap();
        assert_eq!(after, [asked[2].clone()].into());
        assert_eq!(db.store.foresee_suppressed(&subjects).await.unwrap(), 0);
        assert_eq!(db.store.suppress(&list, &source, NOON).await.unwrap(), 0);

        for (lead, suppressed) in
            [(ada, Some(Suppression::Manual)), (bob, Some(Suppression::Manual)), (eve, None)]
        {
            let record = db.store.record(lead).await.unwrap().unwrap();
            assert_eq!(record.suppressed, suppressed);
            assert_eq!(record.stop_epoch, i64::from(suppressed.is_some()));
        }
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        assert_eq!(batch.records.len(), 2);
        drop(batch);
        for (text, reason) in [
            ("nobody@example.com", Some(Suppression::Complained)),
            ("new@other.example", Some(Suppression::Manual)),
            ("new@example.com", None),
        ] {
            assert_eq!(db.store.suppression_of(&address(text)).await.unwrap(), reason, "{text}");
        }
        assert_eq!(db.store.census(NOON).await.unwrap().suppressions, 3);
        assert!(!format!("{:?}", list[0].0).contains("ada"));
    })
    .await;
}

#[tokio::test]
async fn a_domain_of_very_many_is_on_the_list_before_they_are_told() {
    for_each_database(async |db| {
        let names: Vec<String> = (0..2_500).map(|n| format!("l{n}@big.example")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let leads = import(&db.store, &names).await;
        let list = [(Subject::Domain("big.example".to_owned()), Suppression::Manual)];
        let epochs = async || {
            let records = db.store.records(&leads).await.unwrap();
            let sum: i64 = records.iter().map(|record| record.stop_epoch).sum();
            (records.len(), sum)
        };
        // What an interrupted one leaves behind: the list holds already. Done again, it is finished.
        behind(db, "INSERT INTO suppressions VALUES ('@big.example', 'manual', 'list', 1)").await;
        assert_eq!(db.store.suppress(&list, &"list".into(), NOON).await.unwrap(), 0);
        assert_eq!(epochs().await, (2_500, 2_500));
        assert_eq!(db.store.suppress(&list, &"list".into(), NOON).await.unwrap(), 0);
        assert_eq!(epochs().await, (2_500, 2_500), "they were told");
    })
    .await;
}

#[tokio::test]
async fn what_an_unsubscribe_link_leads_to() {
    for_each_database(async |db| {
        let (ada, mail) = lead_with_mail(&db.store, "ada@example.com").await;
        let bob = settled_lead(&db.store, "bob@example.com").await;
        let is = async |lead, message| db.store.subscription(lead, message).await.unwrap();
        let purpose = Some("insights".into());
        let subscribed = Subscription { purpose: purpose.clone(), suppressed: None };
        assert_eq!(is(ada, mail).await, subscribed);
        assert_eq!(is(bob, mail).await, Subscription::default(), "another lead's mail");
        assert_eq!(is(LeadId(4), MessageId(4)).await, Subscription::default());
        let list = [
            (Subject::Address(address("ada@example.com")), Suppression::Unsubscribed),
            (Subject::Domain("example.com".to_owned()), Suppression::Manual),
        ];
        db.store.suppress(&list, &"list".into(), NOON).await.unwrap();
        let left = Subscription { purpose, suppressed: Some(Suppression::Unsubscribed) };
        assert_eq!(is(ada, mail).await, left);
        assert_eq!(is(bob, mail).await.suppressed, Some(Suppression::Manual));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_holds_while_its_leads_are_in_other_hands() {
    // On SQLite nobody else writes meanwhile.
    let Some(db) = TestDatabase::postgres().await else { return };
    let lead = settled_lead(&db.store, "a@big.example").await;
    let batch = db.store.lock_leads(&[lead]).await.unwrap();
    let suppressing = {
        let store = db.store.clone();
        let list = [(Subject::Domain("big.example".to_owned()), Suppression::Manual)];
        tokio::spawn(async move { store.suppress(&list, &"list".into(), NOON).await })
    };
    let listed = async {
        while db.store.suppression_of(&address("a@big.example")).await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), listed).await.expect("it is on the list");
    batch.give_back().await.unwrap();
    assert_eq!(suppressing.await.unwrap().unwrap(), 1);
    assert_eq!(db.store.record(lead).await.unwrap().unwrap().stop_epoch, 1);
}
