//! Discount codes out of a file, into a pool.

use std::{collections::HashMap, path::PathBuf};

use tokio::sync::mpsc;

use super::{
    BATCH, ImportError, Progress,
    rejects::{Rejects, refuse_input, restored},
    report::{CodesReport, Finding},
    seen::{Seen, hash},
    table::{Row, Table, text_cells},
};
use crate::{
    domain::{name::Name, time::Instant},
    store::Store,
};

/// The longest code, in characters.
const LONGEST: usize = 100;

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct CodesImport {
    pub file: PathBuf,
    pub pool: Name,
    /// A warning is logged where fewer are left; `None`: as it was, or 50.
    pub warn_below: Option<i64>,
    /// Where refused rows go.
    pub rejects: PathBuf,
    /// Writes nothing at all.
    pub dry_run: bool,
}

/// Imports codes: one a line, or a CSV file with a column `code`. What the pool holds already stays as it
/// is, and mails that were parked for want of a code get another try.
///
/// # Errors
/// When the file cannot be read, or the store fails. Rows before are in the pool.
pub async fn import_codes(
    store: &Store,
    import: CodesImport,
    now: Instant,
    progress: impl Fn(Progress) + Send + 'static,
) -> Result<CodesReport, ImportError> {
    let (batches, mut inbox) = mpsc::channel::<Vec<String>>(2);
    let CodesImport { pool, warn_below, dry_run, .. } = import.clone();
    let reader = tokio::task::spawn_blocking(move || read(&import, &progress, &batches));
    let (mut taken, mut added) = (0, 0);
    let written = async {
        while let Some(codes) = inbox.recv().await {
            taken += codes.len() as u64;
            added += if dry_run {
                store.foresee_codes(&pool, &codes).await?
            } else {
                store.add_codes(&pool, &codes, warn_below, now).await?
            };
        }
        if added > 0 && !dry_run {
            store.try_parked_again(now).await?;
        }
        Ok::<_, ImportError>(())
    }
    .await;
    drop(inbox);
    let read = reader.await?;
    written?;
    let mut report = read?;
    report.added = added;
    report.known = taken - added;
    report.dry_run = dry_run;
    let pools = store.code_pools().await?;
    report.left = pools.iter().find(|it| it.pool == pool).map_or(0, |pool| pool.left);
    Ok(report)
}

fn read(
    import: &CodesImport,
    progress: &dyn Fn(Progress),
    batches: &mpsc::Sender<Vec<String>>,
) -> Result<CodesReport, ImportError> {
    if !import.dry_run {
        refuse_input(&import.file, &import.rejects)?;
    }
    let mut table = Table::open_bare(&import.file)?;
    let mut report = CodesReport::default();
    let mut rejects = None;
    let mut shape: Option<(usize, usize)> = None;
    // By their hashes, the rows in which they stand; as many as memory is spent on.
    let mut seen: HashMap<u64, u64> = HashMap::new();
    let (size, mut rows) = (table.size(), 0);
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(row) = table.next_row()? {
        let (column, width) = match shape {
            Some(shape) => shape,
            None => {
                let (header, names) = header(&row);
                let path = (!import.dry_run).then(|| import.rejects.clone());
                rejects = Some(Rejects::new(path, &names));
                let found = *shape.insert((header.unwrap_or(0), row.cells.len()));
                if header.is_some() {
                    continue;
                }
                found
            }
        };
        rows += 1;
        match code(&row, column, width, &mut seen) {
            Ok(code) => batch.push(code),
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
    // Also of none: the pool is there then.
    let _ = batches.blocking_send(batch);
    progress(Progress { bytes: size, total: size, rows });
    report.rows = rows;
    if let Some(rejects) = rejects {
        report.rejects_file = rejects.finish(&mut report.notes)?;
    }
    Ok(report)
}

/// Which column of the header is `code`, if the row is one, and what the columns are called.
fn header(row: &Row<'_>) -> (Option<usize>, Vec<String>) {
    let cell = |cell: &[u8]| {
        String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').trim().to_lowercase()
    };
    let names: Vec<String> = row.cells.iter().map(cell).collect();
    let is_code = |name: &String| matches!(name.as_str(), "code" | "codes" | "discount code");
    match names.iter().position(is_code) {
        Some(column) => (Some(column), names),
        None => {
            let mut names = vec![String::new(); names.len()];
            if let Some(first) = names.first_mut() {
                "code".clone_into(first);
            }
            (None, names)
        }
    }
}

fn code(
    row: &Row<'_>,
    column: usize,
    width: usize,
    seen: &mut HashMap<u64, u64>,
) -> Result<String, Finding> {
    let refused = |reason: String, advice: &str| Finding {
        row: row.number,
        column: String::new(),
        reason,
        advice: advice.into(),
        rejected: true,
    };
    let mut cells = Vec::new();
    text_cells(row, width, &mut cells).map_err(|fault| {
        let (reason, advice) = fault.reason_and_advice();
        refused(reason, advice)
    })?;
    let code = restored(cells[column].trim_start_matches('\u{feff}').trim());
    if code.is_empty() {
        return Err(refused("there is no code".to_owned(), "write one, or delete the row"));
    }
    if code.chars().count() > LONGEST || code.chars().any(|c| c.is_control() || c.is_whitespace()) {
        let advice = "a code is one word of at most 100 characters";
        return Err(refused("this is no code".to_owned(), advice));
    }
    let hash = hash(code);
    if let Some(first) = seen.get(&hash) {
        let reason = format!("`{code}` stands in row {first} already");
        return Err(refused(reason, "each code is for one reader: delete the row"));
    }
    if seen.len() < Seen::LIMIT {
        seen.insert(hash, row.number);
    }
    Ok(code.to_owned())
}
