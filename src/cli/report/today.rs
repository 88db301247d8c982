//! `nurtured report today`

use std::time::Duration;

use super::{
    grid::{Grid, bar, figure, wrapped},
    one_form, print,
    sheet::Sheet,
};
use crate::{
    cli::{context::Context, failure::Failure, live::Live, output::Output, parked},
    domain::{
        schedule::{date_at, day_begins, local_text},
        time::Zone,
    },
    engine::report::today::{TodayReport, today_report},
};

/// Counts what happened in the last 24 hours: new leads, mails, what came back, who became hot and why;
/// and what is due in the next 24, hour by hour; what is parked and what is paused.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Since midnight in the zone of the policy, instead of the last 24 hours
    #[arg(long)]
    midnight: bool,
    /// Print CSV, a row a figure
    #[arg(long)]
    csv: bool,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    one_form(context, arguments.csv)?;
    let store = context.store().await?;
    let live = Live::load(&store).await?;
    let zone = live.map_or_else(Zone::utc, |live| live.definitions.policy.zone.clone());
    let now = context.now();
    let since = if arguments.midnight {
        day_begins(date_at(now, &zone), &zone)
    } else {
        now - Duration::from_hours(24)
    };
    let report = today_report(&store, since, now).await?;
    let text = || text(&report, &zone, &context.output);
    print(context, arguments.csv, &report, || sheet(&report), text)?;
    store.close().await;
    Ok(())
}

/// Names and numbers in one order for all forms.
fn figures(report: &TodayReport) -> Vec<(String, u64)> {
    let named = |name: &str, number| (name.to_owned(), number);
    let mut figures = vec![
        named("new leads", report.new_leads),
        named("leads decided", report.decided),
        named("workflows entered", report.entered),
    ];
    let ended = report.ended.iter();
    figures.extend(ended.map(|(outcome, number)| (format!("workflows: {outcome}"), *number)));
    figures.extend([
        named("mails sent", report.sent),
        named("mails in doubt", report.in_doubt),
        named("mails failed", report.failed),
        named("mails withdrawn", report.withdrawn),
        named("put off by the relay", report.deferred),
        named("notices sent", report.notices),
    ]);
    let bounced = report.bounced.iter();
    figures.extend(bounced.map(|(class, number)| (format!("bounced: {class}"), *number)));
    figures.extend([
        named("complained", report.complained),
        named("unsubscribed", report.unsubscribed),
        named("replied", report.replied),
        named("stage changes", report.stage_changes),
        named("deals won", report.deals_won),
    ]);
    figures
}

pub(super) fn text(report: &TodayReport, zone: &Zone, output: &Output) -> String {
    let since = format!("Since {} ({})", local_text(report.since, zone), zone.name());
    let mut lines = vec![output.strong(&since)];
    let figures = figures(report);
    let most = figures.iter().map(|(_, number)| *number).max().unwrap_or_default();
    // Two columns of figures would be shorter; one is read faster.
    for (name, number) in figures.iter().filter(|(_, number)| *number > 0) {
        lines.push(format!("  {name:<24}{:>9}  {}", figure(*number), bar(*number, most, 30)));
    }
    if most == 0 {
        lines.push("  nothing happened".to_owned());
    }
    hot(report, output, &mut lines);
    due(report, zone, output, &mut lines);
    if !report.why_deferred.is_empty() {
        lines.push(String::new());
        lines.push(output.strong("Deferred, and tried again by themselves"));
        lines.extend(
            report.why_deferred.iter().flat_map(|found| {
                wrapped(2, &format!("{}: {}", figure(found.number), found.reason))
            }),
        );
    }
    if !report.paused.is_empty() {
        lines.push(String::new());
        let paused: Vec<String> = report.paused.iter().map(ToString::to_string).collect();
        lines.push(format!("Paused: {}", paused.join(", ")));
    }
    if !report.parked.is_empty() {
        lines.push(String::new());
        lines.extend(parked::lines(&report.parked, parked::MEND_MAILS));
    }
    lines.join("\n")
}

fn hot(report: &TodayReport, output: &Output, lines: &mut Vec<String>) {
    if report.hot.is_empty() {
        return;
    }
    lines.push(String::new());
    lines.push(output.strong("Gained most engagement"));
    for lead in &report.hot {
        let rules: Vec<String> = lead
            .rules
            .iter()
            .map(|rule| format!("{:+.1} {} ({}×)", rule.points, rule.rule, rule.times))
            .collect();
        let what =
            format!("{:+.1}  {} ({}): {}", lead.points, lead.email, lead.stage, rules.join(", "));
        lines.extend(wrapped(2, &what));
    }
}

fn due(report: &TodayReport, zone: &Zone, output: &Output, lines: &mut Vec<String>) {
    lines.push(String::new());
    let most = report.due.iter().map(|hour| hour.mails + hour.steps).max().unwrap_or_default();
    if most == 0 {
        lines.push("Nothing is due in the next 24 hours.".to_owned());
        return;
    }
    let mut grid = Grid::new(&["due from", "mails", "steps", ""]);
    for hour in report.due.iter().filter(|hour| hour.mails + hour.steps > 0) {
        grid.row([
            local_text(hour.at, zone),
            figure(hour.mails),
            figure(hour.steps),
            bar(hour.mails + hour.steps, most, 30),
        ]);
    }
    lines.extend(grid.lines(output));
}

pub(super) fn sheet(report: &TodayReport) -> Sheet {
    let mut sheet = Sheet::new(["figure", "detail", "number"]);
    for (name, number) in figures(report) {
        sheet.row([name, String::new(), number.to_string()]);
    }
    for lead in &report.hot {
        sheet.row(["gained engagement".into(), lead.email.clone(), lead.points.to_string()]);
    }
    for hour in &report.due {
        let at = hour.at.to_string();
        sheet.row(["mails due".into(), at.clone(), hour.mails.to_string()]);
        sheet.row(["steps due".into(), at, hour.steps.to_string()]);
    }
    for found in &report.why_deferred {
        sheet.row(["deferred".into(), found.reason.clone(), found.number.to_string()]);
    }
    for group in &report.parked {
        sheet.row(["parked".into(), group.reason.clone(), group.number.to_string()]);
    }
    for scope in &report.paused {
        sheet.row(["paused".into(), scope.to_string(), String::new()]);
    }
    sheet
}
