//! Files that hold a secret: for their owner alone.

use std::{fmt, fs, io, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path};

/// Far above what a file of keys takes.
const LIMIT: u64 = 64 * 1024;

/// Why a file is not read as a secret.
#[derive(Debug)]
pub enum NotPrivate {
    Io(io::Error),
    /// Others may read it or write to it.
    Open {
        mode: u32,
    },
    /// A folder, a pipe, or far too long.
    NoFile,
}

/// Reads a file that nobody but its owner may read.
///
/// # Errors
/// When it cannot be read, or others may read it as well.
pub fn read_private(path: &Path) -> Result<String, NotPrivate> {
    let about = fs::metadata(path).map_err(NotPrivate::Io)?;
    // systemd lets its service read a credential by an ACL, which shows as the group's bits.
    let others = if path.starts_with("/run/credentials") { 0o027 } else { 0o077 };
    let mode = about.permissions().mode() & 0o777;
    if mode & others != 0 {
        return Err(NotPrivate::Open { mode });
    }
    if !about.is_file() || about.len() > LIMIT {
        return Err(NotPrivate::NoFile);
    }
    fs::read_to_string(path).map_err(NotPrivate::Io)
}

/// Makes a file that its owner alone may read, whole or not at all, and never over another one.
///
/// # Errors
/// When there is one already, or it cannot be written.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

impl fmt::Display for NotPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::Open { mode } => write!(f, "may be read by others (mode {mode:03o})"),
            Self::NoFile => f.write_str("is no file of keys"),
        }
    }
}
