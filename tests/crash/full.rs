//! The disk is full for a while: what is not on disk is not answered, and with room everything goes on
//! by itself.

use std::time::Duration;

use nurtured::{domain::message::MessageState, token::MailRef};
use reqwest::{Client, StatusCode};
use sqlx::{Connection as _, SqliteConnection};

use super::{
    campaign::{Campaign, MAILS, Tuning},
    invariants,
};
use crate::support::{
    daemon::Daemon,
    smtp::{Act, At, FakeSmtp, Script},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_was_full_is_written_again_without_a_restart() {
    // Some mails are in the relay's hands whenever the disk fills.
    let slow = Script::new().on(|moment| match moment.at {
        At::Dot => Act::Slow(Duration::from_millis(20)),
        _ => Act::Default,
    });
    let (addr, relay) = FakeSmtp::start(slow).await;
    let mut campaign = Campaign::on_sqlite(addr, Tuning::default());
    let daemon = campaign.start();
    for _ in 0..3 {
        let seen = relay.count();
        campaign.add_leads(60);
        relay.until(|relay| relay.mails.len() >= seen + 30).await;
        daemon.process().fill_disk(true);
        // These are to be decided, and cannot be.
        campaign.add_leads(20);
        until_ready_is(&daemon, StatusCode::SERVICE_UNAVAILABLE).await;
        assert_eq!(unsubscribe(&campaign, &daemon).await, StatusCode::SERVICE_UNAVAILABLE);
        daemon.process().fill_disk(false);
    }
    campaign.until_quiet().await;
    assert_eq!(unsubscribe(&campaign, &daemon).await, StatusCode::OK);
    until_ready_is(&daemon, StatusCode::OK).await;
    let (ended, _) = daemon.stop();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let tally = invariants::check_all(&campaign, &[&relay], MAILS, 0, "a full disk").await;
    assert_eq!(tally.of(MessageState::Sent), campaign.leads() * MAILS, "{tally:?}");
    assert_eq!(integrity(&campaign).await, "ok");
}

async fn until_ready_is(daemon: &Daemon, expected: StatusCode) {
    let begun = tokio::time::Instant::now();
    loop {
        let (status, said) = daemon.console("/ready").await;
        if status == expected {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{status}: {said}\n{:#?}", daemon.log());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// The first lead does not want any more mails.
async fn unsubscribe(campaign: &Campaign, daemon: &Daemon) -> StatusCode {
    let story = campaign.stories().await.swap_remove(0);
    let mail = MailRef { lead: story.lead, message: story.messages[0].id };
    let token = campaign.keyring.unsubscribe(&mail);
    let url = format!("http://{}/u/{token}", daemon.public);
    Client::new().post(url).send().await.unwrap().status()
}

async fn integrity(campaign: &Campaign) -> String {
    let url = format!("sqlite:{}", campaign.site.path("nurtured.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap()
}
