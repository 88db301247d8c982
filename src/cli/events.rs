//! `nurtured events import FILE`

use std::path::PathBuf;

use super::{context::Context, failure::Failure, findings, progress, told};
use crate::engine::import::{EventsImport, EventsReport, import_events, rejects_beside};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Import events from a CSV file (email, at, event, object, …) or JSON lines (.jsonl)
    #[command(long_about = told::<Arguments>())]
    Import(Arguments),
}

/// Imports what happened: `page_visited` and `page.visited` alike; further columns are the event's
/// data. The same row is recorded once, also if it comes again; a column `id` tells apart what else is
/// the same. A file of deals (email, deal, opened_on, outcome, closed_on) tells when each was opened, won
/// or lost. Whoever `lead.unsubscribed` or `mail.complained` in the file is never written to again.
/// Refused rows do not make it fail: it exits with 0 and says how many there are.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file; .jsonl and .ndjson are JSON lines, everything else CSV
    file: PathBuf,
    /// Where these events come from [default: the file's name]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Where refused rows go [default: FILE.rejects.csv or FILE.rejects.jsonl beside the file]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Say what would be done, write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let Command::Import(arguments) = command;
    let store = context.store().await?;
    let source = arguments.source.unwrap_or_else(|| {
        arguments.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    });
    let import = EventsImport {
        rejects: arguments.rejects.unwrap_or_else(|| rejects_beside(&arguments.file)),
        file: arguments.file,
        source: source.into(),
        dry_run: arguments.dry_run,
    };
    let bar = progress::bar(&context.output);
    let report = import_events(&store, import, context.now(), progress::moved(&bar)).await;
    bar.finish_and_clear();
    let report = report?;
    context.output.result(&report, || text(&report))?;
    store.close().await;
    Ok(())
}

fn text(report: &EventsReport) -> String {
    let figures = [
        ("recorded", report.recorded),
        ("known already", report.duplicates),
        ("rejected", report.rejected),
    ];
    let mut lines = vec![findings::headline(report.dry_run, report.rows, &figures)];
    if report.events > report.recorded {
        lines.push(format!(
            "These are {} events: deals were opened, and won or lost.",
            report.events
        ));
    }
    if report.unknown_leads > 0 {
        lines.push(format!(
            "Of the rejected, {} are of addresses that no lead has: import the leads first.",
            report.unknown_leads
        ));
    }
    if report.suppressed > 0 {
        lines.push(findings::suppressed(report.suppressed));
    }
    if report.clamped > 0 {
        lines.push(format!("{} were dated in the future: recorded as of now.", report.clamped));
    }
    findings::add_notes(&mut lines, &report.notes);
    findings::add_to(&mut lines, &report.findings, report.rejects_file.as_deref());
    lines.join("\n")
}
