//! The relay takes the mail and hangs up without a word.

use nurtured::domain::message::MessageState;

use super::{
    campaign::{MAILS, Tuning, on_both},
    invariants,
};
use crate::support::smtp::{Act, At, FakeSmtp, Script};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_takes_the_mail_and_hangs_up_is_never_asked_twice() {
    const LEADS: usize = 20;
    const STARTS: usize = 4;
    let silent = Script::new()
        .on(|moment| if moment.at == At::Dot { Act::TakeAndHangUp } else { Act::Default });
    let (addr, _) = FakeSmtp::start(silent.clone()).await;
    // Each database has a relay of its own, so that it counts its own mails.
    on_both(addr, Tuning::default(), async |mut campaign| {
        let (addr, relay) = FakeSmtp::start(silent.clone()).await;
        campaign.set_relay(addr);
        for start in 0..STARTS {
            // Somebody new each time: once they have their mails, the others were looked at as well.
            campaign.add_leads(if start == 0 { LEADS } else { 1 });
            let daemon = campaign.start();
            campaign.until_quiet().await;
            let expected = campaign.leads() * MAILS;
            assert_eq!(relay.taken().len(), expected, "start {start}");
            assert_eq!((relay.count(), relay.refused().len()), (0, 0));
            assert_eq!(daemon.mails("sent").await, 0);
            let (ended, _) = daemon.stop();
            assert_eq!(ended.code, Some(0), "{ended:#?}");
            let tally =
                invariants::check_all(&campaign, &[&relay], MAILS, expected, "all in doubt").await;
            assert_eq!(tally.of(MessageState::InDoubt), expected, "{tally:?}");
            assert_eq!(invariants::by_key(&[&relay]).len(), expected);
        }
    })
    .await;
}
