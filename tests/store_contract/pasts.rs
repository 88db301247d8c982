use nurtured::{
    domain::{decision::Verb, event::EventKind, id::LeadId, lead::Suppression},
    store::Subject,
};

use super::made::*;
use crate::support::databases::for_each_database;

#[tokio::test]
async fn a_past_is_all_that_happened_and_all_that_was_decided() {
    for_each_database(async |db| {
        let (lead, message) = lead_with_mail(&db.store, "a@example.com").await;
        let other = import(&db.store, &["b@example.com"]).await[0];
        let rev = decide(&db.store, lead, |decision| {
            decision.log.push(line(Verb::Held, "a window"));
            decision.log.push(line(Verb::Reserved, "cold/report"));
        })
        .await;
        let pasts = db.store.pasts(&[lead, other, LeadId(4)]).await.unwrap();
        assert!(pasts.corrupt.is_empty());
        let [past, of_other] = pasts.known.as_slice() else { panic!("{pasts:#?}") };
        assert_eq!((past.record.lead, of_other.record.lead), (lead, other));
        let kinds: Vec<&EventKind> = past.events.iter().map(|event| &event.kind).collect();
        assert_eq!(kinds, [&EventKind::LEAD_IMPORTED]);
        let last: Vec<_> = past.log.iter().filter(|logged| logged.rev == rev).collect();
        let said: Vec<_> = last.iter().map(|it| (it.line.what, &*it.line.reason)).collect();
        assert_eq!(said, [(Verb::Held, "a window"), (Verb::Reserved, "cold/report")]);
        assert!(last.iter().all(|logged| logged.at == NOON));
        assert_eq!(past.messages.iter().map(|it| it.id).collect::<Vec<_>>(), [message]);
        assert_eq!(past.enrolments, db.store.enrolments(lead).await.unwrap());
        assert!(past.suppressed.is_none() && !past.is_parked && past.made.is_empty());
        assert!(of_other.log.is_empty() && of_other.messages.is_empty());
        // Of those whose facts were counted by another plan, what happened is there to look at, too.
        let people = db.store.people(&[lead, other], 8).await.unwrap();
        assert_eq!(people.records.len(), 2);
        assert_eq!(people.histories[&lead], past.events);
    })
    .await;
}

#[tokio::test]
async fn a_past_says_since_when_its_lead_is_not_written_to_and_that_it_is_parked() {
    for_each_database(async |db| {
        let lead = import(&db.store, &["a@example.com"]).await[0];
        let domain = Subject::Domain("example.com".into());
        let own = Subject::Address(address("a@example.com"));
        for (subject, reason, at) in
            [(domain, Suppression::Manual, NOON), (own, Suppression::Complained, NOON + HOUR)]
        {
            db.store.suppress(&[(subject, reason)], &"test".into(), at).await.unwrap();
        }
        db.store.park_lead(lead, "broken", NOON).await.unwrap();
        let past = db.store.pasts(&[lead]).await.unwrap().known.remove(0);
        assert_eq!(past.suppressed, Some((NOON + HOUR, Suppression::Complained)));
        assert!(past.is_parked);
    })
    .await;
}
