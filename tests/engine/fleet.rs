//! Several relays: who writes to whom, who stands in for whom, and how fast each is.

use std::{collections::BTreeMap, sync::Arc};

use nurtured::{
    domain::{id::LeadId, message::MessageState},
    engine::Engine,
};

use crate::support::{
    databases::{NOON, for_each_database},
    engine::{Campaign, DAY, HOUR, MINUTE, Rig, Setup},
    smtp::{FakeSmtp, Script},
};

/// A rig whose relay `main` has a second one beside it, called `other`; with keys for each.
async fn two_relays(
    db: &crate::support::databases::TestDatabase,
    main: &str,
    other: &str,
) -> (Rig, FakeSmtp) {
    let (addr, second) = FakeSmtp::start(Script::new()).await;
    let config = format!(
        "[[relay]]\nname = \"other\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n{other}\n",
        addr.port()
    );
    let setup = Setup { config, main: main.to_owned(), ..Setup::default() };
    (Rig::with(db, &Campaign::two_mails(), setup).await, second)
}

/// By recipient: who wrote to them.
fn authors(servers: [&FakeSmtp; 2]) -> BTreeMap<String, Vec<String>> {
    let mut authors: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mail in servers.iter().flat_map(|server| server.mails()) {
        authors.entry(mail.to[0].clone()).or_default().push(mail.header("From").unwrap());
    }
    authors
}

async fn crowd(rig: &Rig, people: usize) -> Vec<LeadId> {
    let names: Vec<String> = (0..people).map(|n| format!("p{n}@d{n}.example")).collect();
    rig.leads(&names, &[]).await
}

/// An engine in place of the rig's, as after a change of its configuration.
async fn reconfigured(rig: &Rig, change: impl Fn(&str) -> String) -> Arc<Engine> {
    let engine = rig.configured(change);
    engine.take_over().await.unwrap();
    engine
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_is_always_written_to_by_the_same_sender() {
    for_each_database(async |db| {
        let ben = "from = \"Ben Weber <ben@example.net>\"\nbounce_domain = \"b.example.net\"\n\
                   reply_to = \"answers@example.net\"";
        let (rig, second) = two_relays(db, "", ben).await;
        crowd(&rig, 40).await;
        assert_eq!(rig.tick().await.sent, 40);
        assert_eq!(rig.tick_after(DAY).await.sent, 40);
        let authors = authors([&rig.smtp, &second]);
        assert!(authors.values().all(|by| by.len() == 2 && by[0] == by[1]), "{authors:#?}");
        // Each has its own server and its own names.
        for (server, from, bounces) in [
            (&rig.smtp, "Ada Rossi <ada@example.com>", "@bounce.example.com"),
            (&second, "Ben Weber <ben@example.net>", "@b.example.net"),
        ] {
            let mails = server.mails();
            assert!((20..60).contains(&mails.len()), "{from}: {}", mails.len());
            for mail in mails {
                assert_eq!(mail.header("From").unwrap().replace('"', ""), from);
                assert!(mail.commands[0].contains(&format!("{bounces}>")), "{:?}", mail.commands);
                let id = mail.header("Message-ID").unwrap();
                assert!(id.ends_with(&format!("{bounces}>")), "{id}");
                let answers = mail.header("Reply-To");
                assert_eq!(answers.is_some(), from.starts_with("Ben"), "{answers:?}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_of_one_sender_stand_in_for_each_other_and_another_sender_does_not() {
    for_each_database(async |db| {
        let (rig, second) = two_relays(db, "", "").await;
        crowd(&rig, 30).await;
        rig.store.pause(&"relay:main".into(), "test", NOON).await.unwrap();
        assert_eq!(rig.tick().await.sent, 30, "all by the other one");
        assert_eq!((rig.smtp.count(), second.count()), (0, 30));
        rig.store.resume(&"relay:main".into(), NOON).await.unwrap();
        assert_eq!(rig.tick_after(DAY).await.sent, 30);
        assert!(rig.smtp.count() > 0, "each has its own again");
        assert_eq!(rig.smtp.count() + second.count(), 60);
    })
    .await;
    for_each_database(async |db| {
        let (rig, second) = two_relays(db, "", "from = \"Ben <ben@example.net>\"").await;
        let leads = crowd(&rig, 30).await;
        rig.store.pause(&"relay:main".into(), "test", NOON).await.unwrap();
        let report = rig.tick().await;
        assert_eq!((rig.smtp.count() as u64, second.count() as u64), (0, report.sent));
        let mut waiting = 0;
        for &lead in &leads {
            let message = rig.messages(lead).await.remove(0);
            waiting += u64::from(message.state == MessageState::Reserved);
        }
        assert_eq!(waiting + report.sent, 30);
        assert!(waiting > 0 && report.sent > 0, "{waiting} wait");
        assert!(report.next_wake_at.is_none_or(|next| next > rig.clock.now()), "nothing spins");
        rig.store.resume(&"relay:main".into(), NOON).await.unwrap();
        assert_eq!(rig.tick().await.sent, waiting);
        assert_eq!(rig.smtp.count() as u64, waiting);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_down_holds_up_nobody_elses_mail_and_every_daemon_knows_of_it() {
    for_each_database(async |db| {
        let (rig, second) = two_relays(db, "", "from = \"Ben <ben@example.net>\"").await;
        crowd(&rig, 40).await;
        let addr = rig.smtp.addr;
        let Rig { engine, store, clock, smtp, .. } = &rig;
        let dead = reconfigured(&rig, |text| {
            text.replace(&format!("port = {}\n", addr.port()), "port = 9\n")
        })
        .await;
        let report = dead.tick(clock.now()).await.unwrap();
        assert_eq!(report.sent as usize, second.count());
        let waiting = 40 - second.count();
        assert!(waiting > 5 && second.count() > 5, "{waiting} wait");
        // Another daemon, whose own way there is open, leaves it alone until it is asked again.
        assert_eq!(store.relays_down().await.unwrap().len(), 1);
        let early = engine.tick(clock.now()).await.unwrap();
        assert_eq!((early.sent, smtp.count()), (0, 0));
        rig.walk(clock.now() + HOUR).await;
        assert_eq!(smtp.count(), waiting);
        assert!(store.relays_down().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_takes_no_more_than_its_rate_also_of_those_whom_it_stands_in_for() {
    for_each_database(async |db| {
        let (rig, second) =
            two_relays(db, "rate = \"6 per minute\"", "rate = \"6 per minute\"").await;
        let leads = crowd(&rig, 30).await;
        // Reserved while both are there; then one is not.
        rig.store.pause(&"relay:main".into(), "test", NOON).await.unwrap();
        rig.walk(NOON + HOUR).await;
        assert_eq!((rig.smtp.count(), second.count()), (0, 30));
        let sent = rig.sent(&leads).await;
        for (first, seventh) in sent.iter().zip(&sent[6..]) {
            assert!(*seventh >= *first + MINUTE, "{sent:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_of_a_relay_that_is_not_there_any_more_go_by_another() {
    for_each_database(async |db| {
        let (rig, second) = two_relays(db, "", "from = \"Ben <ben@example.net>\"").await;
        crowd(&rig, 20).await;
        rig.store.pause(&"all".into(), "test", NOON).await.unwrap();
        rig.tick().await;
        rig.store.resume(&"all".into(), NOON).await.unwrap();
        let alone = reconfigured(&rig, |text| {
            let (before, rest) = text.split_once("[[relay]]\nname = \"other\"").unwrap();
            let after = rest.split_once("from = \"Ben <ben@example.net>\"\n").unwrap().1;
            format!("{before}{after}").replace("\"main\"", "\"renamed\"")
        })
        .await;
        assert_eq!(alone.tick(rig.clock.now()).await.unwrap().sent, 20);
        assert_eq!((rig.smtp.count(), second.count()), (20, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_works_again_takes_its_mails_back_from_who_stood_in_for_it() {
    for_each_database(async |db| {
        let (rig, second) = two_relays(db, "", "").await;
        let addr = rig.smtp.addr;
        let dead = reconfigured(&rig, |text| {
            text.replace(&format!("port = {}\n", addr.port()), "port = 9\n")
        })
        .await;
        crowd(&rig, 40).await;
        dead.tick(rig.clock.now()).await.unwrap();
        assert_eq!(rig.store.relays_down().await.unwrap().len(), 1);
        // One lead after the other from then on, as on a quiet day, and the relay is back.
        for number in 0..20 {
            rig.clock.set(rig.clock.now() + MINUTE);
            rig.lead(&format!("q{number}@quiet.example"), &[]).await;
            rig.tick().await;
        }
        assert!(rig.store.relays_down().await.unwrap().is_empty(), "nobody asked it");
        assert!(rig.smtp.count() > 0 && second.count() > 0);
    })
    .await;
}
