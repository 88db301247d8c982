//! The daemon around it: starting, being told to stop, and what it says when it cannot start.

use std::{path::Path, sync::Arc, time::Duration};

use nurtured::{
    clock::Clock,
    config::{Config, NamedFile},
    daemon::{self, Chore, DaemonError, Loop, Parts, Signal, Signals, Wired},
    domain::id::{LeadId, MessageId},
    store::{DatabaseUrl, Store},
    token::MailRef,
};
use reqwest::StatusCode;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tempfile::TempDir;
use tokio::{
    sync::{Notify, Semaphore, mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, timeout},
};

const SOON: Duration = Duration::from_secs(20);
/// Of every daemon here.
const GRACE: Duration = Duration::from_secs(2);

fn config(folder: &Path, more: &str) -> Config {
    let text = format!(
        "[database]\nurl = \"sqlite:daemon.db\"\n[public]\nlisten = \"127.0.0.1:0\"\n\
         [console]\nlisten = \"127.0.0.1:0\"\n[engine]\ngrace = \"2s\"\n{more}"
    );
    Config::parse(&text, folder).unwrap()
}

struct Running {
    parts: Parts,
    signals: mpsc::Sender<Signal>,
    ended: JoinHandle<Result<(), DaemonError>>,
}

async fn start(
    config: Config,
    wire: impl FnOnce(&Parts) -> Wired + Send + 'static,
) -> Result<Running, DaemonError> {
    let (signals, received) = Signals::by_hand();
    let (sender, parts) = oneshot::channel();
    let ended =
        tokio::spawn(daemon::run(config, Clock::System, received, async move |parts: &Parts| {
            let wired = wire(parts);
            let _ = sender.send(parts.clone());
            Ok(wired)
        }));
    match timeout(SOON, parts).await.expect("it neither starts nor fails") {
        Ok(parts) => Ok(Running { parts, signals, ended }),
        Err(_) => Err(ended.await.unwrap().expect_err("it ended before it began")),
    }
}

async fn start_with(folder: &TempDir, wired: Wired) -> Running {
    start(config(folder.path(), ""), |_| wired).await.unwrap()
}

async fn failure(config: Config) -> String {
    match start(config, |_| Wired::default()).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

impl Running {
    async fn stopped(self) -> Result<(), DaemonError> {
        timeout(SOON, self.ended).await.expect("it does not stop").unwrap()
    }

    async fn console(&self, path: &str) -> (StatusCode, String) {
        let answer = reqwest::get(format!("http://{}{path}", self.parts.console)).await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

fn a_loop(
    name: &'static str,
    work: impl Future<Output = anyhow::Result<()>> + Send + 'static,
) -> Wired {
    Wired { loops: vec![Loop { name, work: Box::pin(work) }], chores: Vec::new() }
}

#[tokio::test]
async fn the_first_start_makes_what_it_needs_and_the_console_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let running = start_with(&folder, Wired::default()).await;
    assert!(folder.path().join("daemon.db").exists());
    assert!(folder.path().join("nurtured.secrets").exists());
    assert_eq!(running.console("/live").await.0, StatusCode::OK);
    assert_eq!(running.console("/ready").await, (StatusCode::OK, "ready\n".into()));
    let (status, metrics) = running.console("/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(metrics.contains("nurtured_due_lag_seconds 0.0"), "{metrics}");
    let health = reqwest::get(format!("http://{}/health", running.parts.public)).await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
    let leak = reqwest::get(format!("http://{}/metrics", running.parts.public)).await.unwrap();
    assert_eq!(leak.status(), StatusCode::NOT_FOUND, "figures are not for the public");
    running.signals.send(Signal::Stop).await.unwrap();
    running.stopped().await.unwrap();
    // The second start finds all of it.
    let again = start_with(&folder, Wired::default()).await;
    again.signals.send(Signal::Stop).await.unwrap();
    again.stopped().await.unwrap();
}

#[tokio::test]
async fn what_is_begun_is_finished_after_the_first_signal() {
    let folder = tempfile::tempdir().unwrap();
    let (finished, count) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let (seen, may_end) = (Arc::clone(&finished), Arc::clone(&count));
    let running = start(config(folder.path(), ""), move |parts| {
        let stop = parts.stop.clone();
        a_loop("send", async move {
            stop.claiming.cancelled().await;
            seen.add_permits(1);
            may_end.notified().await;
            assert!(!stop.all.is_cancelled());
            Ok(())
        })
    });
    let running = running.await.unwrap();
    running.signals.send(Signal::Stop).await.unwrap();
    finished.acquire().await.unwrap().forget();
    let (status, reason) = running.console("/ready").await;
    assert_eq!(
        (status, reason.as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: stopping\n")
    );
    assert!(!running.ended.is_finished());
    count.notify_one();
    running.stopped().await.unwrap();
}

#[tokio::test]
async fn a_second_signal_or_the_end_of_the_grace_ends_it_at_once() {
    for second in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let left = Arc::new(Semaphore::new(0));
        let seen = Arc::clone(&left);
        let running = start(config(folder.path(), ""), move |parts| {
            let stop = parts.stop.clone();
            let mut wired = a_loop("send", async move {
                stop.all.cancelled().await;
                seen.add_permits(1);
                Ok(())
            });
            // And one that listens to nobody.
            wired.loops.push(Loop { name: "stuck", work: Box::pin(std::future::pending()) });
            wired
        });
        let running = running.await.unwrap();
        let began = Instant::now();
        running.signals.send(Signal::Stop).await.unwrap();
        if second {
            running.signals.send(Signal::Stop).await.unwrap();
        }
        running.stopped().await.unwrap();
        assert_eq!(left.available_permits(), 1, "told to leave all");
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    }
}

/// Beyond the grace: two seconds to leave, and what a busy machine adds.
const TO_LEAVE: Duration = Duration::from_secs(4);

#[tokio::test]
async fn what_never_ends_cannot_hold_up_the_stop() {
    for second in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let begun = Arc::new(Semaphore::new(0));
        let seen = Arc::clone(&begun);
        let chore = Chore {
            name: "endless",
            schedule: "* * * * * *",
            work: Arc::new(move || {
                seen.add_permits(1);
                Box::pin(std::future::pending())
            }),
        };
        let running = start_with(&folder, Wired { loops: Vec::new(), chores: vec![chore] }).await;
        timeout(SOON, begun.acquire()).await.unwrap().unwrap().forget();
        let told = Instant::now();
        running.signals.send(Signal::Stop).await.unwrap();
        if second {
            running.signals.send(Signal::Stop).await.unwrap();
        }
        running.stopped().await.unwrap();
        let most = if second { TO_LEAVE } else { GRACE + TO_LEAVE };
        assert!(told.elapsed() < most, "{second}: {:?}", told.elapsed());
    }
}

#[tokio::test]
async fn a_database_that_stands_still_cannot_hold_up_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let running = start_with(&folder, Wired::default()).await;
    let held = hold(&folder).await;
    // A hit that waits to be written.
    let link =
        running.parts.keyring.unsubscribe(&MailRef { lead: LeadId(1), message: MessageId(1) });
    let url = format!("http://{}/u/{link}", running.parts.public);
    let hit = tokio::spawn(reqwest::Client::new().post(url).send());
    let waits = async {
        while running.parts.intake.stats().hits() + running.parts.intake.depth() as u64 == 0 {
            tokio::task::yield_now().await;
        }
    };
    let _ = timeout(Duration::from_secs(1), waits).await;
    let told = Instant::now();
    running.signals.send(Signal::Stop).await.unwrap();
    running.stopped().await.unwrap();
    assert!(told.elapsed() < GRACE + TO_LEAVE, "{:?}", told.elapsed());
    hit.abort();
    drop(held);
}

/// Somebody else has the one right to write, and keeps it.
async fn hold(folder: &TempDir) -> SqliteConnection {
    let url = format!("sqlite:{}", folder.path().join("daemon.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    connection.execute("BEGIN IMMEDIATE").await.unwrap();
    connection
}

#[tokio::test]
async fn an_idle_daemon_that_cannot_write_is_not_ready_and_then_is_again() {
    let folder = tempfile::tempdir().unwrap();
    let running = start_with(&folder, Wired::default()).await;
    let held = hold(&folder).await;
    let (status, reason) = running.console("/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{reason}");
    assert!(reason.contains("written"), "{reason}");
    let (_, figures) = running.console("/metrics").await;
    assert!(figures.contains("\nnurtured_ready 0\n"), "{figures}");
    drop(held);
    let again = async { while running.console("/ready").await.0 != StatusCode::OK {} };
    timeout(SOON, again).await.unwrap();
    let (_, figures) = running.console("/metrics").await;
    assert!(figures.contains("\nnurtured_ready 1\n"), "{figures}");
    running.signals.send(Signal::Stop).await.unwrap();
    running.stopped().await.unwrap();
}

#[tokio::test]
async fn a_loop_that_ends_by_itself_ends_the_daemon_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let wired = a_loop("decide", async { Err(anyhow::anyhow!("no definitions")) });
    let error = start_with(&folder, wired).await.stopped().await.unwrap_err();
    assert_eq!(error.to_string(), "the decide loop ended: no definitions");
}

#[tokio::test]
async fn a_reload_is_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let running = start_with(&folder, Wired::default()).await;
    running.signals.send(Signal::Reload).await.unwrap();
    timeout(SOON, running.parts.reload.notified()).await.unwrap();
    running.signals.send(Signal::Stop).await.unwrap();
    running.stopped().await.unwrap();
}

#[tokio::test]
async fn a_loop_whose_pulse_stops_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let running = start_with(&folder, Wired::default()).await;
    let pulse = running.parts.health.pulse("decide", Duration::ZERO);
    let asked = async {
        loop {
            let (status, reason) = running.console("/live").await;
            if status != StatusCode::OK {
                return reason;
            }
        }
    };
    let reason = timeout(SOON, asked).await.unwrap();
    assert_eq!(reason, "not live: decide does not turn\n");
    assert_eq!(running.console("/ready").await.0, StatusCode::SERVICE_UNAVAILABLE);
    pulse.rest();
    assert_eq!(running.console("/live").await.0, StatusCode::OK);
    running.signals.send(Signal::Stop).await.unwrap();
    running.stopped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chore_that_is_still_at_it_is_not_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (seen, may_end) = (Arc::clone(&begun), Arc::clone(&gate));
    let chore = Chore {
        name: "slow",
        schedule: "* * * * * *",
        work: Arc::new(move || {
            let (seen, may_end) = (Arc::clone(&seen), Arc::clone(&may_end));
            Box::pin(async move {
                seen.add_permits(1);
                may_end.acquire().await?.forget();
                Ok(())
            })
        }),
    };
    let running = start_with(&folder, Wired { loops: Vec::new(), chores: vec![chore] }).await;
    timeout(SOON, begun.acquire()).await.unwrap().unwrap().forget();
    // Two more rounds of the clock come and go.
    assert!(timeout(Duration::from_millis(2_500), begun.acquire()).await.is_err());
    gate.add_permits(1);
    timeout(SOON, begun.acquire()).await.unwrap().unwrap().forget();
    gate.add_permits(1_000);
    running.signals.send(Signal::Stop).await.unwrap();
    running.stopped().await.unwrap();
}

#[tokio::test]
async fn the_figures_of_the_database_are_there_soon_after_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let running = start_with(&folder, Wired::default()).await;
    super::rig::lead(&running.parts.store, "ann@example.com").await;
    running.signals.send(Signal::Stop).await.unwrap();
    running.stopped().await.unwrap();
    let running = start_with(&folder, Wired::default()).await;
    let counted = async {
        while !running.console("/metrics").await.1.contains("nurtured_leads{stage=\"lead\"} 1") {}
    };
    timeout(SOON, counted).await.expect("nobody is counted");
    running.signals.send(Signal::Stop).await.unwrap();
    running.stopped().await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config(folder.path(), "");
    config.console.listen = taken.local_addr().unwrap();
    let error = failure(config).await;
    let expected = format!("cannot listen on {} ([console] listen)", taken.local_addr().unwrap());
    assert!(error.starts_with(&expected) && error.contains("choose another port"), "{error}");
    assert!(!folder.path().join("daemon.db").exists(), "nothing was made");
}

#[tokio::test]
async fn one_engine_runs_on_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let running = start_with(&folder, Wired::default()).await;
    let error = failure(config(folder.path(), "")).await;
    assert!(error.contains("already running"), "{error}");
    running.signals.send(Signal::Stop).await.unwrap();
    running.stopped().await.unwrap();
}

#[tokio::test]
async fn lost_keys_are_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let running = start_with(&folder, Wired::default()).await;
    running.signals.send(Signal::Stop).await.unwrap();
    running.stopped().await.unwrap();
    std::fs::remove_file(folder.path().join("nurtured.secrets")).unwrap();
    let error = failure(config(folder.path(), "")).await;
    assert!(error.contains("secrets"), "{error}");
    assert!(!folder.path().join("nurtured.secrets").exists());
}

#[tokio::test]
async fn a_first_start_that_could_not_write_the_keys_can_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mended = config(folder.path(), "");
    let mut first = mended.clone();
    first.secrets.file = NamedFile::Path(folder.path().join("no/such/folder/keys"));
    let error = failure(first).await;
    assert!(error.contains("no/such/folder/keys") && error.contains("[secrets] file"), "{error}");
    let running = start(mended, |_| Wired::default()).await.unwrap();
    assert!(folder.path().join("nurtured.secrets").exists());
    running.signals.send(Signal::Stop).await.unwrap();
    running.stopped().await.unwrap();
}

#[tokio::test]
async fn a_database_that_cannot_be_made_is_an_error_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let url = "[database]\nurl = \"sqlite:no/such/folder/daemon.db\"\n[public]\nlisten = \"127.0.0.1:0\"\n[console]\nlisten = \"127.0.0.1:0\"";
    let error = failure(Config::parse(url, folder.path()).unwrap()).await;
    assert!(error.contains("daemon.db"), "{error}");
}

#[tokio::test]
async fn the_database_is_whole_after_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let running = start_with(&folder, Wired::default()).await;
    running.signals.send(Signal::Stop).await.unwrap();
    running.stopped().await.unwrap();
    assert!(!folder.path().join("daemon.db-wal").exists(), "written back");
    let url = DatabaseUrl::parse("sqlite:daemon.db", folder.path()).unwrap();
    Store::open(&url).await.unwrap().check_schema().await.unwrap();
}
