//! SpamAssassin's local rules on every shipped mail: no network, no memory of other mails.

use std::{fs, process::Command};

use mail_parser::MessageParser;

use super::mails::{MAILS, ShippedMail};
use crate::support::skipped::skipped;

/// Mail programs begin to hide mails at 5.
const HIGHEST: f64 = 1.0;
/// Of a mail in the mailbox; its name follows.
const BEGIN: &str = "From nurtured.";

#[test]
fn no_mail_looks_like_spam() {
    if Command::new("spamassassin").arg("--version").output().is_err() {
        skipped("shipped mails before a spam filter: spamassassin is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mbox = folder.path().join("mails.mbox");
    fs::write(&mbox, MAILS.iter().flat_map(boxed).collect::<Vec<u8>>()).unwrap();
    let settings = ["use_bayes 0", "use_auto_whitelist 0", "skip_rbl_checks 1", "dns_available no"];
    let mut command = Command::new("spamassassin");
    command.args(["--local", "--nocreate-prefs", "--prefspath=/dev/null", "--mbox"]);
    command.args(settings.map(|setting| format!("--cf={setting}")));
    let output = command.arg(&mbox).env("HOME", folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let judged = String::from_utf8(output.stdout).unwrap();
    let (mut count, mut bad) = (0, Vec::new());
    for mail in judged.split(BEGIN).skip(1) {
        let (name, mail) = mail.split_once(' ').unwrap();
        let (score, rules) = verdict(mail);
        println!("{score:>5} {name} {rules}");
        count += 1;
        if score >= HIGHEST {
            bad.push(format!("{name}: {score} by {rules}"));
        }
    }
    assert_eq!(count, MAILS.len());
    assert!(bad.is_empty(), "{bad:#?}");
}

/// As a mailbox holds it (RFC 4155), under its name: they do not come back in order.
fn boxed(mail: &ShippedMail) -> Vec<u8> {
    let text =
        String::from_utf8_lossy(&mail.eml).replace("\r\n", "\n").replace("\nFrom ", "\n>From ");
    format!("{BEGIN}{} Thu Jan  1 00:00:00 2026\n{text}\n\n", mail.name).into_bytes()
}

/// The score, and the rules that made it.
fn verdict(judged: &str) -> (f64, String) {
    let headers = judged.split_once('\n').unwrap().1;
    let message = MessageParser::new().parse(headers).unwrap();
    let status = message.header_raw("X-Spam-Status").expect("a verdict");
    let status = status.split_whitespace().collect::<Vec<_>>().join(" ");
    let value = |key: &str| status.split_once(key).unwrap().1;
    let score = value("score=").split(' ').next().unwrap().parse().unwrap();
    (score, value("tests=").split(" autolearn").next().unwrap().replace(' ', ""))
}
