//! `nurtured why-score EMAIL`: every point, where it came from, what is left of it.

use std::cmp::Reverse;

use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::{
    context::{Context, lead},
    failure::Failure,
    live::Live,
    tables,
};
use crate::{
    domain::{decision::ScoreKind, name::Name},
    store::records::LedgerRow,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The lead's address
    email: String,
}

#[derive(Serialize)]
struct Report {
    email: String,
    /// `null`: nothing is live yet.
    fit: Option<f64>,
    /// `null`: behaviour may not be looked at, or nothing is live yet.
    engagement: Option<f64>,
    temperature: Option<&'static str>,
    /// Engagement, for people.
    #[serde(skip)]
    shown: String,
    /// What each rule gives now.
    rules: Vec<Part>,
    /// Every point that came or went, newest first.
    ledger: Vec<Line>,
}

#[derive(Serialize)]
struct Part {
    score: &'static str,
    rule: Name,
    points: f64,
}

#[derive(Serialize)]
struct Line {
    at: String,
    score: &'static str,
    rule: Name,
    points: f64,
    reason: String,
    /// Which mail or page, of a hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Name>,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let store = context.store().await?;
    let lead = lead(&store, &arguments.email).await?;
    let now = context.now();
    let mut report = Report {
        email: arguments.email.clone(),
        fit: None,
        engagement: None,
        temperature: None,
        shown: tables::points(None),
        rules: Vec::new(),
        ledger: Vec::new(),
    };
    if let Some(live) = Live::load(&store).await?
        && let Some(state) = live.state(&store, lead, now).await?
    {
        state.address.as_str().clone_into(&mut report.email);
        report.fit = Some(state.fit.as_points());
        let scoring = &live.definitions.scoring;
        for rule in &scoring.fit {
            if state.fit_rules.contains_key(&rule.name) {
                let points = rule.points.as_points();
                report.rules.push(Part { score: "fit", rule: rule.name.clone(), points });
            }
        }
        if let Some((engagement, temperature)) = live.engagement(&state, now) {
            report.engagement = Some(engagement.as_points());
            report.shown = scoring.shown(engagement);
            report.temperature = Some(temperature.word());
            for rule in &scoring.engagement {
                let points = scoring.rule_points(rule, &state.facts, now);
                if points.0 != 0 {
                    let (rule, points) = (rule.name.clone(), points.as_points());
                    report.rules.push(Part { score: "engagement", rule, points });
                }
            }
        }
    }
    let mut ledger = store.ledger(lead).await?;
    // Of one instant the later decision first.
    ledger.reverse();
    ledger.sort_by_key(|row| Reverse(row.line.at));
    report.ledger = ledger
        .into_iter()
        .map(|LedgerRow { line, object }| Line {
            at: line.at.to_string(),
            score: line.score.word(),
            rule: line.rule,
            points: line.points.as_points(),
            reason: line.reason,
            object,
        })
        .collect();
    context.output.result(&report, || text(context, &report))?;
    store.close().await;
    Ok(())
}

fn text(context: &Context, report: &Report) -> String {
    let mut parts = Vec::new();
    parts.push(format!(
        "{}\nfit {}   engagement {}   {}",
        context.output.strong(&report.email),
        tables::points(report.fit),
        report.shown,
        report.temperature.unwrap_or("temperature unknown")
    ));
    if !report.rules.is_empty() {
        let mut table = tables::new(&["score", "rule", "gives now"]);
        for part in &report.rules {
            table.add_row([
                part.score.to_owned(),
                part.rule.to_string(),
                format!("{:+.1}", part.points),
            ]);
        }
        right(&mut table, 2);
        parts.push(table.to_string());
    }
    if report.ledger.is_empty() {
        parts.push("No points yet.".to_owned());
    } else {
        let mut table = tables::new(&["at (UTC)", "score", "rule", "points", "why", "about"]);
        for line in &report.ledger {
            table.add_row([
                tables::minute(&line.at),
                line.score.to_owned(),
                line.rule.to_string(),
                format!("{:+.1}", line.points),
                line.reason.clone(),
                line.object.as_deref().unwrap_or_default().to_owned(),
            ]);
        }
        right(&mut table, 3);
        parts.push(table.to_string());
        let engaged = report.ledger.iter().any(|line| line.score == ScoreKind::Engagement.word());
        if engaged {
            let word = "Points of engagement fade with its half-life; each line shows them fresh.";
            parts.push(context.output.faint(word));
        }
    }
    parts.join("\n\n")
}

fn right(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
