//! `nurtured suppressions import FILE`

use std::path::PathBuf;

use super::{context::Context, failure::Failure, findings, progress, told};
use crate::{
    domain::lead::Suppression,
    engine::import::{SuppressionsImport, SuppressionsReport, import_suppressions, rejects_beside},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Put addresses and whole domains on the suppression list
    #[command(long_about = told::<Arguments>())]
    Import(Arguments),
}

/// Reads a file with one address or domain (`@ours.example`, `ours.example`) a line, or a CSV file
/// with a column `email` or `domain` and, if you like, `reason`. Refused rows do not make it fail: it
/// exits with 0 and says how many there are.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file
    file: PathBuf,
    /// Why, where a row does not say it
    #[arg(long, value_name = "REASON", default_value = "manual", value_parser = reason)]
    reason: Suppression,
    /// Where the list comes from [default: the file's name]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Where refused rows go [default: FILE.rejects.csv beside the file]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Say what would be done, write nothing
    #[arg(long)]
    dry_run: bool,
}

fn reason(text: &str) -> Result<Suppression, String> {
    Suppression::from_word(&text.replace('-', "_")).ok_or_else(|| {
        let words: Vec<&str> = Suppression::ALL.iter().map(|reason| reason.word()).collect();
        format!("known are {}", words.join(", "))
    })
}

pub(super) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let Command::Import(arguments) = command;
    let store = context.store().await?;
    let source = arguments.source.unwrap_or_else(|| {
        arguments.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    });
    let import = SuppressionsImport {
        rejects: arguments.rejects.unwrap_or_else(|| rejects_beside(&arguments.file)),
        file: arguments.file,
        source: source.into(),
        reason: arguments.reason,
        dry_run: arguments.dry_run,
    };
    let bar = progress::bar(&context.output);
    let report = import_suppressions(&store, import, context.now(), progress::moved(&bar)).await;
    bar.finish_and_clear();
    let report = report?;
    context.output.result(&report, || text(&report))?;
    store.close().await;
    Ok(())
}

fn text(report: &SuppressionsReport) -> String {
    let figures =
        [("added", report.added), ("known already", report.known), ("rejected", report.rejected)];
    let mut lines = vec![findings::headline(report.dry_run, report.rows, &figures)];
    findings::add_notes(&mut lines, &report.notes);
    findings::add_to(&mut lines, &report.findings, report.rejects_file.as_deref());
    lines.join("\n")
}
