//! Reads the campaign folder, safely: names are slugs, no link leads out, sizes are bounded.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    file_role::{FileRole, is_hidden, is_of_attachments},
    names::is_slug,
    problem::{Problem, Severity, quote},
    yaml::LARGEST,
};
use crate::{
    config::OwnDomains,
    domain::{
        attachment::{self, FileType, too_large},
        name::Name,
    },
};

/// How many files are read at most; of tests as many again.
const MOST: usize = 5_000;
/// How many bytes all files hold at most; all tests as many again.
const ALL: usize = 64_000_000;
/// Folders inside of each other under `templates/`.
const DEPTH: usize = 8;

/// The texts of a campaign folder, by path relative to it, with `/`.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// What goes with mails as [`FileType::encoded`] writes it.
    pub files: BTreeMap<String, String>,
    /// Why others cannot go with a mail: the end of a sentence. No matter where no mail names them.
    pub refused: BTreeMap<String, String>,
    /// Tests of workflows. They are no part of what goes live.
    pub tests: BTreeMap<String, String>,
    /// Files of tests that are not read, and why: no matter of what goes live.
    pub refused_tests: BTreeMap<String, Problem>,
    /// What could not be read, and why.
    pub problems: Vec<Problem>,
    /// From where mail may come, as far as a configuration says it.
    pub own_domains: Option<OwnDomains>,
    /// The targets of webhooks, as far as a configuration names them.
    pub targets: Option<BTreeSet<Name>>,
}

/// Why a folder is no campaign folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("there is no folder `{0}`: name the campaign folder by `--dir`")]
    Missing(PathBuf),
    #[error(
        "`{0}` has no folder `workflows/`: a campaign folder holds `workflows/*.yaml` and \
         `templates/`; name it by `--dir`"
    )]
    NoWorkflows(PathBuf),
    #[error("`{path}` cannot be read: {source}")]
    Unreadable { path: PathBuf, source: io::Error },
}

/// Reads `workflows/*.yaml`, tests among them, and `templates/**` of a folder.
///
/// A file that cannot be used is a problem of the result and does not stop the others.
pub fn read_folder(folder: &Path) -> Result<Sources, FolderError> {
    read_within(folder, ALL)
}

fn read_within(folder: &Path, bytes: usize) -> Result<Sources, FolderError> {
    if !folder.is_dir() {
        return Err(FolderError::Missing(folder.to_owned()));
    }
    // The folder itself may be a link, as deployments have it; what is in it may not.
    let is_folder = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_dir());
    let workflows = folder.join("workflows");
    if !is_folder(&workflows) {
        return Err(FolderError::NoWorkflows(folder.to_owned()));
    }
    let room = || Room { files: 0, bytes, is_full: false };
    let mut reader = Reader { sources: Sources::default(), room: room(), of_tests: room() };
    reader.folder(&workflows, "workflows", 0)?;
    let templates = folder.join("templates");
    if is_folder(&templates) {
        reader.folder(&templates, "templates", 0)?;
    } else if templates.is_symlink() {
        reader.symlink("templates", FileRole::Unknown);
    }
    Ok(reader.sources)
}

struct Reader {
    sources: Sources,
    room: Room,
    /// Tests take nothing of the room of what goes live.
    of_tests: Room,
}

/// How much has been read, and may be.
struct Room {
    files: usize,
    /// How many may still be read.
    bytes: usize,
    /// Nothing more is read.
    is_full: bool,
}

impl Room {
    /// Whether there is a file to be read; `Err` once, where there are too many.
    fn admits(&mut self) -> Result<bool, String> {
        if self.is_full {
            return Ok(false);
        }
        self.files += 1;
        if self.files > MOST {
            self.is_full = true;
            return Err(format!("the folder holds more than {MOST} files{REST}"));
        }
        Ok(true)
    }

    /// # Errors
    /// When so much does not go in any more.
    fn take(&mut self, bytes: usize) -> Result<(), String> {
        match self.bytes.checked_sub(bytes) {
            Some(left) => self.bytes = left,
            None => {
                self.is_full = true;
                let all = ALL / 1_000_000;
                return Err(format!("the folder's files are larger than {all} MB together{REST}"));
            }
        }
        Ok(())
    }
}

/// Said once.
const REST: &str = "; the rest is not read";

impl Reader {
    fn folder(&mut self, path: &Path, name: &str, depth: usize) -> Result<(), FolderError> {
        let unreadable = |source| FolderError::Unreadable { path: path.to_owned(), source };
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.file_type().map_err(unreadable)?;
            entries.push((entry.file_name(), kind));
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        let mut ignored = Vec::new();
        for (file_name, kind) in entries {
            let Some(file_name) = file_name.to_str() else {
                let file_name = file_name.to_string_lossy();
                let found = (format!("{name}/{file_name}"), FileRole::of(name, &file_name));
                self.refuse(found, "bad-name", "the file's name is not UTF-8", None);
                continue;
            };
            if is_hidden(file_name) {
                continue;
            }
            let inside = format!("{name}/{file_name}");
            if kind.is_symlink() {
                self.symlink(&inside, FileRole::of(name, file_name));
            } else if kind.is_dir() {
                if name == "workflows" {
                    let hint = "put its files into `workflows/` itself".to_owned();
                    self.problem(&inside, "folder", "folders here are not read", Some(hint));
                } else if !is_slug(file_name) {
                    self.bad_name(&inside);
                } else if depth + 1 >= DEPTH {
                    self.problem(&inside, "folder", "too many folders inside of each other", None);
                } else {
                    self.folder(&path.join(file_name), &inside, depth + 1)?;
                }
            } else if kind.is_file() {
                match FileRole::of(name, file_name) {
                    FileRole::Definition => self.file(&path.join(file_name), inside),
                    FileRole::Attachment => self.attachment(&path.join(file_name), inside),
                    FileRole::Test => self.test(&path.join(file_name), inside),
                    FileRole::Beside => {}
                    FileRole::Unknown => ignored.push(inside),
                }
            }
        }
        self.ignored(&ignored);
        Ok(())
    }

    fn file(&mut self, path: &Path, name: String) {
        if !self.admits(&name) {
            return;
        }
        match read_text(path) {
            Ok(text) => self.keep(name, text),
            Err((rule, message)) => self.problem(&name, rule, &message, None),
        }
    }

    /// One that cannot be read is no problem of what goes live: it is said where tests are checked or run.
    fn test(&mut self, path: &Path, name: String) {
        let refused = match self.of_tests.admits() {
            Ok(false) => return,
            Err(message) => Err(("too-large", message)),
            Ok(true) if !is_file_name(&name) => Err(("bad-name", BAD_NAME.to_owned())),
            Ok(true) => read_text(path),
        };
        let read = refused.and_then(|text| {
            self.of_tests.take(text.len()).map_err(|message| ("too-large", message)).map(|()| text)
        });
        match read {
            Ok(text) => drop(self.sources.tests.insert(name, text)),
            Err((rule, message)) => {
                let hint = (rule == "bad-name").then(|| hint_of_names(&name));
                self.refuse((name, FileRole::Test), rule, &message, hint);
            }
        }
    }

    /// One that cannot go with a mail is said where a mail names it.
    fn attachment(&mut self, path: &Path, name: String) {
        if !self.admits(&name) {
            return;
        }
        match read_attachment(path) {
            Ok(content) => self.keep(name, content),
            Err(why) => {
                self.sources.refused.insert(name, why);
            }
        }
    }

    fn admits(&mut self, name: &str) -> bool {
        match self.room.admits() {
            Ok(false) => return false,
            Err(message) => {
                self.problem(name, "too-large", &message, None);
                return false;
            }
            Ok(true) => {}
        }
        let is_good = is_file_name(name);
        if !is_good {
            self.bad_name(name);
        }
        is_good
    }

    fn keep(&mut self, name: String, content: String) {
        match self.room.take(content.len()) {
            Ok(()) => drop(self.sources.files.insert(name, content)),
            Err(message) => self.problem(&name, "too-large", &message, None),
        }
    }

    fn symlink(&mut self, name: &str, role: FileRole) {
        if is_of_attachments(name) {
            let why = "is a link, and links are not followed".to_owned();
            self.sources.refused.insert(name.to_owned(), why);
        }
        let hint = "put the files themselves here".to_owned();
        self.refuse((name.to_owned(), role), "symlink", "links are not followed", Some(hint));
    }

    /// Said once a folder, however many pictures lie in it.
    fn ignored(&mut self, names: &[String]) {
        let [name, others @ ..] = names else { return };
        let hint = if name.starts_with("workflows/") {
            "files here end in `.yaml`; README files and backups are no matter".to_owned()
        } else if is_of_attachments(name) {
            let endings: Vec<&str> = FileType::endings().collect();
            format!("here lie files to attach to mails, which end in {}", endings.join(", "))
        } else {
            "mails end in `.md`, `.html` or `.mjml`, layouts and partials in `.html`; files to attach \
             lie in `templates/files/`"
                .to_owned()
        };
        let message = match others.len() {
            0 => "this file is not read".to_owned(),
            more => format!("this file and {more} more of its folder are not read"),
        };
        self.add(Severity::Warning, name, "ignored-file", &message, Some(hint));
    }

    fn bad_name(&mut self, name: &str) {
        self.problem(name, "bad-name", BAD_NAME, Some(hint_of_names(name)));
    }

    /// A file that is not read, apart where it is one of tests.
    fn refuse(
        &mut self,
        (file, role): (String, FileRole),
        rule: &'static str,
        message: &str,
        hint: Option<String>,
    ) {
        if role == FileRole::Test {
            let problem = problem(Severity::Error, &file, rule, message, hint);
            self.sources.refused_tests.insert(file, problem);
        } else {
            self.problem(&file, rule, message, hint);
        }
    }

    fn problem(&mut self, file: &str, rule: &'static str, message: &str, hint: Option<String>) {
        self.add(Severity::Error, file, rule, message, hint);
    }

    fn add(
        &mut self,
        severity: Severity,
        file: &str,
        rule: &'static str,
        message: &str,
        hint: Option<String>,
    ) {
        self.sources.problems.push(problem(severity, file, rule, message, hint));
    }
}

/// A problem of a file as a whole.
fn problem(
    severity: Severity,
    file: &str,
    rule: &'static str,
    message: &str,
    hint: Option<String>,
) -> Problem {
    Problem {
        file: quote(file),
        line: 1,
        column: 1,
        rule,
        severity,
        message: message.to_owned(),
        hint,
        length: 1,
    }
}

const BAD_NAME: &str = "this name cannot be used";

fn hint_of_names(path: &str) -> String {
    let hint = if is_of_attachments(path) {
        "lower-case letters, digits, `-` and `_`, at most 60: `guide.pdf`; what its reader sees is \
         said by `attachments: { file: …, name: … }`"
    } else {
        "lower-case letters, digits, `-` and `_`, at most 60: `cold/industry-report.it.md`"
    };
    hint.to_owned()
}

/// # Errors
/// The end of a sentence that begins with its name.
fn read_attachment(path: &Path) -> Result<String, String> {
    use io::Read as _;

    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    let kind = FileType::of(&path.to_string_lossy()).ok_or("is of no type that mails carry")?;
    let file = fs::File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    let limit = attachment::LARGEST as u64 + 1;
    if bytes >= limit {
        return Err(too_large(bytes));
    }
    let mut content = Vec::new();
    file.take(limit).read_to_end(&mut content).map_err(unreadable)?;
    kind.encoded(&content)
}

fn read_text(path: &Path) -> Result<String, (&'static str, String)> {
    use io::Read as _;

    let unreadable = |error: io::Error| ("unreadable", format!("it cannot be read: {error}"));
    let file = fs::File::open(path).map_err(unreadable)?;
    // One byte more than allowed tells a file that is too large, whatever its metadata says.
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX) + 1;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > LARGEST {
        return Err(("too-large", "the file is larger than 1 MB".to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = String::from_utf8_lossy(good).matches('\n').count() + 1;
        ("encoding", format!("it is not UTF-8 (line {line}): save it as UTF-8"))
    })
}

fn is_file_name(path: &str) -> bool {
    path.rsplit('/').next().unwrap_or(path).split('.').all(is_slug_or_language)
}

/// The parts of a file's name between dots: `industry-report`, `it-CH`, `md`.
fn is_slug_or_language(part: &str) -> bool {
    is_slug(part) || super::names::is_language(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, name: &str, text: &[u8]) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn rules(sources: &Sources) -> Vec<(&str, &str)> {
        sources.problems.iter().map(|p| (p.file.as_str(), p.rule)).collect()
    }

    #[test]
    fn reads_what_belongs_to_a_campaign_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "workflows/a.yaml", b"a");
        write(root.path(), "workflows/a.test.yaml", b"t");
        write(root.path(), "workflows/.a.yaml.swp", b"x");
        write(root.path(), "workflows/README.md", b"x");
        write(root.path(), "templates/cold/hello.it.md", b"m");
        write(root.path(), "templates/cold/hello.it-CH.md", b"m");
        write(root.path(), "templates/layouts/mail.html", b"l");
        write(root.path(), "nurtured.toml", b"x");
        let sources = read_folder(root.path()).unwrap();
        let files: Vec<&str> = sources.files.keys().map(String::as_str).collect();
        assert_eq!(
            files,
            [
                "templates/cold/hello.it-CH.md",
                "templates/cold/hello.it.md",
                "templates/layouts/mail.html",
                "workflows/a.yaml"
            ]
        );
        assert_eq!(rules(&sources), []);
    }

    #[test]
    fn a_file_that_is_silently_left_out_is_warned_of() {
        let root = tempfile::tempdir().unwrap();
        for name in
            ["nurse.yaml.txt", "nurse", "README", "readme.txt", "nurse.yaml~", "nurse.yaml.bak"]
        {
            write(root.path(), &format!("workflows/{name}"), b"x");
        }
        let pictures = ["logo.png", "hero.png", "footer.png", "Thumbs.db"];
        for name in ["cold/hello.mjm", "cold/hello.md.orig", ".gitkeep"].iter().chain(&pictures) {
            write(root.path(), &format!("templates/{name}"), b"x");
        }
        let sources = read_folder(root.path()).unwrap();
        assert!(sources.files.is_empty() && !sources.problems.iter().any(Problem::is_error));
        let ignored = |file| (file, "ignored-file");
        assert_eq!(
            rules(&sources),
            ["workflows/nurse", "templates/cold/hello.mjm", "templates/footer.png"].map(ignored)
        );
        let messages: Vec<&str> = sources.problems.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "this file and 1 more of its folder are not read",
                "this file is not read",
                "this file and 2 more of its folder are not read"
            ]
        );
    }

    #[test]
    fn notes_beside_campaign_files_are_left_alone_in_both_folders() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["workflows", "templates", "templates/cold"] {
            for name in ["README.md", "readme.md", "README.it.html", "README", "desktop.ini"] {
                write(root.path(), &format!("{folder}/{name}"), b"x");
            }
        }
        let sources = read_folder(root.path()).unwrap();
        assert_eq!((sources.files.len(), rules(&sources)), (0, vec![]));
    }

    #[test]
    fn all_files_together_are_bounded_and_the_rest_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c", "d"] {
            write(root.path(), &format!("workflows/{name}.yaml"), b"1234");
        }
        assert_eq!(rules(&read_within(root.path(), 16).unwrap()), []);
        let sources = read_within(root.path(), 11).unwrap();
        assert_eq!(
            sources.files.keys().collect::<Vec<_>>(),
            ["workflows/a.yaml", "workflows/b.yaml"]
        );
        assert_eq!(rules(&sources), [("workflows/c.yaml", "too-large")]);
    }

    #[test]
    fn a_missing_folder_says_how_to_name_it() {
        let root = tempfile::tempdir().unwrap();
        let missing = read_folder(&root.path().join("nowhere")).unwrap_err();
        assert!(
            matches!(missing, FolderError::Missing(_)) && missing.to_string().contains("--dir")
        );
        assert!(matches!(read_folder(root.path()), Err(FolderError::NoWorkflows(_))));
    }

    #[test]
    #[cfg(unix)]
    fn links_large_files_bad_names_and_other_encodings_are_refused_one_by_one() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        write(root.path(), "workflows/good.yaml", b"a");
        write(root.path(), "workflows/large.yaml", &vec![b'x'; LARGEST + 1]);
        write(root.path(), "workflows/latin.yaml", b"a\nb: \xe9");
        write(root.path(), "workflows/Bad Name.yaml", b"a");
        write(root.path(), &format!("workflows/{}.yaml", "x".repeat(200)), b"a");
        write(root.path(), "templates/a..%2fetc/x.md", b"a");
        std::os::unix::fs::symlink(outside.path(), root.path().join("workflows/link.yaml"))
            .unwrap();
        std::os::unix::fs::symlink("/etc", root.path().join("templates/etc")).unwrap();
        let sources = read_folder(root.path()).unwrap();
        assert_eq!(sources.files.keys().collect::<Vec<_>>(), ["workflows/good.yaml"]);
        let mut rules = rules(&sources);
        rules.sort_by_key(|(_, rule)| *rule);
        rules.retain(|(file, _)| file.len() < 60);
        assert_eq!(
            rules,
            [
                ("workflows/Bad Name.yaml", "bad-name"),
                ("templates/a..%2fetc", "bad-name"),
                ("workflows/latin.yaml", "encoding"),
                ("workflows/link.yaml", "symlink"),
                ("templates/etc", "symlink"),
                ("workflows/large.yaml", "too-large"),
            ]
        );
        assert_eq!(sources.problems.len(), 7);
    }

    #[test]
    fn a_test_that_is_not_read_is_kept_apart_and_takes_no_room_of_what_goes_live() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "workflows/a.yaml", b"1234");
        write(root.path(), "workflows/a.test.yaml", b"12345678");
        write(root.path(), "workflows/b.test.yaml", b"123456");
        write(root.path(), "workflows/b.yaml", b"1234");
        write(root.path(), "workflows/c.test.yaml", b"123");
        write(root.path(), "workflows/My Test.test.yaml", b"t");
        write(root.path(), "workflows/Latin.test.yaml", b"t");
        write(root.path(), "workflows/latin.test.yaml", b"\xe9");
        write(root.path(), "workflows/large.test.yaml", &vec![b'x'; LARGEST + 1]);
        let refused = |sources: &Sources| -> Vec<(String, &str)> {
            let all = sources.refused_tests.iter();
            all.map(|(file, problem)| (file.clone(), problem.rule)).collect()
        };
        let sources = read_folder(root.path()).unwrap();
        assert_eq!((rules(&sources), sources.files.len()), (vec![], 2));
        assert_eq!(sources.tests.len(), 3);
        let unread = [
            ("workflows/Latin.test.yaml", "bad-name"),
            ("workflows/My Test.test.yaml", "bad-name"),
            ("workflows/large.test.yaml", "too-large"),
            ("workflows/latin.test.yaml", "encoding"),
        ];
        let unread = unread.map(|(file, rule)| (file.to_owned(), rule));
        assert_eq!(refused(&sources), unread);

        let sources = read_within(root.path(), 12).unwrap();
        assert_eq!((rules(&sources), sources.files.len()), (vec![], 2));
        assert_eq!(sources.tests.keys().collect::<Vec<_>>(), ["workflows/a.test.yaml"]);
        assert!(refused(&sources).contains(&("workflows/b.test.yaml".to_owned(), "too-large")));
    }
}
