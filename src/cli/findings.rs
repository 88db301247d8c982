//! The report of an import, for people.

use std::path::Path;

use super::output::in_one_line;
use crate::{definitions::counted, engine::import::Findings};

/// How many rows are shown; all of them are in the rejects file or in `--json`.
const SHOWN: usize = 10;

pub(super) fn headline(dry_run: bool, rows: u64, figures: &[(&str, u64)]) -> String {
    let parts: Vec<String> =
        figures.iter().map(|(word, figure)| format!("{figure} {word}")).collect();
    let start = if dry_run { "Dry run, nothing was written. " } else { "" };
    format!("{start}{}: {}.", counted(rows, "row"), parts.join(", "))
}

pub(super) fn suppressed(rows: u64) -> String {
    let those = if rows == 1 { "row is" } else { "rows are" };
    format!("{rows} {those} of suppressed addresses: never written to.")
}

pub(super) fn add_notes(lines: &mut Vec<String>, notes: &[String]) {
    let stop = |note: &str| if note.ends_with('?') { "" } else { "." };
    lines.extend(notes.iter().map(|note| format!("Note: {note}{}", stop(note))));
}

pub(super) fn add_to(lines: &mut Vec<String>, findings: &Findings, rejects: Option<&Path>) {
    if findings.total > 0 {
        lines.push(String::new());
        let mut kinds: Vec<_> = findings.kinds.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (kind, count) in kinds.iter().take(SHOWN) {
            lines.push(format!("{count:>7}  {}", in_one_line(kind)));
        }
        if kinds.len() > SHOWN {
            lines.push(format!("         and {}", counted(kinds.len() - SHOWN, "more kind")));
        }
        lines.push(String::new());
        for finding in findings.first.iter().take(SHOWN) {
            let column = if finding.column.is_empty() {
                String::new()
            } else {
                format!(", {}", in_one_line(&finding.column))
            };
            // Of a row that was taken the advice begins with what was done.
            let refused = if finding.rejected { "refused; " } else { "" };
            lines.push(format!(
                "row {}{column}: {} ({refused}{})",
                finding.row, finding.reason, finding.advice
            ));
        }
        if findings.total > SHOWN as u64 {
            lines.push(format!("… {} in all; --json lists 1,000", findings.total));
        }
    }
    if let Some(file) = rejects {
        lines.push(format!(
            "\nRefused rows, with their reasons: {}. Mend and import that file.",
            file.display()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::import::Finding;

    #[test]
    fn findings_read_as_sentences() {
        let finding = |rejected, advice: &str| Finding {
            row: 3,
            column: "zone".into(),
            reason: "`Rom` is no time zone".into(),
            advice: advice.into(),
            rejected,
        };
        let findings = Findings {
            first: vec![finding(false, "left out; write Europe/Rome"), finding(true, "mend it")],
            total: 11,
            kinds: (0..=SHOWN).map(|kind| (kind.to_string(), 1)).collect(),
        };
        let mut lines = Vec::new();
        add_to(&mut lines, &findings, None);
        for line in [
            "         and 1 more kind",
            "row 3, zone: `Rom` is no time zone (left out; write Europe/Rome)",
            "row 3, zone: `Rom` is no time zone (refused; mend it)",
        ] {
            assert!(lines.iter().any(|one| one == line), "{lines:?}");
        }
    }
}
