//! Mail templates as definitions hold them: front matter read, body not yet rendered.

use std::{collections::BTreeMap, time::Duration};

use super::{address::Mailbox, name::Name};

/// What the built-in card of a hand-off is called: no template of a folder is.
pub const CARD: &str = "(card)";

/// How a body is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Markup {
    Markdown,
    Html,
}

/// One language variant of a mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailTemplate {
    /// Its file, for messages: `templates/cold/industry-report.it.md`.
    pub file: String,
    /// `None`: the variant for whoever has no variant of their own.
    pub language: Option<Name>,
    pub markup: Markup,
    /// A template of its own, without escaping.
    pub subject: String,
    /// The line that inboxes show after the subject; a template of its own.
    pub preheader: Option<String>,
    /// A file under `templates/layouts/`, by name.
    pub layout: Option<Name>,
    /// Values that templates may use where the lead has none: `defaults: { first_name: there }`.
    pub defaults: BTreeMap<Name, String>,
    pub reply_to: Option<Mailbox>,
    pub calendar: Option<CalendarTemplate>,
    /// Where in `file` the subject starts, for messages: line and column, 1-based, in characters.
    pub subject_at: (usize, usize),
    pub preheader_at: (usize, usize),
    pub body: String,
    /// The line of `file` on which `body` starts, 1-based, for messages.
    pub body_line: usize,
}

/// An event for the reader's calendar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CalendarTemplate {
    /// `title` and `starts`, and of [`CalendarTemplate::PARTS`] what is said.
    pub parts: BTreeMap<&'static str, Line>,
    /// How long it lasts, where it has no `ends`.
    pub duration: Option<Duration>,
}

impl CalendarTemplate {
    pub const PARTS: [&str; 6] = ["title", "starts", "ends", "location", "url", "about"];
}

/// One line of front matter: a template of its own, without escaping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub text: String,
    /// Where in the file it starts, for messages: line and column, 1-based, in characters.
    pub at: (usize, usize),
}

/// All that is needed to render: mails by name and language, and what they are made of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Templates {
    /// `cold/industry-report` → its variants; the one without a language is under the empty name.
    pub mails: BTreeMap<Name, BTreeMap<Name, MailTemplate>>,
    /// By name without folder and ending.
    pub layouts: BTreeMap<Name, String>,
    /// By the name used in `{% include "partials/footer.html" %}`.
    pub partials: BTreeMap<Name, String>,
}

/// The mail that is called so in another folder: of `guide`, `nurse/guide`.
pub fn in_another_folder<'a>(
    written: &str,
    mails: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let end = written.rsplit('/').next();
    mails.into_iter().find(|mail| mail.rsplit('/').next() == end)
}

impl Templates {
    /// The variant for a language: its own, else the house's, else the one without a language.
    #[must_use]
    pub fn variant(&self, mail: &str, language: &str, house: &str) -> Option<&MailTemplate> {
        let variants = self.mails.get(mail)?;
        // `it-CH` is served by `it`.
        let primary = language.split(['-', '_']).next().unwrap_or(language);
        [language, primary, house, ""]
            .into_iter()
            .find_map(|wanted| variants.get(wanted))
            .or_else(|| variants.values().next())
    }
}
