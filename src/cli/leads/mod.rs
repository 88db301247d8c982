//! `nurtured leads`: bring them in, show one.

mod import;
mod sheet;
mod show;

pub(super) use import::{basis, mapping_of, source_of};

use super::{context::Context, failure::Failure, told};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Import leads from a CSV file; HubSpot's headers are recognised
    #[command(long_about = told::<import::Arguments>())]
    Import(import::Arguments),
    /// Show a lead: profile, scores, stage, enrolments, messages, timeline
    Show(show::Arguments),
}

pub(super) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Import(arguments) => import::run(context, arguments).await,
        Command::Show(arguments) => show::run(context, &arguments).await,
    }
}
