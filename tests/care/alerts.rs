//! The alarms that we ship, as Prometheus reads them.

use std::process::Command;

use crate::support::skipped::skipped;

#[test]
fn prometheus_takes_the_alarms() {
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/alerts.yml");
    let Ok(ran) = Command::new("promtool").args(["check", "rules", rules]).output() else {
        skipped("docs/alerts.yml: promtool is not installed (Debian: prometheus)");
        return;
    };
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
}
