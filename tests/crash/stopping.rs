//! SIGTERM while mails are on their way.

use std::time::Duration;

use nurtured::domain::message::MessageState;

use super::{
    campaign::{CONNECTIONS, Campaign, MAILS, Tuning, on_both},
    invariants,
};
use crate::support::smtp::{Act, At, FakeSmtp, Script};

/// How long the end of a process may take beyond what it was given.
const SLACK: Duration = Duration::from_secs(2);

/// So slow that what was claimed would take longer than the grace.
fn slow() -> Script {
    Script::new().on(|moment| match moment.at {
        At::Dot => Act::Slow(Duration::from_millis(400)),
        _ => Act::Default,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_finishes_what_is_on_its_way_and_leaves_nothing_in_doubt() {
    let grace = Duration::from_secs(3);
    let (addr, _) = FakeSmtp::start(slow()).await;
    on_both(addr, Tuning { grace: "3s", ..Tuning::default() }, async |mut campaign| {
        let (addr, relay) = FakeSmtp::start(slow()).await;
        campaign.set_relay(addr);
        campaign.add_leads(200);
        for round in 0..5 {
            let daemon = campaign.start();
            let seen = relay.count() + 10 + round;
            relay.until(|relay| relay.mails.len() >= seen).await;
            let (ended, took) = daemon.stop();
            assert_eq!(ended.code, Some(0), "round {round}: {ended:#?}");
            assert!(took <= grace + SLACK, "round {round}: {took:?}");
            let open = open(&campaign).await;
            assert_eq!(open, (0, 0), "round {round}: claimed and transmitting: {ended:#?}");
        }
        let before = relay.count();
        assert!(before < campaign.leads() * MAILS, "there was no load any more: {before}");
        // The rest goes to a quick one.
        let (addr, quick) = FakeSmtp::start(Script::new()).await;
        campaign.set_relay(addr);
        let daemon = campaign.start();
        campaign.until_quiet().await;
        daemon.stop();
        let tally = invariants::check_all(&campaign, &[&relay, &quick], MAILS, 0, "SIGTERM").await;
        assert_eq!(tally.of(MessageState::Sent), campaign.leads() * MAILS);
    })
    .await;
}

/// A relay that takes everything and never answers.
fn mute() -> Script {
    Script::new().on(|moment| if moment.at == At::Dot { Act::TakeAndStall } else { Act::Default })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_sigterm_or_the_end_of_the_grace_leaves_the_rest_in_doubt() {
    let (addr, _) = FakeSmtp::start(mute()).await;
    for (grace, again) in [("50s", true), ("1s", false)] {
        let tuning = Tuning { grace, lease: "6s" };
        on_both(addr, tuning, async |mut campaign| {
            let (addr, relay) = FakeSmtp::start(mute()).await;
            campaign.set_relay(addr);
            campaign.add_leads(40);
            let daemon = campaign.start();
            relay.until(|relay| relay.taken.len() >= CONNECTIONS).await;
            daemon.signal("TERM");
            daemon.until_logged("stopping: what is under way is finished");
            if again {
                daemon.signal("TERM");
            }
            let (ended, took) = daemon.ended();
            assert_eq!(ended.code, Some(0), "{ended:#?}");
            assert!(took <= Duration::from_secs(1) + SLACK * 2, "{took:?}");
            // The next one has another relay; what the mute one has is not sent again.
            let (addr, talker) = FakeSmtp::start(Script::new()).await;
            campaign.set_relay(addr);
            let daemon = campaign.start();
            campaign.until_quiet().await;
            daemon.stop();
            let tally = invariants::check_all(
                &campaign,
                &[&relay, &talker],
                MAILS,
                CONNECTIONS,
                "second SIGTERM",
            )
            .await;
            assert_eq!(tally.of(MessageState::InDoubt), CONNECTIONS, "{tally:?}");
            assert_eq!(tally.of(MessageState::Sent), campaign.leads() * MAILS - CONNECTIONS);
        })
        .await;
    }
}

/// Messages that are claimed, and that are being transmitted.
async fn open(campaign: &Campaign) -> (usize, usize) {
    let stories = campaign.stories().await;
    let of = |state: MessageState| {
        stories.iter().flat_map(|story| &story.messages).filter(|it| it.state == state).count()
    };
    (of(MessageState::Claimed), of(MessageState::Transmitting))
}
