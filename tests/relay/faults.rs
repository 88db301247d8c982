//! Relays that stall, hang up, talk nonsense: what is certain stays certain, the rest is in doubt.

use std::{collections::BTreeMap, time::Duration};

use nurtured::mail::relay::{Delivery, Stage};
use tokio::net::TcpListener;

use super::{
    assert_in_doubt, assert_sent, assert_unreachable, deliver, go, impatient, mail, session,
};
use crate::support::smtp::{Act, At, FakeSmtp, Received, Script, say};

/// Does the act at this moment of the first connection.
fn once(at: At, act: Act) -> Script {
    Script::new().on(move |moment| {
        if moment.at == at && moment.connection == 1 { act.clone() } else { Act::Default }
    })
}

#[tokio::test]
async fn before_the_mail_every_fault_is_certain() {
    let moments = [
        (At::Connect, Stage::Greeting),
        (At::Ehlo, Stage::Greeting),
        (At::Mail, Stage::Mail),
        (At::Rcpt, Stage::Rcpt),
        (At::Data, Stage::Data),
    ];
    for (at, stage) in moments {
        for act in [Act::HangUp, Act::Stall, Act::Raw(b"nonsense\r\n".to_vec())] {
            for pipelining in [true, false] {
                let script = Script { pipelining, ..once(at, act.clone()) };
                let (addr, server) = FakeSmtp::start(script).await;
                let mut session = impatient(addr);
                let (delivery, asked) = deliver(&mut session, &mail("k-1")).await;
                assert_unreachable(&delivery, stage);
                assert_eq!(delivery.relay_is_down(), stage == Stage::Greeting);
                assert_eq!((asked, server.count()), (0, 0), "{at:?} {act:?}");

                assert_sent(&deliver(&mut session, &mail("k-2")).await.0);
                assert_eq!((server.count(), server.connections()), (1, 2), "{at:?} {act:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_mail_without_an_answer_is_in_doubt() {
    let acts = [
        Act::HangUp,
        Act::Stall,
        Act::TakeAndHangUp,
        Act::TakeAndStall,
        Act::Raw(b"nonsense\r\n".to_vec()),
        Act::Raw(b"25".to_vec()),
        say("354 more please"),
    ];
    for act in acts {
        let (addr, server) = FakeSmtp::start(once(At::Dot, act.clone())).await;
        let mut session = impatient(addr);
        let (delivery, asked) = deliver(&mut session, &mail("k-1")).await;
        assert_in_doubt(&delivery);
        assert_eq!(asked, 1);
        let was_taken = matches!(act, Act::TakeAndHangUp | Act::TakeAndStall);
        assert_eq!(server.taken().len(), usize::from(was_taken), "{act:?}");

        assert_sent(&deliver(&mut session, &mail("k-2")).await.0);
        assert_eq!(server.mails().last().map(Received::key).as_deref(), Some("k-2"));
        assert_eq!(server.connections(), 2, "{act:?}");
    }
}

#[tokio::test]
async fn a_late_reply_is_never_taken_for_that_of_the_next_mail() {
    // The first mail is refused, but too late to be heard; the second is answered at once.
    let script = Script::new().on(|moment| match (moment.at, moment.nth) {
        (At::Dot, 1) => Act::Slow(Duration::from_millis(400)),
        (At::Dot, 2) => say("554 5.6.0 refused"),
        _ => Act::Default,
    });
    let (addr, server) = FakeSmtp::start(script).await;
    let mut session = impatient(addr);
    assert_in_doubt(&deliver(&mut session, &mail("k-1")).await.0);
    let (delivery, _) = deliver(&mut session, &mail("k-2")).await;
    assert!(
        matches!(&delivery, Delivery::Refused { reply, .. } if reply.code == 554),
        "{delivery:?}"
    );
    assert_sent(&deliver(&mut session, &mail("k-3")).await.0);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_delivery_that_is_given_up_takes_its_connection_along() {
    for at in [At::Rcpt, At::Data, At::Dot] {
        let script = Script::new().on(move |moment| {
            if moment.at == at && moment.nth == 2 { Act::Stall } else { Act::Default }
        });
        let (addr, server) = FakeSmtp::start(script).await;
        let mut session = session(addr);
        assert_sent(&deliver(&mut session, &mail("k-1")).await.0);
        {
            let second = mail("k-2");
            let given_up = session.deliver(&second, go);
            let limit = Duration::from_millis(150);
            assert!(tokio::time::timeout(limit, given_up).await.is_err());
        }
        assert_sent(&deliver(&mut session, &mail("k-3")).await.0);
        let keys: Vec<String> = server.mails().iter().map(Received::key).collect();
        assert_eq!((keys, server.connections()), (vec!["k-1".into(), "k-3".into()], 2), "{at:?}");
    }
}

#[tokio::test]
async fn a_relay_that_answers_before_it_has_the_mail_is_not_believed() {
    let ahead = Act::Raw(b"354 go\r\n250 2.0.0 queued\r\n".to_vec());
    let (addr, server) = FakeSmtp::start(once(At::Data, ahead)).await;
    let mut session = session(addr);
    let (delivery, asked) = deliver(&mut session, &mail("k-1")).await;
    assert_unreachable(&delivery, Stage::Data);
    assert_eq!(asked, 0);

    // Said after the mail: the mail stands, the connection does not.
    let double = Act::Raw(b"250 2.0.0 queued\r\n250 2.0.0 and again\r\n".to_vec());
    let (addr, server_of_two) = FakeSmtp::start(once(At::Dot, double)).await;
    let mut session = super::session(addr);
    assert_sent(&deliver(&mut session, &mail("k-1")).await.0);
    assert_sent(&deliver(&mut session, &mail("k-2")).await.0);
    assert_eq!(server_of_two.connections(), 2);
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_relay_that_refuses_the_sender_and_takes_the_recipient_is_out_of_step() {
    // An answer too many ahead of that to MAIL; that to DATA is yet to come.
    let script = Script::new().on(|moment| match (moment.at, moment.nth) {
        (At::Mail, 2) => Act::Raw(b"554 5.3.0 late\r\n250 2.1.0 ok\r\n".to_vec()),
        (At::Data, 2) => Act::Slow(Duration::from_millis(200)),
        _ => Act::Default,
    });
    let (addr, server) = FakeSmtp::start(script).await;
    let mut session = impatient(addr);
    assert_sent(&deliver(&mut session, &mail("k-1")).await.0);
    let (delivery, asked) = deliver(&mut session, &mail("k-2")).await;
    assert!(matches!(&delivery, Delivery::Refused { stage: Stage::Mail, .. }), "{delivery:?}");
    assert_eq!(asked, 0);
    assert_sent(&deliver(&mut session, &mail("k-3")).await.0);
    assert_eq!((server.count(), server.connections()), (2, 2));
}

#[tokio::test]
async fn no_relay_at_all_is_certain_and_counts_as_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let mut session = session(addr);
    let (delivery, asked) = deliver(&mut session, &mail("k-1")).await;
    assert_unreachable(&delivery, Stage::Connect);
    assert!(delivery.relay_is_down());
    assert_eq!(asked, 0);

    // It comes back, and the same session goes on.
    let listener = TcpListener::bind(addr).await.unwrap();
    let (_, server) = FakeSmtp::on(listener, Script::new());
    assert_sent(&deliver(&mut session, &mail("k-1")).await.0);
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_banner_that_refuses_is_the_relays_state_not_the_mails() {
    for banner in ["421 4.3.2 too many connections", "554 5.7.1 go away", "554-a\r\n554 b"] {
        let act = Act::SayAndHangUp(banner.to_owned());
        let (addr, server) = FakeSmtp::start(once(At::Connect, act)).await;
        let mut session = session(addr);
        let (delivery, _) = deliver(&mut session, &mail("k-1")).await;
        assert_unreachable(&delivery, Stage::Greeting);
        assert_sent(&deliver(&mut session, &mail("k-1")).await.0);
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn hostile_greetings_end_soon_and_hold_little_memory() {
    let megabytes = 20 << 20;
    let endless_line =
        b"220 ".iter().copied().chain(std::iter::repeat_n(b'x', megabytes)).collect();
    let endless_reply = b"220-x\r\n".repeat(200_000);
    let binary: Vec<u8> = (0..=255).cycle().take(5_000).collect();
    let http = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    let mixed = b"220-a\r\n550 b\r\n".to_vec();
    let huge_code = b"99999999999999999999 x\r\n".to_vec();
    let empty = b"\r\n\r\n\r\n".to_vec();
    for greeting in [endless_line, endless_reply, binary, http, mixed, huge_code, empty] {
        let shown = String::from_utf8_lossy(&greeting[..greeting.len().min(30)]).into_owned();
        let (addr, server) = FakeSmtp::start(once(At::Connect, Act::Raw(greeting))).await;
        let mut session = session(addr);
        let started = std::time::Instant::now();
        let (delivery, asked) = deliver(&mut session, &mail("k-1")).await;
        assert_unreachable(&delivery, Stage::Greeting);
        assert!(started.elapsed() < Duration::from_secs(5), "{shown}");
        assert_eq!((asked, server.count()), (0, 0), "{shown}");
        if let Delivery::Unreachable { reason, .. } = delivery {
            assert!(reason.len() < 2_000, "{shown}: {}", reason.len());
        }
    }
}

#[tokio::test]
async fn clear_answers_in_sloppy_form_are_understood() {
    let sloppy: [&[u8]; 6] = [
        b"250\r\n",
        b"250 ok\n",
        b"250 angenommen \xfc\r\n",
        b"250-one\r\n250-two\r\n250 three\r\n",
        b"250-one\n250 two\n",
        b"250 \x00\x1b[31mred\r\n",
    ];
    for reply in sloppy {
        let act = Act::Raw(reply.to_vec());
        let (addr, server) = FakeSmtp::start(once(At::Dot, act)).await;
        let mut session = impatient(addr);
        let (delivery, _) = deliver(&mut session, &mail("k-1")).await;
        assert_sent(&delivery);
        if let Delivery::Sent { reply } = delivery {
            assert!(!reply.text.chars().any(char::is_control), "{reply}");
        }
        assert_sent(&deliver(&mut session, &mail("k-2")).await.0);
        assert_eq!(server.connections(), 1);
    }
    let long = format!("550 5.1.1 {}\r\n", "x".repeat(6_000));
    let (addr, _server) = FakeSmtp::start(once(At::Rcpt, Act::Raw(long.into_bytes()))).await;
    let (delivery, _) = deliver(&mut session(addr), &mail("k-1")).await;
    match delivery {
        Delivery::Refused { reply, .. } => assert!(reply.text.len() <= 500),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_panic_at_the_point_of_no_return_is_a_failed_attempt() {
    let (addr, server) = FakeSmtp::start(Script::new()).await;
    let mut session = session(addr);
    let delivery = session.deliver(&mail("k-1"), || async { panic!("on purpose") }).await;
    assert_unreachable(&delivery, Stage::Local);
    assert_sent(&deliver(&mut session, &mail("k-2")).await.0);
    assert_eq!(server.count(), 1);
}

/// A number for each (seed, moment): the same in each run.
fn dice(seed: u64, moment: &crate::support::smtp::Moment<'_>, sides: u64) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (seed, moment.at, moment.connection, moment.nth).hash(&mut hasher);
    hasher.finish() % sides
}

/// A relay that misbehaves at random, and the ledger of what we believe against what it holds.
#[tokio::test]
async fn whatever_a_relay_does_the_ledger_is_true() {
    let runs: Vec<_> = (0..8).map(|seed| tokio::spawn(ledger_against(seed))).collect();
    for run in runs {
        run.await.unwrap();
    }
}

async fn ledger_against(seed: u64) {
    let script = Script::new().on(move |moment| match (moment.at, dice(seed, &moment, 40)) {
        (At::Ehlo | At::Quit | At::Rset, 0..2)
        | (At::Connect | At::Mail | At::Rcpt | At::Data | At::Dot, 0) => Act::HangUp,
        (At::Ehlo | At::Quit | At::Other | At::StartTls | At::Auth, _) => Act::Default,
        (_, 1) => say("421 4.3.2 closing"),
        (_, 2) => Act::SayAndHangUp("421 4.3.2 closed".to_owned()),
        (At::Connect | At::Rset, _) => Act::Default,
        (_, 3..6) => say("450 4.2.0 later"),
        (_, 6..9) => say("550 5.1.1 no"),
        (_, 9) => Act::Raw(b"250-half\r\n".to_vec()),
        (At::Dot, 10..13) => Act::TakeAndHangUp,
        (At::Dot, 13) => Act::TakeAndStall,
        (_, 14) => Act::Stall,
        _ => Act::Default,
    });
    let script = Script { pipelining: seed.is_multiple_of(2), ..script };
    let (addr, server) = FakeSmtp::start(script).await;
    let mut session = impatient(addr);
    let mut ledger = BTreeMap::new();
    for n in 0..150 {
        let key = format!("k-{n}");
        let (delivery, asked) = deliver(&mut session, &mail(&key)).await;
        assert!(asked == 1 || !matches!(delivery, Delivery::InDoubt { .. }));
        ledger.insert(key, delivery);
    }
    let mut held: BTreeMap<String, usize> = BTreeMap::new();
    for mail in server.mails().iter().chain(&server.taken()) {
        *held.entry(mail.key()).or_default() += 1;
    }
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, delivery) in &ledger {
        let copies = held.get(key).copied().unwrap_or_default();
        let allowed = match delivery {
            Delivery::Sent { .. } => 1..=1,
            Delivery::InDoubt { .. } => 0..=1,
            _ => 0..=0,
        };
        assert!(allowed.contains(&copies), "seed {seed}, {key}: {delivery:?}, {copies} copies");
        *words.entry(delivery.word()).or_default() += 1;
    }
    for word in ["sent", "refused", "later", "unreachable", "in_doubt"] {
        assert!(words.contains_key(word), "seed {seed} never came to {word}: {words:?}");
    }
    assert_eq!(server.violations(), [""; 0], "seed {seed}");
}
