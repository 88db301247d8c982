//! How a command fails: an exit code, what is wrong, and what to do.

use std::{
    fmt::{self, Display},
    io,
    path::Path,
    process::ExitCode,
};

use serde::Serialize;

use super::output::Output;
use crate::{
    config::ConfigError,
    domain::name::Name,
    engine::{import::ImportError, inbox::InboxError},
    store::StoreError,
};

pub(super) const PROBLEMS: u8 = 1;
pub(super) const USAGE: u8 = 2;
pub(super) const ENVIRONMENT: u8 = 3;
const UNCONFIRMED: u8 = 4;

/// Why a command did not do what it was asked.
#[derive(Debug, Serialize)]
pub(super) struct Failure {
    code: u8,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The result is on standard output already; nothing more is to be said.
    #[serde(skip)]
    silent: bool,
}

impl Failure {
    fn new(code: u8, message: impl Display) -> Self {
        Self { code, message: message.to_string(), hint: None, silent: false }
    }

    /// The input has problems.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn problems(message: impl Display) -> Self {
        Self::new(PROBLEMS, message)
    }

    /// What the command line names is not there; `known` is what is.
    pub(super) fn unknown<'n>(
        what: impl Display,
        known: impl IntoIterator<Item = &'n Name>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().map(|name| &**name).collect();
        let hint = match known.as_slice() {
            [] => "there are none".to_owned(),
            known => format!("there are: {}", known.join(", ")),
        };
        Self::problems(format!("there is no {what}")).hint(hint)
    }

    /// A file that the command line names.
    pub(super) fn unreadable(file: &Path, error: &io::Error) -> Self {
        let file = file.display();
        if error.kind() == io::ErrorKind::NotFound {
            return Self::problems(format!("there is no file {file}"));
        }
        Self::environment(format!("{file} cannot be read: {error}"))
    }

    /// The command was not used as it is meant.
    pub(super) fn usage(message: impl Display) -> Self {
        Self::new(USAGE, message)
    }

    /// The database, a port, a relay, the disk; or an engine is running already.
    pub(super) fn environment(message: impl Display) -> Self {
        Self::new(ENVIRONMENT, message)
    }

    /// Many people are concerned, and nobody has said that it is meant.
    pub(super) fn unconfirmed(message: impl Display) -> Self {
        Self::new(UNCONFIRMED, message)
    }

    /// The command has printed its result, and the result is bad.
    pub(super) fn already_shown() -> Self {
        Self { silent: true, ..Self::new(PROBLEMS, "") }
    }

    /// The command has printed its result: people are concerned.
    pub(super) fn concerns_people() -> Self {
        Self { silent: true, ..Self::unconfirmed("") }
    }

    /// The command has printed its result; the relay could not be reached.
    pub(super) fn relay_unreachable() -> Self {
        Self { silent: true, ..Self::environment("") }
    }

    /// Says on standard error what failed beside the result, which is on standard output.
    pub(super) fn beside_the_result(self, output: &Output) -> Self {
        output.error(&self.message, self.hint.as_deref());
        Self { silent: true, ..self }
    }

    /// A file or folder of ours cannot be read or written.
    pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::environment(format!("{}: {error}", path.display()))
    }

    /// The reader of our output is gone, or the disk is full.
    pub(super) fn unprinted(error: &io::Error) -> Self {
        // `nurtured … | head`: the reader has had enough, and that is no news to anybody.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { code: 0, silent: true, ..Self::environment("") };
        }
        Self::environment(format!("the result cannot be written: {error}"))
    }

    pub(super) fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Says it on standard error (and as `{"error": …}` where JSON was asked for).
    pub(super) fn report(&self, output: &Output) -> ExitCode {
        if !self.silent {
            output.error(&self.message, self.hint.as_deref());
            if output.json {
                let _ = output.document(&serde_json::json!({ "error": self }));
            }
        }
        ExitCode::from(self.code)
    }
}

/// What is wrong, and under it what to do.
impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n{hint}"),
            None => Ok(()),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match &error {
            ConfigError::Missing { .. } => Self::usage(&error).hint(
                "say where the campaign folder is by --dir, or the file by --config; \
                 `nurtured init DIR` makes a first one",
            ),
            ConfigError::Unreadable { .. }
            | ConfigError::Files { .. }
            | ConfigError::SecretFile { .. }
            | ConfigError::NoCredentials { .. } => Self::environment(&error),
            ConfigError::Invalid { .. } | ConfigError::NotSet { .. } => Self::problems(&error),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::environment(error)
    }
}

impl From<InboxError> for Failure {
    fn from(error: InboxError) -> Self {
        Self::environment(error)
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Unreadable { file, source } => Self::unreadable(&file, &source),
            ImportError::Unwritable { .. } | ImportError::Reader(_) => Self::environment(error),
            ImportError::Malformed { ref hint, .. } => Self::problems(&error).hint(hint),
            ImportError::RowTooLarge { .. } => Self::problems(&error).hint(
                "a quotation mark is probably not closed; the rows before are imported, and \
                 importing them again does no harm",
            ),
            ImportError::Options { ref hint, .. } => Self::usage(&error).hint(hint),
            ImportError::Store(error) => error.into(),
        }
    }
}
