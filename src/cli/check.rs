//! `nurtured check`: every problem of the campaign folder at once.

use serde::Serialize;

use super::{context::Context, failure::Failure, folder::Folder};
use crate::definitions::{Problem, counted, summary};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

#[derive(Serialize)]
struct Report<'a> {
    problems: &'a [Problem],
    errors: usize,
    warnings: usize,
    workflows: usize,
    segments: usize,
    mails: usize,
}

/// Exits with 1 if anything is an error; warnings alone are no reason.
pub(super) fn run(context: &Context, _arguments: &Arguments) -> Result<(), Failure> {
    let folder = Folder::check(context)?;
    let errors = folder.problems.iter().filter(|problem| problem.is_error()).count();
    let definitions = folder.live.as_ref().map(|live| &live.definitions);
    let report = Report {
        problems: &folder.problems,
        errors,
        warnings: folder.problems.len() - errors,
        workflows: definitions.map_or(0, |definitions| definitions.workflows.len()),
        segments: definitions.map_or(0, |definitions| definitions.segments.len()),
        mails: definitions.map_or(0, |definitions| definitions.templates.mails.len()),
    };
    context.output.result(&report, || {
        if errors > 0 {
            return folder.show(context.output.colour);
        }
        let found = format!(
            "{}, {}, {}: {}.",
            counted(report.workflows, "workflow"),
            counted(report.segments, "segment"),
            counted(report.mails, "mail"),
            summary(&folder.problems)
        );
        if folder.problems.is_empty() {
            found
        } else {
            format!("{}\n{found}", folder.show(context.output.colour))
        }
    })?;
    if errors > 0 { Err(Failure::already_shown()) } else { Ok(()) }
}
