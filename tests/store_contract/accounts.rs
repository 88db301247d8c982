use std::collections::{BTreeMap, BTreeSet};

use nurtured::{
    domain::{
        account::Account,
        allocator::{Booked, Booking},
        id::LeadId,
        name::Name,
        time::Instant,
    },
    store::{
        Batch, Store,
        records::{Committed, Quota},
    },
};

use super::made::*;
use crate::support::{databases::for_each_database, engine::behind};

fn acme() -> BTreeSet<Name> {
    BTreeSet::from([Name::new("acme"), Name::new("nobody")])
}

/// Looks at the company and books for one lead.
async fn book(
    store: &Store,
    batch: &mut Batch,
    lead: LeadId,
    what: Booked,
) -> BTreeMap<Name, Account> {
    let known = store.accounts(batch, &acme()).await.unwrap();
    batch.shared.booked.push(Booking { account: "acme".into(), lead, what });
    batch.shared.relied_on.entry("acme".into()).or_default().insert(lead);
    known
}

async fn commit(store: &Store, batch: Batch, lead: LeadId) -> Committed {
    let write = write(batch.records.iter().find(|it| it.lead == lead).unwrap());
    store.commit(batch, vec![write], NOON).await.unwrap()
}

#[tokio::test]
async fn what_people_of_a_company_share_is_written_with_their_decisions() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@x.example", "b@x.example"]).await;
        let (later, long_ago) = (NOON + HOUR, Instant::from_millis(NOON.millis() - 9_000_000));
        for (&lead, what) in leads.iter().zip([Booked::Touched(long_ago), Booked::Replied(later)]) {
            let mut batch = db.store.lock_leads(&[lead]).await.unwrap();
            book(&db.store, &mut batch, lead, what).await;
            assert!(commit(&db.store, batch, lead).await.lost.is_empty());
        }
        let touched = BTreeMap::from([(leads[0], long_ago)]);
        let expected = Account { touched, replied_at: Some(later) };
        let now = db.store.accounts_now(&acme()).await.unwrap();
        assert_eq!(now, BTreeMap::from([("acme".into(), expected.clone())]));
        // An earlier reply changes nothing, and what does not count any more is forgotten.
        let mut batch = db.store.lock_leads(&[leads[1]]).await.unwrap();
        assert_eq!(
            book(&db.store, &mut batch, leads[1], Booked::Replied(NOON)).await["acme"],
            expected
        );
        batch.shared.forget_before = NOON;
        commit(&db.store, batch, leads[1]).await;
        let now = db.store.accounts_now(&acme()).await.unwrap();
        assert_eq!(now["acme"], Account { touched: BTreeMap::new(), replied_at: Some(later) });
        assert_eq!(db.store.accounts_now(&BTreeSet::new()).await.unwrap(), BTreeMap::new());
        // One that cannot be read is as one that is not known.
        behind(db, "UPDATE accounts SET touched = '['".into()).await;
        let now = db.store.accounts_now(&acme()).await.unwrap();
        assert_eq!(now["acme"].touched, BTreeMap::new());
    })
    .await;
}

#[tokio::test]
async fn who_was_decided_by_an_older_state_of_the_company_is_not_written() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@x.example", "b@x.example"]).await;
        let mut slow = db
            .store
            .claim_due(NOON, &Quota { acts: 0, timers: 0, bulk: 1, sweep: 0 })
            .await
            .unwrap();
        let lead = slow.records[0].lead;
        let other = leads.iter().copied().find(|other| *other != lead).unwrap();
        book(&db.store, &mut slow, lead, Booked::Touched(NOON)).await;
        let mut fast = db.store.lock_leads(&[other]).await.unwrap();
        book(&db.store, &mut fast, other, Booked::Touched(NOON)).await;
        assert!(commit(&db.store, fast, other).await.lost.is_empty());
        let committed = commit(&db.store, slow, lead).await;
        assert_eq!((committed.lost, committed.written), (vec![lead], vec![]));
        let known = db.store.accounts_now(&acme()).await.unwrap();
        assert_eq!(known["acme"].touched, BTreeMap::from([(other, NOON)]));
    })
    .await;
}
