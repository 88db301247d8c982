//! Whose the files of a database are: the service's, also where `root` makes them.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown},
    path::Path,
};

const ROOT: u32 = 0;

/// Makes a file that was not there, for its owner alone: `root` makes it for whoever has the `folder`, as the
/// service could not open it.
///
/// # Errors
/// Of the file system; [`io::ErrorKind::AlreadyExists`] where something of this name is there.
pub fn make_file(file: &Path, folder: &Path) -> io::Result<File> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    if made.metadata()?.uid() == ROOT {
        let folder = fs::metadata(folder)?;
        fchown(&made, Some(folder.uid()), Some(folder.gid()))?;
    }
    Ok(made)
}

/// The folder that a file is in.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::chown;

    use super::*;

    #[test]
    fn what_root_makes_belongs_to_whoever_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let is_root = fs::metadata(folder.path()).unwrap().uid() == ROOT;
        if is_root {
            chown(folder.path(), Some(65_534), Some(65_534)).unwrap();
        }
        let path = folder.path().join("new");
        let made = make_file(&path, folder_of(&path)).unwrap().metadata().unwrap();
        let folder = fs::metadata(folder.path()).unwrap();
        assert_eq!((made.uid(), made.mode() & 0o777), (folder.uid(), 0o600));
        assert!(!is_root || made.gid() == 65_534);
        let again = make_file(&path, folder_of(&path)).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }
}
