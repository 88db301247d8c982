//! One row of a file of leads: as a lead, or why it is refused.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use super::{
    ImportError,
    leads::LeadsImport,
    mapping::{Columns, Target},
    rejects::restored,
    report::{Finding, LeadsReport},
    table::CELL_LIMIT,
};
use crate::{
    domain::{
        address::{Address, BadAddress},
        answer::{agrees, objects},
        language,
        lead::{Basis, Consent, Suppression},
        name::Name,
        time::{Instant, Zone},
        value::{ValueType, parse_date},
    },
    store::records::LeadUpsert,
};

/// How long before UTC a day begins somewhere on earth.
const FIRST_ZONE: Duration = Duration::from_hours(14);

/// How the rows of this file come to a consent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ConsentBy {
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

pub(super) fn consents(
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

pub(super) struct RowReader<'a> {
    pub import: &'a LeadsImport,
    pub headers: &'a [String],
    pub columns: &'a Columns,
    pub consent: ConsentBy,
    pub now: Instant,
}

/// What a refused row says about being written to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Objection {
    /// It counts, whatever else is wrong with the row.
    Plain,
    /// Nobody can tell until the row is mended.
    Unreadable,
}

impl RowReader<'_> {
    /// A row as a lead, or why it is refused. Cells that cannot be taken are reported and left out.
    pub(super) fn read(
        &self,
        row: u64,
        cells: &[&str],
        report: &mut LeadsReport,
    ) -> Result<LeadUpsert, Finding> {
        let mut lead = LeadUpsert {
            address: self.address(row, cells)?,
            attributes: Vec::with_capacity(cells.len()),
            consents: BTreeMap::new(),
            dated: false,
            stage: None,
            suppress: self.objects(row, cells)?.then_some(Suppression::Unsubscribed),
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
                Target::Skip
                | Target::Email
                | Target::Consent
                | Target::ConsentDate
                | Target::Unsubscribed => {}
                Target::Attribute { name, kind } => match kind.parse(&cell) {
                    Ok(Some(value)) => {
                        lead.attributes.push((name.clone(), value.to_json()));
                    }
                    Ok(None) => {}
                    Err(reason) => warn(reason, advice_for(*kind)),
                },
                Target::Zone => match Zone::named(&cell) {
                    Ok(zone) => {
                        lead.attributes.push(("zone".into(), zone.name().into()));
                    }
                    Err(_) => warn(
                        format!("`{cell}` is no time zone"),
                        "left out; write a zone like Europe/Rome",
                    ),
                },
                Target::Language => match language::canonical(&cell) {
                    Some(language) => {
                        lead.attributes.push(("language".into(), language.into()));
                    }
                    None => warn(
                        format!("`{cell}` is no language"),
                        "left out; write a language like it or pt-BR",
                    ),
                },
                Target::Stage => match self.import.mapping.stage(&cell) {
                    Some(stage) => lead.stage = Some(stage),
                    None => warn(
                        format!("`{cell}` is no stage"),
                        "left out; say what it means under [stages] in a mapping file",
                    ),
                },
            }
        }
        // Of two columns of one attribute the later counts.
        lead.attributes.sort_by(|(one, _), (other, _)| one.cmp(other));
        lead.attributes.dedup_by(|later, earlier| {
            let again = later.0 == earlier.0;
            if again {
                std::mem::swap(later, earlier);
            }
            again
        });
        if let Some((purpose, consent, dated)) = self.consent(row, cells, report) {
            lead.consents.insert(purpose, consent);
            lead.dated = dated;
        }
        Ok(lead)
    }

    /// Whether the row says that its lead is not to be written to. In doubt it is refused: an address
    /// would be suppressed for good, or written to against its owner's will.
    fn objects(&self, row: u64, cells: &[&str]) -> Result<bool, Finding> {
        let Some(column) = self.columns.position(&Target::Unsubscribed) else { return Ok(false) };
        objection_in(cells[column]).ok_or_else(|| Finding {
            row,
            column: self.headers[column].clone(),
            reason: format!("`{}` is neither yes nor no", clean(cells[column]).0),
            advice: "write yes if they are not to be written to any more, else no".into(),
            rejected: true,
        })
    }

    /// Whose objection a row holds, or may hold, that is refused.
    pub(super) fn objection(&self, cells: &csv::ByteRecord) -> Option<(Address, Objection)> {
        // With a cell too many or too few, nobody knows which is which.
        if cells.len() != self.headers.len() {
            return None;
        }
        let cell = |target| {
            let text = std::str::from_utf8(&cells[self.columns.position(target)?]).ok()?;
            (text.len() <= CELL_LIMIT).then_some(text)
        };
        self.columns.position(&Target::Unsubscribed)?;
        let objection = match cell(&Target::Unsubscribed).map(objection_in) {
            Some(Some(false)) => return None,
            Some(Some(true)) => Objection::Plain,
            Some(None) | None => Objection::Unreadable,
        };
        Some((Address::parse(&clean(cell(&Target::Email)?).0).ok()?, objection))
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
        address(cell).map_err(|error| refused(error.to_string(), "correct the address in the CRM"))
    }

    /// What the row agrees to or takes back, and whether it says since when.
    fn consent(
        &self,
        row: u64,
        cells: &[&str],
        report: &mut LeadsReport,
    ) -> Option<(Name, Consent, bool)> {
        let given = |purpose: &Name, at: Option<Instant>| {
            let source = self.import.run.source.clone();
            let (basis, dated) = (self.import.basis, at.is_some());
            let at = at.unwrap_or(self.now);
            Some((purpose.clone(), Consent { basis, at, source, withdrawn_at: None }, dated))
        };
        let (purpose, says, since) = match &self.consent {
            ConsentBy::Nothing => return None,
            ConsentBy::Basis { purpose } => return given(purpose, None),
            ConsentBy::Column { purpose, says, since } => (purpose, *says, *since),
        };
        let mut warn = |column: usize, reason: String, advice: &str| {
            let column = self.headers[column].clone();
            let finding = Finding { row, column, reason, advice: advice.into(), rejected: false };
            report.findings.add(advice, finding);
        };
        let cell = cells[says].trim();
        match agrees(cell) {
            Some(true) => {}
            Some(false) => {
                // Takes back what is known; of a lead that never consented it says nothing. The date beside
                // it may be that of the consent: from now on is what is certain.
                let (purpose, given, _) = given(purpose, None)?;
                return Some((purpose, Consent { withdrawn_at: Some(self.now), ..given }, false));
            }
            None if cell.is_empty() || is_filler(cell) => return None,
            None => {
                warn(
                    says,
                    format!("`{cell}` is neither yes nor no"),
                    "no consent taken from it, and none withdrawn; write yes or no",
                );
                return None;
            }
        }
        let Some(since) = since else { return given(purpose, None) };
        let text = restored(cells[since].trim());
        if text.is_empty() || is_filler(text) {
            let advice = "consent taken as given at the import; say since when";
            warn(since, "consent without a date".into(), advice);
            return given(purpose, None);
        }
        // What nobody can have said on that day proves nothing.
        let reason = match parse_date(text) {
            Some(at) if at <= self.now + FIRST_ZONE => {
                return given(purpose, Some(at.min(self.now)));
            }
            Some(_) => format!("`{text}` is in the future"),
            None => format!("`{text}` is not a date"),
        };
        warn(since, reason, "consent not taken; write the day it was given, like 2027-03-28");
        None
    }
}

/// Whom a cell names.
pub(super) fn address(cell: &str) -> Result<Address, BadAddress> {
    Address::parse(restored(cell.trim()))
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
    matches!(cell, "-" | "--" | "?" | ".") || is_not_available(cell)
}

fn is_not_available(cell: &str) -> bool {
    cell == "#N/A" || cell.eq_ignore_ascii_case("n/a")
}

/// `None`: it may be one. A dash or a question mark here is a doubt.
fn objection_in(cell: &str) -> Option<bool> {
    let cell = clean(cell).0;
    if cell.is_empty() || is_not_available(&cell) { Some(false) } else { objects(&cell) }
}
