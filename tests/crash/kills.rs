//! `kill -9` at any point while sending, again and again: `NURTURED_CRASH_ROUNDS` times on each database,
//! by the dice of `NURTURED_CRASH_SEED`.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use nurtured::domain::message::MessageState;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{
    campaign::{CONNECTIONS, Campaign, MAILS, Tuning},
    invariants,
};
use crate::support::{
    daemon::Process,
    smtp::{Act, At, FakeSmtp, Script},
};

pub(super) fn rounds() -> usize {
    let given = std::env::var("NURTURED_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(50)
}

pub(super) fn seed() -> u64 {
    let given = std::env::var("NURTURED_CRASH_SEED").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(20_261_122)
}

/// Kills at a moment of the dialogue, from within the relay: before it answers.
#[derive(Clone, Default)]
pub(super) struct Trigger(Arc<Mutex<Option<(At, u32, Process)>>>);

impl Trigger {
    fn arm(&self, at: At, nth: u32, process: Process) {
        *self.0.lock().unwrap() = Some((at, nth, process));
    }

    fn is_armed(&self) -> bool {
        self.0.lock().unwrap().is_some()
    }

    fn disarm(&self) {
        self.0.lock().unwrap().take();
    }

    fn pull(&self, now: At) {
        let mut armed = self.0.lock().unwrap();
        let Some((at, left, _)) = armed.as_mut() else { return };
        if *at != now {
            return;
        }
        *left = left.saturating_sub(1);
        if *left == 0
            && let Some((_, _, process)) = armed.take()
        {
            process.kill();
        }
    }
}

/// A relay that takes its time now and then, by the seed.
pub(super) fn relay(seed: u64, trigger: &Trigger) -> Script {
    let (trigger, count) = (trigger.clone(), AtomicU64::new(seed));
    Script::new().on(move |moment| {
        trigger.pull(moment.at);
        let draw = count.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        match moment.at {
            At::Dot | At::Data if draw % 4 == 0 => Act::Slow(Duration::from_millis(draw % 23)),
            _ => Act::Default,
        }
    })
}

/// One life of a daemon, ended at a point that the dice choose.
pub(super) async fn one_life(
    campaign: &Campaign,
    sink: &FakeSmtp,
    trigger: &Trigger,
    dice: &mut StdRng,
) {
    let pause = Duration::from_micros(dice.random_range(0..40_000));
    let nth = dice.random_range(1..30);
    match dice.random_range(0..6) {
        // At any time after the start, of which recovery is the first part.
        0 => {
            let process = campaign.spawn();
            tokio::time::sleep(pause * 12).await;
            process.kill();
        }
        // Some time after some mail.
        1 | 2 => {
            let daemon = campaign.start();
            let seen = sink.count() + usize::try_from(nth).unwrap();
            let mail = sink.until(|relay| relay.mails.len() >= seen);
            let _ = tokio::time::timeout(Duration::from_secs(15), mail).await;
            tokio::time::sleep(pause).await;
            daemon.kill();
        }
        // While the relay has a word to say.
        at => {
            let at = [At::Rcpt, At::Data, At::Dot][at - 3];
            let daemon = campaign.start();
            trigger.arm(at, nth, daemon.process());
            let waiting = async {
                while trigger.is_armed() {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            let _ = tokio::time::timeout(Duration::from_secs(15), waiting).await;
            trigger.disarm();
            daemon.kill();
        }
    }
}

async fn kill_and_kill_again(
    mut campaign: Campaign,
    sink: &FakeSmtp,
    trigger: &Trigger,
    seed: u64,
) {
    let rounds = rounds();
    let about = format!("NURTURED_CRASH_SEED={seed} NURTURED_CRASH_ROUNDS={rounds}");
    let mut dice = StdRng::seed_from_u64(seed);
    campaign.add_leads(400);
    for _ in 0..rounds {
        // Work for the next one: on PostgreSQL what the last one had claimed waits for its lease.
        if campaign.leads() * MAILS < sink.count() + 400 {
            campaign.add_leads(200);
        }
        one_life(&campaign, sink, trigger, &mut dice).await;
    }
    let daemon = campaign.start();
    campaign.until_quiet().await;
    let (ended, _) = daemon.stop();
    assert_eq!(ended.code, Some(0), "{about}\n{ended:#?}");
    let most = rounds * CONNECTIONS;
    let tally = invariants::check_all(&campaign, &[sink], MAILS, most, &about).await;
    eprintln!("{rounds} kills, {} leads: {tally:?}", campaign.leads());
    // A rig in which nothing is ever in flight proves nothing.
    assert!(rounds < 20 || tally.of(MessageState::InDoubt) > 0, "{about}\n{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_point_on_sqlite_nothing_is_sent_twice_or_forgotten() {
    let (seed, trigger) = (seed(), Trigger::default());
    let (addr, sink) = FakeSmtp::start(relay(seed, &trigger)).await;
    let campaign = Campaign::on_sqlite(addr, Tuning::default());
    kill_and_kill_again(campaign, &sink, &trigger, seed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_point_on_postgres_nothing_is_sent_twice_or_forgotten() {
    let (seed, trigger) = (seed() + 1, Trigger::default());
    let (addr, sink) = FakeSmtp::start(relay(seed, &trigger)).await;
    let tuning = Tuning { lease: "5s", ..Tuning::default() };
    let Some(campaign) = Campaign::on_postgres(addr, tuning).await else { return };
    kill_and_kill_again(campaign, &sink, &trigger, seed).await;
}
