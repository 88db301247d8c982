//! Discount codes out of a file, into a pool.

use std::{collections::HashMap, path::PathBuf};

use tokio::sync::mpsc;

use super::{
    ImportError, Progress,
    list::{self, List, refusal},
    rejects::restored,
    report::{CodesReport, Finding},
    seen::{Seen, hash},
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
    let CodesImport { file, pool, warn_below, rejects, dry_run } = import;
    let reader = tokio::task::spawn_blocking(move || {
        let rejects = (!dry_run).then_some(&*rejects);
        list::read(&file, rejects, &mut Codes::default(), &progress, &batches)
    });
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
    let read = read?;
    let pools = store.code_pools().await?;
    Ok(CodesReport {
        rows: read.rows,
        added,
        known: taken - added,
        rejected: read.rejected,
        left: pools.iter().find(|it| it.pool == pool).map_or(0, |pool| pool.left),
        rejects_file: read.rejects_file,
        dry_run,
        notes: read.notes,
        findings: read.findings,
    })
}

/// The column of the codes, and the hashes of those before with the rows in which they stand, as many as
/// memory is spent on.
#[derive(Default)]
struct Codes {
    column: usize,
    seen: HashMap<u64, u64>,
}

impl List for Codes {
    type Item = String;

    const COLUMN: &'static str = "code";

    fn is_header(&mut self, names: &[String]) -> bool {
        let is_code = |name: &String| matches!(name.as_str(), "code" | "codes" | "discount code");
        let found = names.iter().position(is_code);
        self.column = found.unwrap_or(0);
        found.is_some()
    }

    fn item(&mut self, number: u64, cells: &[&str]) -> Result<(String, Option<Finding>), Finding> {
        let refused = |reason: String, advice: &str| Err(refusal(number, reason, advice));
        let code = restored(cells[self.column].trim_start_matches('\u{feff}').trim());
        if code.is_empty() {
            return refused("there is no code".to_owned(), "write one, or delete the row");
        }
        if code.chars().count() > LONGEST
            || code.chars().any(|c| c.is_control() || c.is_whitespace())
        {
            let advice = "a code is one word of at most 100 characters";
            return refused("this is no code".to_owned(), advice);
        }
        let hash = hash(code);
        if let Some(first) = self.seen.get(&hash) {
            let reason = format!("`{code}` stands in row {first} already");
            return refused(reason, "each code is for one reader: delete the row");
        }
        if self.seen.len() < Seen::LIMIT {
            self.seen.insert(hash, number);
        }
        Ok((code.to_owned(), None))
    }
}
