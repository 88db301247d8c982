//! A backup that is taken in the middle of sending, brought back after the daemon is lost.

use std::{collections::HashMap, time::Duration};

use nurtured::domain::message::MessageState;

use super::{
    campaign::{CONNECTIONS, Campaign, MAILS, Tuning},
    invariants,
};
use crate::support::{
    sink::SmtpSink,
    smtp::{Act, At, FakeSmtp, Script},
};

const LEADS: usize = 300;

/// Waits until a relay has so many mails.
async fn until(sink: &SmtpSink, mails: usize) {
    let begun = tokio::time::Instant::now();
    while sink.count() < mails {
        assert!(begun.elapsed() < Duration::from_secs(60), "{} mails", sink.count());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The database is gone, and comes back from a file.
fn bring_back(campaign: &Campaign, arguments: &[&str]) -> serde_json::Value {
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(campaign.site.path(&format!("nurtured.db{ending}")));
    }
    campaign.site.json(&[&["restore", "night.db"], arguments].concat())
}

/// How often each lead got each mail.
fn by_lead_and_mail(mails: &[String]) -> HashMap<(String, String), usize> {
    let mut found = HashMap::new();
    for mail in mails {
        let field = |name: &str| {
            let line = mail.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in\n{mail}")).trim().to_owned()
        };
        *found.entry((field("To:"), field("Subject:"))).or_default() += 1;
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_backup_under_load_no_lead_gets_a_mail_twice() {
    let Some(sink) = SmtpSink::start().await else { return };
    let mut campaign = Campaign::on_sqlite(sink.address, Tuning::default());
    campaign.add_leads(LEADS);
    let daemon = campaign.start();
    until(&sink, 50).await;
    campaign.site.json(&["backup", "night.db"]);
    let at_backup = sink.count();
    until(&sink, at_backup + 50).await;
    daemon.kill();
    let begun = tokio::time::Instant::now();
    let report = bring_back(&campaign, &[]);
    eprintln!("restored in {:?}: {report}", begun.elapsed());
    // What the lost daemon had not handed over whole is no mail; smtp-sink has taken its file away by now.
    let lost = sink.count();
    let daemon = campaign.start();
    campaign.add_leads(1);
    campaign.until_nothing_moves().await;
    assert_eq!(sink.count(), lost, "it is paused");
    assert_eq!(campaign.site.run(&["resume", "all"]).code, 0);
    until(&sink, lost + MAILS).await;
    campaign.until_quiet().await;
    assert_eq!(daemon.stop().0.code, Some(0));

    let twice: Vec<_> =
        by_lead_and_mail(&sink.mails()).into_iter().filter(|(_, count)| *count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    // What was sent before the backup is known, the rest is in doubt, and the newcomer's mails went.
    let stories = campaign.stories().await;
    let of = |state| {
        stories.iter().flat_map(|story| &story.messages).filter(|m| m.state == state).count()
    };
    let (sent, in_doubt) = (of(MessageState::Sent), of(MessageState::InDoubt));
    assert_eq!(sent + in_doubt, (LEADS + 1) * MAILS, "{report}");
    assert_eq!(in_doubt, usize::try_from(report["in_doubt"].as_u64().unwrap()).unwrap());
    assert!(sent <= at_backup + MAILS && in_doubt > 0, "{sent} sent, {at_backup} at the backup");
    assert_eq!(sink.count(), lost + MAILS);
}

/// The backup is the last that the daemon did: nothing is left out, and nothing but what was in flight is
/// in doubt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_nothing_was_sent_after_goes_on_where_it_was() {
    // A relay that keeps what it has in its hands, so that some of it is there at the backup.
    let slow = Script::new().on(|moment| match moment.at {
        At::Dot => Act::Slow(Duration::from_millis(30)),
        _ => Act::Default,
    });
    let (addr, relay) = FakeSmtp::start(slow).await;
    let mut campaign = Campaign::on_sqlite(addr, Tuning::default());
    campaign.add_leads(LEADS);
    let daemon = campaign.start();
    relay.until(|relay| relay.mails.len() >= 60).await;
    // No further mail is let through once this is written; those in the relay's hands arrive.
    assert_eq!(campaign.site.run(&["pause", "all"]).code, 0);
    campaign.site.json(&["backup", "night.db"]);
    daemon.kill();

    let report = bring_back(&campaign, &["--nothing-sent"]);
    let in_doubt = usize::try_from(report["in_doubt"].as_u64().unwrap()).unwrap();
    assert!(in_doubt <= CONNECTIONS, "{report}");
    let daemon = campaign.start();
    assert_eq!(campaign.site.run(&["resume", "all"]).code, 0);
    campaign.until_quiet().await;
    assert_eq!(daemon.stop().0.code, Some(0));
    invariants::check_all(&campaign, &[&relay], MAILS, CONNECTIONS, "restored").await;
}
