//! What was answered is on disk.

use nurtured::{
    domain::{event::Judgement, lead::Suppression},
    engine::intake::{Act, Hit, IntakeError, Taken},
    store::Store,
};
use reqwest::Method;

use super::rig::{PRICING, Rig, hits_of, rig, rigs};

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
