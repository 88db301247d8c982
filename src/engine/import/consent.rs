//! How the rows of a file come to a consent, or take one back.

use std::time::Duration;

use super::{
    ImportError,
    leads::LeadsImport,
    mapping::{Columns, Target, quoted},
    rejects::restored,
    report::{Finding, LeadsReport},
    row::{RowReader, is_filler},
};
use crate::domain::{
    answer::agrees,
    lead::{Basis, Consent},
    name::Name,
    time::Instant,
    value::parse_date,
};

/// How long before UTC a day begins somewhere on earth.
const FIRST_ZONE: Duration = Duration::from_hours(14);

/// What the consents of a file are for, and who gives one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Consents {
    purpose: Name,
    given: Given,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Given {
    /// Where this column says yes, since what that one says.
    Where {
        says: usize,
        since: Option<usize>,
    },
    ByEveryRow,
    /// The file only takes consents back.
    ByNone,
}

impl Consents {
    /// `None`: the file is about no purpose.
    pub(super) fn of(
        import: &LeadsImport,
        headers: &[String],
        columns: &Columns,
        report: &mut LeadsReport,
    ) -> Result<Option<Self>, ImportError> {
        let says = columns.position(&Target::Consent);
        let withdrawn: Vec<usize> = columns.positions(&Target::Withdrawn).collect();
        let Some(purpose) = import.purpose.clone() else {
            let untaken: Vec<String> =
                says.into_iter().chain(withdrawn).map(|column| headers[column].clone()).collect();
            if !untaken.is_empty() {
                let asks = "what a consent is for is to be said by --purpose NAME; not taken";
                report.notes.push(format!("{asks}: {}", quoted(&untaken)));
            }
            return Ok(None);
        };
        let given = match says {
            Some(says) => {
                Given::Where { says, since: columns.position(&Target::ConsentDate) }
            }
            None if import.basis != Basis::Consent => Given::ByEveryRow,
            None if !withdrawn.is_empty() => Given::ByNone,
            None => return Err(ImportError::Options {
                what: "no column says who consented".into(),
                hint: "consent must be shown row by row: map a column to `consent`, or say on what other ground by --basis".into(),
            }),
        };
        Ok(Some(Self { purpose, given }))
    }
}

impl RowReader<'_> {
    /// What the row agrees to or takes back, and whether it says since when. `withdraws`: by a column of
    /// its own.
    pub(super) fn consent(
        &self,
        row: u64,
        cells: &[&str],
        withdraws: bool,
        report: &mut LeadsReport,
    ) -> Option<(Name, Consent, bool)> {
        let Consents { purpose, given } = self.consents.as_ref()?;
        let consent = |at: Option<Instant>, withdrawn_at| {
            let source = self.import.run.source.clone();
            let (basis, dated) = (self.import.basis, at.is_some());
            let at = at.unwrap_or(self.now);
            Some((purpose.clone(), Consent { basis, at, source, withdrawn_at }, dated))
        };
        // The date beside it may be that of the consent: from now on is what is certain.
        let withdrawn = || consent(None, Some(self.now));
        if withdraws {
            return withdrawn();
        }
        let (says, since) = match given {
            Given::ByNone => return None,
            Given::ByEveryRow => return consent(None, None),
            Given::Where { says, since } => (*says, *since),
        };
        let mut warn = |column: usize, reason: String, advice: &str| {
            let column = self.headers[column].clone();
            let finding = Finding { row, column, reason, advice: advice.into(), rejected: false };
            report.findings.add(advice, finding);
        };
        let cell = restored(cells[says].trim());
        match agrees(cell) {
            Some(true) => {}
            Some(false) => return withdrawn(),
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
        let Some(since) = since else { return consent(None, None) };
        let text = restored(cells[since].trim());
        if text.is_empty() || is_filler(text) {
            let advice = "consent taken as given at the import; say since when";
            warn(since, "consent without a date".into(), advice);
            return consent(None, None);
        }
        // What nobody can have said on that day proves nothing.
        let reason = match parse_date(text) {
            Some(at) if at <= self.now + FIRST_ZONE => {
                return consent(Some(at.min(self.now)), None);
            }
            Some(_) => format!("`{text}` is in the future"),
            None => format!("`{text}` is not a date"),
        };
        warn(since, reason, "consent not taken; write the day it was given, like 2027-03-28");
        None
    }
}
