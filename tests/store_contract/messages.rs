use nurtured::{
    domain::{
        event::EventKind,
        lead::{Ended, Outcome, Phase, Suppression},
        message::{MessageKind, MessageState},
        time::Instant,
        workflow::Version,
    },
    store::{
        Route, Subject,
        records::{ClaimToken, NewEvent, Settled, Settlement},
    },
};

use super::{made::*, schema::behind};
use crate::support::databases::for_each_database;

#[tokio::test]
async fn due_messages_are_claimed_in_order_and_once() {
    for_each_database(async |db| {
        assert_eq!(db.store.next_due_message().await.unwrap(), Instant::NEVER);
        let mut ids = Vec::new();
        for (text, minutes) in [("a@example.com", 3), ("b@example.com", 1), ("c@example.com", 9)] {
            let lead = settled_lead(&db.store, text).await;
            let mut message = mail(1, "hello");
            message.due_at = NOON + MINUTE * minutes;
            decide(&db.store, lead, |decision| decision.messages.push(message)).await;
            ids.push(db.store.messages_of(lead).await.unwrap()[0].id);
        }
        assert_eq!(db.store.next_due_message().await.unwrap(), NOON + MINUTE);
        assert!(claim(&db.store, NOON, TOKEN).await.is_empty());
        let now = NOON + MINUTE * 5;
        let one = db
            .store
            .claim_messages(&Route::own(&"main".into()), now, TOKEN, HOUR, 1)
            .await
            .unwrap();
        assert_eq!(one[0].id, ids[1]);
        assert_eq!(claim(&db.store, now, ClaimToken(8)).await, [ids[0]]);
        assert!(claim(&db.store, now, ClaimToken(9)).await.is_empty());
        assert_eq!(db.store.next_due_message().await.unwrap(), NOON + MINUTE * 9);
    })
    .await;
}

#[tokio::test]
async fn a_message_is_read_back_whole() {
    for_each_database(async |db| {
        let (lead, id) = lead_with_mail(&db.store, "a@example.com").await;
        let message = db.store.message(id).await.unwrap().unwrap();
        assert_eq!((message.lead, &message.about), (lead, &about(1, "hello")));
        assert_eq!((message.kind, message.state), (MessageKind::Marketing, MessageState::Reserved));
        assert_eq!((message.version, message.due_at), (version(), NOON));
        assert_eq!((message.attempts, message.first_tried_at), (0, None));
        let briefs =
            db.store.message_briefs(&[id, nurtured::domain::id::MessageId(4)]).await.unwrap();
        assert_eq!(briefs.len(), 1);
        assert_eq!((briefs[&id].lead, &*briefs[&id].template), (lead, "cold/report"));
        assert_eq!(db.store.message(nurtured::domain::id::MessageId(4)).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn paused_workflows_keep_their_mail_and_internal_mail_waits_for_all_only() {
    for_each_database(async |db| {
        let (lead, _) = lead_with_mail(&db.store, "a@example.com").await;
        decide(&db.store, lead, |decision| decision.messages.push(notice(1, "ada"))).await;
        db.store.pause(&"all".into(), "ops", NOON).await.unwrap();
        assert!(claim(&db.store, NOON, TOKEN).await.is_empty());
        assert_eq!(db.store.next_due_message().await.unwrap(), Instant::NEVER);
        db.store.resume(&"all".into(), NOON).await.unwrap();
        db.store.pause(&"reawaken".into(), "ops", NOON).await.unwrap();
        db.store.pause(&"reawaken".into(), "somebody else", NOON + HOUR).await.unwrap();
        let [pause] = &db.store.pauses().await.unwrap()[..] else { panic!("one is paused") };
        assert_eq!((pause.scope.to_string(), &*pause.who), ("reawaken".to_owned(), "ops"));
        assert_eq!((pause.since, &pause.because), (NOON, &None));
        let claimed = db
            .store
            .claim_messages(&Route::own(&"main".into()), NOON, TOKEN, HOUR, 9)
            .await
            .unwrap();
        assert_eq!(claimed.len(), 1);
        assert_eq!((claimed[0].kind, &*claimed[0].recipient), (MessageKind::Internal, "ada"));
        db.store.resume(&"reawaken".into(), NOON).await.unwrap();
        assert_eq!(claim(&db.store, NOON, TOKEN).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn from_claim_to_sent_the_lead_is_told_in_the_same_transaction() {
    for_each_database(async |db| {
        let (lead, id) = lead_with_mail(&db.store, "a@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        assert!(!settle(&db.store, id, TOKEN, sent()).await, "it was never handed over");
        assert_eq!(db.store.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap(), [true]);
        assert_eq!(db.store.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap(), [false]);
        let settlement =
            Settlement { message: id, token: TOKEN, outcome: sent(), relay: Some("main".into()) };
        // Dropped: nothing is settled.
        drop(db.store.settle(std::slice::from_ref(&settlement), &[], NOON).await.unwrap());
        assert_eq!(state(&db.store, id).await, MessageState::Transmitting);

        let now = NOON + MINUTE;
        let batch = db.store.settle(&[settlement.clone(), settlement], &[], now).await.unwrap();
        assert_eq!(batch.refused, [id], "the second one of the same message");
        let [record] = &batch.records[..] else { panic!("one lead is told") };
        assert!(record.open_message.is_none());
        let event = &record.new_events[0];
        assert_eq!((&event.kind, event.message), (&EventKind::MAIL_SENT, Some(id)));
        assert_eq!(event.about, Some(about(1, "hello")));
        assert_eq!(event.object, Some("cold/report".into()));
        assert_eq!(event.data["purpose"].to_string(), "insights");
        let mut decision = write(record);
        decision.messages.push(mail(1, "second"));
        db.store.commit(batch, vec![decision], now).await.unwrap();

        let message = db.store.message(id).await.unwrap().unwrap();
        assert_eq!((message.state, message.sent_at), (MessageState::Sent, Some(now)));
        assert_eq!((message.attempts, message.first_tried_at), (1, Some(NOON)));
        assert_eq!(db.store.messages_of(lead).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_undecided_settlement_stands_and_leaves_the_lead_due() {
    for_each_database(async |db| {
        let (lead, id) = lead_with_mail(&db.store, "a@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        db.store.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap();
        assert!(settle(&db.store, id, TOKEN, sent()).await);
        assert_eq!(state(&db.store, id).await, MessageState::Sent);
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        assert_eq!(batch.records[0].lead, lead);
        assert_eq!(batch.records[0].new_events.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_stale_token_writes_nothing() {
    for_each_database(async |db| {
        let (_, id) = lead_with_mail(&db.store, "a@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        let stale = ClaimToken(6);
        assert_eq!(db.store.mark_transmitting(&[(id, stale)], NOON).await.unwrap(), [false]);
        let released = || Settled::Released { due_at: NOON, reason: "lease over".into() };
        assert!(!settle(&db.store, id, stale, released()).await);
        assert!(settle(&db.store, id, TOKEN, released()).await);
        // Claimed again by another: the first token is stale now (P4).
        claim(&db.store, NOON, ClaimToken(8)).await;
        assert_eq!(db.store.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap(), [false]);
        assert!(!settle(&db.store, id, TOKEN, released()).await);
        assert_eq!(db.store.mark_transmitting(&[(id, ClaimToken(8))], NOON).await.unwrap(), [true]);
        assert!(!settle(&db.store, id, TOKEN, sent()).await);
        assert_eq!(state(&db.store, id).await, MessageState::Transmitting);
    })
    .await;
}

#[tokio::test]
async fn expired_claims_are_found_and_a_late_answer_settles_a_doubt() {
    for_each_database(async |db| {
        let (_, claimed) = lead_with_mail(&db.store, "a@example.com").await;
        let (_, handed) = lead_with_mail(&db.store, "b@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        db.store.mark_transmitting(&[(handed, TOKEN)], NOON).await.unwrap();
        assert!(db.store.expired_claims(NOON, false).await.unwrap().is_empty());
        assert_eq!(db.store.expired_claims(NOON, true).await.unwrap().len(), 2);
        // Daemons on one server do not end each other's leases by a clock that is ahead.
        let ahead = db.store.expired_claims(NOON + HOUR * 24, false).await.unwrap();
        assert_eq!(ahead.len(), if db.name == "postgres" { 0 } else { 2 });
        behind(db, "UPDATE messages SET lease_until = lease_until - 3600000").await;
        let expired = db.store.expired_claims(NOON, false).await.unwrap();
        for (message, token) in expired {
            let outcome = match message.state {
                MessageState::Claimed => {
                    Settled::Released { due_at: NOON, reason: "lease over".into() }
                }
                _ => Settled::InDoubt { reason: "no answer".into() },
            };
            assert!(settle(&db.store, message.id, token, outcome).await);
        }
        assert_eq!(state(&db.store, claimed).await, MessageState::Reserved);
        assert_eq!(state(&db.store, handed).await, MessageState::InDoubt);
        assert!(db.store.expired_claims(NOON, true).await.unwrap().is_empty());
        // In doubt is not claimed again; the answer that came late, by the same token, settles it (P2, P4).
        assert_eq!(claim(&db.store, NOON, ClaimToken(8)).await, [claimed]);
        assert!(!settle(&db.store, handed, ClaimToken(8), sent()).await);
        assert!(settle(&db.store, handed, TOKEN, sent()).await);
        assert_eq!(state(&db.store, handed).await, MessageState::Sent);
    })
    .await;
}

#[tokio::test]
async fn a_late_refusal_settles_a_doubt_and_its_address_is_not_written_to_again() {
    for_each_database(async |db| {
        let (lead, id) = lead_with_mail(&db.store, "a@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        db.store.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap();
        let doubt = Settled::InDoubt { reason: "no answer".into() };
        assert!(settle(&db.store, id, TOKEN, doubt).await);
        let refused = || Settled::Failed { reason: "550 no such user".into(), hard: true };
        assert!(!settle(&db.store, id, ClaimToken(8), refused()).await);
        // Its lead has gone on: it must not be open again.
        let later = Settled::Deferred { until: NOON, reason: "450 busy".into(), counted: true };
        assert!(!settle(&db.store, id, TOKEN, later).await);
        assert!(settle(&db.store, id, TOKEN, refused()).await);
        assert_eq!(state(&db.store, id).await, MessageState::Failed);
        let record = db.store.record(lead).await.unwrap().unwrap();
        assert_eq!(record.suppressed, Some(Suppression::HardBounce));
    })
    .await;
}

#[tokio::test]
async fn a_mail_whose_mark_was_written_and_not_heard_of_is_put_off() {
    for_each_database(async |db| {
        let (_, id) = lead_with_mail(&db.store, "a@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        assert_eq!(db.store.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap(), [true]);
        let unheard = Settled::Deferred { until: NOON, reason: "no word".into(), counted: false };
        assert!(settle(&db.store, id, TOKEN, unheard).await);
        assert_eq!(claim(&db.store, NOON, ClaimToken(8)).await, [id]);
    })
    .await;
}

#[tokio::test]
async fn later_refused_and_cancelled_have_their_states_attempts_and_events() {
    for_each_database(async |db| {
        let (lead, id) = lead_with_mail(&db.store, "a@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        let later =
            |counted| Settled::Deferred { until: NOON + HOUR, reason: "450 busy".into(), counted };
        assert!(settle(&db.store, id, TOKEN, later(false)).await);
        let message = db.store.message(id).await.unwrap().unwrap();
        assert_eq!((message.state, message.attempts), (MessageState::Deferred, 0));
        assert_eq!((message.due_at, message.reason.as_deref()), (NOON + HOUR, Some("450 busy")));
        claim(&db.store, NOON + HOUR, TOKEN).await;
        assert!(settle(&db.store, id, TOKEN, later(true)).await);
        assert_eq!(db.store.message(id).await.unwrap().unwrap().attempts, 1);
        claim(&db.store, NOON + HOUR, TOKEN).await;
        db.store.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap();
        let refused = Settled::Failed { reason: "550 no such user".into(), hard: true };
        assert!(settle(&db.store, id, TOKEN, refused).await);
        assert_eq!(db.store.message(id).await.unwrap().unwrap().attempts, 2);
        let record = db.store.record(lead).await.unwrap().unwrap();
        let [event] = &record.new_events[..] else { panic!("deferrals tell the lead nothing") };
        assert_eq!(event.kind, EventKind::MAIL_FAILED);
        assert_eq!(event.data["hard"].to_string(), "true");
        assert_eq!(record.suppressed, Some(Suppression::HardBounce));

        let (lead, id) = lead_with_mail(&db.store, "b@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        assert!(
            settle(&db.store, id, TOKEN, Settled::Cancelled { reason: "no consent".into() }).await
        );
        assert_eq!(state(&db.store, id).await, MessageState::Cancelled);
        let record = db.store.record(lead).await.unwrap().unwrap();
        assert_eq!(record.new_events[0].kind, EventKind::MAIL_CANCELLED);
    })
    .await;
}

#[tokio::test]
async fn the_outcome_of_internal_mail_tells_the_lead_nothing() {
    for_each_database(async |db| {
        let lead = settled_lead(&db.store, "a@example.com").await;
        let rev =
            decide(&db.store, lead, |decision| decision.messages.push(notice(1, "ada"))).await;
        let id = claim(&db.store, NOON, TOKEN).await[0];
        db.store.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap();
        assert!(settle(&db.store, id, TOKEN, sent()).await);
        assert_eq!(state(&db.store, id).await, MessageState::Sent);
        assert_eq!(db.store.record(lead).await.unwrap().unwrap().rev, rev);
    })
    .await;
}

#[tokio::test]
async fn an_objection_after_the_claim_stops_the_mail_but_not_the_notice() {
    for_each_database(async |db| {
        // P16, in its three forms: the lead's own objection, its address, its domain on a list.
        for (number, how) in ["event", "address", "domain"].into_iter().enumerate() {
            let text = format!("a@{how}.example");
            let (lead, id) = lead_with_mail(&db.store, &text).await;
            decide(&db.store, lead, |decision| decision.messages.push(notice(1, "ada"))).await;
            let token = ClaimToken(100 + i64::try_from(number).unwrap());
            let claimed = claim(&db.store, NOON, token).await;
            assert_eq!(claimed.len(), 2);
            match how {
                "event" => {
                    let mut event = NewEvent::new(lead, EventKind::LEAD_UNSUBSCRIBED, NOON, "http");
                    event.suppress = Some(Suppression::Unsubscribed);
                    db.store.record_events(&[event], NOON).await.unwrap();
                }
                _ => {
                    let subject = match how {
                        "address" => Subject::Address(address(&text)),
                        _ => Subject::Domain("domain.example".into()),
                    };
                    let list = [(subject, Suppression::Manual)];
                    db.store.suppress(&list, &"list".into(), NOON).await.unwrap();
                }
            }
            let claims: Vec<_> = claimed.iter().map(|&claimed| (claimed, token)).collect();
            let marked = db.store.mark_transmitting(&claims, NOON).await.unwrap();
            for (message, marked) in claimed.iter().zip(marked) {
                assert_eq!(marked, *message != id, "{how}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_mail_reserved_before_an_objection_is_not_sent_after_it_even_if_the_list_forgets() {
    for_each_database(async |db| {
        let (lead, id) = lead_with_mail(&db.store, "a@example.com").await;
        let mut event = NewEvent::new(lead, EventKind::LEAD_UNSUBSCRIBED, NOON, "http");
        event.suppress = Some(Suppression::Unsubscribed);
        db.store.record_events(&[event], NOON).await.unwrap();
        behind(db, "DELETE FROM suppressions").await;
        claim(&db.store, NOON, TOKEN).await;
        assert_eq!(db.store.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap(), [false]);
    })
    .await;
}

#[tokio::test]
async fn a_settlement_marks_other_mails_as_it_is_committed_and_not_before() {
    for_each_database(async |db| {
        let mut mails = Vec::new();
        for name in ["settled", "free", "objects"] {
            mails.push(lead_with_mail(&db.store, &format!("{name}@example.com")).await);
        }
        claim(&db.store, NOON, TOKEN).await;
        let [(_, settled), (_, free), (objector, objects)] = mails[..] else { unreachable!() };
        db.store.mark_transmitting(&[(settled, TOKEN)], NOON).await.unwrap();
        let mut event = NewEvent::new(objector, EventKind::LEAD_UNSUBSCRIBED, NOON, "http");
        event.suppress = Some(Suppression::Unsubscribed);
        db.store.record_events(&[event], NOON).await.unwrap();

        let outcome = Settled::Failed { reason: "no such user".into(), hard: true };
        let settlement = [Settlement { message: settled, token: TOKEN, outcome, relay: None }];
        let marks = [(objects, TOKEN), (free, TOKEN)];
        // Given up: as if nothing had been asked.
        drop(db.store.settle(&settlement, &marks, NOON).await.unwrap());
        assert_eq!(state(&db.store, free).await, MessageState::Claimed);
        assert_eq!(state(&db.store, settled).await, MessageState::Transmitting);

        let batch = db.store.settle(&settlement, &marks, NOON).await.unwrap();
        let committed = db.store.commit(batch, Vec::new(), NOON).await.unwrap();
        assert_eq!(committed.marked, [false, true]);
        assert_eq!(state(&db.store, free).await, MessageState::Transmitting);
        assert_eq!(state(&db.store, objects).await, MessageState::Claimed);
        assert_eq!(state(&db.store, settled).await, MessageState::Failed);
    })
    .await;
}

#[tokio::test]
async fn parked_mail_waits_for_the_next_release_and_never_opens_a_second_one() {
    for_each_database(async |db| {
        let (lead, first) = lead_with_mail(&db.store, "a@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        let parked = || Settled::Parked { reason: "no first name".into() };
        assert!(settle(&db.store, first, TOKEN, parked()).await);
        assert_eq!(state(&db.store, first).await, MessageState::Parked);
        assert!(db.store.record(lead).await.unwrap().unwrap().open_message.is_none());
        assert!(claim(&db.store, NOON, TOKEN).await.is_empty());
        decide(&db.store, lead, |decision| {
            decision.enrolments.push(entered(2));
            decision.messages.push(mail(2, "hello"));
        })
        .await;
        release(&db.store).await;
        assert_eq!(state(&db.store, first).await, MessageState::Parked);
        let second = claim(&db.store, NOON, TOKEN).await[0];
        assert_eq!(db.store.parked_mails().await.unwrap(), 1);
        assert!(settle(&db.store, second, TOKEN, parked()).await);
        assert_eq!(db.store.parked_mails().await.unwrap(), 2);
        release(&db.store).await;
        assert_eq!(claim(&db.store, NOON, TOKEN).await, [first]);
    })
    .await;
}

#[tokio::test]
async fn parked_mail_of_an_enrolment_that_ended_is_cancelled() {
    for_each_database(async |db| {
        let (lead, mail) = lead_with_mail(&db.store, "a@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        let settlement = Settlement {
            message: mail,
            token: TOKEN,
            outcome: Settled::Parked { reason: "no first name".into() },
            relay: None,
        };
        let batch = db.store.settle(&[settlement], &[], NOON).await.unwrap();
        assert_eq!(batch.records[0].lead, lead, "others of its mails may go before it");
        sleep_all(&db.store, batch, NOON).await;
        decide(&db.store, lead, |decision| {
            let mut ended = entered(1);
            ended.is_new = false;
            ended.ended = Some(Ended { outcome: Outcome::Left, reason: "exit".into(), at: NOON });
            decision.enrolments.push(ended);
        })
        .await;
        assert_eq!(state(&db.store, mail).await, MessageState::Cancelled);
        release(&db.store).await;
        assert!(claim(&db.store, NOON, TOKEN).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_pause_holds_what_is_claimed_already() {
    for_each_database(async |db| {
        let (_, id) = lead_with_mail(&db.store, "a@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        for scope in ["reawaken", "all"] {
            db.store.pause(&scope.into(), "ada", NOON).await.unwrap();
            assert_eq!(db.store.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap(), [false]);
            db.store.resume(&scope.into(), NOON).await.unwrap();
        }
        assert_eq!(db.store.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap(), [true]);
    })
    .await;
}

#[tokio::test]
async fn a_pause_is_nothing_to_who_is_heedless_of_it_and_remains() {
    for_each_database(async |db| {
        let (_, id) = lead_with_mail(&db.store, "a@example.com").await;
        for scope in ["reawaken", "all"] {
            db.store.pause(&scope.into(), "ada", NOON).await.unwrap();
        }
        assert!(claim(&db.store, NOON, TOKEN).await.is_empty());
        let heedless = db.store.heedless_of_pauses();
        assert_eq!(heedless.next_due_message().await.unwrap(), NOON);
        assert_eq!(claim(&heedless, NOON, TOKEN).await, [id]);
        assert_eq!(heedless.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap(), [true]);
        assert_eq!(db.store.pauses().await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn workflows_share_the_claims_and_a_paused_one_holds_nobody_up() {
    for_each_database(async |db| {
        let mut ids = Vec::new();
        for (text, workflow, minutes) in [
            ("a@example.com", "early", 1),
            ("b@example.com", "late", 2),
            ("c@example.com", "early", 3),
            ("d@example.com", "paused", 0),
        ] {
            let lead = settled_lead(&db.store, text).await;
            let mut message = mail(1, "hello");
            message.workflow = workflow.into();
            message.due_at = NOON + MINUTE * minutes;
            decide(&db.store, lead, |decision| decision.messages.push(message)).await;
            ids.push(db.store.messages_of(lead).await.unwrap()[0].id);
        }
        db.store.pause(&"paused".into(), "ops", NOON).await.unwrap();
        assert_eq!(db.store.next_due_message().await.unwrap(), NOON + MINUTE);
        let now = NOON + HOUR;
        let claim_one = async |token| {
            let claimed = db
                .store
                .claim_messages(&Route::own(&"main".into()), now, ClaimToken(token), HOUR, 1)
                .await;
            claimed.unwrap().into_iter().map(|message| message.id).collect::<Vec<_>>()
        };
        assert_eq!(claim_one(1).await, [ids[0]]);
        assert_eq!(claim_one(2).await, [ids[1]], "due before the other one of the first workflow");
        assert_eq!(claim(&db.store, now, ClaimToken(3)).await, [ids[2]]);
        assert_eq!(db.store.next_due_message().await.unwrap(), Instant::NEVER);
        db.store.resume(&"paused".into(), NOON).await.unwrap();
        assert_eq!(claim(&db.store, now, ClaimToken(4)).await, [ids[3]]);
    })
    .await;
}

#[tokio::test]
async fn parked_mail_follows_when_the_open_one_has_ended() {
    for_each_database(async |db| {
        let (lead, first) = lead_with_mail(&db.store, "a@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        let parked = || Settled::Parked { reason: "no first name".into() };
        assert!(settle(&db.store, first, TOKEN, parked()).await);
        decide(&db.store, lead, |decision| {
            decision.enrolments.push(entered(2));
            decision.messages.push(mail(2, "hello"));
        })
        .await;
        let second = claim(&db.store, NOON, TOKEN).await[0];
        db.store.mark_transmitting(&[(second, TOKEN)], NOON).await.unwrap();
        assert!(settle(&db.store, second, TOKEN, sent()).await);
        assert_eq!(claim(&db.store, NOON, TOKEN).await, [first]);
        // Still not mended: it does not go round and round.
        assert!(settle(&db.store, first, TOKEN, parked()).await);
        assert!(claim(&db.store, NOON, TOKEN).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_backlog_of_one_workflow_holds_up_nobody_elses_mail() {
    for_each_database(async |db| {
        let mut urgent = None;
        for number in 0..12 {
            let lead = settled_lead(&db.store, &format!("l{number}@example.com")).await;
            let mut message = mail(1, "hello");
            let is_urgent = number == 11;
            message.workflow = if is_urgent { "urgent".into() } else { "backlog".into() };
            message.due_at = if is_urgent { NOON } else { NOON - HOUR };
            decide(&db.store, lead, |decision| decision.messages.push(message)).await;
            if is_urgent {
                urgent = Some(db.store.messages_of(lead).await.unwrap()[0].id);
            }
        }
        let route = Route::own(&"main".into());
        let claim = async |token, limit| {
            let claimed = db
                .store
                .claim_messages(&route, NOON, ClaimToken(token), HOUR, limit)
                .await
                .unwrap();
            claimed.into_iter().map(|message| message.id).collect::<Vec<_>>()
        };
        let first = claim(1, 4).await;
        assert_eq!(first.len(), 4, "what one leaves over the other takes");
        assert!(first.contains(&urgent.unwrap()), "{first:?}");
        assert_eq!(claim(2, 100).await.len(), 8);
    })
    .await;
}

#[tokio::test]
async fn mails_of_an_enrolment_that_moves_to_another_version_move_with_it() {
    for_each_database(async |db| {
        let (lead, message) = lead_with_mail(&db.store, "moves@acme.example").await;
        let (other, _) = lead_with_mail(&db.store, "stays@acme.example").await;
        let newer = Version("newer".into());
        for (lead, has_migrated) in [(lead, true), (other, false)] {
            let mut moved = entered(1);
            (moved.is_new, moved.has_migrated) = (false, has_migrated);
            moved.enrolment.phase = Phase::Mailing;
            moved.enrolment.version = newer.clone();
            decide(&db.store, lead, |write| write.enrolments = vec![moved]).await;
        }
        let found = db.store.messages_of(lead).await.unwrap();
        assert_eq!((found[0].id, &found[0].version), (message, &newer));
        let found = db.store.messages_of(other).await.unwrap();
        assert_eq!(found[0].version, version());
    })
    .await;
}
