//! A folder for mail that came in and that nothing was done with, for a person to look at.

use std::{
    fs::{self, DirBuilder},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// Strangers can fill the folder: beyond this, what is there already stays, and no more comes in.
const MOST_FILES: usize = 1_000;
const MOST_BYTES: u64 = 100 * 1024 * 1024;

/// Holds each mail as an `.eml` file that only its owner can read, named by what it says: a mail that is
/// offered again is there once.
#[derive(Clone, Debug)]
pub struct Unclaimed {
    folder: PathBuf,
    most_files: usize,
    most_bytes: u64,
}

impl Unclaimed {
    /// The folder is made with the first mail.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), most_files: MOST_FILES, most_bytes: MOST_BYTES }
    }

    /// `false` when the folder is full. When it is `true` the mail is on disk.
    ///
    /// # Errors
    /// When it cannot be written: whoever brought the mail should keep it.
    pub fn keep(&self, raw: &[u8]) -> io::Result<bool> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let digest = u128::from_be_bytes(Sha256::digest(raw)[..16].try_into().unwrap_or_default());
        let file = self.folder.join(format!("{digest:032x}.eml"));
        if file.try_exists()? {
            return Ok(true);
        }
        if !self.has_room(raw.len() as u64)? {
            return Ok(false);
        }
        // Readable by its owner alone, whole or not at all, and its name on disk as well.
        let mut draft = tempfile::NamedTempFile::new_in(&self.folder)?;
        draft.write_all(raw)?;
        draft.as_file().sync_all()?;
        draft.persist(file).map_err(|error| error.error)?;
        fs::File::open(&self.folder)?.sync_all()?;
        Ok(true)
    }

    fn has_room(&self, wanted: u64) -> io::Result<bool> {
        let (mut files, mut bytes) = (0, wanted);
        for entry in fs::read_dir(&self.folder)? {
            files += 1;
            // One that was taken away meanwhile takes no room.
            bytes += entry?.metadata().map_or(0, |about| about.len());
        }
        Ok(files < self.most_files && bytes <= self.most_bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mails(folder: &Path) -> Vec<Vec<u8>> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let mut mails: Vec<_> = entries.map(|entry| fs::read(entry.path()).unwrap()).collect();
        mails.sort();
        mails
    }

    #[test]
    fn a_mail_is_kept_once_and_for_its_owner_alone() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("unclaimed");
        let unclaimed = Unclaimed::new(&folder);
        for mail in [b"one", b"two", b"one"] {
            assert!(unclaimed.keep(mail).unwrap());
        }
        assert_eq!(mails(&folder), [b"one", b"two"]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!((mode(&path), path.extension().unwrap().to_str()), (0o600, Some("eml")));
        }
    }

    #[test]
    fn what_came_first_stays() {
        let folder = tempfile::tempdir().unwrap();
        let few = Unclaimed { most_files: 2, ..Unclaimed::new(folder.path()) };
        let kept = [b"a", b"b", b"c", b"a"].map(|mail| few.keep(mail).unwrap());
        assert_eq!(kept, [true, true, false, true]);
        assert_eq!(mails(folder.path()), [b"a", b"b"]);
        let small = Unclaimed { most_bytes: 10, ..Unclaimed::new(folder.path()) };
        assert!(small.keep(b"12345678").unwrap());
        assert!(!small.keep(b"9").unwrap());
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let above = tempfile::tempdir().unwrap();
        let file = above.path().join("a file");
        fs::write(&file, "").unwrap();
        assert!(Unclaimed::new(&file).keep(b"x").is_err());
    }
}
