//! `nurtured leads import` of a large export into SQLite, by the binary itself, against reading the file
//! and inserting its rows as they stand.
//!
//! `cargo bench --bench import`. `ROWS` is how many there are (500,000). The files are made in a temporary
//! folder; `TMPDIR` says where.

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "import/bare.rs"]
mod bare;
#[path = "import/export.rs"]
mod export;
mod stopwatch;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use stopwatch::{Stopwatch, size};

const BINARY: &str = env!("CARGO_BIN_EXE_nurtured");

fn main() {
    let rows = size("ROWS", 500_000);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("export.csv");
    let bytes = export::write(&file, rows);
    println!("{rows} rows of {} columns, {} MB", export::HEADERS.len(), bytes >> 20);

    let ours = run(folder.path(), &file, "ours.db");
    #[allow(clippy::cast_precision_loss)]
    let rate = |time: Duration| rows as f64 / time.as_secs_f64();
    assert_eq!(ours.created, rows, "each row is a lead");
    println!(
        "leads import         {:>7.0} rows/s on the wall, {:>7.0} of processor time, {} MB at most",
        rate(ours.wall),
        rate(ours.processor),
        ours.kilobytes >> 10
    );
    let again = run(folder.path(), &file, "ours.db");
    println!(
        "the same file again  {:>7.0} rows/s on the wall, {:>7.0} of processor time, {} MB at most",
        rate(again.wall),
        rate(again.processor),
        again.kilobytes >> 10
    );

    let database = folder.path().join("bare.db");
    migrate(folder.path(), "bare.db");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let watch = Stopwatch::start();
    runtime.block_on(bare::import(&file, &database));
    let lap = watch.lap();
    println!(
        "the statements alone {:>7.0} rows/s on the wall, {:>7.0} of processor time",
        rate(lap.wall),
        rate(lap.processor)
    );
    println!("ratio {:.2}", lap.wall.as_secs_f64() / ours.wall.as_secs_f64());
    let met = rate(ours.wall) >= 40_000.0 && ours.kilobytes < 100 << 10;
    println!(
        "target: 40,000 rows/s on the wall in under 100 MB: {}",
        if met { "met" } else { "missed" }
    );
}

struct Ran {
    created: usize,
    wall: Duration,
    processor: Duration,
    /// The most memory that it held.
    kilobytes: u64,
}

const POLICY: &str = "policy:
  zone: UTC
  language: en
  tracking: nobody
  purposes:
    insights: { label: Insights, basis: [consent] }
";

/// Makes a database for which the purpose of the import is live.
fn migrate(folder: &Path, database: &str) {
    fs::create_dir_all(folder.join("workflows")).expect("a folder");
    fs::write(folder.join("workflows/policy.yaml"), POLICY).expect("written");
    for step in ["migrate", "apply"] {
        let mut command = Command::new(BINARY);
        command.current_dir(folder).args(["--database", &format!("sqlite:{database}"), step]);
        assert!(command.status().expect("it runs").success());
    }
}

fn run(folder: &Path, file: &Path, database: &str) -> Ran {
    if !folder.join(database).exists() {
        fs::write(
            folder.join("nurtured.toml"),
            format!("[database]\nurl = \"sqlite:{database}\"\n"),
        )
        .expect("written");
        migrate(folder, database);
    }
    let started = Instant::now();
    let mut child = Command::new(BINARY)
        .current_dir(folder)
        .args(["--json", "--database", &format!("sqlite:{database}"), "leads", "import"])
        .arg(file)
        .args(["--purpose", "insights"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let (mut kilobytes, mut processor) = (0, Duration::ZERO);
    while child.try_wait().expect("it is ours").is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let most = most.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kilobytes = kilobytes.max(most.unwrap_or(0));
        processor = processor.max(stopwatch::processor_of(&child.id().to_string()));
        std::thread::sleep(Duration::from_millis(10));
    }
    let wall = started.elapsed();
    let output = child.wait_with_output().expect("it ran");
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a document");
    let created = report["created"].as_u64().unwrap_or(0);
    Ran { created: usize::try_from(created).expect("fits"), wall, processor, kilobytes }
}
