//! `kill -9` of daemons that share a pace: what the relay sees is never faster than the pace allows.
//!
//! A rate is a distance between mails. A mail has its place in line a second ahead of its time at most
//! (`domain/pace.rs`), and a killed daemon leaves such places behind, to be used late. So in a stretch of `t` seconds
//! there are at most `rate * (t + 1) + 1` mails; and between its place and the relay each is on its way for a moment
//! that differs: [`JITTER`].

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::Instant;

use super::{
    campaign::{CONNECTIONS, Campaign, MAILS, Tuning},
    invariants,
    kills::seed,
};
use crate::support::{
    daemon::Daemon,
    smtp::{Act, At, FakeSmtp, Script},
};

const RATE: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(100);
const AHEAD: Duration = Duration::from_secs(1);
/// Of processes that start and die on a machine that is busy with other tests.
const JITTER: Duration = Duration::from_millis(300);

#[derive(Clone, Default)]
struct Arrivals(Arc<Mutex<Vec<Instant>>>);

impl Arrivals {
    fn script(&self) -> Script {
        let arrivals = self.clone();
        Script::new().on(move |moment| {
            if moment.at == At::Dot {
                arrivals.0.lock().unwrap().push(Instant::now());
            }
            Act::Default
        })
    }

    /// The most within a stretch of this length.
    fn most_within(&self, stretch: Duration) -> usize {
        let mut at = self.0.lock().unwrap().clone();
        at.sort_unstable();
        let until = |from: &Instant| at.partition_point(|arrival| *arrival < *from + stretch);
        at.iter().enumerate().map(|(index, from)| until(from) - index).max().unwrap_or(0)
    }
}

async fn kill_at_a_pace(
    mut campaign: Campaign,
    sink: &FakeSmtp,
    arrivals: &Arrivals,
    daemons: usize,
) {
    let seed = seed();
    let mut dice = StdRng::seed_from_u64(seed);
    // What the pace takes about half a minute for.
    let leads = 100;
    campaign.add_leads(leads);
    let mut running: Vec<_> = (0..daemons).map(|_| campaign.start()).collect();
    let begun = Instant::now();
    let mut kills = 0;
    while begun.elapsed() < Duration::from_secs(24) {
        // A process has to live for a while.
        tokio::time::sleep(Duration::from_millis(dice.random_range(500..3_500)) / daemons as u32)
            .await;
        running.remove(0).kill();
        kills += 1;
        // Now and then nobody is there.
        if dice.random_range(0..4) == 0 {
            kills += running.len();
            running.drain(..).for_each(Daemon::kill);
            tokio::time::sleep(Duration::from_millis(dice.random_range(0..2_000))).await;
        }
        while running.len() < daemons {
            running.push(campaign.start());
        }
    }
    let rate = f64::from(u32::try_from(sink.count()).unwrap()) / begun.elapsed().as_secs_f64();
    campaign.until_quiet().await;
    for daemon in running {
        assert_eq!(daemon.stop().0.code, Some(0));
    }
    let about = format!("NURTURED_CRASH_SEED={seed}");
    invariants::check_all(&campaign, &[sink], MAILS, kills * CONNECTIONS, &about).await;
    let mut wrong = Vec::new();
    for seconds in [1, 2, 3, 5, 10, 20] {
        let stretch = Duration::from_secs(seconds);
        let most = arrivals.most_within(stretch);
        let places = (stretch + AHEAD + JITTER).as_millis() / BETWEEN.as_millis() + 1;
        let allowed = usize::try_from(places).unwrap();
        eprintln!("within {seconds} s: {most} of {allowed}");
        if most > allowed {
            wrong.push(format!("{most} within {seconds} s, and {allowed} are allowed"));
        }
    }
    eprintln!("{kills} kills, {leads} leads, {rate:.1} mails a second");
    assert!(wrong.is_empty(), "{about}: {wrong:#?}");
    assert!(rate > f64::from(RATE) / 4.0, "{about}: at {rate} a second there was no pace to keep");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pace_holds_over_kills_on_sqlite() {
    let arrivals = Arrivals::default();
    let (addr, sink) = FakeSmtp::start(arrivals.script()).await;
    let campaign = Campaign::on_sqlite(addr, Tuning::default()).paced("10 per second");
    kill_at_a_pace(campaign, &sink, &arrivals, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pace_holds_over_kills_of_three_daemons_on_postgres() {
    let arrivals = Arrivals::default();
    let (addr, sink) = FakeSmtp::start(arrivals.script()).await;
    let tuning = Tuning { lease: "5s", ..Tuning::default() };
    let Some(campaign) = Campaign::on_postgres(addr, tuning).await else { return };
    kill_at_a_pace(campaign.paced("10 per second"), &sink, &arrivals, 3).await;
}
