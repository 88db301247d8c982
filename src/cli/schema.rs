//! `nurtured schema`: the keys of the campaign language, for editors and for the manual.

use super::{context::Context, failure::Failure};
use crate::definitions::schema;

/// Print the keys of the campaign language as JSON Schema
///
/// An editor that is given it completes keys and marks mistakes while you write; what `check` says is
/// more, and counts.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Of the front matter of mails, not of the files under workflows/
    #[arg(long)]
    mails: bool,
    /// Of files of tests, `workflows/*.test.yaml`
    #[arg(long, conflicts_with = "mails")]
    tests: bool,
    /// The page of the manual instead: every key in tables, in Markdown
    #[arg(long, conflicts_with_all = ["mails", "tests", "json"])]
    page: bool,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.page {
        return context.output.text(&schema::page());
    }
    let document = match (arguments.mails, arguments.tests) {
        (true, _) => schema::json_schema_of_mails(),
        (_, true) => schema::json_schema_of_tests(),
        _ => schema::json_schema(),
    };
    context.output.document(&document)
}
