//! `nurtured status`: what is in the database, in figures.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{
    codes,
    context::Context,
    failure::Failure,
    live::Live,
    output::in_one_line,
    parked,
    pause::{self, Line},
};
use crate::{
    config::Config,
    definitions::counted,
    domain::{message::MessageState, name::Name, pause::Scope, time::Instant},
    engine::report::ramps::{RampLine, ramps_report},
    store::{
        MissedTick, Store,
        records::{CallCount, Deferred, Parked, Pool},
    },
};

/// Reasons of deferred mails that are told.
const MOST: i64 = 20;

const PARKED: &str = MessageState::Parked.word();
const IN_DOUBT: &str = MessageState::InDoubt.word();

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

#[derive(Serialize)]
struct Report {
    leads: u64,
    by_stage: BTreeMap<Name, u64>,
    enrolments_active: u64,
    messages: BTreeMap<Name, u64>,
    suppressions: u64,
    /// Leads that are to be looked at now.
    due: u64,
    parked_leads: u64,
    /// Deferred mails by their reason.
    deferred: Vec<Deferred>,
    /// Pools of discount codes.
    codes: Vec<Pool>,
    /// Parked mails and leads by their reason.
    parked: Vec<Parked>,
    /// Relays that warm up, by whom their mails are for.
    ramps: Vec<RampLine>,
    /// What is paused: `all`, workflows, `lead:ID`, `account:NAME`, `relay:NAME`.
    paused: Vec<Scope>,
    /// By whom, since when and why.
    pauses: Vec<Line>,
    /// Relays that are down, and mail that goes slowly.
    relays: Vec<Relay>,
    /// The last ticks of workflows' schedules that nobody entered by.
    missed_ticks: Vec<Tick>,
    /// Calls of webhooks, by target and state.
    webhooks: Vec<CallCount>,
    /// Since when the live release is live; `null` before the first one.
    live_since: Option<String>,
    rehearsal: bool,
}

/// A tick of a workflow's schedule, and why nobody entered by it.
#[derive(Serialize)]
struct Tick {
    workflow: Name,
    at: String,
    because: String,
}

async fn missed_ticks(store: &Store) -> Result<Vec<Tick>, Failure> {
    let missed = store.missed_ticks(MOST).await?.into_iter();
    let tick =
        |it: MissedTick| Tick { workflow: it.workflow, at: it.at.to_string(), because: it.because };
    Ok(missed.map(tick).collect())
}

/// A relay, or a part of its mail, that is not as it should be.
#[derive(Serialize)]
struct Relay {
    relay: Name,
    /// Whose servers are meant: a provider, or a domain; empty for all.
    receiver: Name,
    /// `down`, or how fast mail goes.
    state: String,
    since: String,
}

async fn relays(store: &Store) -> Result<Vec<Relay>, Failure> {
    let down = store.relays_down().await?.into_iter().map(|down| Relay {
        relay: down.relay,
        receiver: "".into(),
        state: "down".to_owned(),
        since: down.since.to_string(),
    });
    let slow = store.throttles().await?.into_iter().map(|(stretch, level, since)| Relay {
        relay: stretch.relay,
        receiver: stretch.receiver,
        state: level.rate().to_string(),
        since: since.to_string(),
    });
    Ok(down.chain(slow).collect())
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { relay, receiver, state, since } = self;
        match (receiver.is_empty(), state.as_str()) {
            (true, "down") => write!(f, "{relay} is down since {since}"),
            (true, rate) => write!(f, "{relay} is slowed down to {rate} since {since}"),
            (false, rate) => {
                write!(f, "{relay} to {receiver} is slowed down to {rate} since {since}")
            }
        }
    }
}

pub(super) async fn run(context: &Context, _arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config()?;
    let store = Context::open(&config).await?;
    let census = store.census(context.now()).await?;
    let pauses = store.pauses().await?;
    let live = Live::load(&store).await.ok().flatten();
    let report = Report {
        leads: census.leads,
        by_stage: census.by_stage,
        enrolments_active: census.enrolments_active,
        messages: census.messages,
        suppressions: census.suppressions,
        due: census.due,
        parked_leads: census.parked_leads,
        deferred: store.deferred(MOST).await?,
        codes: pools(&store, live.as_ref()).await?,
        parked: parked::parked(&store).await?,
        ramps: ramps(&config, &store, live.as_ref(), context.now()).await?,
        paused: pauses.iter().map(|pause| pause.scope.clone()).collect(),
        pauses: pauses.into_iter().map(Line::from).collect(),
        relays: relays(&store).await?,
        missed_ticks: missed_ticks(&store).await?,
        webhooks: store.calls().await?,
        live_since: store.live_release().await?.map(|release| release.at.to_string()),
        rehearsal: store.is_rehearsal().await?,
    };
    context.output.result(&report, || text(&report))?;
    store.close().await;
    Ok(())
}

/// None where what is live cannot be run: nothing leaves then.
async fn ramps(
    config: &Config,
    store: &Store,
    live: Option<&Live>,
    now: Instant,
) -> Result<Vec<RampLine>, Failure> {
    let Some(live) = live else { return Ok(Vec::new()) };
    Ok(ramps_report(store, &live.definitions, &config.fleet(), now).await?)
}

fn ramp(line: &RampLine) -> String {
    let RampLine { relay, receivers, step, steps, used, held, since, .. } = line;
    let held = held.as_ref().map(|why| format!("; held: {why}")).unwrap_or_default();
    match line.a_day {
        None => format!("{relay} to {receivers}: over, no limit any more"),
        Some(0) => format!("{relay} to {receivers}: nothing before {since}"),
        Some(mails) => {
            format!("{relay} to {receivers}: step {step} of {steps}, {used} of {mails} today{held}")
        }
    }
}

/// Also those that live mails take codes of and that were never filled. Where what is live cannot be run, those
/// that are there.
async fn pools(store: &Store, live: Option<&Live>) -> Result<Vec<Pool>, Failure> {
    let mut pools = store.code_pools().await?;
    for name in live.into_iter().flat_map(|live| live.renderer.all_pools()) {
        if pools.iter().all(|pool| pool.pool != *name) {
            pools.push(Pool { pool: name.clone(), left: 0, given: 0, warn_below: 1 });
        }
    }
    Ok(pools)
}

fn text(report: &Report) -> String {
    let by_word = |figures: &BTreeMap<Name, u64>| {
        let parts: Vec<String> = figures
            .iter()
            .filter(|(_, n)| **n > 0)
            .map(|(word, n)| format!("{n} {word}"))
            .collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    };
    let mut lines = vec![
        format!("leads          {}{}", report.leads, by_word(&report.by_stage)),
        format!("due now        {}", report.due),
        format!("enrolled       {}", report.enrolments_active),
        format!(
            "messages       {}{}",
            report.messages.values().sum::<u64>(),
            by_word(&report.messages)
        ),
        format!("suppressions   {}", report.suppressions),
        format!("parked mails   {}", report.messages.get(PARKED).copied().unwrap_or_default()),
        format!("parked leads   {}", report.parked_leads),
        format!("live since     {}", report.live_since.as_deref().unwrap_or("nothing is live yet")),
    ];
    if let Some(mails) = report.messages.get(IN_DOUBT).filter(|mails| **mails > 0) {
        lines.push(format!("in doubt       {mails}: `nurtured doubt` lists them"));
    }
    if !report.pauses.is_empty() {
        lines.push("Paused, until `nurtured resume`:".to_owned());
        let pauses: Vec<&Line> = report.pauses.iter().collect();
        lines.extend(pause::lines(&pauses));
    }
    if !report.relays.is_empty() {
        lines.push("Relays:".to_owned());
        lines.extend(report.relays.iter().map(|relay| format!("  {relay}")));
    }
    if !report.missed_ticks.is_empty() {
        lines.push("Missed, and nobody entered:".to_owned());
        lines.extend(
            report
                .missed_ticks
                .iter()
                .map(|it| format!("  {} of {}: {}", it.at, it.workflow, it.because)),
        );
    }
    if !report.webhooks.is_empty() {
        lines.push("Webhooks:".to_owned());
        lines.extend(report.webhooks.iter().map(|CallCount { target, state, reason, number }| {
            let why = reason.as_ref().map(|why| format!(": {}", in_one_line(why)));
            format!("  {target}: {number} {state}{}", why.unwrap_or_default())
        }));
    }
    if !report.deferred.is_empty() {
        lines.push("Deferred, and tried again by themselves:".to_owned());
        lines.extend(report.deferred.iter().map(|Deferred { reason, number }| {
            format!("  {}: {}", counted(*number, "mail"), in_one_line(reason))
        }));
    }
    if !report.ramps.is_empty() {
        lines.push("Warming up:".to_owned());
        lines.extend(report.ramps.iter().map(|line| format!("  {}", ramp(line))));
    }
    if !report.codes.is_empty() {
        lines.push("Discount codes:".to_owned());
        lines.extend(report.codes.iter().map(|pool| format!("  {}", codes::line(pool))));
    }
    lines.extend(parked::lines(&report.parked, parked::MEND_MAILS));
    if report.rehearsal {
        lines.push("This database is for rehearsals.".into());
    }
    lines.join("\n")
}
