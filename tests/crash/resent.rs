//! `kill -9` at any point where what is in doubt is sent once more. Each daemon begins eleven minutes after the
//! one before it, so that the pause between the two is over.

use std::{collections::HashMap, time::Duration};

use nurtured::domain::{event::EventKind, id::MessageId, message::MessageState};
use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    campaign::{CONNECTIONS, Campaign, MAILS, Tuning},
    invariants,
    kills::{Trigger, one_life, relay, rounds, seed},
};
use crate::support::{faketime::Faketime, smtp::FakeSmtp};

/// Longer than the pause between the two.
const LATER: Duration = Duration::from_mins(11);

/// How often each message was in doubt.
async fn doubts(campaign: &Campaign) -> HashMap<MessageId, usize> {
    let store = campaign.store().await;
    let mut doubts = HashMap::new();
    for story in campaign.stories().await {
        for event in store.events_of(story.lead).await.unwrap() {
            if event.kind == EventKind::MAIL_IN_DOUBT {
                *doubts.entry(event.message.expect("a message")).or_default() += 1;
            }
        }
    }
    store.close().await;
    doubts
}

async fn kill_and_resend(mut campaign: Campaign, sink: &FakeSmtp, trigger: &Trigger, seed: u64) {
    let rounds = rounds() / 2;
    let about = format!("NURTURED_CRASH_SEED={seed} NURTURED_CRASH_ROUNDS={}", rounds * 2);
    let mut dice = StdRng::seed_from_u64(seed);
    campaign.add_leads(400);
    for _ in 0..rounds {
        if campaign.leads() * MAILS < sink.count() + 400 {
            campaign.add_leads(200);
        }
        one_life(&campaign, sink, trigger, &mut dice).await;
        campaign.move_clock(LATER);
    }
    // What the last one left is in doubt in the first of these, and sent in the second.
    let daemon = campaign.start();
    campaign.until_made(1).await;
    campaign.until_nothing_moves().await;
    assert_eq!(daemon.stop().0.code, Some(0), "{about}");
    campaign.move_clock(LATER);
    let daemon = campaign.start();
    campaign.until_quiet().await;
    let (ended, _) = daemon.stop();
    assert_eq!(ended.code, Some(0), "{about}\n{ended:#?}");
    let most = rounds * CONNECTIONS;
    let tally = invariants::check_all(&campaign, &[sink], MAILS, most, &about).await;

    let (doubts, arrived) = (doubts(&campaign).await, invariants::by_key(&[sink]));
    let (mut twice, mut again) = (0, 0);
    for message in campaign.stories().await.into_iter().flat_map(|story| story.messages) {
        let mails = arrived.get(&campaign.keyring.message_key(message.id));
        let mails = mails.map_or(&[][..], Vec::as_slice);
        let doubts = doubts.get(&message.id).copied().unwrap_or(0);
        let place = format!("{about}: {message:?}, {doubts} times in doubt, {} mails", mails.len());
        assert!(mails.len() <= 1 + doubts.min(1), "{place}");
        assert!(doubts <= 2, "{place}");
        // It is left in doubt only after the second time.
        assert_eq!(message.state == MessageState::InDoubt, doubts == 2, "{place}");
        let ids: Vec<_> = mails.iter().map(|mail| mail.header("Message-ID").unwrap()).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{place}: {ids:?}");
        again += usize::from(doubts > 0);
        twice += usize::from(mails.len() == 2);
    }
    eprintln!(
        "{rounds} kills, {} leads: {tally:?}; {again} sent again, {twice} arrived twice",
        campaign.leads()
    );
    assert!(rounds < 20 || twice > 0, "{about}: nobody got a mail twice, which proves nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_what_was_in_doubt_alone_arrives_twice_and_is_the_same_mail() {
    let Some(faketime) = Faketime::find() else { return };
    let (seed, trigger) = (seed() + 2, Trigger::default());
    let (addr, sink) = FakeSmtp::start(relay(seed, &trigger)).await;
    let campaign = Campaign::on_sqlite(addr, Tuning::default()).resending(faketime);
    kill_and_resend(campaign, &sink, &trigger, seed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_what_was_in_doubt_alone_arrives_twice_and_is_the_same_mail() {
    let Some(faketime) = Faketime::find() else { return };
    let (seed, trigger) = (seed() + 3, Trigger::default());
    let (addr, sink) = FakeSmtp::start(relay(seed, &trigger)).await;
    let tuning = Tuning { lease: "5s", ..Tuning::default() };
    let Some(campaign) = Campaign::on_postgres(addr, tuning).await else { return };
    kill_and_resend(campaign.resending(faketime), &sink, &trigger, seed).await;
}
