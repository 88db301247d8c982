//! Agreement with a public set of bounces.

use std::{collections::BTreeMap, path::PathBuf};

use super::*;

/// The class that a reason of the set has in our words.
fn class_of(reason: &str) -> Class {
    match reason {
        "userunknown" | "hostunknown" | "hasmoved" => Class::Hard,
        "mailboxfull" | "expired" | "networkerror" | "systemerror" | "systemfull"
        | "toomanyconn" | "notaccept" | "suspend" | "filtered" | "onhold" | "undefined"
        | "mailererror" => Class::Soft,
        "feedback" => Class::Complaint,
        "vacation" => Class::AutoReply,
        "delivered" => Class::Delivered,
        _ => Class::SenderFault,
    }
}

#[test]
fn agrees_with_the_public_set_of_bounces() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/mail/bounces"));
    let Ok(table) = std::fs::read_to_string(folder.join("expected.tsv")) else {
        eprintln!("skipped: {} is absent", folder.display());
        return;
    };
    let mut mails: BTreeMap<String, Incoming> = BTreeMap::new();
    let (mut records, mut same_class) = (0, 0);
    let (mut wrong_hard, mut missed_hard) = (Vec::new(), Vec::new());
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (file, record, reason, hard) = (
            columns[0],
            columns[1].parse::<usize>().expect("number"),
            columns[4],
            columns[5] == "true",
        );
        let mail = mails.entry(file.to_owned()).or_insert_with(|| {
            let raw = std::fs::read(folder.join(file)).expect(file);
            parse_report(&raw).unwrap_or_else(|why| panic!("{file}: {why}"))
        });
        let class =
            mail.reports.get(record - 1).map_or_else(|| mail.class(), |report| report.class);
        records += 1;
        let told = || {
            let report = mail.reports.get(record - 1).or(mail.reports.first());
            format!(
                "{file}#{record} {reason} {class} {:?} {} {}",
                report.map(|r| (r.status, r.code)),
                mail.kind,
                report.map_or("", |r| &r.words[..r.words.floor_char_boundary(230)])
            )
        };
        same_class += usize::from(class == class_of(reason));
        match (class == Class::Hard, hard) {
            (true, false) => wrong_hard.push(told()),
            (false, true) => missed_hard.push(told()),
            _ if class != class_of(reason) => eprintln!("CLASS {}", told()),
            _ => {}
        }
    }
    for miss in &wrong_hard {
        eprintln!("WRONG {miss}");
    }
    for miss in &missed_hard {
        eprintln!("MISSED {miss}");
    }
    eprintln!("{records} {same_class} wrong {} missed {}", wrong_hard.len(), missed_hard.len());
}
