//! Files that `nurtured.toml` names.

use std::{fmt, path::PathBuf};

use secrecy::SecretString;

use super::problem::ConfigError;

/// A file, by its path or as a credential that systemd hands over (`LoadCredential=NAME:…`).
///
/// It is looked for when it is needed: only the service itself has credentials, and who pauses it from a
/// shell needs none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NamedFile {
    Path(PathBuf),
    Credential(String),
}

/// Where systemd puts a service's credentials.
const FOLDER: &str = "CREDENTIALS_DIRECTORY";

impl NamedFile {
    /// Where it is.
    ///
    /// # Errors
    /// When it is a credential, and this process was handed none.
    pub fn path(&self) -> Result<PathBuf, ConfigError> {
        match self {
            Self::Path(path) => Ok(path.clone()),
            Self::Credential(name) => match std::env::var_os(FOLDER) {
                Some(folder) => Ok(PathBuf::from(folder).join(name)),
                None => Err(ConfigError::NoCredentials { name: name.clone() }),
            },
        }
    }

    /// Reads the secret that it holds: its first line, which may be empty. `what`: in words, for an error.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn secret(
        &self,
        what: impl FnOnce() -> String,
    ) -> Result<SecretString, ConfigError> {
        let file = self.path()?;
        match std::fs::read_to_string(&file) {
            Ok(text) => Ok(SecretString::from(text.lines().next().unwrap_or_default())),
            Err(source) => Err(ConfigError::SecretFile { what: what(), file, source }),
        }
    }
}

/// As it is written in `nurtured.toml`.
impl fmt::Display for NamedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Credential(name) => write!(f, "credential:{name}"),
        }
    }
}
