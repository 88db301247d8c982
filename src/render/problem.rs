//! What can be wrong with a template: found when it is checked, or for one lead when it is rendered.

use crate::definitions::{Problem, Severity};

/// A mistake in a template, found without any lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderProblem {
    /// Under the campaign folder: `templates/cold/industry-report.it.md`.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    pub message: String,
    pub hint: Option<String>,
}

/// As a check of the campaign folder lists it.
impl From<RenderProblem> for Problem {
    fn from(problem: RenderProblem) -> Self {
        let RenderProblem { file, line, column, message, hint } = problem;
        Self {
            file,
            line,
            column,
            rule: "template",
            severity: Severity::Error,
            message,
            hint,
            length: 1,
        }
    }
}

/// Why one mail could not be rendered. Says nothing about who it was for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    #[error("there is no template `{0}`")]
    UnknownTemplate(String),
    #[error(
        "{place}: the lead has no `{name}`, and it has no default: write {{{{ {name} or \"…\" }}}}, or \
         give one under `defaults:`"
    )]
    Missing { place: Place, name: String },
    #[error("{place}: {message}")]
    Failed { place: Place, message: String },
    #[error("{file}: the link `{href}` {why}")]
    Link { file: String, href: String, why: String },
    #[error("{file}: {what} grew over {limit} bytes")]
    TooLarge { file: String, what: &'static str, limit: usize },
    /// More loops and includes than a mail can need.
    #[error("{file}: it repeats too much: a mail may go {limit} times through loops and includes")]
    TooManySteps { file: String, limit: u32 },
    /// Its time was over. The machine may have been busy: it may pass at another try.
    #[error("{file}: it took longer than {limit_ms} ms")]
    TooSlow { file: String, limit_ms: u128 },
    #[error("the attribute `{name}` is longer than {limit} bytes")]
    LongValue { name: String, limit: usize },
    /// What the law asks of a mail to a lead.
    #[error("{file}: it came out without {what}")]
    Without { file: String, what: &'static str },
    #[error("{file}: its HTML {why}")]
    Html { file: String, why: String },
}

impl RenderError {
    /// Whether another try could do better; else it stays so until template or lead changes.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::TooSlow { .. })
    }
}

/// Where in the templates: as compilers write it, `file:line:column`, 1-based.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    pub line: usize,
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
