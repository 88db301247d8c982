//! A relay that is a folder: each mail becomes a file, for rehearsals, demos and tests.

use std::{
    future::Future,
    io,
    path::{Path, PathBuf},
};

use super::{Delivery, Stage, reply::Reply};
use crate::{domain::address::Address, mail::compose::Composed};

/// Writes `20270328T070000.000Z-KEY.eml`: sorted by name they are sorted by date. The folder is where a
/// mail's way ends, so the file begins with `Return-Path:`, the envelope's sender (RFC 5321 §4.4).
#[derive(Clone, Debug)]
pub struct FolderRelay {
    pub name: String,
    pub folder: PathBuf,
}

impl FolderRelay {
    #[must_use]
    pub fn new(name: &str, folder: &Path) -> Self {
        Self { name: name.to_owned(), folder: folder.to_owned() }
    }

    /// Makes the folder if it is not there, and tries to write into it.
    ///
    /// # Errors
    /// When no mail could be written.
    pub fn try_writing(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let trial = self.folder.join(format!(".trial-{}.part", std::process::id()));
        std::fs::write(&trial, "")?;
        std::fs::remove_file(trial)
    }

    /// The file that a mail becomes; the same at a second try.
    #[must_use]
    pub fn file_of(&self, mail: &Composed) -> PathBuf {
        self.folder.join(file_name(mail))
    }

    /// See [`Session::deliver`](super::Session::deliver). The mail appears whole or not at all; it
    /// survives the end of this process, but is not forced to disk.
    pub async fn deliver<F, Fut>(&self, mail: &Composed, point_of_no_return: F) -> Delivery
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = bool>,
    {
        // No directory lists a name with a leading dot as a mail.
        let draft = self.folder.join(format!(".{}.part", file_name(mail)));
        if let Err(error) = write_draft(&self.folder, &draft, mail).await {
            return self.unreachable(&error);
        }
        if !point_of_no_return().await {
            // What stays behind when this fails is no mail.
            drop(tokio::fs::remove_file(&draft).await);
            return Delivery::Withdrawn;
        }
        match tokio::fs::rename(&draft, self.file_of(mail)).await {
            Ok(()) => Delivery::Sent { reply: Reply::new(250, "2.0.0 written") },
            // Certain: without the rename there is no mail.
            Err(error) => self.unreachable(&error),
        }
    }

    fn unreachable(&self, error: &io::Error) -> Delivery {
        let reason = format!("the folder {} cannot be written to: {error}", self.folder.display());
        Delivery::Unreachable { reason, stage: Stage::Connect }
    }
}

async fn write_draft(folder: &Path, draft: &Path, mail: &Composed) -> io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    let sender = mail.envelope_from.as_ref().map(Address::as_str).unwrap_or_default();
    let mut file = format!("Return-Path: <{sender}>\r\n").into_bytes();
    file.extend_from_slice(&mail.bytes);
    tokio::fs::write(draft, file).await
}

fn file_name(mail: &Composed) -> String {
    let date = mail.date.timestamp().strftime("%Y%m%dT%H%M%S.%3fZ");
    // A key is a word of ours; a mail that was not composed here must not choose a path.
    let key: String = mail
        .key
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
        .collect();
    format!("{date}-{key}.eml")
}
