//! A campaign folder of a test, and the binary run in it.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

use super::skipped::skipped;

/// A folder with a `nurtured.toml` that writes mails as files.
pub struct Site {
    folder: tempfile::TempDir,
}

/// Of [`Site::campaign`].
pub const POLICY: &str = "policy:\n  zone: Europe/Rome\n  language: en\n  tracking: nobody\n  purposes:\n    \
                          insights: { label: Insights, basis: [consent] }\n";

/// What a run of the binary gave.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Site {
    pub fn new() -> Self {
        let site = Self::bare();
        site.write(
            "nurtured.toml",
            "[database]\nurl = \"sqlite:nurtured.db\"\n\
             [[relay]]\nname = \"files\"\nfolder = \"outbox\"\n\
             [sender]\nfrom = \"Ada Rossi <ada@example.com>\"\n\
             bounce_domain = \"bounce.example.com\"\npostal_address = \"Via Roma 1, 20121 Milano\"\n",
        );
        site
    }

    /// A site whose database is there.
    pub fn migrated() -> Self {
        let site = Self::new();
        assert_eq!(site.run(&["migrate"]).code, 0);
        site
    }

    /// A site whose campaign folder is right.
    pub fn campaign() -> Self {
        let site = Self::new();
        site.write("workflows/campaign.yaml", POLICY);
        site.write(
            "workflows/hello.yaml",
            "workflow: hello\npurpose: insights\nenter:\n  by_hand: yes\nsteps:\n  - email: hello\n",
        );
        site.write(
            "templates/hello.md",
            "---\nsubject: Hello {{ first_name or \"there\" }}\n---\nHow are you?\n\n{{ postal_address }} [stop]({{ unsubscribe_url }})\n",
        );
        site
    }

    /// That one, live: it may write about `insights`.
    pub fn live() -> Self {
        let site = Self::campaign();
        for command in ["migrate", "apply"] {
            assert_eq!(site.run(&[command]).code, 0);
        }
        site
    }

    /// An empty folder.
    pub fn bare() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a folder");
        }
        std::fs::write(&path, content).expect("written");
        path
    }

    /// Runs the binary in the folder.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[], "")
    }

    pub fn run_with(&self, arguments: &[&str], env: &[(&str, &str)], input: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nurtured"));
        command.current_dir(self.folder.path()).args(arguments).write_stdin(input);
        command.env_remove("NURTURED_DATABASE").env("NO_COLOR", "1");
        for (name, value) in env {
            command.env(name, value);
        }
        let output = command.output().expect("it runs");
        Ran {
            code: output.status.code().expect("an exit code"),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// Runs with `--json` and reads the one document.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        let ran = self.run(&all);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.document()
    }
}

impl Ran {
    /// The one JSON document on standard output.
    pub fn document(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The data that tests may read but the project does not hold; `None`, said so, where it is absent.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")).join(name);
    if path.exists() {
        return Some(path);
    }
    skipped(&format!("public sets of mails, agents and leads: there is no ../shared/data/{name}"));
    None
}
