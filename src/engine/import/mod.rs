//! Imports: files of leads, events and suppressions, read as a stream and written in batches.
//!
//! Every row is taken, merged or refused with its reason; memory does not grow with the file.

mod batches;
mod codes;
mod consent;
mod deals;
mod encoding;
mod events;
mod happened;
mod leads;
mod list;
mod mapping;
mod rejects;
mod report;
mod row;
mod seen;
mod suppressions;
mod table;

use std::path::PathBuf;

pub use codes::{CodesImport, import_codes};
pub use events::{EventsImport, import_events};
pub use leads::{LeadsImport, import_leads, rejects_beside};
pub use mapping::{Mapping, quoted};
pub use rejects::harmless;
pub use report::{
    CodesReport, EventsReport, Finding, Findings, LeadsReport, Rows, SuppressionsReport,
    UnknownOwners,
};
pub use suppressions::{SuppressionsImport, import_suppressions};

use crate::store::StoreError;

/// How far an import is: bytes read of how many, rows so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub bytes: u64,
    pub total: u64,
    pub rows: u64,
}

/// Rows handed to the store at once.
const BATCH: usize = 500;

/// Why an import did not come to its end. A bad row is not among these.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{} cannot be read: {source}", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("{} cannot be written: {source}", file.display())]
    Unwritable { file: PathBuf, source: std::io::Error },
    #[error("{}: {what}", file.display())]
    Malformed { file: PathBuf, what: String, hint: String },
    /// The rows before it are imported; doing it again is harmless.
    #[error("{}: row {row} is larger than {} KB", file.display(), table::ROW_LIMIT / 1024)]
    RowTooLarge { file: PathBuf, row: u64 },
    #[error("{what}")]
    Options { what: String, hint: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the reader of the file failed: {0}")]
    Reader(#[from] tokio::task::JoinError),
}
