//! The daemon on a database where nothing is due.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

const BINARY: &str = env!("CARGO_BIN_EXE_nurtured");

/// How long it has to come to rest.
const SETTLED: Duration = Duration::from_secs(20);

/// Kilobytes that are resident.
pub struct Resident {
    /// What no file backs.
    pub own: u64,
    pub all: u64,
}

pub fn at_rest(folder: &Path) -> Resident {
    let config = "[database]\nurl = \"sqlite:segment.db\"\n[public]\nlisten = \"127.0.0.1:0\"\n\
                  [console]\nlisten = \"127.0.0.1:0\"\n[[relay]]\nname = \"files\"\nfolder = \"outbox\"\n\
                  [sender]\nfrom = \"Ada Rossi <ada@example.com>\"\nbounce_domain = \"bounce.example.com\"\n\
                  postal_address = \"Via Roma 1, 20121 Milano\"\n";
    fs::write(folder.join("nurtured.toml"), config).expect("written");
    let migrated = Command::new(BINARY)
        .args(["--dir", &folder.display().to_string(), "migrate", "--new-secrets"])
        .stdout(Stdio::null())
        .status();
    assert!(migrated.expect("it runs").success());
    let mut daemon = Command::new(BINARY)
        .args(["--dir", &folder.display().to_string(), "run"])
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    sleep(SETTLED);
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).expect("it runs");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse().expect("a number")
    };
    let resident = Resident { own: field("RssAnon"), all: field("VmRSS") };
    daemon.kill().expect("killed");
    daemon.wait().expect("ended");
    resident
}
