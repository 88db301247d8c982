//! `nurtured tick --now T`: one pass at an instant.

use std::time::Duration;

use serde::Serialize;

use super::{context::Context, engine, failure::Failure, live::Live, parked};
use crate::{
    clock::Clock, domain::time::Instant, engine::tick::TickReport, store::records::Parked,
};

/// How far ahead of the clock a pass may be whose mails are real.
const AHEAD: Duration = Duration::from_secs(60);

/// Does everything that is due at an instant: decides, sends, settles, until nothing is left.
///
/// An instant more than a minute ahead of the clock is taken only on a database made by `migrate` for
/// rehearsals, or when every relay writes files. Elsewhere the pass goes by the clock, also where the
/// instant is over: mails keep their hours, and what a relay puts off for a moment is tried again.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The instant, as 2027-03-28T09:00:00Z, or a date, from its midnight in UTC [default: the clock's]
    #[arg(long, value_name = "T", value_parser = super::eval::instant)]
    now: Option<Instant>,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    pass: TickReport,
    /// Where the pass parked something: all that is parked, by its reason.
    parked_by: Vec<Parked>,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config()?;
    let store = Context::open(&config).await?;
    let real = context.now();
    let asked = arguments.now.unwrap_or(real);
    let in_earnest = !config.only_writes_files() && !store.is_rehearsal().await?;
    if in_earnest && asked > real + AHEAD {
        let refusal = format!("{asked} is ahead of the clock, and mails would be real");
        return Err(Failure::usage(refusal).hint(
            "use a database made by `nurtured migrate --rehearsal`, or relays that write files \
             (folder = \"outbox/\")",
        ));
    }
    // A clock that stands still, or is behind, would send at an instant that is over.
    let (clock, now) =
        if in_earnest { (Clock::System, asked.max(real)) } else { (Clock::driven(asked), asked) };
    let (engine, _lock) = engine::build(config, store, clock)?;
    engine::recover(&engine).await?;
    if engine.live().is_none() {
        return Err(Live::nothing());
    }
    let report = engine.tick(now).await?;
    // In figures a pass that parks something reads like one that is done.
    let mut parked_by =
        if report.parked > 0 { parked::parked(&engine.store).await? } else { Vec::new() };
    // What cron prints is kept like a log, and addresses stay out of logs.
    parked_by.iter_mut().for_each(|group| group.example = None);
    let report = Report { pass: report, parked_by };
    context.output.result(&report, || text(&report))?;
    engine.store.close().await;
    match engine.relay_unreachable() {
        None => Ok(()),
        Some((relay, why)) => {
            context.output.error(&format!("the relay {relay} could not be used ({why})"), None);
            Err(Failure::relay_unreachable())
        }
    }
}

fn text(Report { pass: report, parked_by }: &Report) -> String {
    let figures = [
        ("decided", report.decided),
        ("reserved", report.reserved),
        ("sent", report.sent),
        ("deferred", report.deferred),
        ("failed", report.failed),
        ("in doubt", report.in_doubt),
        ("cancelled", report.cancelled),
        ("skipped", report.skipped),
        ("parked", report.parked),
    ];
    let figures: Vec<_> = figures
        .iter()
        .filter(|(word, figure)| *figure > 0 || matches!(*word, "decided" | "sent"))
        .map(|(word, figure)| format!("{figure} {word}"))
        .collect();
    let next = report.next_wake_at.map_or_else(
        || "Nothing more to do without a new event.".to_owned(),
        // No full stop: the instant is pasted behind `--now`.
        |at| format!("Next at {at}"),
    );
    let mut lines = vec![format!("{}.", figures.join(", "))];
    lines.extend(parked::lines(parked_by, parked::MEND_MAILS));
    lines.push(next);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_instant_can_be_pasted_as_it_stands() {
        let next: Instant = "2027-03-28T09:00:00.250Z".parse().unwrap();
        let pass = TickReport { next_wake_at: Some(next), ..TickReport::default() };
        let said = text(&Report { pass, parked_by: Vec::new() });
        let (_, pasted) = said.split_once("Next at ").unwrap();
        assert_eq!(super::super::eval::instant(pasted).unwrap(), next);
    }
}
