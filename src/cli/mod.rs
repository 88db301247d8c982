//! The command line: one file a subcommand, raw arguments to one call.
//!
//! Standard output holds the result and nothing else; progress, warnings and logs go to standard
//! error. Exit codes: 0 done, 1 the input has problems, 2 wrong usage, 3 the environment failed,
//! 4 people in flight are affected.

mod apply;
mod backup;
mod budget;
mod cancel;
mod check;
mod codes;
mod completions;
mod confirm;
mod context;
mod demo;
mod dkim;
mod doctor;
mod doubt;
mod engine;
mod enrol;
mod eval;
mod events;
mod failure;
mod findings;
mod folder;
mod graph;
mod inbox;
mod init;
mod leads;
mod live;
mod man;
mod migrate;
mod outcome;
mod output;
mod parked;
mod pause;
mod plan;
mod preview;
mod progress;
mod releases;
mod render;
mod replay;
mod report;
mod restore;
mod rollback;
mod run;
mod schema;
mod scope;
mod segments;
mod send_test;
mod simulate;
mod situation;
mod status;
mod suppressions;
mod tables;
mod test;
mod tick;
mod why;
mod why_idle;
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
    /// Make a new campaign folder to start from
    Init(init::Arguments),
    /// Make the database, or bring it up to this version; make the secrets file if there is none
    Migrate(migrate::Arguments),
    /// Check the campaign folder and show every problem
    ///
    /// Exits with 1 if anything is an error; warnings alone are no reason.
    Check(check::Arguments),
    /// Say what making the campaign folder live would do, and to whom
    #[command(long_about = told::<plan::Arguments>())]
    Plan(plan::Arguments),
    /// Make what is in the campaign folder live
    #[command(long_about = told::<apply::Arguments>())]
    Apply(apply::Arguments),
    /// Run the tests that stand beside workflows
    #[command(long_about = told::<test::Arguments>())]
    Test(test::Arguments),
    /// Go through months of the campaign on a virtual clock; nothing is sent
    #[command(long_about = told::<simulate::Arguments>())]
    Simulate(simulate::Arguments),
    /// Draw a workflow: its steps, and the ways between them
    #[command(long_about = told::<graph::Arguments>())]
    Graph(graph::Arguments),
    /// Make what was live before live again
    #[command(long_about = told::<rollback::Arguments>())]
    Rollback(rollback::Arguments),
    /// List what was made live, when, by whom and why
    #[command(long_about = told::<releases::Arguments>())]
    Releases(releases::Arguments),
    /// Evaluate a condition for a lead: its value, how long it holds, and why
    #[command(long_about = told::<eval::Arguments>())]
    Eval(eval::Arguments),
    /// Count who is in the segments, of all leads
    #[command(long_about = told::<segments::Arguments>())]
    Segments(segments::Arguments),
    /// Import leads, or show one
    #[command(subcommand)]
    Leads(leads::Command),
    /// Import events
    #[command(subcommand)]
    Events(events::Command),
    /// Import addresses and domains that are not to be written to
    #[command(subcommand)]
    Suppressions(suppressions::Command),
    /// Import discount codes, or show how many are left
    #[command(subcommand)]
    Codes(codes::Command),
    /// Ask for leads to be enrolled in a workflow, by hand
    #[command(long_about = told::<enrol::Arguments>())]
    Enrol(enrol::Arguments),
    /// Record what sales says of a lead
    #[command(long_about = told::<outcome::Arguments>())]
    Outcome(outcome::Arguments),
    /// Show every point of a lead's scores
    WhyScore(why_score::Arguments),
    /// Stop sending: everything, a workflow, to a lead or a company, by a relay
    #[command(long_about = told::<pause::PauseArguments>())]
    Pause(pause::PauseArguments),
    /// Take up sending again
    #[command(long_about = told::<pause::ResumeArguments>())]
    Resume(pause::ResumeArguments),
    /// Take leads out of a workflow, or out of all
    #[command(long_about = told::<cancel::Arguments>())]
    Cancel(cancel::Arguments),
    /// Print the keys of the campaign language as JSON Schema
    #[command(long_about = told::<schema::Arguments>())]
    Schema(schema::Arguments),
    /// Render a mail for a lead
    #[command(long_about = told::<render::Arguments>())]
    Render(render::Arguments),
    /// Send a mail to somebody of ours
    #[command(long_about = told::<send_test::Arguments>())]
    SendTest(send_test::Arguments),
    /// Take in mail that came back
    #[command(subcommand)]
    Inbox(inbox::Command),
    /// Do everything that is due at an instant, then stop
    #[command(long_about = told::<tick::Arguments>())]
    Tick(tick::Arguments),
    /// Run the daemon
    #[command(long_about = told::<run::Arguments>())]
    Run(run::Arguments),
    /// Walk a small example through weeks, with mails as files
    #[command(long_about = told::<demo::Arguments>())]
    Demo(demo::Arguments),
    /// Count what is in the database
    Status(status::Arguments),
    /// Figures of a workflow, of all leads, of today
    #[command(subcommand)]
    Report(report::Command),
    /// Show mails that may have arrived, or say what became of them
    #[command(long_about = told::<doubt::Arguments>())]
    Doubt(doubt::Arguments),
    /// Say what may leave on the next days, and what is due
    #[command(long_about = told::<budget::Arguments>())]
    Budget(budget::Arguments),
    /// Tell why a lead got what it got
    #[command(long_about = told::<why::Arguments>())]
    Why(why::Arguments),
    /// Tell why a lead did not get a mail, or is not in a workflow
    #[command(long_about = told::<why::NotArguments>())]
    WhyNot(why::NotArguments),
    /// Decide again what was decided, and list what comes out otherwise
    #[command(long_about = told::<replay::Arguments>())]
    Replay(replay::Arguments),
    /// Say why nothing is being sent right now
    #[command(long_about = told::<why_idle::Arguments>())]
    WhyIdle(why_idle::Arguments),
    /// Copy the database into a file, while the daemon runs
    #[command(long_about = told::<backup::Arguments>())]
    Backup(backup::Arguments),
    /// Bring a database back, paused
    #[command(long_about = told::<restore::Arguments>())]
    Restore(restore::Arguments),
    /// Look whether everything that the daemon stands on is as it should be
    #[command(long_about = told::<doctor::Arguments>())]
    Doctor(doctor::Arguments),
    /// Make a key that mails are signed with, or print what to publish of one
    #[command(subcommand)]
    Dkim(dkim::Command),
    /// Print what a shell needs to complete commands
    #[command(long_about = told::<completions::Arguments>())]
    Completions(completions::Arguments),
    /// Write the manual pages
    #[command(long_about = told::<man::Arguments>())]
    Man(man::Arguments),
}

/// What the doc comment of a command's arguments says, for `--help`; in the list stands what the command's
/// own says.
fn told<A: clap::Args>() -> String {
    let command = A::augment_args(clap::Command::new("of these arguments"));
    let told = command.get_long_about().or(command.get_about());
    let told = told.map(ToString::to_string).unwrap_or_default();
    if told.ends_with('.') { told } else { told + "." }
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
    let done = runtime.block_on(dispatch(cli.command, &context));
    // What was given up, a name that is still looked up, is not waited for.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&output),
    }
}

async fn dispatch(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Init(arguments) => init::run(context, &arguments),
        Command::Migrate(arguments) => migrate::run(context, &arguments).await,
        Command::Leads(command) => leads::run(context, command).await,
        Command::Events(command) => events::run(context, command).await,
        Command::Suppressions(command) => suppressions::run(context, command).await,
        Command::Codes(command) => codes::run(context, command).await,
        Command::Enrol(arguments) => enrol::run(context, &arguments).await,
        Command::Outcome(arguments) => outcome::run(context, &arguments).await,
        Command::WhyScore(arguments) => why_score::run(context, &arguments).await,
        Command::Pause(arguments) => pause::pause(context, &arguments).await,
        Command::Resume(arguments) => pause::resume(context, &arguments).await,
        Command::Cancel(arguments) => cancel::run(context, &arguments).await,
        Command::Status(arguments) => status::run(context, &arguments).await,
        Command::Report(command) => report::run(context, command).await,
        Command::Doubt(arguments) => doubt::run(context, &arguments).await,
        Command::Budget(arguments) => budget::run(context, &arguments).await,
        Command::Why(arguments) => why::run(context, &arguments).await,
        Command::WhyNot(arguments) => why::run_not(context, &arguments).await,
        Command::Replay(arguments) => replay::run(context, &arguments).await,
        Command::WhyIdle(arguments) => why_idle::run(context, &arguments).await,
        Command::Backup(arguments) => backup::run(context, &arguments).await,
        Command::Restore(arguments) => restore::run(context, &arguments).await,
        Command::Doctor(arguments) => doctor::run(context, &arguments).await,
        Command::Dkim(command) => dkim::run(context, &command),
        Command::Completions(arguments) => completions::run(context, &arguments),
        Command::Man(arguments) => man::run(context, &arguments),
        Command::Check(arguments) => check::run(context, &arguments),
        Command::Plan(arguments) => plan::run(context, &arguments).await,
        Command::Apply(arguments) => apply::run(context, &arguments).await,
        Command::Test(arguments) => test::run(context, &arguments),
        Command::Simulate(arguments) => simulate::run(context, &arguments).await,
        Command::Graph(arguments) => graph::run(context, &arguments).await,
        Command::Rollback(arguments) => rollback::run(context, &arguments).await,
        Command::Releases(arguments) => releases::run(context, &arguments).await,
        Command::Eval(arguments) => eval::run(context, &arguments).await,
        Command::Segments(arguments) => segments::run(context, &arguments).await,
        Command::Schema(arguments) => schema::run(context, &arguments),
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
    fn long_help_says_what_stands_on_the_arguments() {
        let mut cli = super::Cli::command();
        let mut help = |path: &[&str]| {
            let command = path.iter().fold(&mut cli, |command, name| {
                command.find_subcommand_mut(name).expect("a command")
            });
            command.render_long_help().to_string().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert!(help(&["tick"]).contains("every relay writes files"));
        assert!(help(&["run"]).contains("SIGTERM"));
        assert!(
            help(&["leads", "import"]).contains("never takes anybody off the suppression list.")
        );
    }

    #[test]
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
