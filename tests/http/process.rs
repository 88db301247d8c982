//! The daemon as a process of its own, for what a process must suffer: signals, and a service manager.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use nurtured::{
    clock::Clock,
    config::Config,
    daemon::{self, Parts, Signals, Wired},
};

/// Where the process finds its database.
const FOLDER: &str = "NURTURED_TEST_FOLDER";

/// Not a test: this is the process.
#[tokio::test]
#[ignore = "started by other tests as a process"]
async fn daemon_as_a_process() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let text = "[database]\nurl = \"sqlite:test.db\"\n[public]\nlisten = \"127.0.0.1:0\"\n[console]\nlisten = \"127.0.0.1:0\"\n";
    let config = Config::parse(text, folder.as_ref()).unwrap();
    let signals = Signals::of_the_system().unwrap();
    let wire = async |parts: &Parts| {
        println!("listening on {}", parts.public);
        Ok(Wired::default())
    };
    daemon::run(config, Clock::System, signals, wire).await.unwrap();
}

/// Killed when it is dropped.
pub struct Process(Child);

impl Process {
    pub fn start(folder: &Path, environment: &[(&str, &str)]) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "http::process::daemon_as_a_process", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    /// Where it listens, as soon as it does.
    pub fn address(&mut self) -> String {
        let lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines();
        let address = lines.map_while(Result::ok).find_map(|line| {
            line.split_once("listening on ").map(|(_, address)| address.to_owned())
        });
        address.expect("the daemon has ended")
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    pub fn wait(&mut self) -> ExitStatus {
        // What it still has to say must not hold it up.
        if let Some(mut rest) = self.0.stdout.take() {
            std::io::copy(&mut rest, &mut std::io::sink()).unwrap();
        }
        self.0.wait().unwrap()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
