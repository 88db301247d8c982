//! One text that tera compiles: where it is from, and the way back from an error to the author's line.

use tera::{Error, ErrorKind};

use super::{
    prepare::{Fault, Form, Prepared, prepare},
    problem::{Place, RenderProblem},
    tags::{Tag, tags_read},
};

/// Which part of a mail a text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Subject,
    Preheader,
    /// That part of `calendar`.
    Calendar(&'static str),
    Body,
    Layout,
    Partial,
}

#[derive(Clone, Debug)]
pub(super) struct Source {
    pub part: Part,
    pub form: Form,
    pub file: String,
    /// As the author wrote it.
    pub text: String,
    /// Line and column of `file` at which `text` starts.
    at: (usize, usize),
    /// `None` where tera cannot be given it.
    pub prepared: Option<Prepared>,
}

impl Source {
    /// And all that keeps it from being prepared.
    pub fn new(
        part: Part,
        form: Form,
        file: &str,
        text: &str,
        at: (usize, usize),
    ) -> (Self, Vec<RenderProblem>) {
        let (file, text) = (file.to_owned(), text.to_owned());
        let mut source = Self { part, form, file, text, at, prepared: None };
        match prepare(&source.text, form) {
            Ok(prepared) => {
                source.prepared = Some(prepared);
                (source, Vec::new())
            }
            Err(faults) => {
                let problem =
                    |Fault { offset, message, hint }| source.problem(offset, message, hint);
                let problems = faults.into_iter().map(problem).collect();
                (source, problems)
            }
        }
    }

    /// The name under which tera knows it. Those that end in `.html` are escaped.
    pub fn tera_name(&self) -> String {
        match self.part {
            Part::Subject => format!("{}#subject", self.file),
            Part::Preheader => format!("{}#preheader", self.file),
            Part::Calendar(part) => format!("{}#calendar.{part}", self.file),
            Part::Body => format!("{}#body.html", self.file),
            Part::Layout | Part::Partial => {
                self.file.strip_prefix("templates/").unwrap_or(&self.file).to_owned()
            }
        }
    }

    /// 1-based; the column counts characters.
    pub fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let (first_line, first_column) = self.at;
        let (line, start) = match before.rsplit_once('\n') {
            Some((above, line)) => (line, (first_line + above.matches('\n').count() + 1, 1)),
            None => (before, (first_line, first_column)),
        };
        Place { file: self.file.clone(), line: start.0, column: start.1 + line.chars().count() }
    }

    pub fn problem(&self, offset: usize, message: String, hint: Option<String>) -> RenderProblem {
        let Place { file, line, column } = self.place(offset);
        let message = match self.part {
            Part::Subject => format!("in `subject`: {message}"),
            Part::Preheader => format!("in `preheader`: {message}"),
            Part::Calendar(part) => format!("in `calendar: {part}`: {message}"),
            Part::Body | Part::Layout | Part::Partial => message,
        };
        RenderProblem { file, line, column, message, hint }
    }

    /// The tags as the author wrote them; those before one that is not closed, which was said before.
    pub fn tags(&self) -> Vec<Tag> {
        tags_read(&self.text)
    }
}

/// What tera complains of: at which offset of what it compiled, if it says so, and why.
pub(super) struct Complaint {
    /// Tera's name of the template.
    pub name: Option<String>,
    pub offset: usize,
    pub message: String,
}

impl Complaint {
    pub fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => Self {
                name: Some(report.filename().to_owned()),
                offset: report.span().range.start,
                message: report.message().to_owned(),
            },
            other => {
                // What is found across templates comes as a text of several lines.
                let text = other.to_string();
                let first = text.lines().next().unwrap_or_default();
                let message = first.strip_prefix("error: ").unwrap_or(first).to_owned();
                Self { name: None, offset: 0, message }
            }
        }
    }
}
