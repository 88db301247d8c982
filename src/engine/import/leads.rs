//! Leads out of a CSV file.

use std::{collections::HashSet, path::PathBuf};

use tokio::sync::mpsc;

use super::{
    BATCH, ImportError, Progress,
    batches::{Batch, Batches, Ready},
    consent::Consents,
    events::is_json_lines,
    mapping::{Columns, Mapping, Target},
    rejects::{Rejects, refuse_input},
    report::{Finding, LeadsReport},
    row::{Objection, RowReader},
    seen::Seen,
    table::{Table, text_cells},
};
use crate::{
    domain::{
        address::Address,
        id::LeadId,
        lead::{Basis, Suppression},
        name::Name,
        people::People,
        time::Instant,
        value::Schema,
    },
    store::{
        Store, Subject,
        records::{ImportRun, UpsertKind, Upserted},
    },
};

/// Rows written in one transaction of SQLite, about, if they are there. Addresses come in no order that an
/// index has: the more of them, the more share a page, which is written once.
const TRANSACTION: usize = 16_000;

/// Addresses of doubts that are asked for at once.
const ASKED: usize = 10_000;

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct LeadsImport {
    pub file: PathBuf,
    pub mapping: Mapping,
    /// The live one: it gives cells their types. `None`: nothing is live yet.
    pub schema: Option<Schema>,
    /// The live ones: who owners may be. `None`: it is not known who works here.
    pub people: Option<People>,
    pub run: ImportRun,
    /// What the file's consents are for.
    pub purpose: Option<Name>,
    pub basis: Basis,
    /// Where refused rows go.
    pub rejects: PathBuf,
    /// Writes nothing at all.
    pub dry_run: bool,
}

/// Imports a file of leads. Doing it again changes nothing more.
///
/// # Errors
/// When the file cannot be read as a table of leads, or the store fails. Rows before are imported.
pub async fn import_leads(
    store: &Store,
    import: LeadsImport,
    now: Instant,
    progress: impl Fn(Progress) + Send + 'static,
) -> Result<LeadsReport, ImportError> {
    let (batches, mut inbox) = mpsc::channel::<Ready>(1);
    let dry_run = import.dry_run;
    let mut taking = Taking { dry_run, ..Taking::default() };
    let run = import.run.clone();
    let reader = tokio::task::spawn_blocking(move || read(&import, now, &progress, &batches));
    let written = if dry_run {
        taking.foresee(store, &mut inbox, &run, now).await
    } else {
        taking.write(store, &mut inbox, &run, now).await
    };
    // Stops a reader that is still at it.
    drop(inbox);
    let read = reader.await?;
    written?;
    let mut report = read?;
    let Taking { figures, seen, .. } = taking;
    report.created = figures.created;
    report.updated = figures.updated;
    report.unchanged = figures.unchanged;
    report.merged = figures.merged;
    report.rejected += figures.rejected;
    report.suppressed = figures.suppressed;
    report.still_written_to = figures.still_written_to;
    report.findings.absorb(figures.findings);
    report.dry_run = dry_run;
    report.notes.extend(seen.note());
    Ok(report)
}

/// What became of the rows.
#[derive(Default)]
struct Taking {
    figures: LeadsReport,
    /// Of a dry run: what came before is not in the database.
    seen: Seen,
    /// Of a dry run: those of the addresses that are suppressed.
    suppressed: Seen,
    dry_run: bool,
}

impl Taking {
    async fn write(
        &mut self,
        store: &Store,
        inbox: &mut mpsc::Receiver<Ready>,
        run: &ImportRun,
        now: Instant,
    ) -> Result<(), ImportError> {
        while let Some(ready) = inbox.recv().await {
            let mut importing = store.begin_import().await?;
            let (mut rows, mut objections, mut doubts) = (0, Vec::new(), Vec::new());
            let mut next = Some(ready);
            while let Some((batch, profiles)) = next {
                let upserted = importing.take(&batch.leads, profiles?, run, now).await?;
                rows += batch.leads.len();
                self.count(&batch, upserted);
                let subjects = batch.objections.into_iter().map(Subject::Address);
                objections.extend(subjects.map(|who| (who, Suppression::Unsubscribed)));
                doubts.extend(batch.doubts);
                // Nobody is kept waiting for a row that is still to be read.
                let goes_on = rows < TRANSACTION && importing.has_room();
                next = if goes_on { inbox.try_recv().ok() } else { None };
            }
            importing.commit().await?;
            store.suppress(&objections, &run.source, now).await?;
            self.count_doubts(store, &doubts).await?;
        }
        Ok(())
    }

    async fn foresee(
        &mut self,
        store: &Store,
        inbox: &mut mpsc::Receiver<Ready>,
        run: &ImportRun,
        now: Instant,
    ) -> Result<(), ImportError> {
        while let Some((batch, _)) = inbox.recv().await {
            let upserted = store.foresee_leads(&batch.leads, run, now).await?;
            self.count(&batch, upserted);
            self.count_doubts(store, &batch.doubts).await?;
        }
        Ok(())
    }

    fn count(&mut self, batch: &Batch, upserted: Vec<Upserted>) {
        self.figures.suppressed += batch.objections.len() as u64;
        for ((upserted, lead), &row) in upserted.into_iter().zip(&batch.leads).zip(&batch.rows) {
            if let Some(since) = upserted.withdrawn {
                let finding = withdrawn(row, since);
                self.figures.findings.add(&finding.advice.clone(), finding);
            }
            if upserted.how == UpsertKind::Unreadable {
                self.figures.findings.add("lead", unreadable(row, upserted.lead));
            }
            // Of an earlier batch, which a dry run has not written.
            let is_again = self.dry_run && !self.seen.is_new(&lead.address);
            let how = match upserted.how {
                UpsertKind::Unreadable => UpsertKind::Unreadable,
                _ if is_again => UpsertKind::Merged,
                how => how,
            };
            *match how {
                UpsertKind::Created => &mut self.figures.created,
                UpsertKind::Updated => &mut self.figures.updated,
                UpsertKind::Unchanged => &mut self.figures.unchanged,
                UpsertKind::Merged => &mut self.figures.merged,
                UpsertKind::Unreadable => &mut self.figures.rejected,
            } += 1;
            self.figures.suppressed += u64::from(upserted.suppressed);
            if self.dry_run && upserted.suppressed {
                self.suppressed.is_new(&lead.address);
            }
        }
        if self.dry_run {
            for address in &batch.objections {
                self.suppressed.is_new(address);
            }
        }
    }

    /// Once what stands before them is taken.
    async fn count_doubts(
        &mut self,
        store: &Store,
        doubts: &[(Address, u64)],
    ) -> Result<(), ImportError> {
        let mut mailable = HashSet::new();
        for some in doubts.chunks(ASKED) {
            let addresses: Vec<Address> = some.iter().map(|(address, _)| address.clone()).collect();
            mailable.extend(store.mailable_among(&addresses).await?);
        }
        let is_written_to = |address| {
            let is_lead = mailable.contains(address) || self.seen.has(address);
            is_lead && !self.suppressed.has(address)
        };
        let mut rows: Vec<u64> = doubts
            .iter()
            .filter_map(|(address, row)| is_written_to(address).then_some(*row))
            .collect();
        // A row may name several.
        rows.dedup();
        rows.into_iter().for_each(|row| self.figures.still_written_to.add(row));
        Ok(())
    }
}

fn withdrawn(row: u64, since: Instant) -> Finding {
    Finding {
        row,
        column: String::new(),
        reason: format!("the consent was withdrawn at {since} and stays so"),
        advice: "a new consent counts if the consent date beside it is later".into(),
        rejected: false,
    }
}

fn unreadable(row: u64, lead: LeadId) -> Finding {
    Finding {
        row,
        column: String::new(),
        reason: format!("lead {lead} cannot be read: what is stored of it is damaged"),
        advice: "see the log for what is damaged; import the row again when it is mended".into(),
        rejected: true,
    }
}

/// Reads the whole file, on a thread of its own.
fn read(
    import: &LeadsImport,
    now: Instant,
    progress: &dyn Fn(Progress),
    batches: &mpsc::Sender<Ready>,
) -> Result<LeadsReport, ImportError> {
    if !import.dry_run {
        refuse_input(&import.file, &import.rejects)?;
    }
    let mut table = Table::open(&import.file)?;
    let headers = table.headers().to_vec();
    let schema = import.schema.clone().unwrap_or_else(Schema::standard);
    let columns = Columns::resolve(&headers, &import.mapping, &schema)
        .map_err(|(what, hint)| table.malformed(&what, &hint))?;
    let mut report =
        LeadsReport { unknown_columns: columns.unknown.clone(), ..LeadsReport::default() };
    report.notes.extend(columns.notes(&schema, import.schema.is_some()));
    let consents = Consents::of(import, &headers, &columns, &mut report)?;
    let reader = RowReader { import, headers: &headers, columns: &columns, consents, now };
    let rejects_path = (!import.dry_run).then(|| import.rejects.clone());
    let mut rejects = Rejects::new(rejects_path, &headers);
    let email = columns.position(&Target::Email).unwrap_or_default();
    let mut batches = Batches::new(batches, &mut table, email);
    table.rewind()?;
    let ended = read_rows(&reader, &mut table, &mut batches, &mut rejects, &mut report, progress);
    report.notes.extend(batches.note());
    // What came before a row that nobody can read is taken; where the store failed, it says why.
    let _ = batches.finish();
    ended?;
    progress(Progress { bytes: table.size(), total: table.size(), rows: report.rows });
    report.rejects_file = rejects.finish(&mut report.notes)?;
    Ok(report)
}

fn read_rows(
    reader: &RowReader<'_>,
    table: &mut Table,
    batches: &mut Batches<'_>,
    rejects: &mut Rejects,
    report: &mut LeadsReport,
    progress: &dyn Fn(Progress),
) -> Result<(), ImportError> {
    let width = reader.headers.len();
    let size = table.size();
    loop {
        let bytes = table.bytes();
        let Some(row) = table.next_row()? else { return Ok(()) };
        report.rows += 1;
        let mut cells = Vec::with_capacity(width);
        let fault = text_cells(&row, width, &mut cells).err();
        let read = match fault {
            None => reader.read(row.number, &cells, report),
            Some(fault) => {
                let column = fault.column().and_then(|column| reader.headers.get(column)).cloned();
                let (reason, advice) = fault.reason_and_advice();
                Err(Finding {
                    row: row.number,
                    column: column.unwrap_or_default(),
                    reason,
                    advice: advice.into(),
                    rejected: true,
                })
            }
        };
        let sent = match read {
            Ok(lead) => batches.add(lead, row.number, row.cells.as_slice().len()),
            Err(finding) => {
                report.rejected += 1;
                rejects.add(row.cells.iter(), &finding)?;
                let kind = finding.reason.clone();
                report.findings.add(&kind, finding);
                match reader.objection(row.cells, fault) {
                    None => Ok(()),
                    Some(Objection::Plain(who)) => batches.object(who),
                    Some(Objection::Open(whom)) => batches.doubt(whom, row.number),
                }
            }
        };
        if sent.is_err() {
            return Ok(()); // the store failed; the other side says why
        }
        if report.rows.is_multiple_of(BATCH as u64) {
            progress(Progress { bytes, total: size, rows: report.rows });
        }
    }
}

/// Where refused rows go unless said otherwise: beside the file.
#[must_use]
pub fn rejects_beside(file: &std::path::Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let form = if is_json_lines(file) { "jsonl" } else { "csv" };
    file.with_file_name(format!("{stem}.rejects.{form}"))
}
