//! A relay that takes mails and hangs up without a word: who goes on, who waits, what is sent once more.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use nurtured::domain::{event::EventKind, id::LeadId, message::MessageState};
use reqwest::Method;

use crate::support::{
    databases::{TestDatabase, for_each_database},
    engine::{Campaign, DAY, HOUR, MINUTE, Read, Rig, Setup},
    smtp::{Act, At, Moment, Received, Script},
};

const PAUSE: Duration = Duration::from_mins(10);

/// Two mails, a day between them, by a workflow that does this when one is in doubt.
fn campaign(in_doubt: &str) -> Campaign {
    Campaign::new()
        .workflow(
            "two",
            &format!(
                "enter:\n  when: stage == \"lead\"\n  existing: yes\nsend: {{ in_doubt: {in_doubt} }}\n\
                 steps:\n  - email: cold/one\n  - wait: 1d\n  - email: cold/two\n"
            ),
        )
        .mail("cold/one", "One")
        .mail("cold/two", "Two")
}

/// A rig whose relay is silent for as long as it is told to be.
async fn rig(db: &TestDatabase, campaign: &Campaign) -> (Rig, Arc<AtomicBool>) {
    let silent = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&silent);
    let relay = Script::new().on(move |moment: Moment<'_>| {
        let is_silent = moment.at == At::Dot && asked.load(Ordering::SeqCst);
        if is_silent { Act::TakeAndHangUp } else { Act::Default }
    });
    let rig = Rig::with(db, campaign, Setup { relay, ..Setup::default() }).await;
    (rig, silent)
}

/// The Message-IDs of all mails that the relay has had, by the mail's key.
fn arrived(rig: &Rig) -> BTreeMap<String, Vec<String>> {
    let mut arrived: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let header = |mail: &Received, name: &str| mail.header(name).expect("it is there");
    for mail in rig.smtp.taken().iter().chain(&rig.smtp.mails()) {
        let id = header(mail, "Message-ID");
        arrived.entry(header(mail, "X-Nurtured-Key")).or_default().push(id);
    }
    arrived
}

async fn step(rig: &Rig, lead: LeadId) -> String {
    rig.enrolment(lead).await.step.to_string()
}

/// Restarted three times, nothing happens.
async fn restarts_change_nothing(rig: &Rig) {
    let before = arrived(rig);
    for _ in 0..3 {
        let (engine, left) = rig.restarted().await;
        assert_eq!(left.in_doubt, 0);
        let report = engine.tick(rig.clock.now()).await.unwrap();
        assert_eq!((report.in_doubt, report.sent), (0, 0));
    }
    assert_eq!(arrived(rig), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_sent_once_more_with_the_same_message_id_and_never_a_third_time() {
    for_each_database(async |db| {
        let (rig, _) = rig(db, &campaign("resend")).await;
        let names: Vec<String> = (0..10).map(|n| format!("l{n}@example.com")).collect();
        let leads = rig.leads(&names, &[]).await;
        assert_eq!(rig.tick().await.in_doubt, 10);
        restarts_change_nothing(&rig).await;
        assert_eq!(rig.tick_after(9 * MINUTE).await.in_doubt, 0);
        assert_eq!(rig.tick_after(MINUTE).await.in_doubt, 10);
        restarts_change_nothing(&rig).await;
        rig.tick_after(12 * HOUR).await;
        let arrived = arrived(&rig);
        assert_eq!(arrived.len(), 10);
        for ids in arrived.values() {
            assert_eq!((ids.len(), &ids[0]), (2, &ids[1]));
        }
        for lead in leads {
            assert_eq!(step(&rig, lead).await, "wait.1d");
            assert_eq!(rig.record(lead).await.memory.sends.len(), 1, "one mail");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_try_is_answered() {
    for_each_database(async |db| {
        let (rig, silent) = rig(db, &campaign("resend")).await;
        let lead = rig.lead("ann@example.com", &[]).await;
        rig.tick().await;
        silent.store(false, Ordering::SeqCst);
        assert_eq!(rig.tick_after(PAUSE).await.sent, 1);
        assert_eq!(rig.states(lead).await, [("cold/one".to_owned(), MessageState::Sent)]);
        assert_eq!(step(&rig, lead).await, "wait.1d");
        assert!(rig.store.doubts().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_unsubscribes_in_between_gets_nothing_more() {
    for_each_database(async |db| {
        let (rig, silent) = rig(db, &campaign("resend")).await;
        let lead = rig.lead("ann@example.com", &[]).await;
        rig.tick().await;
        silent.store(false, Ordering::SeqCst);
        let unsubscribe = Read::of(&rig.smtp.taken()[0]).unsubscribe.unwrap();
        let answer = rig.browser.request(Method::POST, unsubscribe).send().await.unwrap();
        assert!(answer.status().is_success());
        rig.tick_after(PAUSE).await;
        rig.tick_after(2 * DAY).await;
        assert_eq!((rig.smtp.count(), rig.smtp.taken().len()), (0, 1));
        assert_eq!(rig.states(lead).await, [("cold/one".to_owned(), MessageState::InDoubt)]);
        assert_eq!(rig.enrolment(lead).await.state, "left");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_lead_waits_for_a_word_also_over_restarts() {
    for_each_database(async |db| {
        let (rig, silent) = rig(db, &campaign("hold")).await;
        let leads = rig.leads(&["a@example.com".to_owned(), "b@example.com".to_owned()], &[]).await;
        assert_eq!(rig.tick().await.in_doubt, 2);
        silent.store(false, Ordering::SeqCst);
        restarts_change_nothing(&rig).await;
        assert_eq!(rig.tick_after(3 * DAY).await.sent, 0);
        let doubts = rig.store.doubts().await.unwrap();
        assert!(doubts.iter().all(|doubt| doubt.waits), "{doubts:?}");
        let of = |lead| doubts.iter().find(|doubt| doubt.lead == lead).unwrap();
        let now = rig.clock.now();
        for (lead, arrived) in [(leads[0], true), (leads[1], false)] {
            assert_eq!(step(&rig, lead).await, "email.cold/one");
            assert_eq!(rig.record(lead).await.memory.sends.len(), 1, "it counts");
            let gone = rig.store.settle_doubts(&[of(lead)], arrived, "ada says", now).await;
            assert!(gone.unwrap().is_empty());
        }
        // Said twice, it is what was said first.
        let gone = rig.store.settle_doubts(&[of(leads[0])], false, "eve says", now).await;
        assert_eq!(gone.unwrap(), [of(leads[0]).message]);
        assert_eq!(rig.tick().await.sent, 1, "what was lost");
        for &lead in &leads {
            assert_eq!(step(&rig, lead).await, "wait.1d");
            assert_eq!(rig.states(lead).await, [("cold/one".to_owned(), MessageState::Sent)]);
            assert_eq!(rig.record(lead).await.memory.sends.len(), 1);
        }
        assert_eq!(rig.events(leads[1], &EventKind::MAIL_LOST).await.len(), 1);
        for ids in arrived(&rig).values() {
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        }
        assert_eq!((rig.smtp.taken().len(), rig.mails_to("b@example.com").len()), (2, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_went_on_does_not_go_back_for_what_was_lost() {
    for_each_database(async |db| {
        let (rig, silent) = rig(db, &campaign("go on")).await;
        let lead = rig.lead("ann@example.com", &[]).await;
        rig.tick().await;
        silent.store(false, Ordering::SeqCst);
        let doubts = rig.store.doubts().await.unwrap();
        assert!(!doubts[0].waits);
        let now = rig.clock.now();
        rig.store.settle_doubts(&[&doubts[0]], false, "ada says", now).await.unwrap();
        assert_eq!(rig.tick().await.sent, 0);
        assert!(rig.record(lead).await.memory.sends.is_empty(), "it counts no more");
        assert_eq!(rig.tick_after(DAY).await.sent, 1);
        assert_eq!(rig.subjects_to("ann@example.com"), ["Two"]);
    })
    .await;
}
