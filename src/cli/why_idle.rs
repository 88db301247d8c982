//! `nurtured why-idle`: why nothing is being sent right now.

use std::{net::SocketAddr, path::Path, time::Duration};

use super::{context::Context, failure::Failure, live::Live};
use crate::{
    config::Config,
    definitions::{check, counted, read_folder},
    domain::{
        schedule::local_text,
        time::{Instant, Zone},
    },
    engine::report::idle::{Around, Cause, IdleReport, idle_report},
    store::Store,
};

/// Names everything that keeps mails back now, what stops all of them first, with how many they are, what to
/// do about it, and the next instant at which something will happen. Asks the running daemon's console,
/// too, for what the database does not tell.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) async fn run(context: &Context, _arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config()?;
    let store = Context::open(&config).await?;
    let live = Live::load(&store).await?;
    let definitions = live.as_ref().map(|live| live.definitions.as_ref());
    let around = around(&store, &config, &context.dir).await?;
    let report = idle_report(&store, definitions, &around, context.now()).await?;
    let zone = definitions.map_or_else(Zone::utc, |live| live.policy.zone.clone());
    context.output.result(&report, || text(&report, &zone, context.now()))?;
    store.close().await;
    Ok(())
}

async fn around(store: &Store, config: &Config, folder: &Path) -> Result<Around, Failure> {
    let engine = match store.is_engine_running() {
        None => console_answers(config.console.listen).await.then_some(true),
        known => known,
    };
    Ok(Around {
        engine,
        only_to: config.delivery.only_to.is_some(),
        not_applied: not_applied(store, folder).await?,
    })
}

/// Whether a daemon of this configuration is running.
async fn console_answers(console: SocketAddr) -> bool {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build();
    let Ok(client) = client else { return false };
    let answer = client.get(format!("http://{console}/metrics")).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// What the folder would make live, by kind and name. A folder with problems, or none, says nothing:
/// `check` does.
async fn not_applied(store: &Store, folder: &Path) -> Result<Vec<String>, Failure> {
    let Some(release) = store.live_release().await? else { return Ok(Vec::new()) };
    let Ok(sources) = read_folder(folder) else { return Ok(Vec::new()) };
    let checked = check(&sources);
    if checked.definitions.is_none() {
        return Ok(Vec::new());
    }
    let is_live = |name: &str, version: &_| {
        release.manifest.iter().any(|line| *line.name == *name && line.version == *version)
    };
    let new = checked.artefacts.iter().filter(|found| !is_live(&found.name, &found.version));
    let mut files: Vec<String> = new.map(|found| found.file.clone()).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

fn text(report: &IdleReport, zone: &Zone, now: Instant) -> String {
    let mut lines = Vec::new();
    if report.free > 0 {
        let mails = counted(report.free, "mail");
        lines.push(format!("{mails} could leave now: nothing that is known holds them back."));
    } else if report.causes.is_empty() {
        lines.push("Nothing holds mail back, and no mail is due.".to_owned());
    }
    let at = |at: Instant| format!("{} ({})", local_text(at, zone), zone.name());
    for (number, cause) in (1..).zip(&report.causes) {
        let Cause { says, advice, .. } = cause;
        lines.push(format!("{number}. {}", super::output::in_one_line(says)));
        lines.extend(ends(cause, now, at).map(|ends| format!("   {ends}")));
        lines.extend(advice.iter().map(|advice| format!("   {advice}")));
    }
    lines.push(match report.next_at {
        Some(next) if next <= now => "Something is due now.".to_owned(),
        Some(next) => format!("Next, something will happen at {}.", at(next)),
        None => "Nothing will happen by itself.".to_owned(),
    });
    lines.join("\n")
}

/// When a cause ends by itself: for the first that it keeps, and the last, where these differ.
fn ends(cause: &Cause, now: Instant, at: impl Fn(Instant) -> String) -> Option<String> {
    let first = cause.until?;
    let last = cause.last_until.unwrap_or(first);
    Some(match (first <= now, last <= now) {
        (_, true) => "due now".to_owned(),
        (true, false) => format!("first due now, last due {}", at(last)),
        (false, _) if first == last => format!("until {}", at(first)),
        (false, _) => format!("first due {}, last due {}", at(first), at(last)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_the_first_and_the_last_instant_are_told() {
        let second = |second: i64| Instant::from_millis(second * 1_000);
        let said = |first, last| {
            let (until, last_until) = (Some(second(first)), Some(second(last)));
            let cause = Cause {
                cause: "waiting",
                number: 2,
                says: String::new(),
                advice: None,
                until,
                last_until,
                to_come: false,
            };
            ends(&cause, second(5), |at| at.millis().to_string()).unwrap()
        };
        assert_eq!(said(1, 5), "due now");
        assert_eq!(said(5, 9), "first due now, last due 9000");
        assert_eq!(said(6, 6), "until 6000");
        assert_eq!(said(6, 9), "first due 6000, last due 9000");
    }
}
