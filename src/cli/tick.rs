//! `nurtured tick --now T`: one pass at an instant.

use std::time::Duration;

use super::{context::Context, engine, failure::Failure};
use crate::{clock::Clock, domain::time::Instant, engine::tick::TickReport};

/// How far from the clock a pass on a real database may be.
const APART: Duration = Duration::from_secs(60);

/// Does everything that is due at an instant: decides, sends, settles, until nothing is left.
///
/// An instant more than a minute from the clock is taken only on a database made by
/// `migrate --rehearsal`, or when every relay writes files. Elsewhere the clock goes on while the pass
/// runs: mails keep their hours, and what a relay puts off for a moment is tried again.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The instant, as 2027-03-28T09:00:00Z, or a date, from its midnight in UTC [default: the clock's]
    #[arg(long, value_name = "T", value_parser = super::eval::instant)]
    now: Option<Instant>,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config()?;
    let store = Context::open(&config).await?;
    let real = context.now();
    let now = arguments.now.unwrap_or(real);
    let in_earnest = !config.only_writes_files() && !store.is_rehearsal().await?;
    let side = if now > real { "ahead of" } else { "behind" };
    if in_earnest && (now > real + APART || now < real - APART) {
        return Err(Failure::usage(format!("{now} is {side} the clock, and mails would be real"))
            .hint(
                "use a database made by `nurtured migrate --rehearsal`, or relays that write files \
                 (folder = \"outbox/\")",
            ));
    }
    // A clock that stands still would send at an instant that is long over when relays are slow.
    let clock = if in_earnest { Clock::System } else { Clock::driven(now) };
    let (engine, _lock) = engine::build(config, store, clock)?;
    engine::recover(&engine).await?;
    if engine.live().is_none() {
        return Err(Failure::problems("nothing is live yet").hint("run `nurtured apply` first"));
    }
    let report = engine.tick(now).await?;
    context.output.result(&report, || text(&report))?;
    engine.store.close().await;
    match engine.relay_unreachable() {
        None => Ok(()),
        Some(why) => {
            context.output.error(&format!("the relay could not be used ({why})"), None);
            Err(Failure::relay_unreachable())
        }
    }
}

fn text(report: &TickReport) -> String {
    let figures = [
        ("decided", report.decided),
        ("reserved", report.reserved),
        ("sent", report.sent),
        ("deferred", report.deferred),
        ("failed", report.failed),
        ("in doubt", report.in_doubt),
        ("cancelled", report.cancelled),
        ("parked", report.parked),
    ];
    let figures: Vec<_> = figures
        .iter()
        .filter(|(word, figure)| *figure > 0 || matches!(*word, "decided" | "sent"))
        .map(|(word, figure)| format!("{figure} {word}"))
        .collect();
    let next = report.next_wake_at.map_or_else(
        || "Nothing more to do without a new event.".to_owned(),
        |at| format!("Next at {at}."),
    );
    format!("{}.\n{next}", figures.join(", "))
}
