//! `nurtured doctor`: whether everything that the daemon stands on is as it should be.
//!
//! Looks and asks, changes nothing, sends no mail. Each question has a short time-out, so that it ends
//! without a network as well.

mod checkup;
mod database;
mod dmarc;
mod dns;
mod files;
mod names;
mod relay;
mod sending;
mod signing;
mod spf;
#[cfg(test)]
mod stub;
mod webhooks;

use std::time::Duration;

use serde::Serialize;

use self::checkup::{Checkup, Finding, Verdict};
use super::{context::Context, failure::Failure};
use crate::config::ConfigError;

/// How long the database, the relay and the daemon may take to answer.
const WITHIN: Duration = Duration::from_secs(5);

/// Looks at the configuration, secrets, campaign folder, database, clock, relay, webhooks and DNS names.
///
/// Changes nothing and sends no mail. Exits with 1 if something failed; warnings alone are no reason.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

#[derive(Serialize)]
struct Report<'a> {
    checks: &'a [Finding],
    failed: usize,
    warnings: usize,
}

pub(super) async fn run(context: &Context, _: &Arguments) -> Result<(), Failure> {
    let mut checkup = Checkup::default();
    files::zones(&mut checkup, context.now());
    files::campaign(&mut checkup, context);
    match context.config() {
        Ok(config) => {
            let file = config.file.display();
            checkup.ok("configuration", format!("{file} has no mistake"));
            files::secrets(&mut checkup, &config).await;
            files::sender(&mut checkup, &config);
            database::look(&mut checkup, &config, context.now()).await;
            relay::ask(&mut checkup, &config).await;
            relay::daemon(&mut checkup, &config).await;
            webhooks::look(&mut checkup, &config).await;
            names::look_up(&mut checkup, &config).await;
        }
        Err(failure) => {
            let advice = "mend it; what depends on it was not looked at";
            checkup.failed("configuration", failure.to_string(), advice);
        }
    }
    let findings = checkup.findings();
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let report = Report {
        checks: findings,
        failed: count(Verdict::Failed),
        warnings: count(Verdict::Warning),
    };
    context.output.result(&report, || {
        let lines = findings.iter().map(|finding| finding.line(&context.output));
        let sum = format!("{} failed, {} to look at.", report.failed, report.warnings);
        lines.chain([sum]).collect::<Vec<_>>().join("\n")
    })?;
    if report.failed > 0 { Err(Failure::already_shown()) } else { Ok(()) }
}

/// A credential that only the service has is no fault of the set-up.
fn is_the_services(error: &ConfigError) -> bool {
    matches!(error, ConfigError::NoCredentials { .. })
}
