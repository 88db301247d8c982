//! What an import did: figures, and what was found in which row.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Serialize;

/// Something about one row. Refused rows are also in the rejects file, but for those whose lead turned
/// out to be damaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// As a spreadsheet shows it: the header is row 1.
    pub row: u64,
    /// As the header names it; empty if it is about the whole row.
    pub column: String,
    pub reason: String,
    /// What to do about it.
    pub advice: String,
    /// The row was refused; otherwise it was taken without this cell.
    pub rejected: bool,
}

/// How many are told one by one.
const KEPT: usize = 1_000;

/// Rows by their numbers, bounded: the first ones, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// The first 1,000.
    pub first: Vec<u64>,
    pub total: u64,
}

impl Rows {
    pub(super) fn add(&mut self, row: u64) {
        self.total += 1;
        if self.first.len() < KEPT {
            self.first.push(row);
        }
    }
}

/// Findings, bounded: the first ones in full, of all of them the figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// The first 1,000.
    pub first: Vec<Finding>,
    /// How many there are.
    pub total: u64,
    /// How many of each kind: by column and advice.
    pub kinds: BTreeMap<String, u64>,
}

impl Findings {
    const KINDS: usize = 200;

    pub(super) fn add(&mut self, kind: &str, finding: Finding) {
        self.total += 1;
        let key = if finding.column.is_empty() {
            kind.to_owned()
        } else {
            format!("{}: {kind}", finding.column)
        };
        if self.kinds.len() < Self::KINDS || self.kinds.contains_key(&key) {
            *self.kinds.entry(key).or_default() += 1;
        }
        if self.first.len() < KEPT {
            self.first.push(finding);
        }
    }

    /// Takes over what was found elsewhere.
    pub(super) fn absorb(&mut self, others: Self) {
        self.total += others.total;
        for (kind, number) in others.kinds {
            *self.kinds.entry(kind).or_default() += number;
        }
        let room = KEPT.saturating_sub(self.first.len());
        self.first.extend(others.first.into_iter().take(room));
    }
}

/// Owners whom nobody here is, bounded: the first names, and how many rows name such a one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UnknownOwners {
    /// The first 20, each once.
    pub first: Vec<String>,
    pub rows: u64,
}

impl UnknownOwners {
    const KEPT: usize = 20;

    pub(super) fn add(&mut self, owner: &str) {
        self.rows += 1;
        if self.first.len() < Self::KEPT && self.first.iter().all(|known| known != owner) {
            self.first.push(owner.to_owned());
        }
    }
}

/// What an import of leads did. `rows = created + updated + unchanged + merged + rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeadsReport {
    /// Without the header and blank rows.
    pub rows: u64,
    pub created: u64,
    /// Known already, and the row said something new, or it is the first of its source for this lead.
    pub updated: u64,
    /// Known already, and the row said nothing new.
    pub unchanged: u64,
    /// The same address came before in the file; what was not empty was taken.
    pub merged: u64,
    pub rejected: u64,
    /// Rows whose address is on the suppression list, by this file or from before.
    pub suppressed: u64,
    /// Rows that were refused and may be objections, of leads that are not on the suppression list: they
    /// go on getting mails.
    pub still_written_to: Rows,
    /// Rows that were read and name an owner who is not among the people.
    pub unknown_owners: UnknownOwners,
    pub rejects_file: Option<PathBuf>,
    pub dry_run: bool,
    /// Columns that nothing is known about; their cells were not taken.
    pub unknown_columns: Vec<String>,
    /// What else the reader should know.
    pub notes: Vec<String>,
    pub findings: Findings,
}

/// What an import of events did. `rows = recorded + duplicates + rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EventsReport {
    pub rows: u64,
    /// Rows that told something new.
    pub recorded: u64,
    /// The events that these were; a row of a deal may be two.
    pub events: u64,
    /// Rows of which all was recorded before.
    pub duplicates: u64,
    pub rejected: u64,
    /// Of the rejected: no lead has the address.
    pub unknown_leads: u64,
    /// Rows that say that somebody unsubscribed or complained, recorded now or before, or of an address that
    /// no lead has: it is on the suppression list.
    pub suppressed: u64,
    /// Claimed to come from the future; recorded as of now.
    pub clamped: u64,
    pub rejects_file: Option<PathBuf>,
    pub dry_run: bool,
    /// What else the reader should know.
    pub notes: Vec<String>,
    pub findings: Findings,
}

/// What an import of suppressions did. `rows = added + known + rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SuppressionsReport {
    pub rows: u64,
    pub added: u64,
    /// On the list already.
    pub known: u64,
    pub rejected: u64,
    pub rejects_file: Option<PathBuf>,
    pub dry_run: bool,
    /// What else the reader should know.
    pub notes: Vec<String>,
    pub findings: Findings,
}

/// What an import of discount codes did. `rows = added + known + rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CodesReport {
    pub rows: u64,
    pub added: u64,
    /// In the pool already.
    pub known: u64,
    pub rejected: u64,
    /// How many of the pool nobody has now.
    pub left: u64,
    pub rejects_file: Option<PathBuf>,
    pub dry_run: bool,
    /// What else the reader should know.
    pub notes: Vec<String>,
    pub findings: Findings,
}
