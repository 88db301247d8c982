//! What is said to a relay that answers.

use std::sync::Arc;

use nurtured::mail::{
    compose::Letter,
    relay::{Credentials, Delivery, Fault, Stage},
};

use super::{
    assert_sent, assert_unreachable, deliver, go, letter, mail, mail_to, relay, session, session_of,
};
use crate::support::smtp::{Act, At, FakeSmtp, Received, Script, say};

#[tokio::test]
async fn a_mail_arrives_as_it_was_composed() {
    for script in [Script::new(), Script::new().without_pipelining()] {
        let (addr, server) = FakeSmtp::start(script).await;
        let mut session = session(addr);
        let (delivery, asked) = deliver(&mut session, &mail("k-1")).await;
        assert_sent(&delivery);
        assert_eq!(asked, 1);
        let arrived = server.mails();
        assert_eq!(arrived.len(), 1);
        assert_eq!(arrived[0].from, "bounce+k.mac@bounce.example.com");
        assert_eq!(arrived[0].to, ["ann@example.org"]);
        assert_eq!(arrived[0].key(), "k-1");
        assert!(arrived[0].data == mail("k-1").bytes, "octet for octet");
        assert_eq!(server.violations(), [""; 0]);
    }
}

#[tokio::test]
async fn mails_follow_each_other_on_one_connection_in_few_round_trips() {
    let (addr, server) = FakeSmtp::start(Script::new()).await;
    let mut session = session(addr);
    for n in 0..20 {
        assert_sent(&deliver(&mut session, &mail(&format!("k-{n}"))).await.0);
    }
    session.close().await;
    server.until(|seen| seen.open == 0).await;
    assert_eq!((server.count(), server.connections()), (20, 1));
    let verbs: Vec<String> = server
        .commands()
        .iter()
        .filter_map(|line| line.split_ascii_whitespace().nth(1).map(str::to_owned))
        .collect();
    assert_eq!(verbs.iter().filter(|verb| *verb == "MAIL").count(), 20);
    for needless in ["NOOP", "RSET"] {
        assert!(!verbs.iter().any(|verb| verb == needless), "{needless}");
    }
    assert_eq!(verbs.last().map(String::as_str), Some("QUIT"));
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn a_refusal_is_this_mails_alone_and_the_connection_goes_on() {
    let stages = [
        (At::Mail, Stage::Mail),
        (At::Rcpt, Stage::Rcpt),
        (At::Data, Stage::Data),
        (At::Dot, Stage::Dot),
    ];
    for (at, stage) in stages {
        for line in ["450 4.2.0 later", "451 later", "550 5.1.1 no such user", "554 no"] {
            for pipelining in [true, false] {
                let script = Script::new().on(move |moment| {
                    if moment.at == at && moment.nth == 1 { say(line) } else { Act::Default }
                });
                let script = Script { pipelining, ..script };
                let (addr, server) = FakeSmtp::start(script).await;
                let mut session = session(addr);
                let (delivery, asked) = deliver(&mut session, &mail("k-1")).await;
                let context = format!("{line} at {at:?}, pipelining {pipelining}: {delivery:?}");
                match &delivery {
                    Delivery::Later { reply, stage: found } if line.starts_with('4') => {
                        assert_eq!((reply.to_string().as_str(), *found), (line, stage));
                    }
                    Delivery::Refused { reply, stage: found } if line.starts_with('5') => {
                        assert_eq!((reply.to_string().as_str(), *found), (line, stage));
                    }
                    _ => panic!("{context}"),
                }
                assert_eq!(asked, usize::from(at == At::Dot), "{context}");
                assert_eq!(server.count(), 0, "{context}");

                assert_sent(&deliver(&mut session, &mail("k-2")).await.0);
                assert_eq!(server.connections(), 1, "{context}");
                assert_eq!(server.mails()[0].key(), "k-2", "{context}");
                assert_eq!(server.violations(), [""; 0], "{context}");
            }
        }
    }
}

#[tokio::test]
async fn one_bad_recipient_among_many_affects_no_other() {
    let script = Script::new().on(|moment| match moment.at {
        At::Rcpt if moment.recipient.starts_with("bad") => say("550 5.1.1 user unknown"),
        _ => Act::Default,
    });
    let (addr, server) = FakeSmtp::start(script).await;
    let mut session = session(addr);
    for n in 0..10 {
        let who = if n % 2 == 0 { "good" } else { "bad" };
        let to = format!("{who}{n}@example.org");
        let delivery = session.deliver(&mail_to(&format!("k-{n}"), &to), go).await;
        match delivery {
            Delivery::Sent { .. } => assert_eq!(who, "good"),
            Delivery::Refused { reply, stage } => {
                assert_eq!((who, reply.fault(stage)), ("bad", Fault::Hard));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((server.count(), server.connections()), (5, 1));
}

#[tokio::test]
async fn a_relay_that_takes_data_without_a_recipient_is_given_no_mail() {
    // RFC 2920 §3.1: DATA may be accepted although the recipient in the same batch was not.
    let script = Script::new().on(|moment| match moment.at {
        At::Rcpt if moment.nth == 1 => say("550 5.1.1 no"),
        At::Data => say("354 go anyway"),
        _ => Act::Default,
    });
    let (addr, server) = FakeSmtp::start(script).await;
    let mut session = session(addr);
    let (delivery, asked) = deliver(&mut session, &mail("k-1")).await;
    assert!(matches!(delivery, Delivery::Refused { stage: Stage::Rcpt, .. }), "{delivery:?}");
    assert_eq!(asked, 0);
    assert_sent(&deliver(&mut session, &mail("k-2")).await.0);
    assert_eq!((server.count(), server.refused().len(), server.connections()), (1, 0, 1));
}

#[tokio::test]
async fn a_relay_that_takes_data_without_a_sender_is_given_no_mail() {
    let script = Script::new().on(|moment| match (moment.at, moment.nth) {
        (At::Mail, 1) => say("550 5.1.8 no"),
        (At::Rcpt, 1) => say("250 ok"),
        (At::Data, 1) => say("354 go anyway"),
        _ => Act::Default,
    });
    let (addr, server) = FakeSmtp::start(script).await;
    let mut session = session(addr);
    let (delivery, asked) = deliver(&mut session, &mail("k-1")).await;
    assert!(matches!(delivery, Delivery::Refused { stage: Stage::Mail, .. }), "{delivery:?}");
    assert_eq!(asked, 0);
    assert_sent(&deliver(&mut session, &mail("k-2")).await.0);
    assert_eq!((server.count(), server.refused().len(), server.connections()), (1, 0, 2));
}

#[tokio::test]
async fn after_421_the_connection_is_not_used_again() {
    for at in [At::Mail, At::Rcpt, At::Data, At::Dot] {
        for pipelining in [true, false] {
            let script = Script::new().on(move |moment| {
                if moment.at == at && moment.nth == 1 {
                    say("421 4.3.2 shutting down")
                } else {
                    Act::Default
                }
            });
            let (addr, server) = FakeSmtp::start(Script { pipelining, ..script }).await;
            let mut session = session(addr);
            let (delivery, _) = deliver(&mut session, &mail("k-1")).await;
            assert!(
                matches!(&delivery, Delivery::Later { reply, .. } if reply.code == 421),
                "{at:?}: {delivery:?}"
            );
            assert_sent(&deliver(&mut session, &mail("k-2")).await.0);
            assert_eq!((server.count(), server.connections()), (1, 2), "{at:?} {pipelining}");
        }
    }
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_is_opened_anew() {
    for goodbye in
        [Act::HangUp, say("421 4.4.2 idle too long"), Act::SayAndHangUp("421 bye".into())]
    {
        let script = Script::new().on(move |moment| {
            let second = moment.at == At::Mail && moment.nth == 2;
            if second { goodbye.clone() } else { Act::Default }
        });
        let (addr, server) = FakeSmtp::start(script).await;
        let mut session = session(addr);
        assert_sent(&deliver(&mut session, &mail("k-1")).await.0);
        let (delivery, asked) = deliver(&mut session, &mail("k-2")).await;
        assert_sent(&delivery);
        assert_eq!((asked, server.count(), server.connections()), (1, 2, 2));
    }
}

#[tokio::test]
async fn the_point_of_no_return_lies_between_354_and_the_first_octet() {
    let (addr, server) = FakeSmtp::start(Script::new()).await;
    let mut session = session(addr);
    let delivery = session
        .deliver(&mail("k-1"), || async {
            assert!(server.commands().last().is_some_and(|line| line.ends_with("DATA")));
            assert_eq!(server.count(), 0);
            false
        })
        .await;
    assert!(delivery == Delivery::Withdrawn, "{delivery:?}");
    server.until(|seen| seen.open == 0).await;
    assert_eq!(server.count() + server.refused().len() + server.taken().len(), 0);

    assert_sent(&deliver(&mut session, &mail("k-2")).await.0);
    assert_eq!((server.count(), server.connections()), (1, 2));
}

#[tokio::test]
async fn a_connection_serves_so_many_mails_and_takes_its_leave() {
    let (addr, server) = FakeSmtp::start(Script::new()).await;
    let mut relay = relay(addr);
    relay.mails_per_connection = 2;
    let mut session = session_of(relay);
    for n in 0..5 {
        assert_sent(&deliver(&mut session, &mail(&format!("k-{n}"))).await.0);
    }
    assert_eq!((server.count(), server.connections()), (5, 3));
    let quits = server.commands().iter().filter(|line| line.ends_with("QUIT")).count();
    assert_eq!(quits, 2);
    assert_eq!(server.most_open(), 1, "never two at once");
}

#[tokio::test]
async fn an_old_or_idle_connection_is_replaced() {
    for (old, idle) in [(0, 60), (60, 0)] {
        let (addr, server) = FakeSmtp::start(Script::new()).await;
        let mut relay = relay(addr);
        relay.longest_connection = std::time::Duration::from_secs(old);
        relay.longest_idle = std::time::Duration::from_secs(idle);
        let mut session = session_of(relay);
        assert_sent(&deliver(&mut session, &mail("k-1")).await.0);
        assert_sent(&deliver(&mut session, &mail("k-2")).await.0);
        assert_eq!((server.count(), server.connections()), (2, 2));
    }
}

#[tokio::test]
async fn a_local_part_beyond_ascii_needs_smtputf8() {
    let to_joerg = mail_to("k-1", "jörg@example.org");
    let (addr, server) = FakeSmtp::start(Script::new()).await;
    let mut session_without = session(addr);
    let (delivery, asked) = deliver(&mut session_without, &to_joerg).await;
    match delivery {
        Delivery::Refused { reply, stage } => {
            assert_eq!(stage, Stage::Local);
            assert!(reply.text.contains("SMTPUTF8"), "{reply}");
            assert_ne!(reply.fault(stage), Fault::Hard);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(asked, 0);
    assert_sent(&deliver(&mut session_without, &mail("k-2")).await.0);
    assert_eq!((server.count(), server.connections()), (1, 1), "the others go on");

    let (addr, server) = FakeSmtp::start(Script { smtputf8: true, ..Script::new() }).await;
    let mut session_with = session(addr);
    assert_sent(&deliver(&mut session_with, &to_joerg).await.0);
    assert_sent(&deliver(&mut session_with, &mail("k-2")).await.0);
    let arrived = server.mails();
    assert_eq!(arrived[0].to, ["jörg@example.org"]);
    assert!(arrived[0].commands[0].contains(" SMTPUTF8"), "{:?}", arrived[0].commands);
    assert!(!arrived[1].commands[0].contains("SMTPUTF8"), "only where it is needed");
}

#[tokio::test]
async fn a_mail_larger_than_the_relay_takes_is_refused_here() {
    let (addr, server) = FakeSmtp::start(Script { size: Some(5_000), ..Script::new() }).await;
    let mut session = session(addr);
    let large = Letter { text: "x".repeat(6_000), ..letter("k-1") }.compose().unwrap();
    let (delivery, _) = deliver(&mut session, &large).await;
    assert!(matches!(delivery, Delivery::Refused { stage: Stage::Local, .. }), "{delivery:?}");
    assert_sent(&deliver(&mut session, &mail("k-2")).await.0);
    let size = format!("SIZE={}", mail("k-2").bytes.len());
    assert!(server.mails()[0].commands[0].contains(&size));
}

#[tokio::test]
async fn where_delivery_reports_are_offered_they_name_our_key() {
    let (addr, server) = FakeSmtp::start(Script { dsn: true, ..Script::new() }).await;
    let mut session = session(addr);
    assert_sent(&deliver(&mut session, &mail_to("k-1", "ann+x@example.org")).await.0);
    let commands = &server.mails()[0].commands;
    assert!(commands[0].ends_with(" RET=HDRS ENVID=k-1"), "{commands:?}");
    let wish = " NOTIFY=FAILURE,DELAY ORCPT=rfc822;ann+2Bx@example.org";
    assert!(commands[1].ends_with(wish), "{commands:?}");
}

#[tokio::test]
async fn a_null_return_path_is_said_as_such() {
    let (addr, server) = FakeSmtp::start(Script::new()).await;
    let notice = Letter { bounce_address: None, ..letter("k-1") }.compose().unwrap();
    assert_sent(&deliver(&mut session(addr), &notice).await.0);
    assert!(server.mails()[0].commands[0].starts_with("MAIL FROM:<>"));
}

#[tokio::test]
async fn lines_stay_within_the_limit_whatever_the_mail_holds() {
    let (addr, server) = FakeSmtp::start(Script::new()).await;
    let html = Some(format!("<p>{}</p>", "x".repeat(1_000_000)));
    let large = Letter { html, subject: "y".repeat(5_000), ..letter("k-1") }.compose().unwrap();
    assert_sent(&deliver(&mut session(addr), &large).await.0);
    let arrived = server.mails();
    assert!(arrived[0].longest_line <= 1000, "{}", arrived[0].longest_line);
    assert!(arrived[0].data == large.bytes);
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn a_body_cannot_smuggle_a_second_mail() {
    for end in ["\n", "\r", "\r\n", "\n\r"] {
        let (addr, server) = FakeSmtp::start(Script { bare_lf: true, ..Script::new() }).await;
        let smuggled = format!(
            "Hello{end}.{end}MAIL FROM:<evil@example.net>{end}RCPT TO:<victim@example.net>{end}\
             DATA{end}evil{end}.{end}"
        );
        let mut mail = mail("k-1");
        mail.bytes.extend_from_slice(smuggled.as_bytes());
        let mut session = session(addr);
        assert_sent(&deliver(&mut session, &mail).await.0);
        session.close().await;
        server.until(|seen| seen.open == 0).await;
        let arrived = server.mails();
        assert_eq!(arrived.len(), 1, "{end:?}");
        assert_eq!(arrived[0].to, ["ann@example.org"]);
        assert!(arrived[0].text().contains("\r\nMAIL FROM:<evil"), "it is text");
        assert_eq!(server.violations(), [""; 0], "{end:?}");
    }
}

#[tokio::test]
async fn credentials_are_given_by_what_the_relay_offers() {
    let login = Some(("ada".to_owned(), "canary-secret".to_owned()));
    for mechanisms in ["PLAIN", "LOGIN", "CRAM-MD5 LOGIN PLAIN"] {
        let script =
            Script { login: login.clone(), mechanisms: mechanisms.to_owned(), ..Script::new() };
        let (addr, server) = FakeSmtp::start(script).await;
        let mut relay = relay(addr);
        relay.credentials =
            Some(Credentials { user: "ada".into(), password: "canary-secret".into() });
        let shown = format!("{relay:?} {:?}", relay.credentials);
        assert!(!shown.contains("canary"), "{shown}");
        assert_sent(&deliver(&mut session_of(relay), &mail("k-1")).await.0);
        assert_eq!(server.count(), 1, "{mechanisms}");
    }
}

#[tokio::test]
async fn wrong_or_missing_credentials_are_never_the_mails_fault() {
    let login = Some(("ada".to_owned(), "right".to_owned()));
    let (addr, server) = FakeSmtp::start(Script { login: login.clone(), ..Script::new() }).await;
    let mut wrong = relay(addr);
    wrong.credentials = Some(Credentials { user: "ada".into(), password: "canary".into() });
    let (delivery, _) = deliver(&mut session_of(wrong), &mail("k-1")).await;
    assert_unreachable(&delivery, Stage::Auth);
    assert!(delivery.relay_is_down());
    assert!(!format!("{delivery:?}").contains("canary"));

    let (delivery, _) = deliver(&mut session(addr), &mail("k-1")).await;
    match &delivery {
        Delivery::Refused { reply, stage } => assert_eq!(reply.fault(*stage), Fault::SenderFault),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.count(), 0);

    // Offered by nobody: not given.
    let (addr, server) = FakeSmtp::start(Script::new()).await;
    let mut eager = relay(addr);
    eager.credentials = Some(Credentials { user: "ada".into(), password: "canary".into() });
    assert_unreachable(&deliver(&mut session_of(eager), &mail("k-1")).await.0, Stage::Auth);
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn many_sessions_open_no_more_connections_than_there_are() {
    let (addr, server) = FakeSmtp::start(Script::new()).await;
    let relay = Arc::new(relay(addr));
    let tasks: Vec<_> = (0..8)
        .map(|worker| {
            let mut session = nurtured::mail::relay::Relay::Smtp(Arc::clone(&relay)).session();
            // Spawned: a session must be able to live on any thread.
            tokio::spawn(async move {
                for n in 0..50 {
                    let key = format!("k-{worker}-{n}");
                    assert_sent(&session.deliver(&mail(&key), go).await);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let keys: std::collections::BTreeSet<String> =
        server.mails().iter().map(Received::key).collect();
    assert_eq!((server.count(), keys.len(), server.connections()), (400, 400, 8));
}
