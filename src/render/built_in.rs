//! Mails that are there without a file: the notice and the card where a campaign has none of its own.

use std::collections::BTreeMap;

use crate::domain::{
    name::Name,
    template::{MailTemplate, Markup},
};

/// A text in a language: its subject and its body.
type BuiltIn = (&'static str, &'static str, &'static str);

/// The notice to our own people where none is named.
const NOTICES: [BuiltIn; 2] = [
    (
        "",
        "Lead: {{ first_name or email }}{% if company %} ({{ company }}){% endif %}",
        include_str!("notice.md"),
    ),
    (
        "it",
        "Lead: {{ first_name or email }}{% if company %} ({{ company }}){% endif %}",
        include_str!("notice.it.md"),
    ),
];

/// The card of a hand-off where none is named.
const CARDS: [BuiltIn; 2] = [
    (
        "",
        "{% if card.again %}Still waiting: {% else %}For you: {% endif %}{{ first_name or email }}\
         {% if company %} ({{ company }}){% endif %}",
        include_str!("card.md"),
    ),
    (
        "it",
        "{% if card.again %}In attesa: {% else %}Per te: {% endif %}{{ first_name or email }}\
         {% if company %} ({{ company }}){% endif %}",
        include_str!("card.it.md"),
    ),
];

/// Its variants, by language.
pub(super) fn notice() -> BTreeMap<Name, MailTemplate> {
    variants("notice", &NOTICES)
}

pub(super) fn card() -> BTreeMap<Name, MailTemplate> {
    variants("card", &CARDS)
}

fn variants(file: &str, texts: &[BuiltIn]) -> BTreeMap<Name, MailTemplate> {
    let built_in = |&(language, subject, body): &BuiltIn| {
        let template = MailTemplate {
            file: format!("(built in)/{file}{language}.md"),
            language: Some(language.into()).filter(|_| !language.is_empty()),
            markup: Markup::Markdown,
            subject: subject.to_owned(),
            preheader: None,
            layout: None,
            defaults: BTreeMap::new(),
            reply_to: None,
            calendar: None,
            attachments: [].into(),
            subject_at: (1, 1),
            preheader_at: (1, 1),
            attachments_at: (1, 1),
            body: body.to_owned(),
            body_line: 1,
        };
        (Name::new(language), template)
    };
    texts.iter().map(built_in).collect()
}
