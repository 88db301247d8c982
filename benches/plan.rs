//! A plan over a million leads, of whom 200,000 are in flight: of a workflow whose waits are longer, of points that are
//! others, and of a new workflow that takes in who is there.
//!
//! `cargo bench --bench plan`. `LEADS` is how many there are (1,000,000), every `SHARE`th (5) is in a workflow. The
//! database is made in a temporary folder; `TMPDIR` says where.

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "claim/base.rs"]
mod base;
mod busy;
mod stopwatch;

use std::{path::Path, time::Duration};

use busy::{folder, leads::NOW};
use nurtured::{
    definitions::{Checked, Sources, check},
    domain::fleet::Fleet,
    domain::{artefact::Artefact, definitions::Definitions},
    engine::{
        planning::{Asked, plan},
        releasing,
    },
    store::{DatabaseUrl, Store},
};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use stopwatch::{Stopwatch, size};

const TARGET: Duration = Duration::from_secs(20);

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let (leads, share) = (size("LEADS", 1_000_000), size("SHARE", 5));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plan.db");
    let url =
        DatabaseUrl::parse(&format!("sqlite:{}", file.display()), Path::new("")).expect("a URL");
    let store = Store::create(&url).await.expect("a database");
    store.migrate(true, NOW).await.expect("migrated");
    let (definitions, artefacts) = compiled(&folder::sources());
    releasing::apply(&store, &artefacts, "bench", "", NOW).await.expect("applied");
    store.close().await;
    base::fill(&file, &definitions, leads, 1).await;
    let inside = thinned(&file, share).await;
    println!("{leads} leads, {inside} of them in flight");
    let store = Store::open(&url).await.expect("a database");
    let fleet = Fleet::default();
    let asked = Asked { people: false, forecast: Some(&fleet) };
    for (what, sources) in edits() {
        let (_, artefacts) = compiled(&sources);
        let watch = Stopwatch::start();
        let found = plan(&store, &artefacts, asked, NOW).await.expect("a plan");
        let lap = watch.lap();
        println!(
            "{what:<28} {:>9} decided, {:>8} affected, {:.1?} (cpu {:.1?}; target: {TARGET:?}: {})",
            found.decided,
            found.affected,
            lap.wall,
            lap.processor,
            if lap.wall < TARGET { "met" } else { "missed" }
        );
        assert_eq!(found.unreadable, 0);
    }
    store.close().await;
}

/// Leaves every so-manieth in flight.
async fn thinned(file: &Path, share: usize) -> i64 {
    let mut db: SqliteConnection = base::connection(file).connect().await.expect("a connection");
    sqlx::query("DELETE FROM enrolments WHERE (lead - 2305843009213693952) / 4096 % $1 > 0")
        .bind(i64::try_from(share).expect("few"))
        .execute(&mut db)
        .await
        .expect("thinned");
    sqlx::raw_sql("ANALYZE").execute(&mut db).await.expect("known");
    let inside = sqlx::query_scalar("SELECT COUNT(*) FROM enrolments WHERE status = 'active'");
    let inside = inside.fetch_one(&mut db).await.expect("counted");
    db.close().await.expect("closed");
    inside
}

/// What is edited of the busy house.
fn edits() -> [(&'static str, Sources); 3] {
    let edited = |path: &str, edit: &dyn Fn(&str) -> String| {
        let mut sources = folder::sources();
        let text = sources.files.get(path).expect("it is there").clone();
        sources.files.insert(path.to_owned(), edit(&text));
        sources
    };
    let waits = edited("workflows/way-18.yaml", &|text| {
        let longer = text
            .replace(
                "wait: 20 business days",
                "wait: 30 business days\n        id: wait.20-business-days",
            )
            .replace("wait: 40d", "wait: 50d\n    id: wait.40d");
        format!("on_change: migrate\n{longer}")
    });
    let points =
        edited("workflows/scoring.yaml", &|text| text.replace("points: 10,", "points: 12,"));
    let mut new = folder::sources();
    let text = "workflow: italians\npurpose: insights\nenter: { when: 'country == \"Italy\"', existing: yes }\n\
                steps:\n  - wait: 3d\n  - email: cold/industry-report\n";
    new.files.insert("workflows/italians.yaml".to_owned(), text.to_owned());
    [("longer waits", waits), ("other points", points), ("a new workflow", new)]
}

fn compiled(sources: &Sources) -> (Definitions, Vec<Artefact>) {
    let Checked { problems, definitions, artefacts } = check(sources);
    let Some(definitions) = definitions else { panic!("{problems:#?}") };
    (definitions, artefacts)
}
