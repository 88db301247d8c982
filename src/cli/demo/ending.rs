//! How the demo ends: figures, the funnel, the mails, the warmest, and the commands to look further.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::{
    counts::Counts,
    roster::{Hot, Roster},
    setting::Setting,
    tale::Tale,
};
use crate::{
    cli::{
        context::Context,
        failure::Failure,
        init::quoted,
        output::Output,
        parked::{self, parked},
        report::{Grid, bar, figure, funnel_text, wrapped},
    },
    config::Config,
    definitions::counted,
    domain::{name::Name, time::Instant},
    engine::report::funnel::funnel_report,
    store::records::{Census, Parked, Period},
};

/// The warmest leads that are shown.
const WARMEST: usize = 5;

#[derive(Serialize)]
struct Summary<'a> {
    folder: String,
    weeks: u32,
    leads: u64,
    #[serde(flatten)]
    counts: Counts,
    decisions: u64,
    by_stage: &'a BTreeMap<Name, u64>,
    hottest: Vec<&'a str>,
    parked: Vec<Parked>,
    /// Commands to look further.
    next: Vec<String>,
}

pub async fn tell(
    context: &Context,
    tale: &Tale<'_>,
    setting: &Setting,
    roster: &Roster,
    weeks: u32,
    end: Instant,
) -> Result<(), Failure> {
    let zone = &setting.definitions().policy.zone;
    let census = setting.store.census(end).await?;
    let funnel = funnel_report(&setting.store, zone, Period::ALL).await?;
    let hot = setting.hottest(end, WARMEST).await?;
    let hero = tale.hero().or(hot.first().map(|hot| hot.lead));
    let hero = hero.or_else(|| roster.all().next().map(|(lead, _)| lead));
    let workflow = tale.workflows.iter().max_by_key(|(_, mails)| **mails).map(|(name, _)| name);
    let summary = Summary {
        folder: setting.folder.display().to_string(),
        weeks,
        leads: census.leads,
        counts: tale.all,
        decisions: tale.decided,
        by_stage: &census.by_stage,
        hottest: hot.iter().map(|hot| &*roster.of(hot.lead).address).collect(),
        parked: parked(&setting.store).await?,
        next: further(
            &context.dir,
            &setting.folder,
            hero.map_or("EMAIL", |lead| &roster.of(lead).address),
            workflow,
        ),
    };
    context.output.result(&summary, || {
        let mut lines = figures(&summary, &census);
        lines.push(String::new());
        lines.push(funnel_text(&funnel, zone, &context.output));
        lines.extend(mails(tale, &context.output));
        lines.extend(warmest(&hot, roster, &context.output));
        if !summary.parked.is_empty() {
            let mend = "Mend the mails in the campaign folder and walk again.";
            lines.push(String::new());
            lines.extend(parked::lines(&summary.parked, mend));
        }
        lines.push(String::new());
        lines.push(context.output.strong("Look further:"));
        lines.extend(summary.next.iter().map(|command| format!("  {command}")));
        lines.join("\n")
    })
}

fn figures(summary: &Summary<'_>, census: &Census) -> Vec<String> {
    let Counts { mails, opens, clicks, answers, later, unsubscribed, forms, .. } = summary.counts;
    let Counts { mqls, mql_leads, hand_offs, accepted, returned, deals_won, deals_lost, .. } =
        summary.counts;
    let read = format!(
        "{} to {}: {opens} opened, {clicks} clicked, {answers} answered a question, {later} said \"later\", \
         {unsubscribed} unsubscribed; {forms} took the white paper.",
        counted(mails, "mail"),
        counted(census.leads, "lead"),
    );
    let times =
        if mqls == mql_leads { String::new() } else { format!(", {}", counted(mqls, "time")) };
    let sold = format!(
        "{} became warm enough for sales{times}: {}, {accepted} accepted, {returned} returned; {} won, {deals_lost} \
         lost. {} in all.",
        counted(mql_leads, "lead"),
        counted(hand_offs, "hand-off"),
        counted(deals_won, "deal"),
        counted(summary.decisions, "decision"),
    );
    let mut lines = vec![String::new()];
    lines.extend(wrapped(0, &read));
    lines.extend(wrapped(0, &sold));
    lines
}

fn mails(tale: &Tale<'_>, output: &Output) -> Vec<String> {
    let mut grid = Grid::new(&["mail", "sent", "", "opens", "clicks", "answers", "later", "left"]);
    let most = tale.mails.values().map(|counts| counts.mails).max().unwrap_or_default();
    for (template, counts) in &tale.mails {
        let Counts { mails, opens, clicks, answers, later, unsubscribed, .. } = *counts;
        let mut row = vec![template.to_string(), figure(mails), bar(mails, most, 10)];
        row.extend([opens, clicks, answers, later, unsubscribed].map(figure));
        grid.row(row);
    }
    let mut lines = vec![String::new()];
    lines.extend(grid.lines(output));
    lines
}

fn warmest(hot: &[Hot], roster: &Roster, output: &Output) -> Vec<String> {
    if hot.is_empty() {
        return Vec::new();
    }
    let mut grid = Grid::new(&["the warmest now", "stage", "engagement", "", "fit"]);
    let most = hot.iter().map(|hot| hot.engagement.0.unsigned_abs()).max().unwrap_or_default();
    for Hot { lead, stage, engagement, fit } in hot {
        let points = bar(engagement.0.unsigned_abs(), most, 10);
        let name = roster.of(*lead).name.clone();
        let (engagement, fit) = (engagement.to_string(), fit.to_string());
        grid.row([name, stage.to_string(), engagement, points, fit]);
    }
    let mut lines = vec![String::new()];
    lines.extend(grid.lines(output));
    lines
}

/// Commands that can be pasted where the demo was run.
fn further(campaign: &Path, folder: &Path, example: &str, workflow: Option<&Name>) -> Vec<String> {
    // Cargo tells its children of itself; the binary is not on the path then.
    let cargo = std::env::var_os("CARGO").is_some();
    let program = if cargo { "cargo run -q --" } else { "nurtured" };
    let here = campaign == Path::new(".");
    let dir = if here { String::new() } else { format!("--dir {} ", quoted(campaign)) };
    let config = quoted(&folder.join(Config::FILE));
    let outbox = quoted(&folder.join("outbox"));
    let workflow = workflow.map(|workflow| format!("report workflow {workflow}"));
    let commands = [format!("leads show {example}"), format!("why-score {example}")];
    let commands = commands
        .into_iter()
        .chain(workflow)
        .chain(["report funnel", "why-idle"].map(str::to_owned))
        .map(|command| format!("{program} {dir}--config {config} {command}"));
    let last_mail = format!("cat {outbox}/\"$(ls {outbox} | tail -n 1)\"");
    commands.chain([last_mail]).collect()
}
