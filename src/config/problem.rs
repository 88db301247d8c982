//! What is wrong with a configuration, and where.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("there is no configuration at {}", file.display())]
    Missing { file: PathBuf },
    #[error("{} cannot be read: {source}", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("{}", Listed(file, problems))]
    Invalid { file: PathBuf, problems: Vec<ConfigProblem> },
    /// The text is right; files that it names are not as they must be.
    #[error("{}", Listed(file, problems))]
    Files { file: PathBuf, problems: Vec<ConfigProblem> },
    /// The file is right as far as it goes; what was asked for needs more.
    #[error("{} has no {section}; add for example:\n\n{example}", file.display())]
    NotSet { file: PathBuf, section: &'static str, example: &'static str },
    #[error(
        "`credential:{name}`: no credentials were handed to this process; systemd hands them to units \
         with LoadCredential=, elsewhere write the path of a file"
    )]
    NoCredentials { name: String },
    #[error("{what}: {} cannot be read: {source}", file.display())]
    SecretFile { what: String, file: PathBuf, source: std::io::Error },
}

/// One thing that is wrong, where (from 1, in characters), and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    pub line: usize,
    pub column: usize,
    pub message: String,
    pub hint: Option<String>,
}

struct Listed<'a>(&'a Path, &'a [ConfigProblem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.1.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let ConfigProblem { line, column, message, hint } = problem;
            write!(f, "{}:{line}:{column}: {message}", self.0.display())?;
            if let Some(hint) = hint {
                write!(f, "\n    {hint}")?;
            }
        }
        Ok(())
    }
}
