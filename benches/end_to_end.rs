//! Mails end to end against the mail library alone, in turns within one run: leads are decided, mails of
//! 8 KB rendered and composed, reserved, recorded and handed to Postfix's `smtp-sink`, by a policy without rules and
//! by one with all kinds of them, of which none binds; the other side hands over as many of the very same mails,
//! made before, over as many connections with TCP_NODELAY.
//!
//! `cargo bench --bench end_to_end`. `MAILS` is how many in a round (5,000), `CONNECTIONS` how many connections
//! (32), `RULES` which kinds of rules there are (`hours caps accounts pacing`). `smtp-sink` is looked for in `PATH`
//! and where the tests unpack it; the databases are files in temporary folders (`TMPDIR` says where), written for good
//! at each commit, as the daemon does.

// A bench that cannot be set up ends.
#![allow(clippy::unwrap_used)]

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "end_to_end/campaign.rs"]
mod campaign;
#[path = "end_to_end/library.rs"]
mod library;
#[path = "end_to_end/sink.rs"]
mod sink;
mod stopwatch;

use std::{path::Path, sync::Arc, time::Duration};

use nurtured::{
    clock::Clock,
    config::Config,
    engine::{
        Engine,
        releasing::{self, Applied},
    },
    mail::relay::Relay,
    store::{DatabaseUrl, Store},
    token::Keyring,
};
use sink::Sink;
use stopwatch::{Lap, Stopwatch, size};

const ROUNDS: usize = 4;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let (mails, connections) = (size("MAILS", 5_000), size("CONNECTIONS", 32));
    let sink = Sink::start(connections);
    let clock = Clock::driven(campaign::NOON);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut sides = Vec::new();
    let wanted = std::env::var("RULES").unwrap_or("hours caps accounts pacing".to_owned());
    let rules = campaign::RULES.into_iter().filter(|(name, _)| wanted.contains(name));
    let rules: String = rules.map(|(_, text)| text).collect();
    for (folder, rules) in folders.iter().zip(["", &rules]) {
        let policy = format!("{}{rules}", campaign::NO_RULES);
        let engine = engine(folder.path(), &sink, connections, &clock).await;
        let artefacts = campaign::artefacts(&policy);
        let applied =
            releasing::apply(&engine.store, &artefacts, "bench", "", clock.now()).await.unwrap();
        assert!(matches!(applied, Applied::New(_)));
        sides.push((engine, Vec::new()));
    }
    let prebuilt = one_mail(&sides[0].0, folders[0].path()).await;
    println!(
        "mails of {} octets, {connections} connections, {mails} mails a round",
        prebuilt.bytes.len()
    );
    // Paces are kept by this clock: it goes.
    tokio::spawn(go(clock.clone()));
    let mut theirs = Vec::new();
    for round in 0..=ROUNDS {
        let mut order: Vec<_> = sides.iter_mut().collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for (engine, laps) in order {
            campaign::leads(&engine.store, &format!("round{round}"), mails, clock.now()).await;
            let lap = send_all(engine, mails).await;
            // The first round warms up.
            if round > 0 {
                laps.push(lap);
            }
        }
        let watch = Stopwatch::start();
        library::send(sink.addr, &prebuilt, mails, connections).await;
        if round > 0 {
            theirs.push(watch.lap());
        }
    }
    let free = print("decided, rendered, recorded, sent", &sides[0].1, mails);
    let ruled = print(&format!("by rules on {wanted}"), &sides[1].1, mails);
    let theirs = print("the library alone", &theirs, mails);
    let said = |what: &str, ratio: f64, target: f64| {
        let verdict = if ratio >= target { "met" } else { "missed" };
        println!("{what}: ratio {ratio:.2} (target: {target:.2}): {verdict}");
    };
    said("against the library", free / theirs, 0.2);
    said("with rules against without", ruled / free, 0.9);
}

/// The time goes by, a millisecond at a time.
async fn go(clock: Clock) {
    let started = std::time::Instant::now();
    let mut beats = tokio::time::interval(Duration::from_millis(1));
    loop {
        beats.tick().await;
        clock.set(campaign::NOON + started.elapsed());
    }
}

async fn send_all(engine: &Arc<Engine>, mails: usize) -> Lap {
    let watch = Stopwatch::start();
    let (mut sent, mut passes) = (0, 0);
    while sent < mails as u64 {
        let report = engine.tick(engine.clock.now()).await.unwrap();
        assert_eq!((report.failed, report.parked, report.in_doubt), (0, 0, 0), "{report:?}");
        sent += report.sent;
        passes += 1;
        assert!(passes < 10_000, "{sent} of {mails}: {report:?}");
    }
    watch.lap()
}

/// One side's rate over all rounds.
fn print(what: &str, laps: &[Lap], mails: usize) -> f64 {
    let sum = |part: fn(&Lap) -> Duration| laps.iter().map(part).sum::<Duration>();
    let lap = Lap { wall: sum(|lap| lap.wall), processor: sum(|lap| lap.processor) };
    let (wall, processor) = lap.rates(mails * laps.len());
    println!("{what:<42} {wall:>7.0} mails/s on the wall, {processor:>7.0} of processor time");
    wall
}

async fn engine(folder: &Path, sink: &Sink, connections: usize, clock: &Clock) -> Arc<Engine> {
    let url = DatabaseUrl::parse("sqlite:nurtured.db", folder).unwrap();
    let store = Store::create(&url).await.unwrap();
    store.migrate(true, campaign::NOON).await.unwrap();
    let text = format!(
        "[public]\nbase_url = \"https://go.example.com\"\n\
         [[relay]]\nname = \"sink\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
         connections = {connections}\n\
         [sender]\nfrom = \"Ada Rossi <ada@example.com>\"\nbounce_domain = \"bounce.example.com\"\n\
         postal_address = \"Via Roma 1, 20121 Milano\"\n",
        sink.addr.port()
    );
    let config = Arc::new(Config::parse(&text, folder).unwrap());
    let relay = Relay::configured(&config.relays[0]).unwrap();
    let keyring = Arc::new(Keyring::from_seed(1));
    Arc::new(Engine::new(store, clock.clone(), keyring, config, vec![relay]))
}

/// A mail as the engine makes it: one lead's, written into a folder.
async fn one_mail(engine: &Arc<Engine>, folder: &Path) -> library::Prebuilt {
    let now = engine.clock.now();
    campaign::leads(&engine.store, "first", 1, now).await;
    let outbox = folder.join("outbox");
    std::fs::create_dir(&outbox).unwrap();
    let config = "[public]\nbase_url = \"https://go.example.com\"\n[[relay]]\nname = \"files\"\n\
                  folder = \"outbox\"\n[sender]\nfrom = \"Ada Rossi <ada@example.com>\"\n\
                  bounce_domain = \"bounce.example.com\"\npostal_address = \"Via Roma 1\"\n";
    let config = Arc::new(Config::parse(config, folder).unwrap());
    let relay = Relay::configured(&config.relays[0]).unwrap();
    let (store, clock) = (engine.store.clone(), engine.clock.clone());
    let writer =
        Arc::new(Engine::new(store, clock, Arc::clone(&engine.keyring), config, vec![relay]));
    assert_eq!(writer.tick(now).await.unwrap().sent, 1);
    let file = std::fs::read_dir(&outbox).unwrap().next().unwrap().unwrap().path();
    library::Prebuilt { bytes: std::fs::read(file).unwrap() }
}
