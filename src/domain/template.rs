//! Mail templates as definitions hold them: front matter read, body not yet rendered.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{address::Mailbox, attachment::Attachment, language::serving, name::Name};

/// What the built-in card of a hand-off is called: no template of a folder is.
pub const CARD: &str = "(card)";

/// How a body is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Markup {
    Markdown,
    Html,
    /// A whole page, which takes no layout.
    Mjml,
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
    /// The files that go with it, in their order.
    pub attachments: Arc<[Attachment]>,
    /// Where in `file` the subject starts, for messages: line and column, 1-based, in characters.
    pub subject_at: (usize, usize),
    pub preheader_at: (usize, usize),
    pub attachments_at: (usize, usize),
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
    /// Whether a file, as `files/guide.pdf`, goes with any mail.
    #[must_use]
    pub fn attach(&self, file: &str) -> bool {
        let mut mails = self.mails.values().flat_map(BTreeMap::values);
        mails.any(|mail| mail.attachments.iter().any(|attachment| &*attachment.file == file))
    }

    /// The variant for a language, along the chain `pt-BR` → `pt` → the house's language, likewise → the
    /// one without a language. Where there is none of these, any is better than no mail.
    #[must_use]
    pub fn variant(&self, mail: &str, language: &str, house: &str) -> Option<&MailTemplate> {
        let variants = self.mails.get(mail)?;
        serving(language)
            .find_map(|wanted| variants.get(wanted.as_str()))
            .or_else(|| Self::for_all(variants, house))
            .or_else(|| variants.values().next())
    }

    /// What serves whoever has no variant in a language of their own.
    #[must_use]
    pub fn for_all<'a>(
        variants: &'a BTreeMap<Name, MailTemplate>,
        house: &str,
    ) -> Option<&'a MailTemplate> {
        serving(house).find_map(|wanted| variants.get(wanted.as_str())).or_else(|| variants.get(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(languages: &[&str], reader: &str, house: &str) -> String {
        let variant = |language: &&str| {
            let mail = MailTemplate {
                file: (*language).to_owned(),
                language: None,
                markup: Markup::Html,
                subject: String::new(),
                preheader: None,
                layout: None,
                defaults: BTreeMap::new(),
                reply_to: None,
                calendar: None,
                attachments: [].into(),
                subject_at: (1, 1),
                preheader_at: (1, 1),
                attachments_at: (1, 1),
                body: String::new(),
                body_line: 1,
            };
            (Name::from(*language), mail)
        };
        let variants = languages.iter().map(variant).collect();
        let templates =
            Templates { mails: [("m".into(), variants)].into(), ..Templates::default() };
        templates.variant("m", reader, house).unwrap().file.clone()
    }

    #[test]
    fn each_link_of_the_chain_serves_where_those_before_are_missing() {
        let mut languages = vec!["pt-BR", "pt", "en-GB", "en", "", "de"];
        for expected in ["pt-BR", "pt", "en-GB", "en", "", "de"] {
            assert_eq!(served(&languages, "pt-BR", "en-GB"), expected);
            assert_eq!(served(&languages, "pt_br", "en-GB"), expected);
            languages.remove(0);
        }
        assert_eq!(served(&["pt-BR", "en", ""], "pt", "en"), "en", "a region is not the language");
        for unknown in ["", "klingon"] {
            assert_eq!(served(&["pt", "en", ""], unknown, "en"), "en", "{unknown}");
        }
    }
}
