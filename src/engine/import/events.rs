//! Events out of a CSV file or of JSON lines.

use std::path::PathBuf;

use tokio::sync::mpsc;

use super::{
    BATCH, ImportError, Progress,
    deals::{self, DealColumns},
    happened::{Columns, Happened, JsonLines, Refusal, from_csv},
    rejects::{Rejects, refuse_input},
    report::{EventsReport, Finding},
    seen::Seen,
    table::{Table, text_cells},
};
use crate::{
    domain::{
        address::Address, event::EventKind, id::LeadId, lead::Suppression, name::Name,
        time::Instant,
    },
    store::{
        Store, Subject,
        records::{Lane, NewEvent, Recorded},
    },
};

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct EventsImport {
    pub file: PathBuf,
    pub source: Name,
    /// Where refused rows go.
    pub rejects: PathBuf,
    /// Writes nothing at all.
    pub dry_run: bool,
}

/// A row on its way to the store: still with its cells, since its lead may be unknown.
struct Pending {
    row: u64,
    cells: Vec<Vec<u8>>,
    /// What it tells of; in a file of deals two events may be in one row.
    happened: Result<Vec<Happened>, Refusal>,
}

/// What the rows of a CSV file are.
enum Form {
    Events(Columns),
    Deals(DealColumns),
}

impl Form {
    fn of(table: &Table, headers: &[String]) -> Result<Self, ImportError> {
        if let Some(deals) = DealColumns::find(headers) {
            return Ok(Self::Deals(deals));
        }
        let columns =
            Columns::find(headers).map_err(|(what, hint)| table.malformed(&what, hint))?;
        Ok(Self::Events(columns))
    }

    fn read(&self, headers: &[String], cells: &[&str]) -> Result<Vec<Happened>, Refusal> {
        match self {
            Self::Events(columns) => from_csv(columns, headers, cells).map(|event| vec![event]),
            Self::Deals(columns) => deals::from_csv(columns, cells),
        }
    }
}

/// Imports a file of events. Doing it again changes nothing.
///
/// # Errors
/// When the file cannot be read as a table of events, or the store fails. Rows before are recorded.
pub async fn import_events(
    store: &Store,
    import: EventsImport,
    now: Instant,
    progress: impl Fn(Progress) + Send + 'static,
) -> Result<EventsReport, ImportError> {
    if !import.dry_run {
        refuse_input(&import.file, &import.rejects)?;
    }
    let (batches, mut inbox) = mpsc::channel::<Vec<Pending>>(2);
    let (headers_out, headers_in) = tokio::sync::oneshot::channel();
    let file = import.file.clone();
    let is_json = is_json_lines(&file);
    let reader = tokio::task::spawn_blocking(move || {
        if is_json {
            read_json(&file, &progress, &batches)
        } else {
            let table = Table::open(&file)?;
            let _ = headers_out.send(table.headers().to_vec());
            read_csv(table, &progress, &batches)
        }
    });
    let headers = headers_in.await.unwrap_or_default();
    let rejects = (!import.dry_run).then(|| import.rejects.clone());
    let mut writer = Writer {
        store,
        import: &import,
        now,
        rejects: if is_json { Rejects::of_lines(rejects) } else { Rejects::new(rejects, &headers) },
        report: EventsReport { dry_run: import.dry_run, ..EventsReport::default() },
        seen: Seen::default(),
    };
    let written = async {
        while let Some(batch) = inbox.recv().await {
            writer.write(batch).await?;
        }
        Ok::<_, ImportError>(())
    }
    .await;
    drop(inbox);
    let read = reader.await?;
    written?;
    read?;
    let Writer { rejects, mut report, seen, .. } = writer;
    report.notes.extend(seen.note());
    report.rejects_file = rejects.finish(&mut report.notes)?;
    Ok(report)
}

/// By the name of a file.
pub(super) fn is_json_lines(file: &std::path::Path) -> bool {
    file.extension().is_some_and(|extension| {
        ["jsonl", "ndjson", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

fn read_csv(
    mut table: Table,
    progress: &dyn Fn(Progress),
    batches: &mpsc::Sender<Vec<Pending>>,
) -> Result<(), ImportError> {
    let headers: Vec<String> = table.headers().iter().map(|h| h.to_lowercase()).collect();
    let form = Form::of(&table, &headers)?;
    let (total, mut rows) = (table.size(), 0);
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(row) = table.next_row()? {
        rows += 1;
        let mut cells = Vec::with_capacity(headers.len());
        let happened = match text_cells(&row, headers.len(), &mut cells) {
            Ok(()) => form.read(&headers, &cells),
            Err(fault) => {
                let column = fault.column().and_then(|column| headers.get(column)).cloned();
                let (reason, advice) = fault.reason_and_advice();
                Err(Refusal { column: column.unwrap_or_default(), reason, advice })
            }
        };
        let cells = row.cells.iter().map(<[u8]>::to_vec).collect();
        batch.push(Pending { row: row.number, cells, happened });
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if batches.blocking_send(full).is_err() {
                return Ok(());
            }
            progress(Progress { bytes: table.bytes(), total, rows });
        }
    }
    let _ = batches.blocking_send(batch);
    progress(Progress { bytes: total, total, rows });
    Ok(())
}

fn read_json(
    file: &std::path::Path,
    progress: &dyn Fn(Progress),
    batches: &mpsc::Sender<Vec<Pending>>,
) -> Result<(), ImportError> {
    let mut lines = JsonLines::open(file)?;
    let mut batch = Vec::with_capacity(BATCH);
    let mut rows = 0;
    while let Some((row, line, happened)) = lines.next_line()? {
        rows += 1;
        let happened = happened.map(|event| vec![event]);
        batch.push(Pending { row, cells: vec![line], happened });
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if batches.blocking_send(full).is_err() {
                return Ok(());
            }
            progress(Progress { bytes: lines.bytes(), total: lines.size(), rows });
        }
    }
    let _ = batches.blocking_send(batch);
    progress(Progress { bytes: lines.size(), total: lines.size(), rows });
    Ok(())
}

struct Writer<'a> {
    store: &'a Store,
    import: &'a EventsImport,
    now: Instant,
    rejects: Rejects,
    report: EventsReport,
    seen: Seen,
}

impl Writer<'_> {
    async fn write(&mut self, batch: Vec<Pending>) -> Result<(), ImportError> {
        self.report.rows += batch.len() as u64;
        let addresses: Vec<Address> = batch
            .iter()
            .filter_map(|pending| Some(pending.happened.as_ref().ok()?.first()?.address.clone()))
            .collect();
        let leads = self.store.find_leads(&addresses).await?;
        let mut events = Vec::with_capacity(batch.len());
        // Whoever objected is not written to, also if he becomes a lead later.
        let mut objections = Vec::new();
        let mut of_rows = Vec::with_capacity(batch.len());
        for pending in batch {
            match pending.happened {
                Ok(happened) => {
                    // All of a row are of one lead.
                    let Some(first) = happened.first() else { continue };
                    if let Some(&lead) = leads.get(&first.address) {
                        of_rows.push(happened.len());
                        events.extend(happened.into_iter().map(|one| self.event(lead, one)));
                        continue;
                    }
                    self.report.unknown_leads += 1;
                    if let Some(why) = objection(&first.kind) {
                        objections.push((Subject::Address(first.address.clone()), why));
                    }
                    let refusal = Refusal {
                        column: "email".into(),
                        reason: "no lead has this address".into(),
                        advice: "import the lead first",
                    };
                    self.refuse(pending.row, &pending.cells, refusal)?;
                }
                Err(refusal) => self.refuse(pending.row, &pending.cells, refusal)?,
            }
        }
        let recorded = if self.import.dry_run {
            self.store.foresee_events(&events, self.now).await?
        } else {
            self.store.suppress(&objections, &self.import.source, self.now).await?;
            self.store.record_events(&events, self.now).await?
        };
        self.report.suppressed += objections.len() as u64;
        let mut told = events.iter().zip(recorded);
        for number in of_rows {
            let row: Vec<_> = told.by_ref().take(number).collect();
            self.count(&row);
        }
        Ok(())
    }

    /// Counts what became of a row by its events.
    fn count(&mut self, row: &[(&NewEvent, Recorded)]) {
        let (mut news, mut known, mut clamped) = (0, 0, 0);
        for &(event, recorded) in row {
            let is_there = matches!(recorded, Recorded::New { .. } | Recorded::Duplicate);
            self.report.suppressed += u64::from(is_there && event.suppress.is_some());
            match recorded {
                // In an earlier batch, which a dry run has not written.
                Recorded::New { .. } if self.import.dry_run && !self.is_first(event) => known += 1,
                Recorded::New { clamped: is_clamped, .. } => {
                    news += 1;
                    clamped += u64::from(is_clamped);
                }
                Recorded::Duplicate => known += 1,
                // Deleted between the look-up and now.
                Recorded::NoSuchLead | Recorded::Unstorable => {}
            }
        }
        self.report.events += news;
        self.report.clamped += clamped;
        if news > 0 {
            self.report.recorded += 1;
        } else if known > 0 {
            self.report.duplicates += 1;
        } else {
            self.report.rejected += 1;
            self.report.unknown_leads += 1;
        }
    }

    fn is_first(&mut self, event: &NewEvent) -> bool {
        self.seen.is_new((event.lead, &event.dedupe))
    }

    fn event(&self, lead: LeadId, happened: Happened) -> NewEvent {
        NewEvent {
            suppress: objection(&happened.kind),
            object: happened.object,
            data: happened.data,
            source: self.import.source.clone(),
            dedupe: Some(happened.dedupe),
            lane: Lane::Bulk,
            ..NewEvent::new(lead, happened.kind, happened.at, "import")
        }
    }

    fn refuse(&mut self, row: u64, cells: &[Vec<u8>], refusal: Refusal) -> Result<(), ImportError> {
        self.report.rejected += 1;
        let Refusal { column, reason, advice } = refusal;
        let finding = Finding { row, column, reason, advice: advice.into(), rejected: true };
        self.rejects.add(cells.iter().map(Vec::as_slice), &finding)?;
        self.report.findings.add(advice, finding);
        Ok(())
    }
}

/// Why an address is not written to after such an event.
fn objection(kind: &EventKind) -> Option<Suppression> {
    if *kind == EventKind::LEAD_UNSUBSCRIBED {
        Some(Suppression::Unsubscribed)
    } else if *kind == EventKind::MAIL_COMPLAINED {
        Some(Suppression::Complained)
    } else {
        None
    }
}
