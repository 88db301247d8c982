//! `nurtured report funnel`

use std::collections::BTreeMap;

use super::{
    grid::{Grid, bar, figure, money, percent},
    one_form,
    period::{self, Days},
    print,
    sheet::{Sheet, or_empty},
};
use crate::{
    cli::{context::Context, failure::Failure, live::Live, output::Output},
    definitions::{counted, meant},
    domain::{
        lead::Stage,
        name::Name,
        time::Zone,
        value::{Schema, ValueType},
    },
    engine::{
        members::PAGE,
        report::funnel::{
            ByAttribute, Cohort, FunnelReport, Group, Uncounted, by_attribute, funnel_report,
        },
    },
};

/// Counts leads by stage now; how many came to each stage and went on, in all time or in the days of
/// --since and --until, and how long they had stood there; leads by the month in which they came in;
/// deals that were won.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    days: Days,
    /// Also count leads by an attribute, and where they stand: `source`, `country`, one of your own
    #[arg(long, value_name = "ATTRIBUTE")]
    by: Option<Name>,
    /// Print CSV: a part of the report, its rows and figures
    #[arg(long)]
    csv: bool,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    one_form(context, arguments.csv)?;
    let store = context.store().await?;
    let live = Live::load(&store).await?;
    let (zone, schema) = live.map_or_else(
        || (Zone::utc(), Schema::standard()),
        |live| (live.definitions.policy.zone.clone(), live.definitions.schema.clone()),
    );
    if let Some(attribute) = &arguments.by {
        expect_text(&schema, attribute)?;
    }
    let mut report = funnel_report(&store, &zone, arguments.days.period(&zone)?).await?;
    if let Some(attribute) = &arguments.by {
        report.by = Some(by_attribute(&store, attribute, PAGE).await?);
    }
    let text = || text(&report, &zone, &context.output);
    print(context, arguments.csv, &report, || sheet(&report), text)?;
    store.close().await;
    Ok(())
}

/// What leads are counted by is a text: of numbers and dates nearly each lead has another.
fn expect_text(schema: &Schema, name: &Name) -> Result<(), Failure> {
    if let Some(slot) = schema.slot(name) {
        let attribute = schema.attribute(slot);
        return match attribute.kind {
            ValueType::Text if attribute.says_who() => {
                Err(Failure::usage(format!("`{name}` says who a lead is: each has another")))
            }
            ValueType::Text => Ok(()),
            kind => {
                Err(Failure::usage(format!("`{name}` is a {kind}, and leads are counted by texts")))
            }
        };
    }
    let attributes = schema.iter().map(|(_, attribute)| attribute);
    let texts = attributes.filter(|it| it.kind == ValueType::Text && !it.says_who());
    let known: Vec<&Name> = texts.map(|attribute| &attribute.name).collect();
    let unknown = Failure::unknown(format!("attribute `{name}`"), known.iter().copied());
    Err(match meant(name, known.iter().map(|known| known.as_str())) {
        Some(hint) => unknown.hint(hint),
        None => unknown,
    })
}

impl From<Uncounted> for Failure {
    fn from(error: Uncounted) -> Self {
        match error {
            Uncounted::Store(error) => error.into(),
            Uncounted::TooMany(_) => Self::problems(error),
        }
    }
}

/// Months that are shown, and values of an attribute.
const MONTHS: usize = 12;
const VALUES: usize = 20;

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
        let mut grid = by_stage("came in");
        let first = report.cohorts.len().saturating_sub(MONTHS);
        let shown = &report.cohorts[first..];
        let most = shown.iter().map(|cohort| cohort.leads).max().unwrap_or_default();
        for Cohort { month, leads, by_stage, .. } in shown {
            grid.row(stages_of(month.clone(), *leads, most, by_stage));
        }
        lines.extend(grid.lines(output));
        if first > 0 {
            lines.push(format!("… and {} before: --json has them", counted(first, "month")));
        }
    }
    lines.extend(report.by.iter().flat_map(|by| values(by, output)));
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

fn values(by: &ByAttribute, output: &Output) -> Vec<String> {
    let mut grid = by_stage(&by.attribute);
    // Who has nothing is shown always.
    let (some, none): (Vec<_>, Vec<_>) = by.groups.iter().partition(|group| group.value.is_some());
    let most = by.groups.iter().map(|group| group.leads).max().unwrap_or_default();
    for Group { value, leads, by_stage, .. } in some.iter().take(VALUES).chain(&none).copied() {
        let value = value.as_ref().map_or_else(|| "(none)".to_owned(), ToString::to_string);
        grid.row(stages_of(value, *leads, most, by_stage));
    }
    let mut lines = vec![String::new()];
    lines.extend(grid.lines(output));
    if some.len() > VALUES {
        let more = counted(some.len() - VALUES, "more value");
        lines.push(format!("… and {more}: --json has them"));
    }
    if by.unreadable > 0 {
        lines.push(format!("{} cannot be read.", counted(by.unreadable, "lead")));
    }
    lines
}

/// A grid of leads by something and by stage.
fn by_stage(what: &str) -> Grid {
    let mut header = vec![what, "leads", ""];
    header.extend(Stage::ALL.map(|stage| match stage {
        Stage::Disqualified => "disq.",
        stage => stage.word(),
    }));
    Grid::new(&header)
}

fn stages_of(name: String, leads: u64, most: u64, by_stage: &BTreeMap<Stage, u64>) -> Vec<String> {
    let mut row = vec![name, figure(leads), bar(leads, most, 8)];
    row.extend(Stage::ALL.map(|stage| figure(by_stage.get(&stage).copied().unwrap_or_default())));
    row
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
    if let Some(by) = report.by.as_ref().filter(|by| by.unreadable > 0) {
        sheet.some([("part", "unreadable".into()), ("leads", by.unreadable.to_string())]);
    }
    for group in report.by.iter().flat_map(|by| &by.groups) {
        for (stage, leads) in &group.by_stage {
            sheet.some([
                ("part", "by".into()),
                ("name", group.value.as_deref().unwrap_or_default().to_owned()),
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
