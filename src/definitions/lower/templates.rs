//! `templates/**` → mails with their front matter, layouts and partials.

use std::collections::BTreeMap;

use super::{
    Found,
    attachments::{self, Shelf},
    calendar, read,
};
use crate::{
    definitions::{
        names::is_identifier,
        nearest::{did_you_mean, nearest},
        node::{Data, Node},
        problem::{File, Span, quote},
        schema, yaml,
    },
    domain::{
        address::Mailbox,
        artefact::ArtefactKind,
        name::Name,
        template::{Line, MailTemplate, Markup, Templates},
        value::Schema,
    },
};

/// A mail's name and language out of `cold/industry-report.it`.
pub(super) fn name_and_language(stem: &str) -> (&str, &str) {
    stem.split_once('.').unwrap_or((stem, ""))
}

pub(super) fn lower(
    found: &[Found<'_>],
    schema: &Schema,
    house_language: &str,
    refused: Option<&BTreeMap<String, String>>,
) -> Templates {
    let mut templates = Templates::default();
    let shelf = Shelf::new(found, refused);
    for found in found {
        let (name, text) = (&found.unit.name, found.file.text);
        match found.unit.kind {
            ArtefactKind::Layout => {
                templates.layouts.insert(name.clone(), text.to_owned());
            }
            ArtefactKind::Partial => {
                templates.partials.insert(name.clone(), text.to_owned());
            }
            _ => {}
        }
    }
    for found in found.iter().filter(|found| found.unit.kind == ArtefactKind::Mail) {
        let (name, language) = name_and_language(&found.unit.name);
        if let Some(mail) = mail(found.file, language, &templates.layouts, schema, &shelf) {
            templates.mails.entry(name.into()).or_default().insert(language.into(), mail);
        }
    }
    for (name, variants) in &templates.mails {
        let for_all = Templates::for_all(variants, house_language);
        if let (None, Some(first)) = (for_all, variants.values().next()) {
            let found = found.iter().find(|found| found.file.path == first.file);
            if let Some(found) = found {
                let message = format!("`{name}` has no variant for leads of other languages");
                let hint = format!("add templates/{name}.md");
                found.file.warning("language", Span::default(), message, Some(hint));
            }
        }
    }
    templates
}

fn mail(
    file: &File<'_>,
    language: &str,
    layouts: &BTreeMap<Name, String>,
    schema: &Schema,
    shelf: &Shelf<'_>,
) -> Option<MailTemplate> {
    let (front, body) = front_matter(file)?;
    let root = yaml::parse(file, front)?;
    let fields = read::Fields::open(file, &root, "a mail", &schema::MAIL)?;
    let line = |key: &str| fields.get(key).and_then(|node| line(file, node, key));
    if !fields.has("subject") {
        fields.need("subject", "subject: What 214 plants did about downtime");
    }
    let subject = line("subject");
    let preheader = line("preheader");
    let layout = fields.get("layout").and_then(|node| {
        let name = read::text(file, node, "layout")?;
        if !layouts.contains_key(name) {
            let message = format!("there is no layout `{}`", quote(name));
            let known = layouts.keys().map(crate::domain::name::Name::as_str);
            let hint = did_you_mean(name, known)
                .unwrap_or_else(|| "layouts are `templates/layouts/NAME.html`".to_owned());
            file.error("unknown-layout", node.span, message, Some(hint));
        }
        Some(Name::from(name))
    });
    let reply_to = fields.get("reply_to").and_then(|node| {
        let written = read::text(file, node, "reply_to")?;
        match written.parse::<Mailbox>() {
            Ok(mailbox) => Some(mailbox),
            Err(error) => {
                let message = format!("`{}` is no e-mail address: {error}", quote(written));
                let hint = "write: Ada Rossi <ada@example.com>".to_owned();
                file.error("bad-address", node.span, message, Some(hint));
                None
            }
        }
    });
    let text = &file.text[body.start..body.end];
    if text.trim().is_empty() {
        file.error("empty-mail", body, "the mail has no text below its front matter", None);
    }
    let markup = match file.path.rsplit('.').next() {
        Some("html") => Markup::Html,
        Some("mjml") => Markup::Mjml,
        _ => Markup::Markdown,
    };
    if let (Markup::Mjml, Some(node)) = (markup, fields.get("layout")) {
        let message = "a mail in MJML is a whole page, and takes no layout";
        let hint = "leave it out; `{% include %}` takes pieces into <mj-text> and <mj-raw>";
        file.error("conflict", node.span, message, Some(hint.to_owned()));
    }
    let calendar = fields.get("calendar").and_then(|node| calendar::lower(file, node));
    let (attachments, attachments_at) = match fields.get("attachments") {
        None => Default::default(),
        Some(node) => (attachments::lower(file, node, shelf), file.position(node.span.start)),
    };
    let Line { text: subject, at: subject_at } = subject?;
    let (preheader, preheader_at) = preheader.map(|line| (line.text, line.at)).unzip();
    Some(MailTemplate {
        file: file.path.to_owned(),
        language: (!language.is_empty()).then(|| language.into()),
        markup,
        subject,
        preheader,
        layout,
        defaults: defaults(file, &fields, schema),
        reply_to,
        calendar,
        attachments: attachments.into(),
        subject_at,
        preheader_at: preheader_at.unwrap_or_default(),
        attachments_at,
        body: text.to_owned(),
        body_line: file.line_of(body.start),
    })
}

/// A line that is a template.
pub(super) fn line(file: &File<'_>, node: &Node, key: &str) -> Option<Line> {
    let written = read::text(file, node, key)?;
    if written.chars().count() > 300 {
        let message = format!("`{key}` is one line of at most 300 characters");
        file.error("bad-value", node.span, message, None);
        return None;
    }
    // With escapes in it, it is not found as it reads: it starts where its quotes do.
    let raw = file.text.get(node.span.start..node.span.end).unwrap_or("");
    let start = node.span.start + raw.find(written).unwrap_or(0);
    Some(Line { text: written.to_owned(), at: file.position(start) })
}

/// Where the front matter and the body are.
fn front_matter(file: &File<'_>) -> Option<(Span, Span)> {
    const HINT: &str = "begin the file with `---`, `subject: …`, `---`, then the text";
    let fence = |number: usize| file.line(number).trim_end() == "---";
    let starts_with_bom = file.text.starts_with('\u{feff}');
    let opens =
        fence(1) || (starts_with_bom && file.line(1).trim_start_matches('\u{feff}') == "---");
    if !opens {
        let message = "a mail begins with its front matter, and this one has none";
        file.error("front-matter", Span::default(), message, Some(HINT.to_owned()));
        return None;
    }
    let lines = file.line_of(file.text.len());
    // Front matter is short; a body may be long and hold rules (`---`) of its own.
    if let Some(close) = (2..=lines.min(500)).find(|&number| fence(number)) {
        let front = Span::new(file.line_start(2), file.line_start(close));
        let body = if close < lines { file.line_start(close + 1) } else { file.text.len() };
        Some((front, Span::new(body, file.text.len())))
    } else {
        let message = "the front matter is not closed by a line `---`";
        file.error("front-matter", Span::new(0, 3), message, Some(HINT.to_owned()));
        None
    }
}

fn defaults(file: &File<'_>, fields: &read::Fields<'_>, schema: &Schema) -> BTreeMap<Name, String> {
    let mut defaults = BTreeMap::new();
    let Some(node) = fields.get("defaults") else { return defaults };
    for (key, value) in read::map(file, node, "`defaults`").unwrap_or(&[]) {
        if !is_identifier(&key.text) {
            let message = format!("`{}` is no name of a variable", quote(&key.text));
            file.error("bad-name", key.span, message, None);
            continue;
        }
        if schema.slot(&key.text).is_none() {
            let names = schema.iter().map(|(_, attribute)| attribute.name.as_str());
            if let Some(word) = nearest(&key.text, names) {
                let message = format!("leads have no attribute `{}`", key.text);
                let hint = format!("did you mean `{word}`?");
                file.warning("unknown-attribute", key.span, message, Some(hint));
            }
        }
        // An empty default is a choice: nothing instead of a missing value.
        let written =
            if value.data == Data::Null { Some("") } else { read::text(file, value, "defaults") };
        if let Some(written) = written {
            defaults.insert(key.text.as_str().into(), written.to_owned());
        }
    }
    defaults
}
