//! What an operator does beside a running daemon.

use std::time::Duration;

use nurtured::domain::message::MessageState;
use reqwest::StatusCode;

use super::{
    campaign::{CONNECTIONS, Campaign, MAILS, Tuning, on_both, workflow},
    invariants,
};
use crate::support::smtp::{Act, At, FakeSmtp, Script};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_release_is_taken_over_without_a_restart_and_the_figures_agree() {
    let (addr, _) = FakeSmtp::start(Script::new()).await;
    on_both(addr, Tuning::default(), async |mut campaign| {
        let (addr, relay) = FakeSmtp::start(Script::new()).await;
        campaign.set_relay(addr);
        let daemon = campaign.start();
        assert_eq!(daemon.console("/live").await.0, StatusCode::OK);
        assert_eq!(daemon.console("/ready").await.0, StatusCode::OK);
        campaign.add_leads(30);
        campaign.until_quiet().await;
        assert_eq!(relay.count(), 30 * MAILS);

        campaign.site.write("workflows/extra.yaml", workflow("extra", &["extra"]));
        let applied = campaign.site.json(&["apply"]);
        assert_eq!(applied["changed"], true, "{applied}");
        relay.until(|relay| relay.mails.len() >= 30 * (MAILS + 1)).await;
        campaign.until_quiet().await;

        // A broken folder changes nothing, and the daemon goes on.
        campaign.site.write("workflows/extra.yaml", "workflow: extra\nsteps: [email: nothing]\n");
        assert_eq!(campaign.site.run(&["apply"]).code, 1);
        campaign.add_leads(10);
        campaign.until_quiet().await;
        let tally =
            invariants::check_all(&campaign, &[&relay], MAILS + 1, 0, "a new release").await;
        let sent = tally.of(MessageState::Sent);
        assert_eq!((sent, relay.count()), (40 * (MAILS + 1), sent));
        assert_eq!(daemon.mails("sent").await, sent, "the figure is what the relay got");
        assert_eq!(daemon.stop().0.code, Some(0));
    })
    .await;
}

#[test]
fn a_reload_says_what_it_does_not_read() {
    let campaign = Campaign::on_sqlite("127.0.0.1:9".parse().unwrap(), Tuning::default());
    let daemon = campaign.start();
    daemon.signal("HUP");
    daemon.until_logged("nurtured.toml is read at the start only");
    assert_eq!(daemon.stop().0.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_stops_sending_at_once_and_resume_goes_on() {
    let slow = || {
        Script::new().on(|moment| match moment.at {
            At::Dot => Act::Slow(Duration::from_millis(40)),
            _ => Act::Default,
        })
    };
    let (addr, _) = FakeSmtp::start(slow()).await;
    on_both(addr, Tuning::default(), async |mut campaign| {
        for scope in ["all", "three-mails"] {
            let (addr, relay) = FakeSmtp::start(slow()).await;
            campaign.set_relay(addr);
            campaign.add_leads(150);
            let daemon = campaign.start();
            relay.until(|relay| relay.mails.len() >= 2 * CONNECTIONS).await;
            assert_eq!(campaign.site.run(&["pause", scope]).code, 0);
            // One mail a connection may have been past its point of no return.
            let at_pause = relay.count();
            campaign.until_nothing_moves().await;
            let after = relay.count();
            assert!(after <= at_pause + CONNECTIONS, "{scope}: {at_pause}, and then {after}");
            assert!(after < 150 * MAILS, "there was nothing left to pause");
            assert_eq!(daemon.console("/ready").await.0, StatusCode::OK);
            assert_eq!(campaign.site.run(&["resume", scope]).code, 0);
            relay.until(|relay| relay.mails.len() >= 150 * MAILS).await;
            campaign.until_quiet().await;
            assert_eq!(daemon.mails("sent").await, 150 * MAILS);
            assert_eq!(daemon.mails("deferred").await, 0, "no relay put one off");
            assert_eq!(daemon.stop().0.code, Some(0));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_release_reaches_everybody_whichever_daemon_decides_on_them() {
    let (addr, relay) = FakeSmtp::start(Script::new()).await;
    let Some(mut campaign) = Campaign::on_postgres(addr, Tuning::default()).await else { return };
    let daemons = [campaign.start(), campaign.start()];
    let extras = ["extra-a", "extra-b", "extra-c"];
    for name in extras {
        // Both are busy when the release comes.
        let seen = relay.count();
        campaign.add_leads(100);
        relay.until(|relay| relay.mails.len() > seen).await;
        campaign.site.write(&format!("workflows/{name}.yaml"), workflow(name, &["extra"]));
        campaign.site.json(&["apply"]);
    }
    let expected = campaign.leads() * (MAILS + extras.len());
    campaign.until_made(expected).await;
    campaign.until_quiet().await;
    for daemon in daemons {
        assert_eq!(daemon.stop().0.code, Some(0));
    }
    invariants::check_all(
        &campaign,
        &[&relay],
        MAILS + extras.len(),
        0,
        "two daemons, three releases",
    )
    .await;
}
