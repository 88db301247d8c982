//! `nurtured replay`: what was decided, decided again by this binary.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    context::{Context, lead},
    eval::instant,
    failure::Failure,
};
use crate::{
    definitions::counted,
    domain::{id::LeadId, time::Instant},
    engine::rehearsal::{Chronicle, Difference, Gap, Period, Replayed},
    store::Store,
};

/// Decides again what happened, with the definitions that were live then, and lists what comes out otherwise than the
/// record says: so an upgrade that changes decisions is seen before it makes any. Nothing is written. Exits with 0 if
/// nothing differs, with 1 if something does.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// From which instant on differences are listed [default: the beginning]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<Instant>,
    /// Until which instant it is decided again [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Instant>,
    /// This lead alone; may be repeated
    #[arg(long, value_name = "EMAIL")]
    lead: Vec<String>,
    /// How many differences are listed at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

#[derive(Serialize)]
struct Report {
    /// Leads that were decided again.
    leads: u64,
    decisions: u64,
    /// Mails that were held for what other leads or people did: taken from the record.
    held_by_others: u64,
    /// Leads that the daemon is still to decide by what is live.
    undecided: u64,
    not_replayed: Vec<NotReplayed>,
    /// Leads that are decided otherwise.
    differing: usize,
    /// Of all that were found.
    differences: usize,
    /// As many of them as were asked for.
    listed: Vec<Listed>,
}

#[derive(Serialize)]
struct NotReplayed {
    why: Gap,
    says: &'static str,
    leads: u64,
}

#[derive(Serialize)]
struct Listed {
    email: String,
    #[serde(flatten)]
    difference: Difference,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let store = context.store().await?;
    let mut leads = Vec::with_capacity(arguments.lead.len());
    for email in &arguments.lead {
        leads.push(lead(&store, email).await?);
    }
    let period = Period {
        since: arguments.since.unwrap_or(Instant::DAWN),
        until: arguments.until.unwrap_or_else(|| context.now()),
        leads: (!leads.is_empty()).then_some(leads),
    };
    let chronicle = Chronicle::of(&store).await?;
    if chronicle.begin().is_none() {
        return Err(super::live::Live::nothing());
    }
    let replayed = Replayed::of(&store, &chronicle, &period).await?;
    let report = report(&store, replayed, arguments.limit).await?;
    context.output.result(&report, || text(&report))?;
    store.close().await;
    if report.differences > 0 { Err(Failure::already_shown()) } else { Ok(()) }
}

async fn report(store: &Store, replayed: Replayed, limit: usize) -> Result<Report, Failure> {
    let Replayed { leads, decisions, held_by_others, undecided, gaps, differences } = replayed;
    let mut differing: Vec<LeadId> = differences.iter().map(|(lead, _)| *lead).collect();
    differing.dedup();
    let total = differences.len();
    let shown: Vec<(LeadId, Difference)> = differences.into_iter().take(limit).collect();
    let named: Vec<LeadId> = shown.iter().map(|(lead, _)| *lead).collect();
    let records = store.records(&named).await?;
    let names: BTreeMap<LeadId, String> =
        records.into_iter().map(|it| (it.lead, it.address.as_str().to_owned())).collect();
    let listed = shown.into_iter().map(|(lead, difference)| Listed {
        email: names.get(&lead).cloned().unwrap_or_else(|| lead.to_string()),
        difference,
    });
    let gaps = gaps.into_iter();
    Ok(Report {
        leads,
        decisions,
        held_by_others,
        undecided,
        not_replayed: gaps
            .map(|(why, leads)| NotReplayed { why, says: why.says(), leads })
            .collect(),
        differing: differing.len(),
        differences: total,
        listed: listed.collect(),
    })
}

fn text(report: &Report) -> String {
    let mut lines = vec![format!(
        "{} decided again, {}",
        counted(report.leads, "lead"),
        counted(report.decisions, "decision")
    )];
    for gap in &report.not_replayed {
        lines.push(format!("{} left out: {}", counted(gap.leads, "lead"), gap.says));
    }
    if report.held_by_others > 0 {
        let times = counted(report.held_by_others, "time");
        lines.push(format!(
            "{times} a mail was held for what other leads or people did: as the record says"
        ));
    }
    if report.undecided > 0 {
        let leads = counted(report.undecided, "lead");
        lines.push(format!(
            "{leads} still to be decided by what is live: until then there is nothing to compare"
        ));
    }
    if report.differences == 0 {
        lines.push("Nothing is decided otherwise.".to_owned());
        return lines.join("\n");
    }
    lines.push(format!(
        "{} of {}:",
        counted(report.differences as u64, "difference"),
        counted(report.differing as u64, "lead")
    ));
    let mut last = "";
    for Listed { email, difference } in &report.listed {
        if email != last {
            lines.push(format!("\n{email}"));
            last = email;
        }
        let Difference { at, what, workflow, step, record, now } = difference;
        let at = super::tables::minute(&at.to_string());
        let workflow = workflow.as_ref().map(|workflow| format!(" {workflow}"));
        let step = step.as_ref().map(|step| format!(", {step}"));
        let says = |said: &Option<String>| {
            super::output::in_one_line(said.as_deref().unwrap_or("nothing"))
        };
        lines.push(format!(
            "  {at}  {}{}{}\n    the record: {}\n    now:        {}",
            what.replace('_', " "),
            workflow.unwrap_or_default(),
            step.unwrap_or_default(),
            says(record),
            says(now)
        ));
    }
    let more = report.differences - report.listed.len();
    if more > 0 {
        lines.push(format!("\nand {more} more: --limit shows more of them"));
    }
    lines.join("\n")
}
