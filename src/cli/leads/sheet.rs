//! A lead on one page, for people.

use comfy_table::{ColumnConstraint, Table};

use super::show::{EnrolmentLine, MessageLine, Sheet, TimelineLine};
use crate::cli::{
    output::Output,
    tables::{self, minute, points},
};

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
        parts.push(timeline(&sheet.timeline).to_string());
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
            line.workflow.to_string(),
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

fn timeline(lines: &[TimelineLine]) -> Table {
    let mut table = tables::new(&["at", "what", "about", "workflow", "detail"]);
    for line in lines {
        let kind = match line.judgement {
            Some(judgement) if line.was_unsure || judgement != "human" => {
                format!("{} ({judgement})", line.kind)
            }
            _ => line.kind.clone(),
        };
        let place = [line.workflow.as_deref(), line.step.as_deref()];
        let place: Vec<&str> = place.into_iter().flatten().collect();
        table.add_row([
            minute(&line.at),
            kind,
            line.object.clone().unwrap_or_default(),
            place.join(" / "),
            line.detail.clone().unwrap_or_default(),
        ]);
    }
    // A narrow terminal breaks what is long, not instants and kinds: by these the eye finds a line.
    for column in table.column_iter_mut().take(2) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
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
            timeline(&[TimelineLine::of(row, now)]).to_string()
        };
        assert!(shown(Judgement::Unsure, 19).contains("mail.clicked (unsure)"));
        assert!(shown(Judgement::Unsure, 20).contains("mail.clicked (human)"));
        assert!(shown(Judgement::Machine, 20).contains("mail.clicked (machine)"));
    }

    #[test]
    fn on_a_narrow_terminal_reasons_wrap_and_kinds_do_not() {
        let mut row = row("decision.not_entered");
        row.workflow = Some("welcome-whitepaper".into());
        row.detail = Some("no ground for the purpose `insights`, which this workflow needs".into());
        let now = row.at;
        let mut table = timeline(&[TimelineLine::of(row, now)]);
        let shown = table.set_width(80).to_string();
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        assert!(shown.contains(" 2027-01-15 08:00   decision.not_entered "), "{shown}");
        assert!(shown.lines().count() > 4, "{shown}");
    }
}
