//! `nurtured report funnel`

use super::{
    grid::{Grid, bar, figure, money, percent},
    one_form,
    period::{self, Days},
    print,
    sheet::{Sheet, or_empty},
};
use crate::{
    cli::{context::Context, failure::Failure, live::Live, output::Output},
    definitions::counted,
    domain::{lead::Stage, time::Zone},
    engine::report::funnel::{FunnelReport, funnel_report},
};

/// Counts leads by stage now; how many came to each stage and went on, in all time or in the days of
/// --since and --until, and how long they had stood there; leads by the month in which they came in;
/// deals that were won.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    days: Days,
    /// Print CSV: a part of the report, its rows and figures
    #[arg(long)]
    csv: bool,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    one_form(context, arguments.csv)?;
    let store = context.store().await?;
    let live = Live::load(&store).await?;
    let zone = live.map_or_else(Zone::utc, |live| live.definitions.policy.zone.clone());
    let report = funnel_report(&store, &zone, arguments.days.period(&zone)?).await?;
    let text = || text(&report, &zone, &context.output);
    print(context, arguments.csv, &report, || sheet(&report), text)?;
    store.close().await;
    Ok(())
}

/// Months that are shown.
const MONTHS: usize = 12;

pub(in crate::cli) fn text(report: &FunnelReport, zone: &Zone, output: &Output) -> String {
    let period = period::text(report.since, report.until, zone);
    let mut stages = Grid::new(&["stage", "leads now", "", "share", "came", "went"]);
    let most = report.stages.iter().map(|stage| stage.leads).max().unwrap_or_default();
    for stage in &report.stages {
        stages.row([
            stage.stage.to_string(),
            figure(stage.leads),
            bar(stage.leads, most, 16),
            percent(stage.share),
            figure(stage.came),
            figure(stage.went),
        ]);
    }
    let mut lines = stages.lines(output);
    if !period.is_empty() {
        lines.push(format!("Came and went:{period}."));
    }
    if !report.transitions.is_empty() {
        lines.push(String::new());
        let header = ["from → to", "leads", "changes", "", "of leavers", "mean days", "median"];
        let mut grid = Grid::new(&header);
        let most = report.transitions.iter().map(|one| one.changes).max().unwrap_or_default();
        for one in &report.transitions {
            grid.row([
                format!("{} → {}", one.from, one.to),
                figure(one.leads),
                figure(one.changes),
                bar(one.changes, most, 8),
                percent(one.share),
                format!("{:.1}", one.mean_days),
                format!("{:.1}", one.median_days),
            ]);
        }
        lines.extend(grid.lines(output));
    }
    if !report.cohorts.is_empty() {
        lines.push(String::new());
        let mut header = vec!["came in", "leads", ""];
        header.extend(Stage::ALL.map(|stage| match stage {
            Stage::Disqualified => "disq.",
            stage => stage.word(),
        }));
        let mut grid = Grid::new(&header);
        let first = report.cohorts.len().saturating_sub(MONTHS);
        let shown = &report.cohorts[first..];
        let most = shown.iter().map(|cohort| cohort.leads).max().unwrap_or_default();
        for cohort in shown {
            let mut row =
                vec![cohort.month.clone(), figure(cohort.leads), bar(cohort.leads, most, 8)];
            row.extend(
                Stage::ALL
                    .map(|stage| figure(cohort.by_stage.get(&stage).copied().unwrap_or_default())),
            );
            grid.row(row);
        }
        lines.extend(grid.lines(output));
        if first > 0 {
            lines.push(format!("… and {} before: --json has them", counted(first, "month")));
        }
    }
    if report.handed_off + report.accepted + report.returned > 0 {
        lines.push(String::new());
        lines.push(format!(
            "to sales: {} leads handed over, {} accepted, {} given back",
            figure(report.handed_off),
            figure(report.accepted),
            figure(report.returned)
        ));
    }
    if !report.deals.is_empty() {
        lines.extend(report.deals.iter().map(|sum| {
            let money = format!("{} {}", money(sum.amount), sum.currency);
            let deals = if sum.deals == 1 { "deal" } else { "deals" };
            format!("won: {} {deals}, {}", figure(sum.deals), money.trim_end())
        }));
    }
    lines.join("\n")
}

pub(super) fn sheet(report: &FunnelReport) -> Sheet {
    let mut sheet = Sheet::new([
        "part",
        "name",
        "to",
        "leads",
        "number",
        "share",
        "mean_days",
        "median_days",
        "amount",
    ]);
    for stage in &report.stages {
        let name = || ("name", stage.stage.to_string());
        sheet.some([
            ("part", "stage".into()),
            name(),
            ("leads", stage.leads.to_string()),
            ("share", or_empty(stage.share)),
        ]);
        for (part, leads) in [("came", stage.came), ("went", stage.went)] {
            sheet.some([("part", part.into()), name(), ("leads", leads.to_string())]);
        }
    }
    for one in &report.transitions {
        sheet.some([
            ("part", "transition".into()),
            ("name", one.from.to_string()),
            ("to", one.to.to_string()),
            ("leads", one.leads.to_string()),
            ("number", one.changes.to_string()),
            ("share", or_empty(one.share)),
            ("mean_days", one.mean_days.to_string()),
            ("median_days", one.median_days.to_string()),
        ]);
    }
    for cohort in &report.cohorts {
        for (stage, leads) in &cohort.by_stage {
            sheet.some([
                ("part", "cohort".into()),
                ("name", cohort.month.clone()),
                ("to", stage.to_string()),
                ("leads", leads.to_string()),
            ]);
        }
    }
    for (part, leads) in [
        ("handed_off", report.handed_off),
        ("accepted", report.accepted),
        ("returned", report.returned),
    ] {
        sheet.some([("part", part.into()), ("leads", leads.to_string())]);
    }
    for sum in &report.deals {
        sheet.some([
            ("part", "won".into()),
            ("name", sum.currency.to_string()),
            ("leads", sum.leads.to_string()),
            ("number", sum.deals.to_string()),
            ("amount", sum.amount.to_string()),
        ]);
    }
    sheet
}
