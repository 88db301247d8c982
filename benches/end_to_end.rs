//! Mails end to end against the mail library alone, in turns within one run: leads are decided, mails of
//! 8 KB rendered and composed, reserved, recorded and handed to Postfix's `smtp-sink`; the other side
//! hands over as many of the very same mails, made before, over as many connections with TCP_NODELAY.
//!
//! `cargo bench --bench end_to_end`. `MAILS` is how many in a round (5,000), `CONNECTIONS` how many
//! connections (32). `smtp-sink` is looked for in `PATH` and where the tests unpack it; the database is a file in a temporary folder
//! (`TMPDIR` says where), written for good at each commit, as the daemon does.

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
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path(), &sink, connections).await;
    let now = engine.clock.now();
    let artefacts = campaign::artefacts();
    let applied = releasing::apply(&engine.store, &artefacts, "bench", "", now).await.unwrap();
    assert!(matches!(applied, Applied::New(_)));

    let prebuilt = one_mail(&engine, folder.path()).await;
    println!(
        "mails of {} octets, {connections} connections, {mails} mails a round",
        prebuilt.bytes.len()
    );
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        campaign::leads(&engine.store, &format!("round{round}"), mails, now).await;
        let watch = Stopwatch::start();
        let report = engine.tick(now).await.unwrap();
        let our_lap = watch.lap();
        assert_eq!(report.sent, mails as u64, "{report:?}");
        let watch = Stopwatch::start();
        library::send(sink.addr, &prebuilt, mails, connections).await;
        let their_lap = watch.lap();
        // The first round warms up.
        if round > 0 {
            ours.push(our_lap);
            theirs.push(their_lap);
        }
    }
    let ours = print("decided, rendered, recorded, sent", &ours, mails);
    let theirs = print("the library alone", &theirs, mails);
    let ratio = ours / theirs;
    println!("ratio {ratio:.2} (target: 0.20): {}", if ratio >= 0.2 { "met" } else { "missed" });
}

/// One side's rate over all rounds.
fn print(what: &str, laps: &[Lap], mails: usize) -> f64 {
    let sum = |part: fn(&Lap) -> Duration| laps.iter().map(part).sum::<Duration>();
    let lap = Lap { wall: sum(|lap| lap.wall), processor: sum(|lap| lap.processor) };
    let (wall, processor) = lap.rates(mails * laps.len());
    println!("{what:<34} {wall:>7.0} mails/s on the wall, {processor:>7.0} of processor time");
    wall
}

async fn engine(folder: &Path, sink: &Sink, connections: usize) -> Arc<Engine> {
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
    let clock = Clock::driven(campaign::NOON);
    Arc::new(Engine::new(store, clock, Arc::new(Keyring::from_seed(1)), config, vec![relay]))
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
