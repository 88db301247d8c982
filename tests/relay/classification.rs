//! Whose fault a refusal is, over the replies quoted in a public set of bounces.

use std::{collections::BTreeMap, fs};

use nurtured::mail::relay::{Fault, Reply, Stage};

use crate::support::site::shared;

/// The SMTP replies in a delivery report: `Diagnostic-Code: smtp; 550 5.1.1 …`, unfolded.
fn replies(report: &str) -> Vec<Reply> {
    let unfolded = report.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    let of_line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let (kind, reply) = value.split_once(';')?;
        let ours = name.trim().eq_ignore_ascii_case("diagnostic-code")
            && kind.trim().eq_ignore_ascii_case("smtp");
        let reply = reply.trim();
        let code: u16 = reply.get(..3)?.parse().ok()?;
        let text = reply.get(4..)?.trim().to_owned();
        let is_reply = ours && matches!(reply.as_bytes().get(3), Some(b' ' | b'-'));
        is_reply.then(|| Reply::new(code, &text))
    };
    unfolded.lines().filter_map(of_line).collect()
}

#[test]
fn hard_means_hard_over_the_bounces_of_a_public_set() {
    let Some(folder) = shared("mail/bounces") else { return };
    let table = fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let mut expected: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        if let [file, _, _, _, reason, hard, ..] = columns[..] {
            expected.entry(file).or_default().push((reason, hard));
        }
    }
    let (mut judged, mut agreed) = (0, 0);
    let (mut wrongly_hard, mut missed) = (Vec::new(), Vec::new());
    for (file, records) in expected {
        let [(reason, hard)] = records[..] else { continue };
        let bytes = fs::read(folder.join(file)).unwrap();
        let report = String::from_utf8_lossy(&bytes);
        let [reply] = &replies(&report)[..] else { continue };
        judged += 1;
        // Where the report shows it: what was refused was the mail, not the recipient.
        let at_data = report.contains("end of DATA");
        let stage = if at_data { Stage::Dot } else { Stage::Rcpt };
        let is_hard = reply.fault(stage) == Fault::Hard;
        let shown = format!("{file} ({reason}): {reply}");
        match (is_hard, hard == "true") {
            (true, false) => wrongly_hard.push(shown),
            (false, true) => missed.push(shown),
            _ => agreed += 1,
        }
    }
    println!("{agreed} of {judged} agree");
    println!("wrongly hard:\n{}\nmissed:\n{}", wrongly_hard.join("\n"), missed.join("\n"));
    assert!(judged > 100, "{judged} replies were found");
    // One says "unknown user" after DATA, which its report does not show.
    assert!(wrongly_hard.len() <= 1, "{wrongly_hard:#?}");
    assert!(agreed * 100 >= judged * 97, "{agreed} of {judged}");
}
