//! Claim → load → decide → commit on a file of a million leads, against the same statements without
//! decisions, in turns within one run; and what it costs to find that nothing is due.
//!
//! `cargo bench --bench claim`. `LEADS` is how many there are (1,000,000), `DUE` how many of them either
//! side gets through (100,000), `BATCH` how many in one transaction (the default of the configuration),
//! `SPREAD` over how many milliseconds they became due, in no order (an hour; 1: all at once, as when a
//! window opens).
//! The database is made in a temporary folder; `TMPDIR` says where.

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "claim/bare.rs"]
mod bare;
#[path = "claim/base.rs"]
mod base;
mod busy;
mod stopwatch;

use std::{path::Path, sync::Arc, time::Duration};

use busy::{folder, leads};
use nurtured::{
    clock::Clock,
    config::Config,
    engine::{Engine, live::Live},
    mail::relay::{FolderRelay, Relay},
    render::Renderer,
    store::{DatabaseUrl, Store},
    token::Keyring,
};
use stopwatch::{Lap, Stopwatch, size};

const ROUNDS: usize = 5;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let (leads, due) = (size("LEADS", 1_000_000), size("DUE", 100_000));
    let definitions = folder::definitions();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("claim.db");
    let url =
        DatabaseUrl::parse(&format!("sqlite:{}", file.display()), Path::new("")).expect("a URL");
    let store = Store::create(&url).await.expect("a database");
    store.migrate(true, leads::NOW).await.expect("migrated");
    store.close().await;
    let made = Stopwatch::start();
    base::fill(&file, &definitions, leads, due).await;
    let bytes = std::fs::metadata(&file).map_or(0, |file| file.len());
    println!("{leads} leads, {} MB, made in {:.0} s", bytes >> 20, made.lap().wall.as_secs_f64());

    let renderer = Renderer::new(&definitions).expect("mails");
    let live = Arc::new(Live { definitions: Arc::new(definitions), renderer });
    let engine = engine(Store::open(&url).await.expect("a database"), folder.path());
    idle(&engine, &live).await;

    let mut bare = bare::Bare::open(&file).await;
    let (mut ours, mut theirs) = (Total::default(), Total::default());
    for _ in 0..ROUNDS {
        let watch = Stopwatch::start();
        let mut done = 0;
        while done < due / ROUNDS {
            let decided = engine.decide_due(&live, leads::NOW).await.expect("decided");
            // A run is many batches: the rounds before may have come further than their share.
            if decided.claimed == 0 {
                break;
            }
            assert_eq!((decided.reserved, decided.parked), (decided.claimed, 0), "{decided:?}");
            done += usize::try_from(decided.decided).expect("few");
        }
        ours.add(done, &watch.lap());
        let watch = Stopwatch::start();
        let mut done = 0;
        while done < due / ROUNDS {
            done += bare.turn(engine.config.engine.batch).await;
        }
        theirs.add(done, &watch.lap());
    }
    assert_eq!(ours.leads, due, "each was due once");
    println!("batches of {}", engine.config.engine.batch);
    let ours = ours.print("claim, load, decide, commit");
    let theirs = theirs.print("the statements alone");
    println!("ratio {:.2}", ours / theirs);
    let verdict = if ours >= 8_000.0 { "met" } else { "missed" };
    println!("target: 8,000 leads/s on the wall: {verdict}");
}

#[derive(Default)]
struct Total {
    leads: usize,
    wall: Duration,
    processor: Duration,
}

impl Total {
    fn add(&mut self, leads: usize, lap: &Lap) {
        self.leads += leads;
        self.wall += lap.wall;
        self.processor += lap.processor;
    }

    /// Returns leads by second on the wall.
    fn print(&self, what: &str) -> f64 {
        let lap = Lap { wall: self.wall, processor: self.processor };
        let (wall, processor) = lap.rates(self.leads);
        println!("{what:<28} {wall:>7.0} leads/s on the wall, {processor:>7.0} of processor time");
        wall
    }
}

/// A claim when nothing is due.
async fn idle(engine: &Arc<Engine>, live: &Arc<Live>) {
    const CLAIMS: u32 = 1_000;
    let early = base::early();
    engine.clock.set(early);
    engine.decide_due(live, early).await.expect("decided");
    let watch = Stopwatch::start();
    for _ in 0..CLAIMS {
        let decided = engine.decide_due(live, early).await.expect("decided");
        assert_eq!(decided.claimed, 0);
    }
    let lap = watch.lap();
    engine.clock.set(leads::NOW);
    let (wall, processor) = (lap.wall / CLAIMS, lap.processor / CLAIMS);
    println!("an idle claim: {wall:?} on the wall, {processor:?} of processor time (target: 1 ms)");
}

fn engine(store: Store, folder: &Path) -> Arc<Engine> {
    let mut text = String::from("[database]\nurl = \"sqlite:claim.db\"\n");
    if let Ok(batch) = std::env::var("BATCH") {
        text += &format!("[engine]\nbatch = {batch}\n");
    }
    let config = Config::parse(&text, folder).expect("a configuration");
    Arc::new(Engine::new(
        store,
        Clock::driven(leads::NOW),
        Arc::new(Keyring::from_seed(1)),
        Arc::new(config),
        vec![Relay::Folder(Arc::new(FolderRelay::new("files", folder)))],
    ))
}
