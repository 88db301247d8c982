//! What is printed: the result on standard output, everything else on standard error.

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
};

use serde::Serialize;

use super::failure::Failure;

/// Where and how this process prints.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // four facts about the terminal
pub(super) struct Output {
    /// One JSON document instead of text.
    pub json: bool,
    /// Standard output may be coloured.
    pub colour: bool,
    /// Standard error may be coloured.
    pub error_colour: bool,
    /// Standard error shows moving bars.
    pub bars: bool,
}

/// A text as a terminal may have it: what would steer it is spelt out, but for line ends and, where there is
/// `colour`, colours.
fn harmless(text: &str, colour: bool) -> Cow<'_, str> {
    let steers = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t')) || ('\u{202a}'..='\u{202e}').contains(&c)
    };
    if !text.contains(steers) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(steers) {
        shown += &rest[..at];
        rest = &rest[at..];
        let length = if colour { colour_code(rest) } else { 0 };
        shown += &rest[..length];
        rest = &rest[length..];
        if length == 0
            && let Some(c) = rest.chars().next()
        {
            shown.extend(c.escape_default());
            rest = &rest[c.len_utf8()..];
        }
    }
    shown += rest;
    shown.into()
}

/// How long the code is that a text begins with, if it sets colours and no more.
fn colour_code(text: &str) -> usize {
    let Some(code) = text.strip_prefix("\u{1b}[") else { return 0 };
    match code.find(|c: char| !c.is_ascii_digit() && c != ';') {
        Some(end) if code[end..].starts_with('m') => text.len() - code.len() + end + 1,
        _ => 0,
    }
}

/// A text from elsewhere in one line: what would steer the terminal is blank.
pub(super) fn in_one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            json,
            colour: !plain && io::stdout().is_terminal(),
            error_colour: !plain && io::stderr().is_terminal(),
            bars: io::stderr().is_terminal(),
        }
    }

    /// Prints the result: as one JSON document where that was asked for, else as text.
    pub(super) fn result<T: Serialize>(
        &self,
        document: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.json { self.document(document) } else { self.text(&text()) }
    }

    pub(super) fn document<T: Serialize>(&self, document: &T) -> Result<(), Failure> {
        self.print(|out| {
            serde_json::to_writer_pretty(&mut *out, document)?;
            writeln!(out)
        })
    }

    pub(super) fn text(&self, text: &str) -> Result<(), Failure> {
        self.print(|out| writeln!(out, "{}", harmless(text.trim_end(), self.colour)))
    }

    /// Prints what `write` writes.
    #[allow(clippy::unused_self)] // said of an output, like the others
    pub(super) fn print(
        &self,
        write: impl FnOnce(&mut io::StdoutLock<'static>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        write(&mut out).and_then(|()| out.flush()).map_err(|error| Failure::unprinted(&error))
    }

    /// A word to the person at the terminal, beside the result.
    pub(super) fn note(&self, text: &str) {
        // Nobody to tell if standard error is gone.
        let _ = writeln!(io::stderr(), "{}", harmless(text, self.error_colour));
    }

    pub(super) fn error(&self, message: &str, hint: Option<&str>) {
        let (red, bold_end) =
            if self.error_colour { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
        self.note(&format!("{red}error:{bold_end} {message}"));
        if let Some(hint) = hint {
            self.note(&format!("  {hint}"));
        }
    }

    /// Bold on a terminal.
    pub(super) fn strong(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Grey on a terminal.
    pub(super) fn faint(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_spelt_out() {
        let text = "Zoë\u{1b}[2J\u{9b}0m\r\u{7}\u{202e}!\n\tend";
        let shown = "Zoë\\u{1b}[2J\\u{9b}0m\\r\\u{7}\\u{202e}!\n\tend";
        assert_eq!((harmless(text, false), harmless(text, true)), (shown.into(), shown.into()));
        let ours = "\u{1b}[1;31merror:\u{1b}[0m it is\u{1b}[3\u{1b}";
        assert_eq!(harmless(ours, true), "\u{1b}[1;31merror:\u{1b}[0m it is\\u{1b}[3\\u{1b}");
        assert_eq!(harmless(ours, false), "\\u{1b}[1;31merror:\\u{1b}[0m it is\\u{1b}[3\\u{1b}");
        assert!(matches!(harmless("Zoë\n", true), Cow::Borrowed(_)));
    }
}
