//! What a file of the campaign folder is, by its name alone.

use std::path::Path;

use crate::domain::attachment::FileType;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileRole {
    /// It is read.
    Definition,
    /// It goes with the mails that name it.
    Attachment,
    /// It tests workflows.
    Test,
    /// It stands beside campaign files and nobody takes it for one: notes, backups, accepted timelines.
    Beside,
    /// Somebody may think that it is read.
    Unknown,
}

impl FileRole {
    /// Of a file in `folder`, which is `workflows`, or `templates` or one inside of it.
    pub(super) fn of(folder: &str, name: &str) -> Self {
        let is_workflow = folder == "workflows";
        // Notes first: they end like mails.
        if is_readme(name) || (is_workflow && name.ends_with(TIMELINES)) || is_litter(name) {
            return Self::Beside;
        }
        if is_workflow && is_test(name) {
            return Self::Test;
        }
        if is_of_attachments(folder) {
            return FileType::of(name).map_or(Self::Unknown, |_| Self::Attachment);
        }
        let read: &[&str] = if is_workflow { &YAML } else { &["md", "html", "mjml", "txt"] };
        if ends_in(name, read) { Self::Definition } else { Self::Unknown }
    }
}

/// Whether files in this folder go with mails.
pub(super) fn is_of_attachments(path: &str) -> bool {
    path.strip_prefix("templates/files")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// How the file of accepted timelines ends that stands beside a file of tests.
pub(super) const TIMELINES: &str = ".timelines.txt";

const YAML: [&str; 2] = ["yaml", "yml"];

/// What editors and systems leave behind, files and folders.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name.starts_with('#') || name.ends_with('~')
}

/// In capitals it is no name of a mail, whatever follows; in others only `readme` itself is none.
fn is_readme(name: &str) -> bool {
    let is_named_so = || {
        let (stem, _) = name.split_once('.').unwrap_or((name, ""));
        stem.eq_ignore_ascii_case("readme")
    };
    // Notes are not written in YAML.
    !ends_in(name, &YAML) && (name.starts_with("README") || is_named_so())
}

fn is_test(name: &str) -> bool {
    name.ends_with(".test.yaml") || name.ends_with(".test.yml")
}

fn is_litter(name: &str) -> bool {
    ends_in(name, &["bak", "orig", "rej", "swp", "tmp"])
        || ["Thumbs.db", "desktop.ini"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn ends_in(name: &str, endings: &[&str]) -> bool {
    let found = Path::new(name).extension();
    found.is_some_and(|found| endings.iter().any(|ending| found.eq_ignore_ascii_case(ending)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_only_begins_like_notes_is_read() {
        for (folder, name, role) in [
            ("templates", "README.md", FileRole::Beside),
            ("templates/cold", "readme.it.md", FileRole::Beside),
            ("templates", "README-first.txt", FileRole::Beside),
            ("templates", "readme-first.md", FileRole::Definition),
            ("templates", "readme", FileRole::Beside),
            ("workflows", "readme.yaml", FileRole::Definition),
            ("workflows", "readme.md", FileRole::Beside),
            ("workflows", "a.test.yml", FileRole::Test),
            ("workflows", "a.timelines.txt", FileRole::Beside),
            ("workflows", "readmes.md", FileRole::Unknown),
            ("templates", "THUMBS.DB", FileRole::Beside),
            ("templates", "logo.png", FileRole::Unknown),
            ("templates/files", "logo.png", FileRole::Attachment),
            ("templates/files/2027", "Guide.PDF", FileRole::Attachment),
            ("templates/files-of-old", "logo.png", FileRole::Unknown),
            ("templates/files", "tool.exe", FileRole::Unknown),
            ("templates/files", "hello.md", FileRole::Unknown),
            ("templates/files", "README.txt", FileRole::Beside),
        ] {
            assert_eq!(FileRole::of(folder, name), role, "{folder}/{name}");
        }
    }
}
