//! One row of a file of leads: as a lead, or why it is refused.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    consent::Consents,
    leads::LeadsImport,
    mapping::{Columns, Target},
    rejects::restored,
    report::{Finding, LeadsReport},
    table::{CELL_LIMIT, RowFault},
};
use crate::{
    domain::{
        address::{Address, BadAddress},
        answer::objects,
        language,
        lead::Suppression,
        time::{Instant, Zone},
        value::ValueType,
    },
    store::records::LeadUpsert,
};

pub(super) struct RowReader<'a> {
    pub import: &'a LeadsImport,
    pub headers: &'a [String],
    pub columns: &'a Columns,
    pub consents: Option<Consents>,
    pub now: Instant,
}

/// What a refused row says about being written to.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Objection {
    /// It counts, whatever else is wrong with the row.
    Plain(Address),
    /// One of these may object, or does by what only a row counts for that is taken.
    Open(Vec<Address>),
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
            objects: false,
            stage: None,
            suppress: self
                .objects(&Target::Unsubscribed, row, cells)?
                .then_some(Suppression::Unsubscribed),
        };
        lead.objects = self.objects(&Target::Withdrawn, row, cells)?;
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
                | Target::Withdrawn
                | Target::Unsubscribed => {}
                Target::Attribute { name, kind } => match kind.parse(&cell) {
                    Ok(Some(value)) => {
                        if *name == *"owner" && self.is_unknown(&cell) {
                            report.unknown_owners.add(&cell);
                        }
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
        if let Some((purpose, consent, dated)) = self.consent(row, cells, lead.objects, report) {
            lead.consents.insert(purpose, consent);
            lead.dated = dated;
        }
        Ok(lead)
    }

    /// Whether an owner is none of those who work here.
    fn is_unknown(&self, owner: &str) -> bool {
        self.import.people.as_ref().is_some_and(|people| people.find(owner).is_none())
    }

    /// Whether a column says that the lead of the row is not to be written to. In doubt the row is refused:
    /// an address would be suppressed for good, or written to against its owner's will.
    fn objects(&self, target: &Target, row: u64, cells: &[&str]) -> Result<bool, Finding> {
        self.any_objects(target, |column| Some(cells[column])).map_err(|column| Finding {
            row,
            column: self.headers[column].clone(),
            reason: format!("`{}` is neither yes nor no", clean(cells[column]).0),
            advice: "write yes if they are not to be written to any more, else no".into(),
            rejected: true,
        })
    }

    /// Whether a row says yes in any of these columns, or, where it does not, in which one it may.
    fn any_objects<'c>(
        &self,
        target: &Target,
        cell: impl Fn(usize) -> Option<&'c str>,
    ) -> Result<bool, usize> {
        let mut says = Ok(false);
        for column in self.objecting(target) {
            match cell(column).and_then(objection_in) {
                Some(true) => return Ok(true),
                Some(false) => {}
                None => says = says.and(Err(column)),
            }
        }
        says
    }

    /// The columns of such objections: those of a purpose where the file is about one.
    fn objecting(&self, target: &Target) -> impl Iterator<Item = usize> {
        let is_about = *target == Target::Unsubscribed || self.consents.is_some();
        self.columns.positions(target).filter(move |_| is_about)
    }

    /// Whose objection a row holds, or may hold, that is refused. `fault`: for which it could not even be
    /// read.
    pub(super) fn objection(
        &self,
        cells: &csv::ByteRecord,
        fault: Option<RowFault>,
    ) -> Option<Objection> {
        let cell = |column| {
            let text = std::str::from_utf8(cells.get(column)?).ok()?;
            (text.len() <= CELL_LIMIT).then_some(text)
        };
        let address = |column| Address::parse(&clean(cell(column)?).0).ok();
        let [unsubscribed, withdrawn] = [Target::Unsubscribed, Target::Withdrawn];
        // With a cell too many or too few, or other rows in one of them, nobody knows which is which.
        if matches!(fault, Some(RowFault::Ragged { .. } | RowFault::OpenQuote { .. })) {
            let mut columns = self.objecting(&unsubscribed).chain(self.objecting(&withdrawn));
            columns.next()?;
            let mut who: Vec<Address> = (0..cells.len()).filter_map(address).collect();
            who.extend(named_over_lines(cells));
            return Some(Objection::Open(who));
        }
        let says = [&unsubscribed, &withdrawn].map(|target| self.any_objects(target, cell));
        let who = || address(self.columns.position(&Target::Email)?);
        match says {
            [Ok(true), _] => who().map(Objection::Plain),
            [Ok(false), Ok(false)] => None,
            _ => who().map(|who| Objection::Open(vec![who])),
        }
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
}

/// Who is named in cells that go over lines: whole rows may be in them.
fn named_over_lines(cells: &csv::ByteRecord) -> impl Iterator<Item = Address> {
    let over_lines = cells.iter().filter(|cell| cell.contains(&b'\n'));
    let texts = over_lines.filter_map(|cell| std::str::from_utf8(cell).ok());
    let parts = texts.flat_map(|text| text.split([',', ';', '\t', '"', '\r', '\n']));
    parts.filter_map(|part| Address::parse(part.trim()).ok())
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
pub(super) fn is_filler(cell: &str) -> bool {
    matches!(cell, "-" | "--" | "?" | "." | "#N/A") || cell.eq_ignore_ascii_case("n/a")
}

/// `None`: it may be one. A dash fills a cell here as anywhere; a question mark asks.
fn objection_in(cell: &str) -> Option<bool> {
    let cell = clean(cell).0;
    let says_nothing = cell.is_empty() || (is_filler(&cell) && cell != "?");
    if says_nothing { Some(false) } else { objects(&cell) }
}
