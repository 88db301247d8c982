//! `nurtured check`: every problem of the campaign folder at once.

mod github;

use std::collections::BTreeSet;

use serde::Serialize;

use super::{context::Context, failure::Failure, folder::Folder};
use crate::{
    definitions::{Problem, Severity, WARNINGS, counted, summary},
    domain::name::Name,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Take warnings of this rule, as `mail-size`, for errors; `warnings` are all. May be said several times
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    deny: Vec<String>,
    /// But not those of this rule
    #[arg(long, value_name = "RULE", value_delimiter = ',', requires = "deny")]
    allow: Vec<String>,
    /// Print each problem as `github` shows it beside the lines of a pull request
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// Annotations of GitHub Actions
    Github,
}

/// What `--deny` calls all rules.
const ALL: &str = "warnings";

impl Arguments {
    /// The rules whose warnings are errors.
    ///
    /// # Errors
    /// When there is no such rule: a slip of the pen would deny nothing.
    fn denied(&self) -> Result<BTreeSet<&str>, Failure> {
        let mut denied = BTreeSet::new();
        for rule in &self.deny {
            match rule.as_str() {
                ALL => denied.extend(WARNINGS),
                rule => drop(denied.insert(known(rule)?)),
            }
        }
        for rule in &self.allow {
            denied.remove(known(rule)?);
        }
        Ok(denied)
    }
}

fn known(rule: &str) -> Result<&'static str, Failure> {
    let found = WARNINGS.into_iter().find(|known| *known == rule);
    let names = WARNINGS.map(Name::from);
    found.ok_or_else(|| Failure::unknown(format!("rule of warnings `{rule}`"), &names))
}

#[derive(Serialize)]
struct Report<'a> {
    problems: &'a [Problem],
    errors: usize,
    warnings: usize,
    workflows: usize,
    segments: usize,
    mails: usize,
}

/// Exits with 1 if anything is an error; warnings alone are no reason, unless they are denied.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let denied = arguments.denied()?;
    let mut folder = Folder::check(context)?;
    folder.check_tests();
    for problem in folder.problems.iter_mut().filter(|problem| denied.contains(problem.rule)) {
        problem.severity = Severity::Error;
    }
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
        let shown = match arguments.format {
            Some(Format::Github) => github::annotations(&folder.problems, &context.dir),
            None => folder.show(context.output.colour),
        };
        if errors > 0 {
            return shown;
        }
        let found = format!(
            "{}, {}, {}: {}.",
            counted(report.workflows, "workflow"),
            counted(report.segments, "segment"),
            counted(report.mails, "mail"),
            summary(&folder.problems)
        );
        if folder.problems.is_empty() { found } else { format!("{shown}\n{found}") }
    })?;
    if errors > 0 { Err(Failure::already_shown()) } else { Ok(()) }
}
