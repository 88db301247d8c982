//! What was answered over HTTP is in the database, whatever happens to the daemon after the answer.

use std::{collections::BTreeSet, time::Duration};

use nurtured::{
    domain::{event::EventKind, id::LeadId},
    token::MailRef,
};
use reqwest::{Client, redirect::Policy};
use tokio::sync::mpsc;

use super::campaign::{Campaign, Tuning, on_both};
use crate::support::smtp::{FakeSmtp, Script};

const ROUNDS: usize = 12;
/// Requests under way at once.
const AT_ONCE: usize = 6;

/// What somebody did, and what it was answered by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Act {
    Click(LeadId, String),
    Unsubscribe(LeadId),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_unsubscribe_and_click_that_was_answered_survives_kill_9() {
    let (addr, relay) = FakeSmtp::start(Script::new()).await;
    on_both(addr, Tuning { lease: "4s", ..Tuning::default() }, async |mut campaign| {
        campaign.add_leads(ROUNDS * AT_ONCE);
        let daemon = campaign.start();
        campaign.until_quiet().await;
        daemon.stop();
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let mut readers = campaign.stories().await.into_iter();
        let mut answered = BTreeSet::new();
        for round in 0..ROUNDS {
            let daemon = campaign.start();
            let (tell, mut told) = mpsc::unbounded_channel();
            for (number, story) in readers.by_ref().take(AT_ONCE).enumerate() {
                let mail = MailRef { lead: story.lead, message: story.messages[0].id };
                let (act, request) = if (round + number) % 2 == 0 {
                    let token = campaign.keyring.unsubscribe(&mail);
                    let url = format!("http://{}/u/{token}", daemon.public);
                    let form = "List-Unsubscribe=One-Click";
                    let kind = "application/x-www-form-urlencoded";
                    let request = client.post(url).header("content-type", kind).body(form);
                    (Act::Unsubscribe(story.lead), request)
                } else {
                    let target = format!("https://www.example.com/{round}/{number}");
                    let token = campaign.keyring.click(&mail, &target).unwrap();
                    let url = format!("http://{}/c/{token}", daemon.public);
                    (Act::Click(story.lead, target), client.get(url))
                };
                let tell = tell.clone();
                tokio::spawn(async move {
                    let answer = request.send().await;
                    let good = |status: reqwest::StatusCode| {
                        status.is_success() || status.is_redirection()
                    };
                    if answer.is_ok_and(|answer| good(answer.status())) {
                        let _ = tell.send(act);
                    }
                });
            }
            drop(tell);
            // Killed right after some answer; the other requests are anywhere.
            for _ in 0..=round % AT_ONCE {
                answered.extend(told.recv().await);
            }
            daemon.kill();
            while let Some(act) = told.recv().await {
                answered.insert(act);
            }
            let kept = kept(&campaign).await;
            assert!(answered.is_subset(&kept), "{:?}", answered.difference(&kept));
        }
        assert!(answered.len() >= ROUNDS, "{} answers", answered.len());
        // Nobody who objected is written to again.
        let daemon = campaign.start();
        campaign.until_quiet().await;
        daemon.stop();
        assert!(answered.is_subset(&kept(&campaign).await));
    })
    .await;
    drop(relay);
}

/// What the database knows of.
async fn kept(campaign: &Campaign) -> BTreeSet<Act> {
    let store = campaign.store().await;
    let mut kept = BTreeSet::new();
    let mut objected = BTreeSet::new();
    for lead in store.leads_after(LeadId(i64::MIN), 100_000).await.unwrap() {
        for event in store.events_of(lead).await.unwrap() {
            if event.kind == EventKind::MAIL_CLICKED {
                let url = event.data.get("url").map(ToString::to_string).unwrap_or_default();
                kept.insert(Act::Click(lead, url));
            } else if event.kind == EventKind::LEAD_UNSUBSCRIBED {
                objected.insert(lead);
            }
        }
        let record = store.record(lead).await.unwrap().unwrap();
        if record.suppressed.is_some() && objected.contains(&lead) {
            kept.insert(Act::Unsubscribe(lead));
        }
    }
    store.close().await;
    kept
}
