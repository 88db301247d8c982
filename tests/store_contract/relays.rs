//! What daemons tell each other of the relays.

use nurtured::{
    domain::{
        message::MessageKind,
        schedule::Day,
        throttle::{Level, Stretch},
        time::Instant,
    },
    store::{Astray, Down, Probing, Route},
};

use super::made::*;
use crate::support::databases::for_each_database;

#[tokio::test]
async fn a_relay_claims_its_own_mails_and_those_that_it_stands_in_for() {
    for_each_database(async |db| {
        let store = &db.store;
        let (_, first) = lead_with_mail(store, "a@example.com").await;
        let (_, second) = lead_with_mail(store, "b@example.com").await;
        store.assign_relays(&[(second, "other".into())]).await.unwrap();
        assert_eq!(store.waiting_relays().await.unwrap(), ["main", "other"]);
        let other = Route::own(&"other".into());
        assert_eq!(store.next_due_by(&other).await.unwrap(), NOON);
        let claimed = store.claim_messages(&other, NOON, TOKEN, HOUR, 9).await.unwrap();
        assert_eq!(claimed.iter().map(|mail| mail.id).collect::<Vec<_>>(), [second]);
        assert_eq!(store.next_due_by(&other).await.unwrap(), Instant::NEVER);
        let both = Route { by: "other".into(), of: vec!["other".into(), "main".into()] };
        assert_eq!(store.next_due_by(&both).await.unwrap(), NOON);
        let claimed = store.claim_messages(&both, NOON, TOKEN, HOUR, 9).await.unwrap();
        assert_eq!(claimed.iter().map(|mail| mail.id).collect::<Vec<_>>(), [first]);
        assert_eq!(claimed[0].via, "main", "it goes back there if it is not sent");
    })
    .await;
}

#[tokio::test]
async fn a_mail_keeps_its_place_on_a_day_until_its_relay_is_another() {
    for_each_database(async |db| {
        let store = &db.store;
        let (lead, id) = lead_with_mail(store, "a@example.com").await;
        let (_, other) = lead_with_mail(store, "b@example.com").await;
        store.placed_on(&[id], Day(20_790)).await.unwrap();
        store.placed_on(&[], Day(1)).await.unwrap();
        let placed = async |id| store.message(id).await.unwrap().unwrap().placed_on;
        assert_eq!((placed(id).await, placed(other).await), (Some(Day(20_790)), None));
        assert_eq!(store.messages_of(lead).await.unwrap()[0].placed_on, Some(Day(20_790)));
        store.assign_relays(&[(id, "other".into())]).await.unwrap();
        assert_eq!(placed(id).await, None);
    })
    .await;
}

#[tokio::test]
async fn no_mail_passes_its_point_of_no_return_by_a_relay_that_was_paused_meanwhile() {
    for_each_database(async |db| {
        let store = &db.store;
        let (_, id) = lead_with_mail(store, "a@example.com").await;
        assert_eq!(claim(store, NOON, TOKEN).await, [id]);
        store.pause(&"relay:main".into(), "test", NOON).await.unwrap();
        store.pause(&"relay:other".into(), "test", NOON).await.unwrap();
        let paused = store.paused_relays().await.unwrap();
        assert_eq!(paused.into_iter().collect::<Vec<_>>(), ["main", "other"]);
        let mark = [(id, TOKEN)];
        assert_eq!(store.mark_transmitting(&mark, NOON).await.unwrap(), [false]);
        store.resume(&"relay:main".into(), NOON).await.unwrap();
        assert_eq!(store.mark_transmitting(&mark, NOON).await.unwrap(), [true]);
    })
    .await;
}

#[tokio::test]
async fn mails_of_relays_that_are_not_there_are_found_and_given_to_others() {
    for_each_database(async |db| {
        let store = &db.store;
        let (lead, id) = lead_with_mail(store, "a@example.com").await;
        let (main, new) = ("main".into(), "new".into());
        assert!(store.astray(&[&new, &main], 9).await.unwrap().is_empty());
        let expected = Astray { message: id, lead, kind: MessageKind::Marketing };
        assert_eq!(store.astray(&[&new], 9).await.unwrap(), [expected]);
        store.assign_relays(&[(id, new.clone())]).await.unwrap();
        assert!(store.astray(&[&new], 9).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn of_all_daemons_one_asks_a_relay_that_is_down() {
    for_each_database(async |db| {
        let store = &db.store;
        let relay = "main".into();
        assert_eq!(store.probe(&relay, NOON, NOON + MINUTE).await.unwrap(), Probing::Nobody);
        let down = Down { relay: "main".into(), since: NOON, probe_at: NOON + MINUTE };
        store.relay_is_down(&down).await.unwrap();
        let later = Down { since: NOON + MINUTE, probe_at: NOON + HOUR, ..down.clone() };
        store.relay_is_down(&later).await.unwrap();
        assert_eq!(store.relays_down().await.unwrap(), [down], "who came first has said it");
        let (now, next) = (NOON + MINUTE, NOON + MINUTE * 2);
        let early = store.probe(&relay, NOON, NOON + MINUTE).await.unwrap();
        assert_eq!(early, Probing::NotBefore(NOON + MINUTE));
        assert_eq!(store.probe(&relay, now, next).await.unwrap(), Probing::Us);
        assert_eq!(store.probe(&relay, now, next).await.unwrap(), Probing::NotBefore(next));
        // It was not asked after all.
        store.probe_again(&relay, now).await.unwrap();
        assert_eq!(store.probe(&relay, now, next).await.unwrap(), Probing::Us);
        // A clock that was set back does not keep it shut for a day.
        let before = NOON - HOUR * 24;
        assert_eq!(store.probe(&relay, before, before + MINUTE).await.unwrap(), Probing::Us);
        store.relay_is_up(&relay).await.unwrap();
        assert!(store.relays_down().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn of_two_who_slow_mail_down_at_the_same_time_one_is_heard() {
    for_each_database(async |db| {
        let store = &db.store;
        let stretch = Stretch { relay: "main".into(), receiver: "gmail.com".into() };
        let (first, second) = (Level::new(1), Level::new(2));
        store.throttle(&stretch, None, first, NOON).await.unwrap();
        store.throttle(&stretch, None, second, NOON + MINUTE).await.unwrap();
        let known = async || store.throttles().await.unwrap();
        assert_eq!(known().await, [(stretch.clone(), Level::FASTEST, NOON)]);
        store.throttle(&stretch, first, second, NOON + HOUR).await.unwrap();
        store.throttle(&stretch, first, None, NOON + HOUR).await.unwrap();
        assert_eq!(known().await, [(stretch.clone(), second.unwrap(), NOON + HOUR)]);
        store.throttle(&stretch, second, first, NOON + HOUR).await.unwrap();
        store.throttle(&stretch, first, None, NOON + HOUR * 2).await.unwrap();
        assert!(known().await.is_empty());
        // Of what was long ago nothing is kept.
        store.throttle(&stretch, None, second, NOON).await.unwrap();
        store.forget_throttles(NOON).await.unwrap();
        assert_eq!(known().await.len(), 1);
        store.forget_throttles(NOON + MINUTE).await.unwrap();
        assert!(known().await.is_empty());
    })
    .await;
}
