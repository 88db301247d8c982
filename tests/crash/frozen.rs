//! Several daemons on one PostgreSQL: one is frozen for longer than its lease, or all share the work.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use nurtured::domain::message::MessageState;

use super::{
    campaign::{CONNECTIONS, Campaign, MAILS, Tuning},
    invariants,
};
use crate::support::{
    daemon::Process,
    smtp::{Act, At, FakeSmtp, Script},
};

const SHORT: Tuning = Tuning { lease: "4s", grace: "20s" };

/// Freezes a process at the n-th time of a moment of its dialogue, before the relay answers.
#[derive(Clone, Default)]
struct Freezer(Arc<Mutex<Option<Process>>>);

impl Freezer {
    fn script(&self, at: At, nth: usize) -> Script {
        let (freezer, count) = (self.clone(), AtomicUsize::new(0));
        Script::new().on(move |moment| {
            if moment.at == at && count.fetch_add(1, Ordering::SeqCst) + 1 == nth {
                let process = freezer.0.lock().unwrap().take();
                process.expect("it was armed").signal("STOP");
            }
            Act::Default
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_frozen_for_longer_than_its_lease_sends_nothing_that_it_no_longer_owns() {
    // Before the point of no return, and right after it.
    for at in [At::Data, At::Dot] {
        let freezer = Freezer::default();
        let (addr, relay) = FakeSmtp::start(freezer.script(at, 30)).await;
        let Some(mut campaign) = Campaign::on_postgres(addr, SHORT).await else { return };
        campaign.add_leads(100);
        let frozen = campaign.start();
        *freezer.0.lock().unwrap() = Some(frozen.process());
        relay.until(|relay| relay.mails.len() >= 20).await;
        // The other one waits for the lease, and then does all of it.
        let other = campaign.start();
        campaign.until_quiet().await;
        let about = format!("frozen at {at:?}");
        invariants::check_all(&campaign, &[&relay], MAILS, CONNECTIONS, &about).await;

        frozen.signal("CONT");
        frozen.until_logged("stale_token");
        // Awake again, it works as before.
        campaign.add_leads(50);
        campaign.until_quiet().await;
        for daemon in [frozen, other] {
            let (ended, _) = daemon.stop();
            assert_eq!(ended.code, Some(0), "{ended:#?}");
        }
        let tally = invariants::check_all(&campaign, &[&relay], MAILS, CONNECTIONS, &about).await;
        eprintln!("{about}: {tally:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_on_one_database_share_the_work() {
    let (addr, relay) = FakeSmtp::start(Script::new()).await;
    let Some(mut campaign) = Campaign::on_postgres(addr, Tuning::default()).await else { return };
    let daemons = [campaign.start(), campaign.start()];
    campaign.add_leads(400);
    campaign.until_quiet().await;
    let mut sent = Vec::new();
    for daemon in &daemons {
        assert_eq!(daemon.mails("in_doubt").await, 0);
        sent.push(daemon.mails("sent").await);
    }
    let tally = invariants::check_all(&campaign, &[&relay], MAILS, 0, "two daemons").await;
    let all = campaign.leads() * MAILS;
    assert_eq!((relay.count(), tally.of(MessageState::Sent)), (all, all));
    assert_eq!(sent.iter().sum::<usize>(), all, "the figures agree with the relay: {sent:?}");
    assert!(sent.iter().all(|share| *share > all / 10), "{sent:?} of {all}");
}
