//! Choosing the next mail to send among a million that are reserved, for ten thousand domains with a pace each, against
//! the same among ten thousand; and how exactly a pace is kept while others are sent.
//!
//! `cargo bench --bench pace`. `MAILS` is how many are reserved on the larger side (1,000,000), `DOMAINS` for how many
//! domains (10,000), `SECONDS` how long each pace is watched (10). The databases are files in a temporary folder;
//! `TMPDIR` says where.

// A bench that cannot be set up ends.
#![allow(clippy::unwrap_used)]

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "end_to_end/campaign.rs"]
mod campaign;
#[path = "pace/crowd.rs"]
mod crowd;
#[path = "pace/exact.rs"]
mod exact;
#[path = "../tests/support/smtp.rs"]
mod smtp;
mod stopwatch;

use std::{path::Path, sync::Arc, time::Duration};

use campaign::NOON;
use nurtured::{
    clock::Clock,
    config::Config,
    domain::pace::{Line, Opening, Per, Rate},
    engine::{Engine, sending::Until},
    mail::relay::Relay,
    store::{Asked, DatabaseUrl, Route, Store, records::ClaimToken},
    token::Keyring,
};
use stopwatch::{Lap, Stopwatch, size};
use tokio_util::sync::CancellationToken;

/// As many as the feeder of a relay with four connections takes at once.
const AT_ONCE: usize = 64;
const CLAIMS: usize = 100;
/// Mails that are sent with all the others waiting.
const SENT: usize = 2_000;

fn main() {
    if let Some(folder) = std::env::var_os("CROWD") {
        let [mails, domains] = [size("MAILS", 1), size("DOMAINS", 1)];
        return run(crowd::fill(Path::new(&folder), mails, domains));
    }
    run(measure());
}

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work);
}

async fn measure() {
    let (mails, domains) = (size("MAILS", 1_000_000), size("DOMAINS", 10_000));
    let mut sides = Vec::new();
    for count in [domains.min(mails), mails] {
        let folder = tempfile::tempdir().unwrap();
        crowd::in_another_process(folder.path(), count, domains);
        println!("{count} mails reserved for {domains} domains");
        let side = choose(folder.path(), count, domains).await;
        side.print();
        send(folder.path(), count).await;
        sides.push(side);
    }
    for (what, part) in [
        ("the next instant", Side::next as fn(&Side) -> Duration),
        ("a claim", Side::claim),
        ("a place in line", Side::line),
    ] {
        let ratio = part(&sides[1]).as_secs_f64() / part(&sides[0]).as_secs_f64();
        println!("{what}: {ratio:.2} times as long among {mails}");
    }
    exact::watch(Duration::from_secs(size("SECONDS", 10) as u64)).await;
}

/// How long each takes, of all that were measured.
struct Side {
    next: Lap,
    claim: Lap,
    line: Lap,
}

impl Side {
    fn next(&self) -> Duration {
        self.next.wall / u32::try_from(CLAIMS).unwrap()
    }

    fn claim(&self) -> Duration {
        self.claim.wall / u32::try_from(CLAIMS).unwrap()
    }

    fn line(&self) -> Duration {
        self.line.wall / u32::try_from(CLAIMS).unwrap()
    }

    fn print(&self) {
        println!("  when the next is due   {:>10.1?}", self.next());
        println!("  {AT_ONCE} of them claimed     {:>10.1?}", self.claim());
        println!("  {AT_ONCE} given their places  {:>10.1?}", self.line());
    }
}

async fn choose(folder: &Path, count: usize, domains: usize) -> Side {
    let store = open(folder).await;
    let spacing = crowd::spacing(count);
    let route = Route::own(&"sink".into());
    // Half of what is due has gone.
    let mut now = NOON;
    let (mut next, mut claim, mut line) = (Sum::default(), Sum::default(), Sum::default());
    for turn in 0..CLAIMS {
        now = now + spacing * u32::try_from(AT_ONCE).unwrap();
        let due = next.add(store.next_due_message()).await.unwrap();
        assert!(due <= now, "{due}, and it is {now}");
        let token = ClaimToken(i64::try_from(turn).unwrap() + 1);
        let limit = i64::try_from(AT_ONCE).unwrap();
        let lease = Duration::from_secs(60);
        let rows = claim.add(store.claim_messages(&route, now, token, lease, limit)).await.unwrap();
        assert_eq!(rows.len(), AT_ONCE);
        let lines: Vec<Asked<'_>> = (0..AT_ONCE)
            .map(|mail| {
                let domain = (turn * AT_ONCE + mail) * 7_919 % domains;
                let rate = Rate { mails: 60, per: Per::Hour };
                let name = format!("domain d{domain}.example");
                let lines = vec![Line::rate(name, rate)];
                Asked { lines, has_turn: false, opening: Opening::default() }
            })
            .collect();
        line.add(store.line_up(&lines, now)).await.unwrap();
    }
    store.close().await;
    Side { next: next.lap(), claim: claim.lap(), line: line.lap() }
}

#[derive(Default)]
struct Sum {
    wall: Duration,
    processor: Duration,
}

impl Sum {
    async fn add<T>(&mut self, work: impl Future<Output = T>) -> T {
        let watch = Stopwatch::start();
        let done = work.await;
        let lap = watch.lap();
        self.wall += lap.wall;
        self.processor += lap.processor;
        done
    }

    fn lap(self) -> Lap {
        Lap { wall: self.wall, processor: self.processor }
    }
}

/// What the whole engine takes for some of them, in time and in memory.
async fn send(folder: &Path, count: usize) {
    let (_, sink) = smtp::FakeSmtp::sink().await;
    let engine = engine(folder, open(folder).await, Clock::driven(NOON), (sink.addr.port(), 4));
    engine.take_over().await.unwrap();
    // Those that were claimed above are not among them.
    let due = (AT_ONCE * CLAIMS + SENT).min(count);
    engine.clock.set(NOON + crowd::spacing(count) * u32::try_from(due).unwrap());
    let watch = Stopwatch::start();
    let tally = engine.send(Until::Quiet, &CancellationToken::new()).await.unwrap();
    let (wall, processor) = watch.lap().rates(usize::try_from(tally.sent).unwrap());
    println!(
        "  {} sent: {wall:.0} mails/s on the wall, {processor:.0} of processor time; {} put off",
        tally.sent, tally.released
    );
    let [now, most] = ["VmRSS:", "VmHWM:"].map(memory);
    let verdict = if most < 100 { "met" } else { "missed" };
    println!("  memory of the process: {now} MB, {most} MB at most (target: 100 MB): {verdict}");
    engine.store.close().await;
}

/// A line of `status`, in MB (proc_pid_status(5)).
fn memory(line: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = text.lines().find_map(|found| found.strip_prefix(line));
    let kilobytes = found.and_then(|text| text.split_whitespace().next()?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) >> 10
}

async fn open(folder: &Path) -> Store {
    Store::open(&DatabaseUrl::parse("sqlite:nurtured.db", folder).unwrap()).await.unwrap()
}

fn engine(
    folder: &Path,
    store: Store,
    clock: Clock,
    (port, connections): (u16, usize),
) -> Arc<Engine> {
    let text = format!(
        "[public]\nbase_url = \"https://go.example.com\"\n\
         [[relay]]\nname = \"sink\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nconnections = {connections}\n\
         [sender]\nfrom = \"Ada Rossi <ada@example.com>\"\nbounce_domain = \"bounce.example.com\"\n\
         postal_address = \"Via Roma 1, 20121 Milano\"\n"
    );
    let config = Arc::new(Config::parse(&text, folder).unwrap());
    let relay = Relay::configured(&config.relays[0]).unwrap();
    Arc::new(Engine::new(store, clock, Arc::new(Keyring::from_seed(1)), config, vec![relay]))
}
