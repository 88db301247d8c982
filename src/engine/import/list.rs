//! Lists out of a file: one thing a line, or a CSV file whose header says in which column it stands.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use super::{
    BATCH, ImportError, Progress,
    rejects::{Rejects, refuse_input},
    report::{Finding, Findings},
    table::{Row, Table, text_cells},
};

/// What a list holds, and how one of its rows is understood.
pub(super) trait List {
    type Item;

    /// What the first column is called where the file has no header.
    const COLUMN: &'static str;

    /// Whether the first row is a header; where things are is remembered. Names are in lower case.
    fn is_header(&mut self, names: &[String]) -> bool;

    /// What a row says, and what of it was not understood; or why it is refused.
    fn item(
        &mut self,
        number: u64,
        cells: &[&str],
    ) -> Result<(Self::Item, Option<Finding>), Finding>;
}

/// What reading a list came to.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub rows: u64,
    pub rejected: u64,
    pub rejects_file: Option<PathBuf>,
    pub notes: Vec<String>,
    pub findings: Findings,
}

/// Reads `file` in batches; the last is sent also where it is empty. `rejects`: where refused rows go.
pub(super) fn read<L: List>(
    file: &Path,
    rejects: Option<&Path>,
    list: &mut L,
    progress: &dyn Fn(Progress),
    batches: &mpsc::Sender<Vec<L::Item>>,
) -> Result<Read, ImportError> {
    if let Some(rejects) = rejects {
        refuse_input(file, rejects)?;
    }
    let mut table = Table::open_bare(file)?;
    let mut read = Read::default();
    // Known from the first row on: where refused rows go, and how many cells a row has.
    let mut refused: Option<(Rejects, usize)> = None;
    let size = table.size();
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(row) = table.next_row()? {
        let (rejects, width) = match &mut refused {
            Some(known) => known,
            None => {
                let names = names(&row);
                let (is_header, width) = (list.is_header(&names), names.len());
                let names = if is_header { names } else { unnamed(width, L::COLUMN) };
                let known =
                    refused.insert((Rejects::new(rejects.map(Path::to_owned), &names), width));
                if is_header {
                    continue;
                }
                known
            }
        };
        read.rows += 1;
        match item(list, &row, *width) {
            Ok((item, doubt)) => {
                batch.push(item);
                if let Some(finding) = doubt {
                    read.found(finding);
                }
            }
            Err(finding) => {
                read.rejected += 1;
                rejects.add(row.cells.iter(), &finding)?;
                read.found(finding);
            }
        }
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if batches.blocking_send(full).is_err() {
                return Ok(read);
            }
            progress(Progress { bytes: table.bytes(), total: size, rows: read.rows });
        }
    }
    let _ = batches.blocking_send(batch);
    progress(Progress { bytes: size, total: size, rows: read.rows });
    if let Some((rejects, _)) = refused {
        read.rejects_file = rejects.finish(&mut read.notes)?;
    }
    Ok(read)
}

impl Read {
    fn found(&mut self, finding: Finding) {
        let kind = finding.advice.clone();
        self.findings.add(&kind, finding);
    }
}

fn item<L: List>(
    list: &mut L,
    row: &Row<'_>,
    width: usize,
) -> Result<(L::Item, Option<Finding>), Finding> {
    let mut cells = Vec::new();
    text_cells(row, width, &mut cells).map_err(|fault| {
        let (reason, advice) = fault.reason_and_advice();
        refusal(row.number, reason, advice)
    })?;
    list.item(row.number, &cells)
}

/// A row that is not taken.
pub(super) fn refusal(row: u64, reason: String, advice: &str) -> Finding {
    Finding { row, column: String::new(), reason, advice: advice.into(), rejected: true }
}

/// The first row as the names of columns.
fn names(row: &Row<'_>) -> Vec<String> {
    let name = |cell: &[u8]| {
        String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').trim().to_lowercase()
    };
    row.cells.iter().map(name).collect()
}

fn unnamed(columns: usize, first: &str) -> Vec<String> {
    let mut names = vec![String::new(); columns];
    if let Some(name) = names.first_mut() {
        first.clone_into(name);
    }
    names
}
