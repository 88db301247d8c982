//! The command line: one file a subcommand, raw arguments to one call.
//!
//! Standard output holds the result and nothing else; progress, warnings and logs go to standard
//! error. Exit codes: 0 done, 1 the input has problems, 2 wrong usage, 3 the environment failed,
//! 4 people in flight are affected.

mod apply;
mod check;
mod context;
mod demo;
mod engine;
mod enrol;
mod eval;
mod events;
mod failure;
mod findings;
mod folder;
mod inbox;
mod leads;
mod live;
mod migrate;
mod output;
mod pause;
mod preview;
mod progress;
mod render;
mod run;
mod send_test;
mod situation;
mod status;
mod suppressions;
mod tables;
mod tick;
mod why_score;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use self::{context::Context, failure::Failure, output::Output};

/// Lead nurturing as files: who enters, what happens step by step, when they leave.
#[derive(Debug, Parser)]
#[command(name = "nurtured", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Where `--help` lists what every command takes.
const GLOBAL: &str = "Global options";

#[derive(Debug, clap::Args)]
struct Global {
    /// The campaign folder
    #[arg(long, global = true, value_name = "DIR", default_value = ".", help_heading = GLOBAL)]
    dir: PathBuf,
    /// The configuration [default: DIR/nurtured.toml]
    #[arg(long, global = true, value_name = "FILE", help_heading = GLOBAL)]
    config: Option<PathBuf>,
    /// The database: sqlite:FILE, relative to the configuration, or postgres://…
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help_heading = GLOBAL,
        env = "NURTURED_DATABASE",
        hide_env_values = true
    )]
    database: Option<String>,
    /// Print one JSON document on standard output
    #[arg(long, global = true, help_heading = GLOBAL)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the database, or bring it up to this version; make the secrets file if there is none
    Migrate(migrate::Arguments),
    /// Check the campaign folder and show every problem
    ///
    /// Exits with 1 if anything is an error; warnings alone are no reason.
    Check(check::Arguments),
    /// Make what is in the campaign folder live
    ///
    /// Checks it first. A running daemon takes it over; every lead is then looked at again, in the
    /// background.
    Apply(apply::Arguments),
    /// Evaluate a condition for a lead: its value, how long it holds, and why
    ///
    /// For a lead in the database, by what is live (--lead); or for a situation in a file, by the
    /// campaign folder (--context).
    Eval(eval::Arguments),
    /// Import leads, or show one
    #[command(subcommand)]
    Leads(leads::Command),
    /// Import events
    #[command(subcommand)]
    Events(events::Command),
    /// Import addresses and domains that are not to be written to
    #[command(subcommand)]
    Suppressions(suppressions::Command),
    /// Ask for leads to be enrolled in a workflow, by hand
    ///
    /// The next pass of the engine decides: its re-entry rule, goal, consent and suppression hold as
    /// ever, and the lead's timeline says why.
    Enrol(enrol::Arguments),
    /// Show every point of a lead's scores
    WhyScore(why_score::Arguments),
    /// Stop sending: everything, or one workflow
    ///
    /// Mails wait where they are, nothing is lost, and leads go on being decided. `all` holds notices
    /// to our own people back too, a workflow only its mails to leads.
    Pause(pause::Arguments),
    /// Take up sending again
    Resume(pause::Arguments),
    /// Render a mail for a lead
    ///
    /// As the campaign folder has it and as it would read now. Nothing is sent or recorded; its links lead
    /// to nobody.
    Render(render::Arguments),
    /// Send a mail to somebody of ours
    ///
    /// As `render`, through the relay, with `[test]` before its subject. Nothing is recorded.
    SendTest(send_test::Arguments),
    /// Take in mail that came back
    #[command(subcommand)]
    Inbox(inbox::Command),
    /// Do everything that is due at an instant, then stop
    ///
    /// Decides, sends and settles until nothing is left. An instant more than a minute ahead of the clock
    /// is taken only on a database made by `migrate --rehearsal`, or when every relay writes files.
    Tick(tick::Arguments),
    /// Run the daemon
    ///
    /// Decides, sends, and answers the links of its mails, until it is told to stop. SIGTERM or SIGINT:
    /// nothing new is begun, what is on its way is finished. A second one, or the end of `[engine] grace`:
    /// it leaves at once.
    Run(run::Arguments),
    /// Walk a small example through weeks, with mails as files
    ///
    /// A fresh database in a folder of its own, a virtual clock, made-up readers. Nothing leaves this
    /// machine.
    Demo(demo::Arguments),
    /// Count what is in the database
    Status(status::Arguments),
}

/// Reads the arguments, does what they say, and returns the exit code.
#[must_use]
pub fn main() -> ExitCode {
    // reqwest and the relays need it; only the first installation in a process counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { failure::USAGE } else { 0 });
        }
    };
    let output = Output::new(cli.global.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::environment(format!("no threads can be started: {error}"));
            return failure.report(&output);
        }
    };
    let context = Context::new(cli.global, output.clone());
    match runtime.block_on(dispatch(cli.command, &context)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&output),
    }
}

async fn dispatch(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Migrate(arguments) => migrate::run(context, &arguments).await,
        Command::Leads(command) => leads::run(context, command).await,
        Command::Events(command) => events::run(context, command).await,
        Command::Suppressions(command) => suppressions::run(context, command).await,
        Command::Enrol(arguments) => enrol::run(context, &arguments).await,
        Command::WhyScore(arguments) => why_score::run(context, &arguments).await,
        Command::Pause(arguments) => pause::pause(context, &arguments).await,
        Command::Resume(arguments) => pause::resume(context, &arguments).await,
        Command::Status(arguments) => status::run(context, &arguments).await,
        Command::Check(arguments) => check::run(context, &arguments),
        Command::Apply(arguments) => apply::run(context, &arguments).await,
        Command::Eval(arguments) => eval::run(context, &arguments).await,
        Command::Render(arguments) => render::run(context, &arguments).await,
        Command::SendTest(arguments) => send_test::run(context, &arguments).await,
        Command::Inbox(command) => inbox::run(context, command).await,
        Command::Tick(arguments) => tick::run(context, &arguments).await,
        Command::Run(arguments) => run::run(context, &arguments).await,
        Command::Demo(arguments) => demo::run(context, &arguments).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
