//! Suppressions out of a file: addresses and whole domains that are not written to.

use std::path::PathBuf;

use tokio::sync::mpsc;

use super::{
    ImportError, Progress,
    list::{self, List, refusal},
    rejects::restored,
    report::{Finding, SuppressionsReport},
    seen::Seen,
};
use crate::{
    domain::{address::Address, lead::Suppression, name::Name, time::Instant},
    store::{Store, Subject},
};

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct SuppressionsImport {
    pub file: PathBuf,
    pub source: Name,
    /// For rows that do not say why.
    pub reason: Suppression,
    /// Where refused rows go.
    pub rejects: PathBuf,
    /// Writes nothing at all.
    pub dry_run: bool,
}

/// Imports a list of addresses and domains: one a line, or a CSV file with a header.
///
/// # Errors
/// When the file cannot be read, or the store fails. Rows before are on the list.
pub async fn import_suppressions(
    store: &Store,
    import: SuppressionsImport,
    now: Instant,
    progress: impl Fn(Progress) + Send + 'static,
) -> Result<SuppressionsReport, ImportError> {
    let (batches, mut inbox) = mpsc::channel::<Vec<(Subject, Suppression)>>(2);
    let SuppressionsImport { file, source, reason, rejects, dry_run } = import;
    let reader = tokio::task::spawn_blocking(move || {
        let mut subjects = Subjects { subject: 0, reason: None, otherwise: reason };
        let rejects = (!dry_run).then_some(&*rejects);
        list::read(&file, rejects, &mut subjects, &progress, &batches)
    });
    let (mut taken, mut added) = (0, 0);
    let mut seen = Seen::default();
    let written = async {
        while let Some(batch) = inbox.recv().await {
            taken += batch.len() as u64;
            added += if dry_run {
                let subjects = batch.into_iter().map(|(subject, _)| subject);
                let fresh: Vec<Subject> = subjects.filter(|one| seen.is_new(one)).collect();
                store.foresee_suppressed(&fresh).await?
            } else {
                store.suppress(&batch, &source, now).await?
            };
        }
        Ok::<_, ImportError>(())
    }
    .await;
    drop(inbox);
    let read = reader.await?;
    written?;
    let mut read = read?;
    read.notes.extend(seen.note());
    Ok(SuppressionsReport {
        rows: read.rows,
        added,
        known: taken - added,
        rejected: read.rejected,
        rejects_file: read.rejects_file,
        dry_run,
        notes: read.notes,
        findings: read.findings,
    })
}

/// Where things are; a file without a header has its subjects in the first column.
struct Subjects {
    subject: usize,
    reason: Option<usize>,
    /// For rows that do not say why.
    otherwise: Suppression,
}

impl List for Subjects {
    type Item = (Subject, Suppression);

    const COLUMN: &'static str = "subject";

    fn is_header(&mut self, names: &[String]) -> bool {
        let is_word = |name: &String| {
            matches!(
                name.as_str(),
                "email" | "e-mail" | "email address" | "address" | "domain" | "subject"
            )
        };
        let found = names.iter().position(is_word);
        self.subject = found.unwrap_or(0);
        self.reason = found.and_then(|_| names.iter().position(|name| name == "reason"));
        found.is_some()
    }

    /// Who is not to be written to, and what was not understood about why: in doubt the row counts.
    fn item(
        &mut self,
        number: u64,
        cells: &[&str],
    ) -> Result<(Self::Item, Option<Finding>), Finding> {
        let text = restored(cells[self.subject].trim_start_matches('\u{feff}').trim());
        let advice = "write an address, or a domain like ours.example";
        let subject = match text.strip_prefix("*@").or_else(|| text.strip_prefix('@')) {
            Some(domain) => domain_of(domain),
            None if text.contains('@') => {
                Address::parse(text).map(Subject::Address).map_err(|error| error.to_string())
            }
            None => domain_of(text),
        }
        .map_err(|reason| refusal(number, reason, advice))?;
        let reason = self.reason.map_or("", |column| cells[column].trim());
        if reason.is_empty() {
            return Ok(((subject, self.otherwise), None));
        }
        match Suppression::from_word(&reason.to_lowercase().replace([' ', '-'], "_")) {
            Some(reason) => Ok(((subject, reason), None)),
            None => {
                let advice = format!(
                    "put on the list as {}; known are unsubscribed, complained, hard_bounce, manual",
                    self.otherwise.word()
                );
                let unknown = refusal(number, format!("`{reason}` is no reason"), &advice);
                let doubt = Finding { rejected: false, ..unknown };
                Ok(((subject, self.otherwise), Some(doubt)))
            }
        }
    }
}

/// A domain in the form that addresses have it.
fn domain_of(text: &str) -> Result<Subject, String> {
    match Address::parse(&format!("postmaster@{text}")) {
        Ok(address) => Ok(Subject::Domain(address.domain().to_owned())),
        Err(_) => Err(format!("`{text}` is neither an address nor a domain")),
    }
}
