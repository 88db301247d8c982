//! What a sysadmin copies from `docs/operations.md` works, with the paths of the unit in another place.

use std::{path::Path, process::Command};

use super::{blocks, read};
use crate::support::site::Site;

/// The block of the page that holds `words`, for a site and the binary of this build.
fn block(site: &Site, words: &str) -> String {
    let found = blocks(&read("docs/operations.md")).into_iter().find(|(_, _, b)| b.contains(words));
    let (_, _, body) = found.unwrap_or_else(|| panic!("no block with `{words}`"));
    let binary = env!("CARGO_BIN_EXE_nurtured");
    body.replace("/usr/bin/nurtured", "nurtured")
        .replace("nurtured --config", &format!("{binary} --config"))
        .replace("/etc/nurtured/campaign", &site.path("").display().to_string())
        .replace("/etc/nurtured/nurtured.toml", &site.path("nurtured.toml").display().to_string())
}

/// A database, and a campaign of segments.
fn site() -> Site {
    let site = Site::new();
    site.write("workflows/all.yaml", "segments:\n  leads:\n    when: stage == \"lead\"\n");
    site
}

#[test]
fn the_commands_beside_the_service_run() {
    let site = site();
    site.json(&["migrate"]);
    let script = block(&site, "pause all");
    assert!(script.lines().count() >= 4, "{script}");
    let ran = Command::new("sh").args(["-ec", &script]).output().expect("a shell");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// Lost, and back: by the commands of the page.
#[test]
fn a_backup_is_made_and_brought_back_as_the_page_says() {
    let site = site();
    site.json(&["migrate"]);
    let binary = Path::new(env!("CARGO_BIN_EXE_nurtured")).parent().expect("a folder");
    std::fs::create_dir(site.path("backups")).expect("another disk");
    let by_page = |words: &str| {
        let block = block(&site, words);
        let command = block.lines().find(|line| line.contains(words)).expect("a command");
        let command = command.replace("/backup/", &format!("{}/", site.path("backups").display()));
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        shell.args(["-ec", &command]).current_dir(site.path("")).env("PATH", path);
        shell.output().expect("a shell")
    };
    let made = by_page("nurtured backup");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::rename(site.path("nurtured.db"), site.path("moved.db")).expect("moved");
    let back = by_page("nurtured restore");
    assert!(back.status.success(), "{}", String::from_utf8_lossy(&back.stderr));
    assert_eq!(site.json(&["status"])["paused"][0], "all");
}

/// Postfix bounces what a command does not take, unless it ends with 75 (EX_TEMPFAIL of `sysexits.h`).
#[test]
fn the_pipe_asks_for_another_try_whatever_goes_wrong() {
    let site = site();
    let script = site.write("nurtured-inbox", block(&site, "#!/bin/sh"));
    let mail = site.write("mail.eml", "From: a@a.example\nTo: b@b.example\nSubject: Hi\n\nHi\n");
    let pipe = || {
        let mail = std::fs::File::open(&mail).expect("the mail");
        let mut shell = Command::new("sh");
        shell.arg(&script).arg("bounce+x@bounce.example.com").stdin(mail);
        shell.output().expect("a shell").status.code()
    };
    assert_eq!(pipe(), Some(75), "there is no database");
    site.json(&["migrate"]);
    assert_eq!(pipe(), Some(0));
    site.write("nurtured.toml", "[databse]\n");
    assert_eq!(pipe(), Some(75), "the configuration is wrong");
}
