#![allow(clippy::similar_names)] // a renderer and what it rendered

mod bounds;
mod campaigns;
mod check;
mod docs;
mod fragments;
mod hostile;
pub(super) mod shipped;
mod strict;

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use super::*;
use crate::{
    definitions::{Sources, check},
    domain::{
        definitions::{Definitions, Segment},
        id::{LeadId, MessageId, Rev},
        lead::LeadState,
        question::{Answer, Label, Question},
        score::MilliPoints,
        template::Markup,
        time::Instant,
        value::{Schema, Value},
    },
    token::{Keyring, MailRef},
};

pub(super) static KEYRING: LazyLock<Keyring> = LazyLock::new(|| Keyring::from_seed(1));
pub(super) static SENDER: LazyLock<Sender> = LazyLock::new(|| Sender {
    name: "Ada Rossi".to_owned(),
    postal_address: "Via Roma 1, 20121 Milano".to_owned(),
});
pub(super) const MAIL_REF: MailRef = MailRef { lead: LeadId(7), message: MessageId(42) };
pub(super) const LAYOUT: &str = "<html><body><p>{{ preheader }}</p>{{ content }}<p>{{ postal_address }} \
                                 <a href=\"{{ unsubscribe_url }}\">stop</a></p></body></html>";

pub(super) static NO_CODES: Codes = BTreeMap::new();
pub(super) static NO_SEGMENTS: Inside = Inside::new();

/// A lead of whom we know the address and `attributes`.
pub(super) fn lead(attributes: &[(&str, Value)]) -> LeadState {
    let schema = Schema::standard();
    let mut slots = vec![None; schema.len()];
    for (name, value) in attributes {
        slots[schema.slot(name).unwrap().0] = Some(value.clone());
    }
    LeadState {
        lead: MAIL_REF.lead,
        fit: MilliPoints::points(35),
        ..LeadState::newcomer("ada@lovelace.example", slots, Instant::DAWN)
    }
}

pub(super) fn text(value: &str) -> Value {
    Value::Text(value.into())
}

pub(super) fn mail<'a>(template: &'a str, lead: &'a LeadState) -> Mail<'a> {
    Mail {
        template,
        lead,
        language: &lead.language,
        entry: None,
        workflow: "reawaken-cold",
        campaign: None,
        codes: &NO_CODES,
        segments: &NO_SEGMENTS,
        sender: &SENDER,
        links: Some(Links {
            base_url: "https://go.example.com",
            keyring: &KEYRING,
            mail: MAIL_REF,
            tracked: true,
            utm_source: "nurtured",
        }),
        standing: None,
        card: None,
        now: "2027-03-01T08:00:00Z".parse().unwrap(),
    }
}

/// Two that exclude each other, and of whom nothing is known is in neither.
static SEGMENTS: LazyLock<Vec<Segment>> = LazyLock::new(|| {
    let text = "segments:\n  stirring: engagement >= 10\n  quiet: engagement < 10\n".to_owned();
    let files = [("workflows/segments.yaml".to_owned(), text)].into();
    let checked = check(&Sources { files, ..Sources::default() });
    let problems = checked.problems;
    checked.definitions.unwrap_or_else(|| panic!("{problems:#?}")).segments
});

#[derive(Deserialize)]
struct Front {
    subject: String,
    preheader: Option<String>,
    layout: Option<String>,
    #[serde(default)]
    defaults: BTreeMap<String, String>,
}

/// A stand-in for the reader of files, as small as tests need it.
pub(super) fn template(file: &str, text: &str) -> MailTemplate {
    let rest = text.strip_prefix("---\n").unwrap();
    let (front, body) = rest.split_once("\n---\n").unwrap();
    let front_lines = front.matches('\n').count();
    let line_of = |key: &str| 2 + front.lines().position(|line| line.starts_with(key)).unwrap_or(0);
    let place = |key: &str| (line_of(key), key.len() + 2);
    let front: Front = serde_saphyr::from_str(front).unwrap();
    let stem = file.rsplit('/').next().unwrap().split('.').collect::<Vec<_>>();
    MailTemplate {
        file: format!("templates/{file}"),
        language: (stem.len() == 3).then(|| stem[1].into()),
        markup: match stem.last() {
            Some(&"md") => Markup::Markdown,
            Some(&"mjml") => Markup::Mjml,
            _ => Markup::Html,
        },
        subject: front.subject,
        preheader: front.preheader,
        layout: front.layout.map(Name::from),
        defaults: front.defaults.into_iter().map(|(k, v)| (k.into(), v)).collect(),
        reply_to: None,
        calendar: None,
        attachments: [].into(),
        subject_at: place("subject:"),
        preheader_at: place("preheader:"),
        attachments_at: place("attachments:"),
        body: body.to_owned(),
        body_line: front_lines + 4,
    }
}

/// Definitions with these files under `templates/`, a layout `plain` and a question `topic`.
pub(super) fn definitions(files: &[(&str, &str)]) -> Definitions {
    let mut definitions = Definitions { schema: Schema::standard(), ..Definitions::default() };
    let answers = ["pricing", "downtime"].map(|value| Answer {
        value: value.into(),
        label: Label::from(value),
        sets: None,
        stage: None,
    });
    let topic = Question { title: Label::from("What next?"), answers: answers.into() };
    definitions.questions.insert("topic".into(), topic);
    definitions.segments.clone_from(&SEGMENTS);
    let templates = &mut definitions.templates;
    templates.layouts.insert("plain".into(), LAYOUT.to_owned());
    for (file, text) in files {
        if let Some(name) = file.strip_prefix("layouts/") {
            templates
                .layouts
                .insert(name.strip_suffix(".html").unwrap().into(), (*text).to_owned());
        } else if file.starts_with("partials/") {
            templates.partials.insert((*file).into(), (*text).to_owned());
        } else {
            let mail = template(file, text);
            let language = mail.language.clone().unwrap_or_else(|| "".into());
            let name = file.split('.').next().unwrap();
            templates.mails.entry(name.into()).or_default().insert(language, mail);
        }
    }
    definitions
}

pub(super) fn renderer(files: &[(&str, &str)]) -> Renderer {
    Renderer::new(&definitions(files)).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// A renderer with one mail, `m`, in the layout `plain`.
pub(super) fn one(subject: &str, body: &str) -> Renderer {
    renderer(&[("m.md", &format!("---\nsubject: {subject:?}\nlayout: plain\n---\n{body}"))])
}

/// The addresses of the links of a page, in order.
pub(super) fn hrefs(page: &str) -> Vec<String> {
    let links = html::read(page).unwrap().into_iter().filter_map(|node| match node {
        Node::Start { name, attributes, .. } if html::is_link(&name) => Some(attributes),
        _ => None,
    });
    links.flatten().filter(|(name, _)| name == "href").map(|(_, href)| href).collect()
}
