//! `report workflow` on a file with a million messages, against counting the rows of the same tables, in turns
//! within one run.
//!
//! `cargo bench --bench report`. `MESSAGES` is how many there are, all of one workflow, four to a lead
//! (1,000,000), `ROUNDS` how often either side counts (5). The database is made in a temporary folder;
//! `TMPDIR` says where.

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod busy;
#[path = "report/history.rs"]
mod history;
mod stopwatch;

use std::{path::Path, time::Duration};

use busy::{folder, leads::NOW};
use nurtured::{
    domain::{definitions::Definitions, time::Instant},
    engine::report::workflow::{WorkflowReport, workflow_report},
    store::{DatabaseUrl, Store, records::Period},
};
use stopwatch::{Stopwatch, size};

const TARGET: Duration = Duration::from_secs(1);

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let (messages, rounds) = (size("MESSAGES", 1_000_000), size("ROUNDS", 5));
    let definitions = folder::definitions();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.db");
    let url =
        DatabaseUrl::parse(&format!("sqlite:{}", file.display()), Path::new("")).expect("a URL");
    let store = Store::create(&url).await.expect("a database");
    store.migrate(true, NOW).await.expect("migrated");
    store.close().await;
    let made = Stopwatch::start();
    history::fill(&file, &definitions, messages).await;
    let bytes = std::fs::metadata(&file).map_or(0, |file| file.len());
    println!(
        "{messages} messages, {} MB, made in {:.0} s",
        bytes >> 20,
        made.lap().wall.as_secs_f64()
    );

    let store = Store::open(&url).await.expect("a database");
    let mut bare = history::Bare::open(&file).await;
    let cohort = Period { from: history::middle(), until: Instant::NEVER };
    let (mut ours, mut of_cohort, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let watch = Stopwatch::start();
        let counted = report(&store, &definitions, Period::ALL).await;
        ours.push(watch.lap().wall);
        let sent: u64 = counted.steps.iter().map(|step| step.mails).sum();
        assert_eq!(
            usize::try_from(sent).expect("fits"),
            history::sent(messages),
            "all are counted"
        );
        let watch = Stopwatch::start();
        bare.count().await;
        theirs.push(watch.lap().wall);
        let watch = Stopwatch::start();
        report(&store, &definitions, cohort).await;
        of_cohort.push(watch.lap().wall);
    }
    let first = ours[0];
    let (ours, theirs) = (median(ours), median(theirs));
    println!("report workflow            {ours:>10.0?} (the first time {first:.0?})");
    println!("of those who entered late  {:>10.0?}", median(of_cohort));
    println!("the tables' rows, counted  {theirs:>10.0?}");
    println!("ratio {:.2}", theirs.as_secs_f64() / ours.as_secs_f64());
    println!("target: {TARGET:?}: {}", if ours < TARGET { "met" } else { "missed" });
    store.close().await;
}

async fn report(store: &Store, definitions: &Definitions, period: Period) -> WorkflowReport {
    workflow_report(store, definitions, &history::WAY.into(), period, NOW).await.expect("counted")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
