//! Problems: what is wrong in a file, where, and what to write instead.

use std::cell::{Cell, RefCell};

use serde::Serialize;

/// How bad a problem is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing goes live while there is one.
    Error,
    /// Allowed, and probably not what was meant.
    Warning,
}

impl Severity {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// The rules of what `check` warns of.
pub const WARNINGS: [&str; 33] = [
    "always-true",
    "cap-rounded",
    "contradiction",
    "entry-loop",
    "ignored-file",
    "language",
    "mail-alt",
    "mail-attachments",
    "mail-default",
    "mail-html",
    "mail-http",
    "mail-images",
    "mail-link-text",
    "mail-links",
    "mail-preheader",
    "mail-size",
    "mail-subject",
    "more",
    "past-date",
    "same-day",
    "unknown-attribute",
    "unknown-event",
    "unreachable-bound",
    "unreachable-step",
    "unread-question",
    "unused-attachment",
    "unused-segment",
    "unused-stream",
    "unused-template",
    "wait-without-end",
    "window-seldom-opens",
    "yaml-bool",
    "yaml-comment",
];

/// One thing that is wrong. Its JSON has exactly the fields that `check --json` promises.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Problem {
    /// Relative to the campaign folder, with `/`.
    pub file: String,
    /// From 1; 1 also where the place is not known.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What kind of problem, in stable words: `unknown-key`.
    pub rule: &'static str,
    pub severity: Severity,
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// How many characters of the line the caret underlines; at least 1.
    #[serde(skip)]
    pub length: usize,
}

impl Problem {
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// A place in a file's text, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// Where problems are collected. A file reports at most [`Desk::PER_FILE`], so that a hostile one
/// cannot fill the memory; how many errors there were is counted on.
#[derive(Debug, Default)]
pub(super) struct Desk {
    found: RefCell<Vec<Problem>>,
    errors: Cell<usize>,
}

impl Desk {
    const PER_FILE: usize = 100;

    /// A problem that belongs to no place in a text that was read.
    pub fn add(&self, problem: Problem) {
        debug_assert!(problem.is_error() || WARNINGS.contains(&problem.rule), "{}", problem.rule);
        if problem.is_error() {
            self.errors.set(self.errors.get() + 1);
        }
        self.found.borrow_mut().push(problem);
    }

    pub fn has_errors(&self) -> bool {
        self.errors.get() > 0
    }

    /// In the order of files and lines, errors before warnings of the same place.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        found.sort_by(|a, b| {
            (&a.file, a.line, a.column, a.severity).cmp(&(&b.file, b.line, b.column, b.severity))
        });
        found.dedup();
        found
    }
}

/// A file as problems see it. Its text is empty where it is compiled from what was stored.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub path: &'a str,
    pub text: &'a str,
    line_starts: Vec<usize>,
    reported: Cell<usize>,
    /// Where the errors begin that are reported, not only counted.
    errors_at: RefCell<Vec<usize>>,
    /// Said after each message.
    note: &'static str,
    desk: &'a Desk,
}

impl<'a> File<'a> {
    pub fn new(path: &'a str, text: &'a str, desk: &'a Desk) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(ends).collect();
        Self {
            path,
            text,
            line_starts,
            reported: Cell::new(0),
            errors_at: RefCell::default(),
            note: "",
            desk,
        }
    }

    /// A file whose problems are about a version that is no longer in the folder.
    pub fn with_note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    pub fn error(
        &self,
        rule: &'static str,
        at: Span,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.report(Severity::Error, rule, at, message.into(), hint);
    }

    pub fn warning(
        &self,
        rule: &'static str,
        at: Span,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.report(Severity::Warning, rule, at, message.into(), hint);
    }

    fn report(
        &self,
        severity: Severity,
        rule: &'static str,
        at: Span,
        message: String,
        hint: Option<String>,
    ) {
        let reported = self.reported.get();
        self.reported.set(reported + 1);
        if reported > Desk::PER_FILE {
            if severity == Severity::Error {
                self.desk.errors.set(self.desk.errors.get() + 1);
            }
            return;
        }
        if severity == Severity::Error {
            self.errors_at.borrow_mut().push(at.start);
        }
        let file = self.path.to_owned();
        let (line, column, length) = self.place(at);
        self.desk.add(if reported == Desk::PER_FILE {
            let message = "there are more problems in this file; mend these first".to_owned();
            Problem { file, line, column, rule: "more", severity, message, hint: None, length }
        } else {
            let message = message + self.note;
            Problem { file, line, column, rule, severity, message, hint, length }
        });
    }

    /// Whether further problems are only counted, so that no hint need be looked for.
    pub fn is_full(&self) -> bool {
        self.reported.get() > Desk::PER_FILE
    }

    /// Whether an error that begins at this byte is reported.
    pub fn has_error_at(&self, byte: usize) -> bool {
        self.errors_at.borrow().contains(&byte)
    }

    /// The line, from 1, that a byte is on.
    pub fn line_of(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= byte).max(1)
    }

    /// A line without its end; empty where there is none.
    pub fn line(&self, number: usize) -> &'a str {
        let start = self.line_starts.get(number.wrapping_sub(1)).copied();
        let end = self.line_starts.get(number).map_or(self.text.len(), |next| next - 1);
        start.and_then(|start| self.text.get(start..end)).unwrap_or("").trim_end_matches('\r')
    }

    /// Where a line begins, in bytes.
    pub fn line_start(&self, number: usize) -> usize {
        self.line_starts.get(number.wrapping_sub(1)).copied().unwrap_or(0)
    }

    /// Line and column of a byte, from 1, in characters.
    pub fn position(&self, byte: usize) -> (usize, usize) {
        let line = self.line_of(byte);
        let content = self.line(line);
        let before = floor_boundary(content, byte.saturating_sub(self.line_start(line)));
        (line, content[..before].chars().count() + 1)
    }

    /// Line, column and length in characters. What goes on over a line break is underlined to the
    /// end of its first line.
    fn place(&self, at: Span) -> (usize, usize, usize) {
        let (line, column) = self.position(at.start);
        let start = self.line_start(line);
        let content = self.line(line);
        let from = floor_boundary(content, at.start.saturating_sub(start));
        let to = floor_boundary(content, at.end.saturating_sub(start)).max(from);
        (line, column, content[from..to].chars().count().max(1))
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// What somebody wrote, as a message may repeat it: short, on one line, nothing that moves a cursor.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut quoted: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) { '�' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        quoted.push('…');
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_from_one() {
        let desk = Desk::default();
        let file = File::new("a.yaml", "eins\r\nzwö: drei\n", &desk);
        let at = file.text.find("drei").unwrap();
        file.error("r", Span::new(at, at + 4), "m", None);
        let problem = &desk.into_problems()[0];
        assert_eq!((problem.line, problem.column, problem.length), (2, 6, 4));
    }

    #[test]
    fn a_file_full_of_problems_reports_the_first_hundred() {
        let desk = Desk::default();
        let file = File::new("a.yaml", "x", &desk);
        for number in 0..5_000 {
            file.error("r", Span::default(), format!("{number}"), None);
        }
        assert_eq!(desk.errors.get(), 5_000);
        assert_eq!(desk.into_problems().len(), 101);
    }

    #[test]
    fn what_is_repeated_cannot_move_the_cursor() {
        assert_eq!(quote("a\u{1b}[2Jb\n"), "a�[2Jb�");
        assert_eq!(quote(&"x".repeat(100)).chars().count(), 61);
    }
}
