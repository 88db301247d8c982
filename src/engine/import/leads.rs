//! Leads out of a CSV file.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    path::PathBuf,
};

use siphasher::sip::SipHasher24;
use tokio::sync::mpsc;

use super::{
    BATCH, ImportError, Progress,
    mapping::{Columns, Mapping, Target},
    rejects::{Rejects, restored},
    report::{Finding, LeadsReport},
    table::{Table, text_cells},
};
use crate::{
    domain::{
        address::Address,
        lead::{Basis, Consent, Suppression},
        name::Name,
        time::{Instant, Zone},
        value::{Schema, ValueType, parse_date},
    },
    store::{
        Store,
        records::{ImportRun, LeadUpsert, UpsertKind},
    },
};

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct LeadsImport {
    pub file: PathBuf,
    pub mapping: Mapping,
    /// The live one: it gives cells their types.
    pub schema: Schema,
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
    let (batches, mut inbox) = mpsc::channel::<Vec<LeadUpsert>>(1);
    let (run, dry_run) = (import.run.clone(), import.dry_run);
    let reader = tokio::task::spawn_blocking(move || read(&import, now, &progress, &batches));
    let mut figures = LeadsReport::default();
    let mut seen = Seen::default();
    let written = async {
        while let Some(batch) = inbox.recv().await {
            if dry_run {
                foresee(store, &batch, &mut seen, &mut figures).await?;
            } else {
                for upserted in store.upsert_leads(&batch, &run, now).await? {
                    count(&mut figures, upserted.how, upserted.suppressed);
                }
            }
        }
        Ok::<_, ImportError>(())
    }
    .await;
    // Stops a reader that is still at it.
    drop(inbox);
    let read = reader.await?;
    written?;
    let mut report = read?;
    report.created = figures.created;
    report.updated = figures.updated;
    report.unchanged = figures.unchanged;
    report.merged = figures.merged;
    report.suppressed = figures.suppressed;
    report.dry_run = dry_run;
    if seen.full {
        report.notes.push(format!(
            "beyond {} rows a dry run does not look for duplicates within the file",
            Seen::LIMIT
        ));
    }
    Ok(report)
}

fn count(figures: &mut LeadsReport, how: UpsertKind, suppressed: bool) {
    *match how {
        UpsertKind::Created => &mut figures.created,
        UpsertKind::Updated => &mut figures.updated,
        UpsertKind::Unchanged => &mut figures.unchanged,
        UpsertKind::Merged => &mut figures.merged,
    } += 1;
    figures.suppressed += u64::from(suppressed);
}

/// Addresses seen in a dry run, as hashes, as many as memory is spent on.
#[derive(Default)]
struct Seen {
    hashes: HashSet<u64>,
    full: bool,
}

impl Seen {
    const LIMIT: usize = 1_000_000;

    fn is_new(&mut self, address: &Address) -> bool {
        let hash = SipHasher24::new().hash(address.as_str().as_bytes());
        if self.hashes.len() < Self::LIMIT {
            return self.hashes.insert(hash);
        }
        self.full = true;
        !self.hashes.contains(&hash)
    }
}

/// What a batch would do. A known lead counts as updated: whether it changes is not compared.
async fn foresee(
    store: &Store,
    batch: &[LeadUpsert],
    seen: &mut Seen,
    figures: &mut LeadsReport,
) -> Result<(), ImportError> {
    let addresses: Vec<Address> = batch.iter().map(|row| row.address.clone()).collect();
    let known = store.find_leads(&addresses).await?;
    for row in batch {
        let suppressed =
            row.suppress.is_some() || store.suppression_of(&row.address).await?.is_some();
        let how = if !seen.is_new(&row.address) {
            UpsertKind::Merged
        } else if known.contains_key(&row.address) {
            UpsertKind::Updated
        } else {
            UpsertKind::Created
        };
        count(figures, how, suppressed);
    }
    Ok(())
}

/// Reads the whole file, on a thread of its own.
fn read(
    import: &LeadsImport,
    now: Instant,
    progress: &dyn Fn(Progress),
    batches: &mpsc::Sender<Vec<LeadUpsert>>,
) -> Result<LeadsReport, ImportError> {
    let mut table = Table::open(&import.file)?;
    let headers = table.headers().to_vec();
    let columns = Columns::resolve(&headers, &import.mapping, &import.schema)
        .map_err(|(what, hint)| table.malformed(&what, &hint))?;
    let mut report =
        LeadsReport { unknown_columns: columns.unknown.clone(), ..LeadsReport::default() };
    let consent = consents(import, &columns, &mut report)?;
    let reader = RowReader { import, headers: &headers, columns: &columns, consent, now };
    let rejects_path = (!import.dry_run).then(|| import.rejects.clone());
    let mut rejects = Rejects::new(rejects_path, &headers);
    let mut batch = Vec::with_capacity(BATCH);
    let (size, mut bytes) = (table.size(), table.bytes());
    loop {
        let Some(row) = table.next_row()? else { break };
        report.rows += 1;
        let mut cells = Vec::with_capacity(headers.len());
        let read = match text_cells(&row, headers.len(), &mut cells) {
            Ok(()) => reader.read(row.number, &cells, &mut report),
            Err(fault) => {
                let column = fault.column().and_then(|column| headers.get(column)).cloned();
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
        match read {
            Ok(lead) => batch.push(lead),
            Err(finding) => {
                report.rejected += 1;
                rejects.add(row.cells.iter(), &finding)?;
                let kind = finding.reason.clone();
                report.findings.add(&kind, finding);
            }
        }
        if batch.len() == BATCH {
            bytes = table.bytes();
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if batches.blocking_send(full).is_err() {
                return Ok(report); // the store failed; the other side says why
            }
            progress(Progress { bytes, total: size, rows: report.rows });
        }
    }
    if !batch.is_empty() {
        let _ = batches.blocking_send(batch);
    }
    progress(Progress { bytes: size.max(bytes), total: size, rows: report.rows });
    report.rejects_file = rejects.finish()?;
    Ok(report)
}

/// How the rows of this file come to a consent.
#[derive(Clone, PartialEq, Eq, Debug)]
enum ConsentBy {
    Nothing,
    /// Where this column says yes, since what that one says.
    Column {
        purpose: Name,
        says: usize,
        since: Option<usize>,
    },
    /// Every row.
    Basis {
        purpose: Name,
    },
}

fn consents(
    import: &LeadsImport,
    columns: &Columns,
    report: &mut LeadsReport,
) -> Result<ConsentBy, ImportError> {
    let says = columns.position(&Target::Consent);
    match (&import.purpose, says) {
        (Some(purpose), Some(says)) => Ok(ConsentBy::Column {
            purpose: purpose.clone(),
            says,
            since: columns.position(&Target::ConsentDate),
        }),
        (Some(_), None) if import.basis == Basis::Consent => Err(ImportError::Options {
            what: "no column says who consented".into(),
            hint: "consent must be shown row by row: map a column to `consent`, or say on what other ground by --basis".into(),
        }),
        (Some(purpose), None) => Ok(ConsentBy::Basis { purpose: purpose.clone() }),
        (None, Some(_)) => {
            report.notes.push(
                "the consent column was not taken: say what it is for by --purpose NAME".into(),
            );
            Ok(ConsentBy::Nothing)
        }
        (None, None) => Ok(ConsentBy::Nothing),
    }
}

struct RowReader<'a> {
    import: &'a LeadsImport,
    headers: &'a [String],
    columns: &'a Columns,
    consent: ConsentBy,
    now: Instant,
}

impl RowReader<'_> {
    /// A row as a lead, or why it is refused. Cells that cannot be taken are reported and left out.
    fn read(
        &self,
        row: u64,
        cells: &[&str],
        report: &mut LeadsReport,
    ) -> Result<LeadUpsert, Finding> {
        let mut lead = LeadUpsert {
            address: self.address(row, cells)?,
            attributes: BTreeMap::new(),
            consents: BTreeMap::new(),
            stage: None,
            suppress: None,
        };
        for (column, target) in self.columns.targets.iter().enumerate() {
            let mut warn = |reason: String, advice: &str| {
                let column = self.headers[column].clone();
                let finding =
                    Finding { row, column, reason, advice: advice.into(), rejected: false };
                report.findings.add(advice, finding);
            };
            let (cell, was_dirty) = clean(cells[column]);
            if was_dirty && *target != Target::Skip {
                warn("it held control characters".into(), "control characters were taken out");
            }
            if cell.is_empty() || is_filler(&cell) {
                continue;
            }
            match target {
                Target::Skip | Target::Email | Target::Consent | Target::ConsentDate => {}
                Target::Attribute { name, kind } => match kind.parse(&cell) {
                    Ok(Some(value)) => {
                        lead.attributes.insert(name.clone(), value.to_json());
                    }
                    Ok(None) => {}
                    Err(reason) => warn(reason, advice_for(*kind)),
                },
                Target::Zone => match Zone::named(&cell) {
                    Ok(zone) => {
                        lead.attributes.insert("zone".into(), zone.name().into());
                    }
                    Err(_) => warn(
                        format!("`{cell}` is no time zone"),
                        "left out; write a zone like Europe/Rome",
                    ),
                },
                Target::Language => match language(&cell) {
                    Some(language) => {
                        lead.attributes.insert("language".into(), language.into());
                    }
                    None => warn(
                        format!("`{cell}` is no language"),
                        "left out; write a language like it or en",
                    ),
                },
                Target::Stage => match self.import.mapping.stage(&cell) {
                    Some(stage) => lead.stage = Some(stage),
                    None => warn(
                        format!("`{cell}` is no stage"),
                        "left out; say what it means under [stages] in a mapping file",
                    ),
                },
                Target::Unsubscribed => match yes_or_no(&cell) {
                    Some(true) => lead.suppress = Some(Suppression::Unsubscribed),
                    Some(false) => {}
                    None => {
                        // In doubt for the lead: not to be written to is what can be mended.
                        lead.suppress = Some(Suppression::Unsubscribed);
                        warn(
                            format!("`{cell}` is neither yes nor no"),
                            "taken as unsubscribed, to be safe; write yes or no",
                        );
                    }
                },
            }
        }
        if let Some((purpose, consent)) = self.consent(row, cells, report) {
            lead.consents.insert(purpose, consent);
        }
        Ok(lead)
    }

    fn address(&self, row: u64, cells: &[&str]) -> Result<Address, Finding> {
        let column = self.columns.position(&Target::Email).unwrap_or_default();
        let refused = |reason: String, advice: &str| Finding {
            row,
            column: self.headers[column].clone(),
            reason,
            advice: advice.into(),
            rejected: true,
        };
        let cell = restored(cells[column].trim());
        if cell.is_empty() || is_filler(cell) {
            return Err(refused("no e-mail address".into(), "a lead is known by its address"));
        }
        Address::parse(cell)
            .map_err(|error| refused(error.to_string(), "correct the address in the CRM"))
    }

    fn consent(
        &self,
        row: u64,
        cells: &[&str],
        report: &mut LeadsReport,
    ) -> Option<(Name, Consent)> {
        let given = |purpose: &Name, at| {
            let source = self.import.run.source.clone();
            let consent = Consent { basis: self.import.basis, at, source, withdrawn_at: None };
            Some((purpose.clone(), consent))
        };
        let (purpose, says, since) = match &self.consent {
            ConsentBy::Nothing => return None,
            ConsentBy::Basis { purpose } => return given(purpose, self.now),
            ConsentBy::Column { purpose, says, since } => (purpose, *says, *since),
        };
        let mut warn = |column: usize, reason: String, advice: &str| {
            let column = self.headers[column].clone();
            let finding = Finding { row, column, reason, advice: advice.into(), rejected: false };
            report.findings.add(advice, finding);
        };
        let cell = cells[says].trim();
        match yes_or_no(cell) {
            Some(true) => {}
            Some(false) => return None,
            None if cell.is_empty() || is_filler(cell) => return None,
            None => {
                warn(
                    says,
                    format!("`{cell}` is neither yes nor no"),
                    "taken as no consent; write yes or no",
                );
                return None;
            }
        }
        let undated = "consent taken as given at the import; say since when";
        let Some(since) = since else { return given(purpose, self.now) };
        let at = match cells[since].trim() {
            "" => {
                warn(since, "consent without a date".into(), undated);
                self.now
            }
            text => parse_date(text).map_or_else(
                || {
                    warn(since, format!("`{text}` is not a date"), undated);
                    self.now
                },
                |at| at.min(self.now),
            ),
        };
        given(purpose, at)
    }
}

fn advice_for(kind: ValueType) -> &'static str {
    match kind {
        ValueType::Text => "left out",
        ValueType::Number => "left out; write a number like 1250.5",
        ValueType::Bool => "left out; write yes or no",
        ValueType::Date => "left out; write a date like 2027-03-28",
    }
}

/// One line without control characters, and whether there was anything to take out but line breaks.
fn clean(cell: &str) -> (Cow<'_, str>, bool) {
    let cell = restored(cell.trim());
    let odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    if !cell.contains(odd) {
        return (Cow::Borrowed(cell), false);
    }
    let dirty = cell.contains(|c| odd(c) && !matches!(c, '\n' | '\r' | '\t'));
    let text: String = cell.chars().map(|c| if odd(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    (Cow::Owned(words.join(" ")), dirty)
}

/// What people and CRMs write where they have nothing to write.
fn is_filler(cell: &str) -> bool {
    matches!(cell, "-" | "--" | "?" | "." | "#N/A") || cell.eq_ignore_ascii_case("n/a")
}

/// The primary language: `it` of `it-IT`.
fn language(cell: &str) -> Option<String> {
    let primary = cell.split(['-', '_']).next()?.trim().to_ascii_lowercase();
    let right = matches!(primary.len(), 2 | 3) && primary.chars().all(|c| c.is_ascii_lowercase());
    right.then_some(primary)
}

fn yes_or_no(cell: &str) -> Option<bool> {
    match cell.trim().to_lowercase().as_str() {
        "yes" | "true" | "1" | "y" | "x" | "sì" | "si" => Some(true),
        "no" | "false" | "0" | "n" => Some(false),
        _ => None,
    }
}

/// Where refused rows go unless said otherwise: beside the file.
#[must_use]
pub fn rejects_beside(file: &std::path::Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!("{stem}.rejects.csv"))
}
