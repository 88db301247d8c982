//! What was answered is on disk.

use std::{collections::BTreeSet, time::Duration};

use nurtured::{
    domain::{event::Judgement, lead::Suppression},
    engine::intake::{Act, Hit, IntakeError, Taken},
    http::Health,
    store::Store,
    token::Keyring,
};
use reqwest::Method;
use tokio::sync::mpsc;

use super::{
    process::Process,
    rig::{PRICING, Rig, hits_of, rig, rigs},
};

fn click(rig: &Rig) -> Hit {
    let act = Act::Click { url: PRICING.into() };
    Hit { mail: rig.mail, act, head: false, agent: super::rig::CHROME.into() }
}

#[tokio::test]
async fn what_was_answered_is_there_for_whoever_opens_the_file_next() {
    for rig in rigs().await {
        rig.get(&rig.click_path(PRICING)).await;
        rig.get(&rig.open_path()).await;
        rig.ask(Method::POST, &rig.unsubscribe_path()).await;
        // Nothing is closed or flushed: another reader stands in for what is found after a crash.
        let other = Store::open(&rig.database.url).await.unwrap();
        assert_eq!(hits_of(&other, rig.mail.lead).await.len(), 3);
        let record = other.record(rig.mail.lead).await.unwrap().unwrap();
        assert_eq!(record.suppressed, Some(Suppression::Unsubscribed));
    }
}

#[tokio::test]
async fn ready_is_no_word_for_a_daemon_whose_work_fails() {
    let rig = rig().await;
    let health = Health::new(rig.store.clone(), rig.clock.clone());
    let pulse = health.pulse("intake", Duration::from_secs(60));
    assert_eq!(health.ready().await, Ok(()));
    pulse.failing("the disk is full");
    pulse.beat();
    let reason = health.ready().await.unwrap_err();
    assert!(reason.contains("intake") && reason.contains("the disk is full"), "{reason}");
    assert!(health.stalled().is_empty(), "it turns: a restart would not help");
    pulse.well();
    assert_eq!(health.ready().await, Ok(()));
}

#[tokio::test]
async fn many_hits_at_once_share_their_writes() {
    for rig in rigs().await {
        let path = rig.open_path();
        let asked = (0..200).map(|_| rig.get(&path));
        for answer in futures::future::join_all(asked).await {
            assert!(answer.status().is_success());
        }
        // All answered, the first 100 recorded: one mail is not hit more often in half a minute.
        assert_eq!(rig.hits().await.len(), 100);
        let stats = rig.intake.stats();
        assert_eq!(stats.hits(), 100);
        println!("{} transactions", stats.transactions());
        assert!(stats.transactions() < 60, "{} transactions for 100 hits", stats.transactions());
    }
}

#[tokio::test]
async fn the_decider_is_nudged_when_something_is_there() {
    let rig = rig().await;
    let nudged = rig.nudge.notified();
    assert_eq!(rig.intake.take(click(&rig)).await, Ok(Taken::Recorded(Judgement::Unsure)));
    tokio::time::timeout(std::time::Duration::from_secs(5), nudged).await.unwrap();
}

#[tokio::test]
async fn stopping_records_what_waits_and_then_takes_nothing() {
    let mut rig = rig().await;
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let (intake, hit) = (rig.intake.clone(), click(&rig));
            tokio::spawn(async move { intake.take(hit).await })
        })
        .collect();
    while rig.intake.depth() == 0 && rig.intake.stats().hits() == 0 {
        tokio::task::yield_now().await;
    }
    rig.stop.cancel();
    (&mut rig.worker).await.unwrap();
    let mut recorded = 0;
    for answer in waiting {
        match answer.await.unwrap() {
            Ok(Taken::Recorded(_)) => recorded += 1,
            refused => assert_eq!(refused, Err(IntakeError::Unavailable)),
        }
    }
    assert_eq!(hits_of(&rig.store, rig.mail.lead).await.len(), recorded);
    assert!(recorded > 0);
    let late = Hit { mail: rig.mail, act: Act::Open, head: false, agent: String::new() };
    assert_eq!(rig.intake.take(late).await, Err(IntakeError::Unavailable));
}

#[tokio::test]
async fn a_database_that_stands_still_is_refused_at_once_and_then_caught_up_with() {
    let rig = rig().await;
    // Whoever holds this holds the only writer.
    let standstill = rig.store.lock_leads(&[rig.mail.lead]).await.unwrap();
    let mut waiting = Vec::new();
    let refused = loop {
        let (intake, hit) = (rig.intake.clone(), click(&rig));
        let mut taking = Box::pin(async move { intake.take(hit).await });
        match futures::poll!(&mut taking) {
            std::task::Poll::Ready(answer) => break answer,
            std::task::Poll::Pending => waiting.push(tokio::spawn(taking)),
        }
        assert!(waiting.len() < 100_000, "nothing bounds the queue");
        tokio::task::yield_now().await;
    };
    assert_eq!(refused, Err(IntakeError::Busy));
    let answer = rig.ask(Method::POST, &rig.unsubscribe_path()).await;
    assert_eq!(answer.status(), reqwest::StatusCode::SERVICE_UNAVAILABLE);
    drop(standstill);
    for answer in waiting {
        assert!(matches!(answer.await.unwrap(), Ok(Taken::Recorded(_) | Taken::Ignored)));
    }
    let answer = rig.ask(Method::POST, &rig.unsubscribe_path()).await;
    assert_eq!(answer.status(), reqwest::StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_hit_is_lost_to_kill_9() {
    let rig = rig().await;
    let folder = rig.database.folder().unwrap().to_owned();
    let keyring = Keyring::create(&folder.join("nurtured.secrets")).unwrap();
    rig.store.close().await;
    let mut acknowledged = BTreeSet::new();
    for round in 0..12_u64 {
        let mut process = Process::start(&folder, &[]);
        let address = process.address();
        let (answered, mut answers) = mpsc::unbounded_channel();
        for number in 0..8 {
            let target = format!("https://www.example.com/{round}/{number}");
            let path = keyring.click(&rig.mail, &target).unwrap();
            let (url, client) = (format!("http://{address}/c/{path}"), rig.client.clone());
            let answered = answered.clone();
            tokio::spawn(async move {
                if client.get(url).send().await.is_ok_and(|answer| answer.status().is_redirection())
                {
                    let _ = answered.send(target);
                }
            });
        }
        drop(answered);
        // Killed right after some answer: the others are at any point on their way.
        for _ in 0..=round % 8 {
            acknowledged.extend(answers.recv().await);
        }
        process.kill();
        while let Some(target) = answers.recv().await {
            acknowledged.insert(target);
        }
        let store = Store::open(&rig.database.url).await.unwrap();
        let recorded: BTreeSet<String> = hits_of(&store, rig.mail.lead)
            .await
            .iter()
            .filter_map(|hit| hit.data.get("url").map(ToString::to_string))
            .collect();
        assert!(acknowledged.is_subset(&recorded), "{:?}", acknowledged.difference(&recorded));
        store.close().await;
    }
    assert!(acknowledged.len() >= 12, "{} acknowledged", acknowledged.len());
}
