//! A new segment over a million leads with five million events: how long it takes to count who is in it before it
//! is live, and until the engine has decided every lead by it, against reading the same leads and evaluating it
//! alone; and how much memory the daemon has at rest on them.
//!
//! `cargo bench --bench segment`. `LEADS` is how many there are (1,000,000), each with `EVENTS` events (5),
//! `SWEPT` how many of them the engine gets through (100,000), as every lead takes it as long. The database is
//! made in a temporary folder; `TMPDIR` says where.

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "claim/base.rs"]
mod base;
mod busy;
#[path = "segment/daemon.rs"]
mod daemon;
#[path = "segment/parts.rs"]
mod parts;
mod stopwatch;

use std::{path::Path, sync::Arc, time::Duration};

use busy::{folder, leads::NOW};
use nurtured::{
    clock::Clock,
    config::Config,
    definitions::{Checked, check},
    domain::{
        artefact::Artefact,
        definitions::{Definitions, SegmentIx},
    },
    engine::{
        Engine,
        live::Live,
        members::{self, Question},
        releasing,
    },
    mail::relay::{FolderRelay, Relay},
    store::{DatabaseUrl, Store},
    token::Keyring,
};
use stopwatch::{Stopwatch, size};

const TARGET: Duration = Duration::from_secs(3);

/// By a fact that is known of each lead, and by ones that have to be looked up in all that happened.
const SEGMENTS: [(&str, &str); 3] = [
    ("of what is known", "submitted(\"webinar\").times(2) and country == \"Italy\""),
    ("of what is not", "visited(\"/roadmap\").times(2).within(90d) and country == \"Italy\""),
    ("of that alone", "visited(\"/blog\").times(2).within(90d)"),
];

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let (leads, events, swept) =
        (size("LEADS", 1_000_000), size("EVENTS", 5), size("SWEPT", 100_000));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("segment.db");
    let url =
        DatabaseUrl::parse(&format!("sqlite:{}", file.display()), Path::new("")).expect("a URL");
    let store = Store::create(&url).await.expect("a database");
    store.migrate(true, NOW).await.expect("migrated");
    let (definitions, artefacts) = campaign(None);
    releasing::apply(&store, &artefacts, "bench", "", NOW).await.expect("applied");
    store.close().await;
    let made = Stopwatch::start();
    base::fill(&file, &definitions, leads, 1).await;
    parts::add_events(&file, leads, events).await;
    let bytes = std::fs::metadata(&file).map_or(0, |file| file.len());
    println!(
        "{leads} leads with {events} events each, {} MB, made in {:.0} s",
        bytes >> 20,
        made.lap().wall.as_secs_f64()
    );
    let idle = daemon::at_rest(folder.path());
    println!(
        "the daemon at rest: {} MB of its own, {} MB with pages of files (target: 60 MB of its own: {})",
        idle.own >> 10,
        idle.all >> 10,
        if idle.own < 60 << 10 { "met" } else { "missed" }
    );
    parts::alone(&file, &definitions).await;
    for (what, condition) in SEGMENTS {
        let (definitions, artefacts) = campaign(Some(condition));
        let store = Store::open(&url).await.expect("a database");
        counted(&store, definitions, leads, what).await;
        releasing::apply(&store, &artefacts, "bench", "", NOW).await.expect("applied");
        let engine = engine(store, folder.path());
        engine.take_over().await.expect("live");
        let live = engine.live().expect("live");
        let watch = Stopwatch::start();
        let mut decided = 0;
        while decided < swept {
            engine.sweep(NOW).await.expect("swept");
            decided +=
                usize::try_from(engine.decide_due(&live, NOW).await.expect("decided").decided)
                    .expect("few");
        }
        let (wall, _) = watch.lap().rates(decided);
        #[allow(clippy::cast_precision_loss)]
        let all = Duration::from_secs_f64(leads as f64 / wall);
        println!(
            "by the engine, {what:<17} {wall:>8.0} leads/s, {all:.0?} for all (target: {TARGET:?}: {})",
            if all < TARGET { "met" } else { "missed" }
        );
        engine.store.close().await;
    }
}

/// Who is in the new segment, before it is live.
async fn counted(store: &Store, definitions: Definitions, leads: usize, what: &str) {
    let live = Live::load(store).await.expect("loaded").expect("live");
    let brand_new =
        definitions.segments.iter().position(|segment| segment.name == "brand-new").expect("there");
    let question = Question {
        definitions: Arc::new(definitions),
        live: Some(live.definitions),
        segments: vec![SegmentIx(brand_new)],
        now: NOW,
        some: 3,
        listed: Vec::new(),
        page: members::PAGE,
    };
    let watch = Stopwatch::start();
    let count = members::count(store, question).await.expect("counted");
    let lap = watch.lap();
    assert_eq!((count.leads, count.unreadable), (leads as u64, 0));
    println!(
        "counted, {what:<17} {:>8} in it, {:.2?} (cpu {:.2?}; target: {TARGET:?}: {})",
        count.segments[0].inside,
        lap.wall,
        lap.processor,
        if lap.wall < TARGET { "met" } else { "missed" }
    );
}

/// The busy house, with one more segment.
fn campaign(segment: Option<&str>) -> (Definitions, Vec<Artefact>) {
    let mut sources = folder::sources();
    if let Some(condition) = segment {
        let text = format!("segments:\n  brand-new: '{condition}'\n");
        sources.files.insert("workflows/new.yaml".to_owned(), text);
    }
    let Checked { problems, definitions, artefacts } = check(&sources);
    let Some(definitions) = definitions else { panic!("{problems:#?}") };
    (definitions, artefacts)
}

fn engine(store: Store, folder: &Path) -> Arc<Engine> {
    let text = "[database]\nurl = \"sqlite:segment.db\"\n";
    let config = Config::parse(text, folder).expect("a configuration");
    Arc::new(Engine::new(
        store,
        Clock::driven(NOW),
        Arc::new(Keyring::from_seed(1)),
        Arc::new(config),
        vec![Relay::Folder(Arc::new(FolderRelay::new("files", folder)))],
    ))
}
