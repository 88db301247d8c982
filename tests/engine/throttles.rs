//! Servers that take less from us than we have for them.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use nurtured::{clock::Clock, domain::message::MessageState};

use crate::support::{
    databases::{NOON, for_each_database},
    engine::{Campaign, HOUR, Rig, SECOND, Setup},
    smtp::{Act, At, Moment, Script, say},
};

fn campaign() -> Campaign {
    Campaign::new()
        .workflow("one", "enter:\n  event: lead.imported\nsteps:\n  - email: cold/one\n")
        .mail("cold/one", "One")
}

/// How a relay answers mail for a domain.
#[derive(Default)]
struct Trouble {
    is_over: AtomicBool,
    /// How often it was asked.
    asked: AtomicUsize,
}

impl Trouble {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn ends(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

fn answering(domain: &'static str, line: &'static str) -> (Setup, Arc<Trouble>) {
    let trouble = Arc::new(Trouble::default());
    let known = Arc::clone(&trouble);
    let relay = Script::new().on(move |moment: Moment<'_>| {
        if moment.at != At::Rcpt || !moment.line.contains(domain) {
            return Act::Default;
        }
        known.asked.fetch_add(1, Ordering::SeqCst);
        if known.is_over.load(Ordering::SeqCst) { Act::Default } else { say(line) }
    });
    (Setup { relay, connections: 1, ..Setup::default() }, trouble)
}

#[tokio::test(flavor = "multi_thread")]
async fn where_mail_is_put_off_it_goes_slowly_and_nobody_elses_does() {
    for_each_database(async |db| {
        let line = "421 4.7.28 too many mails from you";
        let (setup, trouble) = answering("@busy.example", line);
        let rig = Rig::with(db, &campaign(), setup).await;
        let slow = rig.crowd(60, "busy.example").await;
        let fast = rig.crowd(20, "free.example").await;
        let report = rig.tick().await;
        assert_eq!(report.sent, 20, "none of the others waits");
        assert_eq!(rig.sent(&fast).await.len(), 20);
        // What is in the connections' hands at that moment is asked; nobody runs on.
        let first = trouble.asked();
        assert!((1..=20).contains(&first), "{first} of 60 were tried at once");
        let (level, since) = {
            let known = rig.store.throttles().await.unwrap();
            assert_eq!((known.len(), &*known[0].0.receiver), (1, "busy.example"));
            (known[0].1, known[0].2)
        };
        assert_eq!((level.number(), since), (1, NOON));
        // It is put off again, and is asked less and less: in the second hour twelve times.
        rig.walk(NOON + HOUR).await;
        let in_the_first = trouble.asked();
        rig.walk(NOON + HOUR * 2).await;
        let in_the_second = trouble.asked() - in_the_first;
        // Without it there would be four tries of each.
        assert!(in_the_first < 150, "{in_the_first}");
        assert!((8..=14).contains(&in_the_second), "{in_the_second}");
        // A daemon that starts now knows of it.
        let (other, _) = rig.restarted().await;
        other.follow_relays().await.unwrap();
        // They take mail again: it goes faster by and by, and all of it.
        trouble.ends();
        rig.walk(NOON + HOUR * 8).await;
        let at = rig.sent(&slow).await;
        assert_eq!(at.len(), 60);
        let in_hour = |hour: u32| {
            let (from, to) = (NOON + HOUR * hour, NOON + HOUR * (hour + 1));
            at.iter().filter(|at| (from..to).contains(*at)).count()
        };
        assert!(in_hour(2) < 60, "no burst: {at:?}");
        assert!(rig.store.throttles().await.unwrap().is_empty(), "forgotten");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_are_ready_behind_the_first_that_is_put_off_stand_in_line_too() {
    for_each_database(async |db| {
        let clock: Arc<OnceLock<Clock>> = Arc::default();
        let (asked, known) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&clock));
        let count = Arc::clone(&asked);
        let relay = Script::new().on(move |moment: Moment<'_>| {
            if moment.at != At::Rcpt {
                return Act::Default;
            }
            count.fetch_add(1, Ordering::SeqCst);
            // The others are ready by now.
            known.get().unwrap().set(NOON + SECOND);
            say("421 4.7.28 too many mails from you")
        });
        let setup = Setup { relay, connections: 1, ..Setup::default() };
        let rig = Rig::with(db, &campaign(), setup).await;
        clock.set(rig.clock.clone()).unwrap();
        let leads = rig.crowd(16, "busy.example").await;
        rig.tick().await;
        let first = asked.load(Ordering::SeqCst);
        assert!((1..=3).contains(&first), "{first} of 16 were tried");
        let waiting = rig.messages(leads[15]).await;
        let reason = waiting[0].reason.as_deref().unwrap();
        assert!(reason.contains("slowed down main to busy.example"), "{reason}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_whose_mailboxes_are_full_slow_nobody_down() {
    for_each_database(async |db| {
        let line = "452 4.2.2 mailbox full";
        let (setup, _) = answering("@full.example", line);
        let rig = Rig::with(db, &campaign(), setup).await;
        rig.crowd(10, "full.example").await;
        rig.tick().await;
        assert!(rig.store.throttles().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_for_who_we_are_the_relay_is_paused_and_no_lead_is_lost() {
    for_each_database(async |db| {
        let line = "550 5.7.26 This mail has been blocked because the sender is unauthenticated";
        let (setup, trouble) = answering("@strict.example", line);
        let rig = Rig::with(db, &campaign(), setup).await;
        let leads = rig.crowd(30, "strict.example").await;
        rig.tick().await;
        let paused = rig.store.paused_relays().await.unwrap();
        assert_eq!(paused.into_iter().collect::<Vec<_>>(), ["main"]);
        // It stays so, whatever is due.
        let asked = trouble.asked();
        rig.walk(NOON + HOUR * 5).await;
        assert_eq!(trouble.asked(), asked);
        for &lead in &leads {
            let message = rig.messages(lead).await.remove(0);
            assert!(message.state.is_open(), "{message:?}");
            assert!(message.attempts <= 1, "{message:?}");
        }
        // Somebody mends the DNS.
        trouble.ends();
        rig.store.resume(&"relay:main".into(), NOON).await.unwrap();
        rig.walk(NOON + HOUR * 12).await;
        for &lead in &leads {
            assert_eq!(rig.messages(lead).await[0].state, MessageState::Sent);
        }
        assert!(rig.smtp.violations().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_one_server_refuses_again_and_again_fails_and_the_relay_goes_on() {
    for_each_database(async |db| {
        let line = "554 5.7.1 Client host blocked using bl.example";
        let (setup, _) = answering("@strict.example", line);
        let rig = Rig::with(db, &campaign(), setup).await;
        let lead = rig.crowd(1, "strict.example").await[0];
        rig.walk(NOON + HOUR * 24).await;
        assert!(rig.store.paused_relays().await.unwrap().is_empty());
        let message = rig.messages(lead).await.remove(0);
        assert_eq!((message.state, message.attempts), (MessageState::Failed, 6), "{message:?}");
        assert_eq!(rig.record(lead).await.suppressed, None, "it is not the lead's fault");
    })
    .await;
}
