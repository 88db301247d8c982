//! Suppressions out of a file: addresses and whole domains that are not written to.

use std::path::PathBuf;

use tokio::sync::mpsc;

use super::{
    BATCH, ImportError, Progress,
    rejects::{Rejects, refuse_input, restored},
    report::{Finding, SuppressionsReport},
    seen::Seen,
    table::{Row, Table, text_cells},
};
use crate::{
    domain::{address::Address, lead::Suppression, name::Name, time::Instant},
    store::{Store, Subject},
};

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct SuppressionsImport {
    pub file: PathBuf,
    pub source: Name,
    /// For rows that do not say why.
    pub reason: Suppression,
    /// Where refused rows go.
    pub rejects: PathBuf,
    /// Writes nothing at all.
    pub dry_run: bool,
}

/// Imports a list of addresses and domains: one a line, or a CSV file with a header.
///
/// # Errors
/// When the file cannot be read, or the store fails. Rows before are on the list.
pub async fn import_suppressions(
    store: &Store,
    import: SuppressionsImport,
    now: Instant,
    progress: impl Fn(Progress) + Send + 'static,
) -> Result<SuppressionsReport, ImportError> {
    let (batches, mut inbox) = mpsc::channel::<Vec<(Subject, Suppression)>>(2);
    let (source, dry_run) = (import.source.clone(), import.dry_run);
    let reader = tokio::task::spawn_blocking(move || read(&import, &progress, &batches));
    let (mut taken, mut added) = (0, 0);
    let mut seen = Seen::default();
    let written = async {
        while let Some(batch) = inbox.recv().await {
            taken += batch.len() as u64;
            added += if dry_run {
                let subjects = batch.into_iter().map(|(subject, _)| subject);
                let fresh: Vec<Subject> = subjects.filter(|one| seen.is_new(one)).collect();
                store.foresee_suppressed(&fresh).await?
            } else {
                store.suppress(&batch, &source, now).await?
            };
        }
        Ok::<_, ImportError>(())
    }
    .await;
    drop(inbox);
    let read = reader.await?;
    written?;
    let mut report = read?;
    report.added = added;
    report.notes.extend(seen.note());
    report.known = taken - report.added;
    report.dry_run = dry_run;
    Ok(report)
}

/// Where things are; a file without a header has its subjects in the first column.
struct Columns {
    subject: usize,
    reason: Option<usize>,
}

fn read(
    import: &SuppressionsImport,
    progress: &dyn Fn(Progress),
    batches: &mpsc::Sender<Vec<(Subject, Suppression)>>,
) -> Result<SuppressionsReport, ImportError> {
    if !import.dry_run {
        refuse_input(&import.file, &import.rejects)?;
    }
    let mut table = Table::open_bare(&import.file)?;
    let mut report = SuppressionsReport::default();
    let mut rejects = None;
    let mut columns = None;
    let (size, mut rows) = (table.size(), 0);
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let Some(row) = table.next_row()? else { break };
        if columns.is_none() {
            let (found, headers) = header(&row);
            columns = Some((found.unwrap_or(Columns { subject: 0, reason: None }), headers.len()));
            let is_header = headers.iter().any(|header| is_word_for_subject(header));
            let path = (!import.dry_run).then(|| import.rejects.clone());
            let names = if is_header { headers } else { named(headers.len()) };
            rejects = Some(Rejects::new(path, &names));
            if is_header {
                continue;
            }
        }
        rows += 1;
        let Some((columns, width)) = &columns else { continue };
        match subject(import, columns, &row, *width) {
            Ok((one, doubt)) => {
                batch.push(one);
                if let Some(finding) = doubt {
                    let kind = finding.advice.clone();
                    report.findings.add(&kind, finding);
                }
            }
            Err(finding) => {
                report.rejected += 1;
                if let Some(rejects) = &mut rejects {
                    rejects.add(row.cells.iter(), &finding)?;
                }
                let kind = finding.advice.clone();
                report.findings.add(&kind, finding);
            }
        }
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if batches.blocking_send(full).is_err() {
                return Ok(report);
            }
            progress(Progress { bytes: table.bytes(), total: size, rows });
        }
    }
    let _ = batches.blocking_send(batch);
    progress(Progress { bytes: size, total: size, rows });
    report.rows = rows;
    if let Some(rejects) = rejects {
        report.rejects_file = rejects.finish(&mut report.notes)?;
    }
    Ok(report)
}

/// The header of a file that has none.
fn named(columns: usize) -> Vec<String> {
    let mut names = vec![String::new(); columns];
    if let Some(first) = names.first_mut() {
        "subject".clone_into(first);
    }
    names
}

fn is_word_for_subject(header: &str) -> bool {
    matches!(header, "email" | "e-mail" | "email address" | "address" | "domain" | "subject")
}

fn header(row: &Row<'_>) -> (Option<Columns>, Vec<String>) {
    let headers: Vec<String> = row
        .cells
        .iter()
        .map(|cell| {
            String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').trim().to_lowercase()
        })
        .collect();
    let subject = headers.iter().position(|header| is_word_for_subject(header));
    let reason = headers.iter().position(|header| header == "reason");
    (subject.map(|subject| Columns { subject, reason }), headers)
}

/// Who is not to be written to, and what was not understood about why: in doubt the row counts.
fn subject(
    import: &SuppressionsImport,
    columns: &Columns,
    row: &Row<'_>,
    width: usize,
) -> Result<((Subject, Suppression), Option<Finding>), Finding> {
    let found = |reason: String, advice: &str, rejected| Finding {
        row: row.number,
        column: String::new(),
        reason,
        advice: advice.into(),
        rejected,
    };
    let refused = |reason, advice: &str| found(reason, advice, true);
    let mut cells = Vec::new();
    text_cells(row, width, &mut cells).map_err(|fault| {
        let (reason, advice) = fault.reason_and_advice();
        refused(reason, advice)
    })?;
    let text = restored(cells[columns.subject].trim_start_matches('\u{feff}').trim());
    let advice = "write an address, or a domain like ours.example";
    let subject = match text.strip_prefix("*@").or_else(|| text.strip_prefix('@')) {
        Some(domain) => domain_of(domain),
        None if text.contains('@') => {
            Address::parse(text).map(Subject::Address).map_err(|error| error.to_string())
        }
        None => domain_of(text),
    }
    .map_err(|reason| refused(reason, advice))?;
    let reason = columns.reason.map_or("", |column| cells[column].trim());
    if reason.is_empty() {
        return Ok(((subject, import.reason), None));
    }
    match Suppression::from_word(&reason.to_lowercase().replace([' ', '-'], "_")) {
        Some(reason) => Ok(((subject, reason), None)),
        None => {
            let advice = format!(
                "put on the list as {}; known are unsubscribed, complained, hard_bounce, manual",
                import.reason.word()
            );
            let finding = found(format!("`{reason}` is no reason"), &advice, false);
            Ok(((subject, import.reason), Some(finding)))
        }
    }
}

/// A domain in the form that addresses have it.
fn domain_of(text: &str) -> Result<Subject, String> {
    match Address::parse(&format!("postmaster@{text}")) {
        Ok(address) => Ok(Subject::Domain(address.domain().to_owned())),
        Err(_) => Err(format!("`{text}` is neither an address nor a domain")),
    }
}
