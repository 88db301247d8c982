//! An objection is obeyed by the next mail, at whatever moment it comes.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nurtured::{
    domain::{address::Address, lead::Suppression, message::MessageState},
    store::records::NewEvent,
    token::MailRef,
};
use tokio::sync::mpsc;

use crate::support::{
    databases::{NOON, for_each_database},
    engine::{Campaign, DAY, Rig, Setup},
    smtp::{Act, At, Moment, Script},
};

/// Scattered numbers, the same each time.
fn scatter(text: &str, salt: u64) -> u64 {
    text.bytes().fold(salt ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_unsubscribe_between_reservation_and_sending_is_obeyed() {
    for_each_database(async |db| {
        for round in 0..3_u64 {
            let order = Arc::new(AtomicUsize::new(0));
            // When the relay was ready for each mail: after this the mail may be on its way.
            let ready: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
            let (begun, mut begins) = mpsc::unbounded_channel::<String>();
            let relay = {
                let (order, ready) = (Arc::clone(&order), Arc::clone(&ready));
                Script::new().on(move |moment: Moment<'_>| {
                    let who = moment.recipient.to_owned();
                    let chance = scatter(&who, round * 31 + moment.at as u64);
                    match moment.at {
                        At::Rcpt => {
                            begun.send(who).unwrap();
                            Act::Slow(Duration::from_millis(chance % 6))
                        }
                        At::Data => {
                            ready.lock().unwrap().insert(who, order.fetch_add(1, Ordering::SeqCst));
                            Act::Default
                        }
                        At::Dot => Act::Slow(Duration::from_millis(chance % 4)),
                        _ => Act::Default,
                    }
                })
            };
            let start = NOON + u32::try_from(10 * round).unwrap() * DAY;
            let setup = Setup { start, relay, connections: 6, ..Setup::default() };
            let campaign = Campaign::two_mails().mail("cold/one", &format!("One {round}"));
            let rig = Arc::new(Rig::with(db, &campaign, setup).await);
            let names: Vec<String> =
                (0..100).map(|n| format!("r{round}l{n}@example.com")).collect();
            let leads = rig.leads(&names, &[]).await;

            let objecting = {
                let (rig, order) = (Arc::clone(&rig), Arc::clone(&order));
                tokio::spawn(async move {
                    let mut posts = tokio::task::JoinSet::new();
                    while let Some(who) = begins.recv().await {
                        let (rig, order) = (Arc::clone(&rig), Arc::clone(&order));
                        posts.spawn(async move {
                            let wait = scatter(&who, 77) % 5_000;
                            tokio::time::sleep(Duration::from_micros(wait)).await;
                            let lead =
                                rig.store.find_lead(&Address::parse(&who).unwrap()).await.unwrap();
                            let lead = lead.unwrap();
                            let message = rig.messages(lead).await[0].id;
                            let token = rig.keyring.unsubscribe(&MailRef { lead, message });
                            let url = format!("http://{}/u/{token}", rig.public);
                            let post = rig.browser.post(url).body("List-Unsubscribe=One-Click");
                            let answer = post.send().await.unwrap();
                            assert!(answer.status().is_success());
                            (who, order.fetch_add(1, Ordering::SeqCst))
                        });
                        if posts.len() == 100 {
                            break;
                        }
                    }
                    posts.join_all().await
                })
            };
            rig.tick().await;
            let objected: HashMap<String, usize> = objecting.await.unwrap().into_iter().collect();
            rig.tick().await;

            let (mut stopped, mut left) = (0, 0);
            for (name, &lead) in names.iter().zip(&leads) {
                let mails = rig.subjects_to(name);
                let (state, said) = (rig.messages(lead).await.remove(0).state, objected[name]);
                let ready = ready.lock().unwrap().get(name).copied();
                if ready.is_none_or(|ready| said < ready) {
                    assert_eq!(mails, [""; 0], "{name} had objected, and the answer was given");
                }
                if mails.is_empty() {
                    assert_eq!(state, MessageState::Cancelled);
                    stopped += 1;
                } else {
                    assert_eq!((mails.len(), state), (1, MessageState::Sent));
                    left += 1;
                }
                let enrolment = rig.enrolment(lead).await;
                assert_eq!(enrolment.state, "left");
                let reason = enrolment.reason.unwrap();
                assert!(reason.contains("unsubscribed"), "{reason}");
                assert_eq!(rig.record(lead).await.suppressed, Some(Suppression::Unsubscribed));
            }
            println!("{stopped} stopped in time, {left} were on their way");
            assert!(stopped > 0 && left > 0, "the race was no race: {stopped} and {left}");
            let before = rig.smtp.count();
            assert_eq!(rig.tick_after(2 * DAY).await.sent, 0);
            assert_eq!(rig.smtp.count(), before);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_domain_put_on_the_list_stops_what_is_reserved() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &Campaign::two_mails()).await;
        let (ours, theirs) =
            (rig.lead("a@left.example", &[]).await, rig.lead("b@stays.example", &[]).await);
        rig.store.pause(&"all".into(), "test", rig.clock.now()).await.unwrap();
        assert_eq!(rig.tick().await.reserved, 2);
        let domain = nurtured::store::Subject::Domain("left.example".into());
        let list = [(domain, Suppression::Manual)];
        rig.store.suppress(&list, &"list".into(), rig.clock.now()).await.unwrap();
        rig.store.resume(&"all".into(), rig.clock.now()).await.unwrap();
        let report = rig.tick().await;
        assert_eq!((report.sent, report.cancelled), (1, 1));
        assert_eq!(rig.enrolment(ours).await.state, "left");
        assert_eq!(rig.enrolment(theirs).await.state, "waiting");
        assert_eq!(rig.smtp.count(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complaint_while_the_mail_waits_for_the_relay_stops_it() {
    for_each_database(async |db| {
        let relay = Script::new().on(|moment: Moment<'_>| match (moment.at, moment.nth) {
            (At::Rcpt, 1) => Act::Say("451 4.7.1 later".into()),
            _ => Act::Default,
        });
        let rig = Rig::with(db, &Campaign::two_mails(), Setup { relay, ..Setup::default() }).await;
        let lead = rig.lead("a@example.com", &[]).await;
        let report = rig.tick().await;
        assert_eq!(report.deferred, 1);
        let now = rig.clock.now();
        let mut event =
            NewEvent::new(lead, nurtured::domain::event::EventKind::MAIL_COMPLAINED, now, "inbox");
        event.suppress = Some(Suppression::Complained);
        rig.store.record_events(&[event], now).await.unwrap();
        let report = rig.tick_at(report.next_wake_at.unwrap()).await;
        assert_eq!((report.sent, report.cancelled), (0, 1));
        assert_eq!(rig.states(lead).await, [("cold/one".into(), MessageState::Cancelled)]);
    })
    .await;
}
