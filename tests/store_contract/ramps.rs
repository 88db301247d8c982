//! How far relays are that warm up, and what is due.

use nurtured::{
    domain::{
        event::EventKind,
        lead::{Held, Phase},
        name::Name,
        ramp::Standing,
        schedule::Day,
    },
    store::{
        DayFigure,
        records::{NewEvent, Settled, Settlement, Upcoming, What},
    },
};

use super::made::*;
use crate::support::databases::for_each_database;

#[tokio::test]
async fn of_two_who_take_a_ramp_to_the_next_day_one_is_heard() {
    for_each_database(async |db| {
        let store = &db.store;
        let (relay, google) = (Name::new("main"), Name::new("google"));
        let key = (&relay, &google);
        let known = async || store.ramps().await.unwrap();
        let first = Standing::new(Day(20_790), Day(20_790));
        assert!(store.move_ramp(key, None, &first).await.unwrap());
        let other = Standing { step: 3, ..first.clone() };
        assert!(!store.move_ramp(key, None, &other).await.unwrap(), "it is there");
        let next =
            Standing { step: 1, day: Day(20_791), held: Some("why".into()), ..first.clone() };
        assert!(store.move_ramp(key, Some(&first), &next).await.unwrap());
        assert!(!store.move_ramp(key, Some(&first), &other).await.unwrap(), "it has gone on");
        assert_eq!(known().await, [((relay.clone(), google.clone()), next.clone())]);
        let anew = Standing::new(Day(20_800), Day(20_800));
        assert!(store.move_ramp(key, Some(&next), &anew).await.unwrap());
        assert_eq!(known().await, [((relay.clone(), google.clone()), anew)]);
    })
    .await;
}

#[tokio::test]
async fn a_day_of_a_relay_is_told_by_domains() {
    for_each_database(async |db| {
        let store = &db.store;
        let (lead, sent) = lead_with_mail(store, "a@x.example").await;
        let (_, late) = lead_with_mail(store, "b@y.example").await;
        claim(store, NOON, TOKEN).await;
        store.mark_transmitting(&[(sent, TOKEN)], NOON).await.unwrap();
        let settle = async |message, outcome| {
            let relay = Some("main".into());
            let settlement = Settlement { message, token: TOKEN, outcome, relay };
            let batch = store.settle(&[settlement], &[], NOON).await.unwrap();
            store.commit(batch, Vec::new(), NOON).await.unwrap();
        };
        settle(sent, Settled::Sent { reply: "250".into() }).await;
        let until = NOON + HOUR;
        settle(late, Settled::Deferred { until, reason: "451".into(), counted: true }).await;
        let mut bounce = NewEvent::new(lead, EventKind::MAIL_BOUNCED, NOON, "test");
        (bounce.object, bounce.message) = (Some("hard".into()), Some(sent));
        store.record_events(&[bounce], NOON).await.unwrap();
        let main = Name::new("main");
        let found = async |relay, from, until| {
            let found = store.day_of_relay(relay, from, until).await.unwrap();
            let mut found: Vec<_> =
                found.into_iter().map(|it| (it.domain.to_string(), it.what, it.number)).collect();
            found.sort_by_key(|(domain, what, _)| (domain.clone(), format!("{what:?}")));
            found
        };
        let expected = [
            ("x.example".to_owned(), DayFigure::Bounced, 1),
            ("x.example".to_owned(), DayFigure::Tried, 1),
            ("y.example".to_owned(), DayFigure::Deferred, 1),
        ];
        assert_eq!(found(&main, NOON, NOON.next()).await, expected);
        assert_eq!(found(&main, NOON.next(), NOON + HOUR).await, []);
        assert_eq!(found(&"other".into(), NOON, NOON.next()).await, []);
    })
    .await;
}

#[tokio::test]
async fn what_is_due_is_told_by_where_it_goes() {
    for_each_database(async |db| {
        let store = &db.store;
        let leads = import(store, &["a@x.example", "b@x.example", "c@x.example"]).await;
        decide(store, leads[0], |decision| {
            let mut change = entered(1);
            change.enrolment.phase = Phase::Mailing;
            decision.enrolments.push(change);
            decision.messages.push(mail(1, "hello"));
        })
        .await;
        for (lead, hours) in [(leads[1], 2), (leads[2], 50)] {
            decide(store, lead, |decision| {
                let mut change = entered(1);
                let held = Held { reason: "pace: x".into(), until: NOON + HOUR * hours };
                change.enrolment.phase = Phase::Ready { held: Some(held) };
                decision.enrolments.push(change);
            })
            .await;
        }
        let upcoming = store.upcoming(NOON, NOON + HOUR * 24).await.unwrap();
        let of = |what, hour| Upcoming {
            what,
            domain: "x.example".into(),
            workflow: "reawaken".into(),
            hour,
            number: 1,
        };
        let step =
            What::Step { lead: leads[1], step: "hello".into(), version: version(), is_wait: false };
        assert_eq!(upcoming, [of(What::Mail { via: "main".into() }, 0), of(step, 2)]);
    })
    .await;
}
