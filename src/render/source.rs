//! One text that tera compiles: where it is from, and the way back from an error to the author's line.

use tera::{Error, ErrorKind};

use super::{
    prepare::{Form, Prepared, prepare},
    problem::{Place, RenderProblem},
    tags::{Tag, tags},
};

/// Which part of a mail a text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Subject,
    Preheader,
    Body,
    Layout,
    Partial,
}

#[derive(Clone, Debug)]
pub(super) struct Source {
    pub part: Part,
    pub file: String,
    /// As the author wrote it.
    pub text: String,
    /// The line of `file` on which `text` starts.
    first_line: usize,
    pub prepared: Prepared,
}

impl Source {
    pub fn new(
        part: Part,
        form: Form,
        file: &str,
        text: &str,
        first_line: usize,
    ) -> Result<Self, RenderProblem> {
        let mut source = Self {
            part,
            file: file.to_owned(),
            text: text.to_owned(),
            first_line,
            prepared: Prepared::default(),
        };
        match prepare(text, form) {
            Ok(prepared) => {
                source.prepared = prepared;
                Ok(source)
            }
            Err((offset, message)) => Err(source.problem(offset, message.to_owned(), None)),
        }
    }

    /// The name under which tera knows it. Those that end in `.html` are escaped.
    pub fn tera_name(&self) -> String {
        match self.part {
            Part::Subject => format!("{}#subject", self.file),
            Part::Preheader => format!("{}#preheader", self.file),
            Part::Body => format!("{}#body.html", self.file),
            Part::Layout | Part::Partial => {
                self.file.strip_prefix("templates/").unwrap_or(&self.file).to_owned()
            }
        }
    }

    /// 1-based; the column counts characters.
    pub fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Place {
            file: self.file.clone(),
            line: self.first_line + before.matches('\n').count(),
            column: line.chars().count() + 1,
        }
    }

    pub fn problem(&self, offset: usize, message: String, hint: Option<String>) -> RenderProblem {
        let Place { file, line, column } = self.place(offset);
        let message = match self.part {
            Part::Subject => format!("in `subject`: {message}"),
            Part::Preheader => format!("in `preheader`: {message}"),
            Part::Body | Part::Layout | Part::Partial => message,
        };
        RenderProblem { file, line, column, message, hint }
    }

    /// The tags as the author wrote them; none if one is not closed, which was said before.
    pub fn tags(&self) -> Vec<Tag> {
        tags(&self.text).unwrap_or_default()
    }
}

/// What tera complains of: in which of its templates, at which offset of what it compiled, and why.
pub(super) fn complaint(error: &Error) -> (Option<(&str, usize)>, String) {
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            let at = (report.filename(), report.span().range.start);
            (Some(at), report.message().to_owned())
        }
        other => (None, other.to_string()),
    }
}
