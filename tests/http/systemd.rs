//! What systemd is told, and what it thinks of the unit that we ship.

use std::{os::unix::net::UnixDatagram, process::Command, time::Duration};

use super::process::Process;
use crate::support::skipped::skipped;

/// The next datagram that says this.
fn wait_for(manager: &UnixDatagram, said: &str) {
    let mut buffer = [0; 4_096];
    loop {
        let length = manager.recv(&mut buffer).unwrap_or_else(|_| panic!("`{said}` was not said"));
        if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == said) {
            return;
        }
    }
}

#[test]
fn systemd_is_told_of_readiness_life_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let environment = [("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "600000")];
    let mut process = Process::start(folder.path(), &environment);
    wait_for(&manager, "READY=1");
    wait_for(&manager, "WATCHDOG=1");
    wait_for(&manager, "WATCHDOG=1");
    process.terminate();
    wait_for(&manager, "STOPPING=1");
    assert!(process.wait().success(), "SIGTERM ends it well");
}

/// `systemd-analyze` judges the units that we ship.
#[test]
fn the_units_are_valid_and_tight() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        skipped("the systemd units: systemd-analyze is not installed");
        return;
    };
    assert!(version.status.success());
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let units = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd");
    let mut files = Vec::new();
    for unit in std::fs::read_dir(units).unwrap() {
        let unit = unit.unwrap();
        let text = std::fs::read_to_string(unit.path()).unwrap();
        let file = folder.path().join(unit.file_name());
        std::fs::write(&file, text.replace("/usr/bin/nurtured", program.to_str().unwrap()))
            .unwrap();
        files.push(file);
    }
    assert_eq!(files.len(), 3);
    let verified = Command::new("systemd-analyze").arg("verify").args(&files).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && !said.contains("nurtured"), "{said}");
    for service in files.iter().filter(|file| file.extension().unwrap() == "service") {
        let tight = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--threshold=15"])
            .arg(service)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&tight.stdout).into_owned();
        assert!(tight.status.success(), "{said}");
    }
}
