//! `nurtured report workflow|funnel|today`

mod funnel;
mod grid;
mod period;
mod sheet;
mod today;
mod workflow;

use self::sheet::Sheet;
pub(super) use self::{
    funnel::text as funnel_text,
    grid::{Grid, bar, figure, figures, hanging, percent, rule, shortened, wrapped},
};
use super::{context::Context, failure::Failure, told};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// How far leads have come in a workflow, step by step
    #[command(long_about = told::<workflow::Arguments>())]
    Workflow(workflow::Arguments),
    /// Where leads stand, how they came there, how long it took
    #[command(long_about = told::<funnel::Arguments>())]
    Funnel(funnel::Arguments),
    /// What happened in the last 24 hours, and what is due in the next
    #[command(long_about = told::<today::Arguments>())]
    Today(today::Arguments),
}

pub(super) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Workflow(arguments) => workflow::run(context, &arguments).await,
        Command::Funnel(arguments) => funnel::run(context, &arguments).await,
        Command::Today(arguments) => today::run(context, &arguments).await,
    }
}

/// Prints a report as a table of figures, as a document or as text.
fn print<T: serde::Serialize>(
    context: &Context,
    csv: bool,
    report: &T,
    sheet: impl FnOnce() -> Sheet,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    if csv {
        return context.output.print(|out| sheet().write(out));
    }
    context.output.result(report, text)
}

/// # Errors
/// When both forms are asked for.
fn one_form(context: &Context, csv: bool) -> Result<(), Failure> {
    if csv && context.output.json {
        return Err(Failure::usage("--csv prints a table, --json a document: choose one"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
