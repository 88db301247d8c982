//! `nurtured leads import FILE.csv`

use std::path::{Path, PathBuf};

use crate::{
    cli::{context::Context, failure::Failure, findings, live::Live, progress},
    clock,
    domain::{lead::Basis, name::Name},
    engine::import::{
        LeadsImport, LeadsReport, Mapping, Rows, UnknownOwners, import_leads, quoted,
        rejects_beside,
    },
    store::records::ImportRun,
};

/// Imports leads from a CSV file with a header, in UTF-8. Rows with the same address are one lead:
/// of two rows the later one's cells are taken where they are not empty. Doing it again does no harm.
/// An import never takes anybody off the suppression list. Refused rows do not make it fail: it exits
/// with 0 and says how many there are.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The CSV file
    file: PathBuf,
    /// Which column is what, where the headers are not recognised (TOML)
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Where these leads come from [default: the file's name]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// The campaign that they are counted by
    #[arg(long, value_name = "NAME")]
    campaign: Option<String>,
    /// The purpose that the consents are for; one that is live
    #[arg(long, value_name = "NAME")]
    purpose: Option<String>,
    /// On what ground they may be written to: consent, legitimate_interest, soft_opt_in or contract.
    /// A column of consents is taken row by row; without one all but consent hold for every row
    #[arg(long, value_name = "BASIS", default_value = "consent", value_parser = basis)]
    basis: Basis,
    /// Where refused rows go [default: FILE.rejects.csv beside the file]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Say what would be done, write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(in crate::cli) fn basis(text: &str) -> Result<Basis, String> {
    Basis::from_word(&text.replace('-', "_")).ok_or_else(|| {
        let words: Vec<&str> = Basis::ALL.iter().map(|basis| basis.word()).collect();
        format!("known are {}", words.join(", "))
    })
}

/// The mapping of a file, or none.
pub(in crate::cli) fn mapping_of(file: Option<&Path>) -> Result<Mapping, Failure> {
    Ok(file.map(Mapping::load).transpose()?.unwrap_or_default())
}

/// Where the leads of a file come from: what is said, else the file's name.
pub(in crate::cli) fn source_of(said: Option<String>, file: &Path) -> Name {
    let name = || file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    said.unwrap_or_else(name).into()
}

pub(in crate::cli) async fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    let store = context.store().await?;
    let live = Live::load(&store).await?;
    if let Some(purpose) = &arguments.purpose {
        live.as_ref().ok_or_else(Live::nothing)?.expect_purpose(purpose)?;
    }
    let mapping = mapping_of(arguments.mapping.as_deref())?;
    let is_named = arguments.source.is_some();
    let source = source_of(arguments.source, &arguments.file);
    let import = LeadsImport {
        rejects: arguments.rejects.unwrap_or_else(|| rejects_beside(&arguments.file)),
        file: arguments.file,
        mapping,
        schema: live.as_ref().map(|live| live.definitions.schema.clone()),
        people: live
            .map(|live| live.definitions.people.clone())
            .filter(|it| !it.persons.is_empty()),
        run: ImportRun {
            id: (clock::random_u64() >> 1).cast_signed(),
            source,
            is_named,
            campaign: arguments.campaign.map(Name::from),
        },
        purpose: arguments.purpose.map(Name::from),
        basis: arguments.basis,
        dry_run: arguments.dry_run,
    };
    let bar = progress::bar(&context.output);
    let report = import_leads(&store, import, context.now(), progress::moved(&bar)).await;
    bar.finish_and_clear();
    let report = report?;
    context.output.result(&report, || text(&report))?;
    store.close().await;
    Ok(())
}

fn text(report: &LeadsReport) -> String {
    let mut figures = vec![
        ("created", report.created),
        ("updated", report.updated),
        ("unchanged", report.unchanged),
        ("merged", report.merged),
        ("rejected", report.rejected),
    ];
    figures.retain(|(word, figure)| *figure > 0 || matches!(*word, "created" | "rejected"));
    let mut lines = vec![findings::headline(report.dry_run, report.rows, &figures)];
    if report.suppressed > 0 {
        lines.push(findings::suppressed(report.suppressed));
    }
    lines.extend(still_written_to(&report.still_written_to));
    lines.extend(unknown_owners(&report.unknown_owners));
    if !report.unknown_columns.is_empty() {
        lines.push(format!("Columns that were not taken: {}.", quoted(&report.unknown_columns)));
    }
    findings::add_notes(&mut lines, &report.notes);
    findings::add_to(&mut lines, &report.findings, report.rejects_file.as_deref());
    lines.join("\n")
}

fn unknown_owners(owners: &UnknownOwners) -> Option<String> {
    const SHOWN: usize = 5;
    let (rows, name) = match owners.rows {
        0 => return None,
        1 => ("row", "names"),
        _ => ("rows", "name"),
    };
    let shown: Vec<String> = owners.first.iter().take(SHOWN).cloned().collect();
    let more = if owners.first.len() > SHOWN { ", …" } else { "" };
    Some(format!(
        "{} {rows} {name} an owner who is not among the people: {}{more}. Their mails are from the sender; \
         add them to the people file.",
        owners.rows,
        quoted(&shown)
    ))
}

fn still_written_to(rows: &Rows) -> Option<String> {
    const SHOWN: usize = 10;
    let numbers: Vec<String> = rows.first.iter().take(SHOWN).map(u64::to_string).collect();
    let (may_be, row) = match rows.total {
        0 => return None,
        1 => ("refused row may be an objection of a known lead, who is written to", "row"),
        _ => ("refused rows may be objections of known leads, who are written to", "rows"),
    };
    let more = if rows.total > SHOWN as u64 { ", …" } else { "" };
    Some(format!(
        "ATTENTION: {} {may_be} as before: {row} {}{more}. Mend and import what was refused, or put who objects on the \
         list by `nurtured suppressions import`.",
        rows.total,
        numbers.join(", ")
    ))
}
