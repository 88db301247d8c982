//! `nurtured run` as a process. It is killed when it is dropped, also when a test panics.

#![allow(dead_code)] // not every test needs every signal

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use reqwest::StatusCode;

/// How long anything may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running daemon whose configuration has `[log] format = "json"`.
pub struct Daemon {
    run: Run,
    pub public: SocketAddr,
    pub console: SocketAddr,
}

/// One run of the binary, whether or not its doors are open yet.
pub struct Run {
    process: Process,
    log: Arc<Log>,
}

/// The operating system's process, for whoever stops it from elsewhere.
#[derive(Clone)]
pub struct Process(Arc<Mutex<Child>>);

/// How a daemon ended.
#[derive(Debug)]
pub struct Ended {
    /// `None`: by a signal.
    pub code: Option<i32>,
    pub log: Vec<String>,
}

#[derive(Default)]
struct Log {
    said: Mutex<Said>,
    changed: Condvar,
}

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    closed: bool,
}

impl Daemon {
    /// Starts it in a campaign folder and waits until its doors are open.
    pub fn start(folder: &Path) -> Self {
        Self::launch(folder).unwrap_or_else(|ended| panic!("it did not start: {ended:#?}"))
    }

    /// As [`Daemon::start`]; or how it ended before that.
    pub fn launch(folder: &Path) -> Result<Self, Ended> {
        Self::of(Self::spawn(folder))
    }

    /// A run, once its doors are open; or how it ended before that.
    pub fn of(run: Run) -> Result<Self, Ended> {
        let line = run.log.until(|said| {
            let opened = said.lines.iter().find_map(|line| doors(line));
            opened.map(Some).or_else(|| said.closed.then_some(None))
        });
        match line.unwrap_or_else(|| run.log.complain("neither starts nor fails")) {
            Some((public, console)) => Ok(Self { run, public, console }),
            None => Err(run.process.ended(&run.log)),
        }
    }

    /// Starts it and does not wait for anything.
    pub fn spawn(folder: &Path) -> Run {
        Self::spawn_with(folder, &[])
    }

    /// The same, with more in its environment.
    pub fn spawn_with(folder: &Path, env: &[(&str, String)]) -> Run {
        let (process, log) = spawn(folder, env);
        Run { process, log }
    }

    pub fn process(&self) -> Process {
        self.run.process.clone()
    }

    /// Sends a signal by its name, `TERM`.
    pub fn signal(&self, name: &str) {
        self.run.process.signal(name);
    }

    /// SIGKILL, and waits for the end of it.
    pub fn kill(self) {
        self.run.process.kill();
    }

    /// Waits until it has ended by itself; returns how, and after what time.
    pub fn ended(self) -> (Ended, Duration) {
        self.run.ended()
    }

    /// SIGTERM, and how it ended.
    pub fn stop(self) -> (Ended, Duration) {
        self.run.stop()
    }

    pub fn log(&self) -> Vec<String> {
        self.run.log.said().lines.clone()
    }

    /// Waits for a line that holds `text`.
    pub fn until_logged(&self, text: &str) {
        let log = &self.run.log;
        let found =
            log.until(|said| said.lines.iter().any(|line| line.contains(text)).then_some(()));
        if found.is_none() {
            log.complain(&format!("never says `{text}`"));
        }
    }

    /// Asks the console.
    pub async fn console(&self, path: &str) -> (StatusCode, String) {
        let answer = reqwest::get(format!("http://{}{path}", self.console)).await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// A figure by its full name, labels included.
    pub async fn figure(&self, name: &str) -> usize {
        let (_, page) = self.console("/metrics").await;
        let found = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{page}"))
    }

    /// How many mails it settled in a state.
    pub async fn mails(&self, outcome: &str) -> usize {
        self.figure(&format!("nurtured_mails_total{{outcome=\"{outcome}\"}}")).await
    }
}

impl Run {
    /// SIGTERM, and how it ended.
    pub fn stop(&self) -> (Ended, Duration) {
        self.process.signal("TERM");
        self.ended()
    }

    /// SIGKILL, and waits for the end of it.
    pub fn kill(&self) {
        self.process.kill();
    }

    fn ended(&self) -> (Ended, Duration) {
        let begun = Instant::now();
        if self.log.until(|said| said.closed.then_some(())).is_none() {
            self.log.complain("does not end");
        }
        (self.process.ended(&self.log), begun.elapsed())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.process.kill();
    }
}

impl Process {
    /// SIGKILL; returns when it is gone.
    pub fn kill(&self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }

    pub fn signal(&self, name: &str) {
        let id = self.child().id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
        assert!(sent.success(), "kill -{name} {id}");
    }

    /// From now on no file can be written, or all can again: to a database that is a full disk.
    pub fn fill_disk(&self, full: bool) {
        let id = self.child().id().to_string();
        let size = if full { "--fsize=0:" } else { "--fsize=unlimited:" };
        let limited = Command::new("prlimit").args(["--pid", &id, size]).status().unwrap();
        assert!(limited.success(), "prlimit {size} of {id}");
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self, log: &Log) -> Ended {
        let code = self.child().wait().unwrap().code();
        Ended { code, log: log.said().lines.clone() }
    }
}

impl Log {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn until<T>(&self, mut look: impl FnMut(&Said) -> Option<T>) -> Option<T> {
        let begun = Instant::now();
        let mut said = self.said();
        loop {
            if let Some(found) = look(&said) {
                return Some(found);
            }
            let left = PATIENCE.checked_sub(begun.elapsed())?;
            said = self.changed.wait_timeout(said, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn complain(&self, what: &str) -> ! {
        panic!("the daemon {what}:\n{}", self.said().lines.join("\n"))
    }
}

fn spawn(folder: &Path, env: &[(&str, String)]) -> (Process, Arc<Log>) {
    // A write beyond the limit of a file's size is then an error, and no signal.
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" run", env!("CARGO_BIN_EXE_nurtured")])
        .current_dir(folder)
        .env_remove("NURTURED_DATABASE")
        .env_remove("NURTURED_LOG")
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let log = Arc::new(Log::default());
    let kept = Arc::clone(&log);
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            kept.said().lines.push(line);
            kept.changed.notify_all();
        }
        kept.said().closed = true;
        kept.changed.notify_all();
    });
    (Process(Arc::new(Mutex::new(child))), log)
}

/// Where it listens, in the line that says that it runs.
fn doors(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields")?;
    let address = |name: &str| fields.get(name)?.as_str()?.parse().ok();
    (fields.get("message")? == "running").then_some((address("public")?, address("console")?))
}
