//! A lead on one page, for people.

use super::show::{EnrolmentLine, MessageLine, Sheet, TimelineLine};
use crate::cli::{
    output::{Output, in_one_line},
    report::{hanging, rule},
    tables::{self, minute, points},
};

/// Of what goes on under a line of the timeline: behind the instants, so that these are found by the eye.
const INDENT: usize = 22;

pub(super) fn text(output: &Output, sheet: &Sheet) -> String {
    let mut parts = vec![heading(output, sheet), profile(sheet)];
    if !sheet.consents.is_empty() {
        let mut table = tables::new(&["consent for", "ground", "since", "from", "withdrawn"]);
        for consent in &sheet.consents {
            table.add_row([
                consent.purpose.to_string(),
                consent.basis.word().replace('_', " "),
                minute(&consent.at),
                consent.source.to_string(),
                consent.withdrawn_at.as_deref().map(minute).unwrap_or_default(),
            ]);
        }
        parts.push(table.to_string());
    }
    if !sheet.enrolments.is_empty() {
        parts.push(enrolments(&sheet.enrolments));
    }
    if !sheet.messages.is_empty() {
        parts.push(messages(&sheet.messages));
    }
    if !sheet.timeline.is_empty() {
        parts.push(timeline(&sheet.timeline));
    }
    parts.push(output.faint("Times are in UTC."));
    parts.join("\n\n")
}

fn heading(output: &Output, sheet: &Sheet) -> String {
    let attribute = |name: &str| sheet.attributes.get(name).and_then(serde_json::Value::as_str);
    let name: Vec<&str> = ["first_name", "last_name"].into_iter().filter_map(attribute).collect();
    let mut first = output.strong(&sheet.email);
    if !name.is_empty() {
        first = format!("{first}   {}", name.join(" "));
    }
    let work: Vec<&str> = ["job_title", "company"].into_iter().filter_map(attribute).collect();
    if !work.is_empty() {
        first = format!("{first}, {}", work.join(", "));
    }
    let mut lines = vec![
        first,
        format!(
            "stage {} since {}   fit {}   engagement {}   {}",
            sheet.stage,
            minute(&sheet.stage_since),
            points(sheet.fit),
            sheet.shown,
            sheet.temperature.unwrap_or("temperature unknown"),
        ),
    ];
    if let Some(reason) = sheet.suppressed {
        let reason = reason.replace('_', " ");
        lines.push(output.strong(&format!("never written to: {reason}")));
    }
    if !sheet.tags.is_empty() {
        let tags: Vec<&str> = sheet.tags.iter().map(|tag| &**tag).collect();
        lines.push(format!("tags {}", tags.join(", ")));
    }
    lines.join("\n")
}

fn profile(sheet: &Sheet) -> String {
    let width = sheet.attributes.keys().map(|name| name.len()).max().unwrap_or_default();
    let mut lines: Vec<String> = sheet
        .attributes
        .iter()
        .map(|(name, value)| {
            let value = match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            format!("  {:width$}  {value}", name.as_str())
        })
        .collect();
    lines.push(format!("  {:width$}  {}", "known since", minute(&sheet.created_at)));
    lines.join("\n")
}

fn enrolments(lines: &[EnrolmentLine]) -> String {
    let mut table = tables::new(&["workflow", "entered", "step", "state", "due or ended", "why"]);
    for line in lines {
        let when = line.ended_at.as_deref().or(line.due_at.as_deref());
        table.add_row([
            match &line.key {
                Some(key) => in_one_line(&format!("{} for {key}", line.workflow)),
                None => line.workflow.to_string(),
            },
            minute(&line.entered_at),
            line.step.to_string(),
            line.state.clone(),
            when.map(minute).unwrap_or_default(),
            line.reason.clone().unwrap_or_default(),
        ]);
    }
    table.to_string()
}

fn messages(lines: &[MessageLine]) -> String {
    let mut table = tables::new(&["mail", "workflow", "state", "at", "why"]);
    for line in lines {
        let mail = match &line.recipient {
            // A notice of our own making has no template.
            Some(recipient) if line.template.is_empty() => format!("notice to {recipient}"),
            Some(recipient) => format!("{} to {recipient}", line.template),
            None => line.template.to_string(),
        };
        table.add_row([
            mail,
            line.workflow.to_string(),
            line.state.replace('_', " "),
            minute(&line.at),
            line.reason.clone().unwrap_or_default(),
        ]);
    }
    table.to_string()
}

/// No table: where a lead went is told by names too long for columns of their own.
fn timeline(lines: &[TimelineLine]) -> String {
    let kinds: Vec<String> = lines.iter().map(kind).collect();
    let width = kinds.iter().map(|kind| kind.chars().count()).max().unwrap_or_default();
    let mut shown = vec![format!(" {:16}   {:width$}   about", "at", "what"), rule()];
    for (line, kind) in lines.iter().zip(&kinds) {
        let place = [line.workflow.as_deref(), line.step.as_deref()];
        let place = place.into_iter().flatten().collect::<Vec<_>>().join(" / ");
        let about = [line.object.as_deref(), Some(place.as_str()), line.detail.as_deref()];
        let about = about.into_iter().flatten().filter(|part| !part.is_empty());
        let about = about.collect::<Vec<_>>().join(", ");
        shown.extend(hanging(
            &format!(" {:16}   {kind:width$}   ", minute(&line.at)),
            INDENT,
            &about,
        ));
    }
    shown.join("\n")
}

fn kind(line: &TimelineLine) -> String {
    match line.judgement {
        Some(judgement) if line.was_unsure || judgement != "human" => {
            format!("{} ({judgement})", line.kind)
        }
        _ => line.kind.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        domain::{event::Judgement, time::Instant},
        store::records::TimelineRow,
    };

    fn row(kind: &str) -> TimelineRow {
        TimelineRow {
            at: Instant::from_millis(1_800_000_000_000),
            kind: kind.into(),
            object: None,
            workflow: None,
            step: None,
            detail: None,
            judgement: None,
            settles_at: None,
        }
    }

    #[test]
    fn a_hit_is_shown_as_what_it_counts_for() {
        let shown = |judgement, after| {
            let mut row = row("mail.clicked");
            let settles_at = row.at + Duration::from_secs(20);
            (row.judgement, row.settles_at) = (Some(judgement), Some(settles_at));
            let now = row.at + Duration::from_secs(after);
            timeline(&[TimelineLine::of(row, now)])
        };
        assert!(shown(Judgement::Unsure, 19).contains("mail.clicked (unsure)"));
        assert!(shown(Judgement::Unsure, 20).contains("mail.clicked (human)"));
        assert!(shown(Judgement::Machine, 20).contains("mail.clicked (machine)"));
    }

    #[test]
    fn a_timeline_reads_well_within_eighty_columns() {
        let insights = "no ground for the purpose `insights`, which this workflow needs";
        let long = "wait_for.clicked-cold-industry-report-or-visited-pricing";
        let lines = [
            ("lead.imported", Some("crm\u{1b}[2J.csv"), None, None, Some("import")),
            ("decision.not_entered", None, Some("welcome-whitepaper"), None, Some(insights)),
            ("decision.advanced", None, Some("reawaken-cold"), Some(long), Some("yes: replied()")),
            ("mail.opened", Some("patient/cost-of-waiting"), None, None, Some("http")),
            ("handoff.accepted", None, None, None, None),
        ];
        let lines = lines.map(|(kind, object, workflow, step, detail)| {
            let mut row = row(kind);
            row.object = object.map(Into::into);
            row.workflow = workflow.map(Into::into);
            row.step = step.map(Into::into);
            row.detail = detail.map(Into::into);
            let now = row.at;
            TimelineLine::of(row, now)
        });
        let shown = timeline(&lines);
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        assert!(shown.contains("\n 2027-01-15 08:00   decision.not_entered   "), "{shown}");
        insta::assert_snapshot!(shown);
    }
}
