//! Mails of which nobody knows whether they arrived.

use nurtured::{
    domain::{
        decision::NewMessage,
        event::EventKind,
        id::{LeadId, MessageId},
        message::MessageState,
    },
    store::{
        Store,
        records::{ClaimToken, Settled},
    },
};

use super::made::*;
use crate::support::databases::for_each_database;

/// Claims the message and takes it past its point of no return; nobody hears of it again.
async fn lose_sight(store: &Store, id: MessageId, token: ClaimToken) {
    assert_eq!(claim(store, NOON, token).await, [id]);
    assert_eq!(store.mark_transmitting(&[(id, token)], NOON).await.unwrap(), [true]);
    assert!(settle(store, id, token, Settled::InDoubt { reason: "no answer".into() }).await);
}

async fn send_again(store: &Store, lead: LeadId, id: MessageId) {
    let again = NewMessage { again: Some(id), ..mail(1, "hello") };
    decide(store, lead, |decision| decision.messages.push(again)).await;
}

#[tokio::test]
async fn a_mail_that_is_sent_once_more_is_the_same_row_and_in_doubt_if_it_is_taken_back() {
    for_each_database(async |db| {
        let (lead, id) = lead_with_mail(&db.store, "a@example.com").await;
        lose_sight(&db.store, id, TOKEN).await;
        send_again(&db.store, lead, id).await;
        assert_eq!(db.store.messages_of(lead).await.unwrap().len(), 1);
        assert_eq!(state(&db.store, id).await, MessageState::Reserved);
        assert!(db.store.doubts().await.unwrap().is_empty());
        decide(&db.store, lead, |decision| decision.withdraw.push((id, "later".into()))).await;
        assert_eq!(state(&db.store, id).await, MessageState::InDoubt);
        send_again(&db.store, lead, id).await;
        assert_eq!(claim(&db.store, NOON, ClaimToken(8)).await, [id]);
        let never = Settled::Cancelled { reason: "no ground".into() };
        assert!(settle(&db.store, id, ClaimToken(8), never).await);
        assert_eq!(state(&db.store, id).await, MessageState::InDoubt);
        assert_eq!(db.store.doubts().await.unwrap()[0].at, NOON);
    })
    .await;
}

#[tokio::test]
async fn a_late_answer_is_heard_until_the_mail_is_claimed_once_more() {
    for_each_database(async |db| {
        let sent = || Settled::Sent { reply: "250 at last".into() };
        let (lead, id) = lead_with_mail(&db.store, "a@example.com").await;
        lose_sight(&db.store, id, TOKEN).await;
        send_again(&db.store, lead, id).await;
        assert!(settle(&db.store, id, TOKEN, sent()).await);
        assert_eq!(state(&db.store, id).await, MessageState::Sent);

        let (lead, id) = lead_with_mail(&db.store, "b@example.com").await;
        lose_sight(&db.store, id, TOKEN).await;
        send_again(&db.store, lead, id).await;
        assert_eq!(claim(&db.store, NOON, ClaimToken(8)).await, [id]);
        assert!(!settle(&db.store, id, TOKEN, sent()).await);
    })
    .await;
}

#[tokio::test]
async fn people_say_what_became_of_mails() {
    for_each_database(async |db| {
        let (arrived, first) = lead_with_mail(&db.store, "a@example.com").await;
        lose_sight(&db.store, first, TOKEN).await;
        let (lost, second) = lead_with_mail(&db.store, "b@example.com").await;
        lose_sight(&db.store, second, TOKEN).await;
        let teller = settled_lead(&db.store, "c@example.com").await;
        decide(&db.store, teller, |decision| decision.messages.push(notice(1, "ada"))).await;
        let third = db.store.messages_of(teller).await.unwrap()[0].id;
        lose_sight(&db.store, third, TOKEN).await;

        let doubts = db.store.doubts().await.unwrap();
        let ids: Vec<MessageId> = doubts.iter().map(|doubt| doubt.message).collect();
        assert_eq!(ids, [first, second, third]);
        let seen = &doubts[0];
        assert_eq!((seen.lead, seen.token, seen.at), (arrived, TOKEN, NOON));
        assert_eq!((&*seen.workflow, &*seen.step), ("reawaken", "hello"));
        assert_eq!(seen.address, Some(address("a@example.com")));
        assert_eq!((seen.reason.as_deref(), seen.waits), (Some("no answer"), false));
        assert_eq!(&*doubts[2].recipient, "ada");

        let say = async |which: usize, arrived| {
            db.store.settle_doubts(&[&doubts[which]], arrived, "ada says so", NOON).await.unwrap()
        };
        assert!(say(0, true).await.is_empty());
        assert!(say(1, false).await.is_empty());
        assert!(say(2, false).await.is_empty());
        assert_eq!(say(0, false).await, [first], "it is known already");
        assert!(db.store.doubts().await.unwrap().is_empty());
        for (lead, id, became, kind) in [
            (arrived, first, MessageState::Sent, EventKind::MAIL_SENT),
            (lost, second, MessageState::Failed, EventKind::MAIL_LOST),
        ] {
            let message = db.store.message(id).await.unwrap().unwrap();
            assert_eq!((message.state, message.reason.as_deref()), (became, Some("ada says so")));
            let events = db.store.events_of(lead).await.unwrap();
            assert_eq!(events.last().unwrap().kind, kind);
            let timeline = db.store.timeline(lead, 1).await.unwrap();
            assert_eq!(timeline[0].detail.as_deref(), Some("ada says so"));
        }
        // A notice that was lost has no step to wait for it: it is due.
        assert_eq!(state(&db.store, third).await, MessageState::Reserved);
    })
    .await;
}
