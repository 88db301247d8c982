use nurtured::{
    domain::{lead::Suppression, time::Instant},
    store::Subject,
};

use super::made::*;
use crate::support::databases::for_each_database;

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
        assert_eq!(db.store.suppress(&list, &source, NOON).await.unwrap(), 3);
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
