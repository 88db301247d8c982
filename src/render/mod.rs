//! From a template and a lead to the subject, HTML and plain text of one mail.
//!
//! Strict: a value that the lead does not have and nobody gave a default for is an error, never a gap.
//! Lead data is context, never template source, and cannot write markup, links or headers.

mod advice;
mod built_in;
mod buttons;
mod calendar;
mod campaigns;
mod card;
mod codes;
mod compile;
mod context;
mod filters;
mod html;
mod links;
mod lint;
mod mail;
mod marks;
mod markup;
mod meter;
mod mjml;
mod months;
mod paragraphs;
mod prepare;
mod problem;
mod questions;
mod sample;
mod segments;
mod source;
mod stencils;
mod styles;
mod tags;
mod text;
mod tree;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

pub use campaigns::lacking_for_elders;
pub use card::{Card, CardAnswer, CardEvent, CardLine, CardMail, OutcomeLinks};
use context::{context, one_line};
use html::Node;
use html5ever::local_name;
pub use links::Links;
use links::{Utm, rewritten};
pub use mail::{Codes, Mail, Rendered, Sender, Standing};
use meter::{Bound, LINKS, OUTPUT, Page, STEPS, TIME, VARIABLE, metered};
pub use months::date as date_in_words;
use paragraphs::Paragraphs;
pub use problem::{Place, RenderError, RenderProblem};
use sample::Setting;
pub use sample::{Sample, made_up_codes};
pub use segments::Inside;
use source::{Complaint, Source};
use stencils::Stencils;
use tags::{bound, variables};
use tera::{Context, Tera, Value};

use crate::domain::{
    name::Name,
    people::People,
    question::Ask,
    template::{MailTemplate, Templates},
    value::Schema,
};

/// What is asked in all that a mail is made of: it may include any partial.
fn of_mail<'a, T>(
    asked: &'a HashMap<String, BTreeSet<T>>,
    template: &MailTemplate,
) -> impl Iterator<Item = &'a T> + use<'a, T> {
    let own = format!("{}#", template.file);
    let layout = template.layout.as_ref().map(|layout| format!("layouts/{layout}.html"));
    let is_part = move |name: &str| {
        name.starts_with(&own) || layout.as_deref() == Some(name) || name.starts_with("partials/")
    };
    asked.iter().filter(move |(name, _)| is_part(name)).flat_map(|(_, asked)| asked)
}

/// Renders the mails of one set of definitions. Made once for each release; cheap to share.
pub struct Renderer {
    tera: Tera,
    /// By tera's name.
    sources: HashMap<String, Source>,
    templates: Templates,
    schema: Schema,
    /// The pools that mails take codes of, by the variant's file.
    pools: HashMap<String, BTreeSet<Name>>,
    people: People,
    /// What is asked in each of tera's templates that asks anything.
    asked: HashMap<String, BTreeSet<Ask>>,
    /// Likewise, the segments that are asked for.
    segments: HashMap<String, BTreeSet<Name>>,
    /// The language of leads and variants without one.
    house: Name,
    stencils: Stencils,
    paragraphs: Paragraphs,
}

impl Renderer {
    /// Renders a mail. Takes less than a millisecond of one core, and about a second at most, whatever the
    /// template does; on an async runtime, call it where blocking is allowed.
    ///
    /// # Errors
    /// Why this mail cannot be sent as it is: a missing value, a bad link, a limit.
    pub fn render(&self, mail: &Mail) -> Result<Rendered, RenderError> {
        let template = self
            .templates
            .variant(mail.template, mail.language, &self.house)
            .ok_or_else(|| RenderError::UnknownTemplate(mail.template.to_owned()))?;
        let render = || metered(|| self.render_variant(mail, template));
        catch_unwind(AssertUnwindSafe(render)).unwrap_or_else(|_| {
            let place = Place { file: template.file.clone(), line: template.body_line, column: 1 };
            Err(RenderError::Failed { place, message: "rendering it panicked".to_owned() })
        })
    }

    /// Whether a mail takes codes of any pool, in whatever language.
    #[must_use]
    pub fn takes_codes(&self, template: &str) -> bool {
        let variants = self.templates.mails.get(template);
        variants.is_some_and(|mails| mails.values().any(|mail| self.pools.contains_key(&mail.file)))
    }

    /// The pools that a mail in this language takes codes of, to be given before it is rendered.
    #[must_use]
    pub fn pools(&self, template: &str, language: &str) -> Option<&BTreeSet<Name>> {
        self.pools.get(&self.templates.variant(template, language, &self.house)?.file)
    }

    fn render_variant(
        &self,
        mail: &Mail,
        template: &MailTemplate,
    ) -> Result<Rendered, RenderError> {
        let language = template.language.clone().filter(|language| !language.is_empty());
        let language = language.unwrap_or_else(|| self.house.clone());
        let mut context = context(mail, (&self.schema, &self.people), template, &language)?;
        if let Some(links) = &mail.links {
            context
                .insert_value(questions::VARIABLE, questions::links(links, self.asked(template)));
        }
        if !self.segments.is_empty() {
            let asked = self.segments_of(template);
            context.insert_value(segments::VARIABLE, segments::value(asked, mail.segments));
        }
        let of = |part: &str| format!("{}#{part}", template.file);

        let subject = one_line(&self.page(&of("subject"), &template.file, &context)?);
        if subject.is_empty() {
            let (line, column) = template.subject_at;
            let place = Place { file: template.file.clone(), line, column };
            return Err(RenderError::Failed { place, message: "its subject is empty".to_owned() });
        }
        let calendar = self.calendar(template, &context)?;
        let preheader = match &template.preheader {
            Some(_) => one_line(&self.page(&of("preheader"), &template.file, &context)?),
            None => String::new(),
        };
        context.insert("subject", &subject);
        context.insert("preheader", &preheader);
        let mut page = self.page(&of("body.html"), &template.file, &context)?;
        if let Some(layout) = &template.layout {
            // Escaped where it was made.
            context.insert_value("content", Value::safe_string(&page));
            page = self.page(&format!("layouts/{layout}.html"), &template.file, &context)?;
        }

        let bad_html = |why| RenderError::Html { file: template.file.clone(), why };
        let mut nodes = html::read(&page).map_err(bad_html)?;
        nodes.retain(|node| !styles::names_charset(node));
        rewrite(&mut nodes, mail, template)?;
        if let Some(pixel) = mail.links.and_then(|links| links.pixel_url()) {
            add_pixel(&mut nodes, &pixel);
        }
        let html = self.stencils.page(&nodes).map_err(bad_html)?;
        let text = text::plain(&nodes, &self.paragraphs).map_err(bad_html)?;
        if let Some(links) = &mail.links {
            owed(&nodes, &text, &links.unsubscribe_url(), mail.sender)
                .map_err(|what| RenderError::Without { file: template.file.clone(), what })?;
        }
        Ok(Rendered {
            subject,
            html,
            text,
            reply_to: template.reply_to.clone(),
            language,
            file: template.file.clone(),
            calendar,
            attachments: Arc::clone(&template.attachments),
            unsubscribe_url: mail.links.map(|links| links.unsubscribe_url()),
        })
    }

    /// The segments that a mail in this language asks for, of which to say whether its reader is in.
    pub fn segments(&self, template: &str, language: &str) -> impl Iterator<Item = &Name> {
        let template = self.templates.variant(template, language, &self.house);
        template.into_iter().flat_map(|template| self.segments_of(template))
    }

    fn segments_of(&self, template: &MailTemplate) -> impl Iterator<Item = &Name> {
        of_mail(&self.segments, template)
    }

    /// What a mail asks, in any of its languages.
    pub fn asked_by(&self, template: &str) -> impl Iterator<Item = &Ask> {
        let variants = self.templates.mails.get(template).into_iter().flat_map(BTreeMap::values);
        variants.flat_map(|variant| self.asked(variant))
    }

    /// What a mail may ask.
    fn asked(&self, template: &MailTemplate) -> impl Iterator<Item = &Ask> {
        of_mail(&self.asked, template)
    }

    /// What one of tera's templates writes, within what is left of the mail's bounds.
    fn page(&self, name: &str, file: &str, context: &Context) -> Result<String, RenderError> {
        let mut page = Page::default();
        let done = self.tera.render_to(name, context, &mut page);
        let file = || file.to_owned();
        if let Some(bound) = meter::hit() {
            return Err(match bound {
                Bound::Steps => RenderError::TooManySteps { file: file(), limit: STEPS },
                Bound::Time => RenderError::TooSlow { file: file(), limit_ms: TIME.as_millis() },
                Bound::Output => {
                    RenderError::TooLarge { file: file(), what: "what it writes", limit: OUTPUT }
                }
                Bound::Variable => {
                    RenderError::TooLarge { file: file(), what: "a variable", limit: VARIABLE }
                }
            });
        }
        done.map_err(|error| self.failure(&error, file(), context))?;
        // tera writes whole characters only.
        Ok(String::from_utf8_lossy(&page.0).into_owned())
    }

    /// Names the missing value, where that is what an error comes from.
    fn failure(&self, error: &tera::Error, file: String, context: &Context) -> RenderError {
        let Complaint { name, offset, message } = Complaint::of(error);
        // Reasons are stored and logged; addresses are not.
        let address = context.get("email").and_then(Value::as_str).unwrap_or_default();
        let message = if address.is_empty() { message } else { message.replace(address, "…") };
        let source = name.and_then(|name| self.sources.get(&name));
        let Some((source, prepared)) = source.and_then(|it| Some((it, it.prepared.as_ref()?)))
        else {
            return RenderError::Failed { place: Place { file, line: 1, column: 1 }, message };
        };
        let offset = prepared.source_offset(offset);
        let own = bound(&source.text);
        let tag = source.tags().into_iter().find(|tag| tag.range.contains(&offset));
        let missing = tag.and_then(|tag| {
            let variable =
                variables(&source.text[tag.range.clone()]).into_iter().find(|variable| {
                    let mut value = context.get(variable.name);
                    for part in &variable.path {
                        value = value.and_then(|value| value.get_from_path(part));
                    }
                    !variable.guarded
                        && !own.contains(variable.name)
                        && value.is_none_or(Value::is_undefined)
                })?;
            let name = std::iter::once(variable.name).chain(variable.path.iter().copied());
            let place = source.place(tag.range.start + variable.offset);
            Some((place, name.collect::<Vec<_>>().join(".")))
        });
        match missing {
            Some((place, name)) => RenderError::Missing { place, name },
            None => RenderError::Failed { place: source.place(offset), message },
        }
    }
}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renderer").field("sources", &self.sources.len()).finish_non_exhaustive()
    }
}

/// What no mail to a lead goes out without. A layout may name it and yet leave it out, under an `if`.
fn owed(
    nodes: &[Node],
    text: &str,
    unsubscribe_url: &str,
    sender: &Sender,
) -> Result<(), &'static str> {
    let leads_there = |node: &Node| {
        matches!(node, Node::Start { name, attributes, .. } if html::is_link(name)
            && attributes.iter().any(|(key, href)| key == "href" && href == unsubscribe_url))
    };
    // The text lists the links that are shown.
    if !nodes.iter().any(leads_there) || !text.contains(unsubscribe_url) {
        return Err("a link to unsubscribe that can be seen");
    }
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !words(text).contains(&words(&one_line(&sender.postal_address))) {
        return Err("the sender's postal address");
    }
    Ok(())
}

/// Every link that a reader can follow.
fn rewrite(nodes: &mut [Node], mail: &Mail, template: &MailTemplate) -> Result<(), RenderError> {
    let utm = Utm::of(mail);
    let mut count = 0;
    for node in nodes {
        let Node::Start { name, attributes, .. } = node else { continue };
        if !html::is_link(name) {
            continue;
        }
        for (_, href) in attributes.iter_mut().filter(|(key, _)| key == "href") {
            count += 1;
            if count > LINKS {
                let why = format!("has more than {LINKS} links");
                return Err(RenderError::Html { file: template.file.clone(), why });
            }
            *href = rewritten(href, mail.links.as_ref(), &utm).map_err(|why| {
                RenderError::Link { file: template.file.clone(), href: public(href), why }
            })?;
        }
    }
    Ok(())
}

/// As much of a link as may be told: what comes after `?` is often about a person.
fn public(href: &str) -> String {
    let start = href.split(['?', '#', '@']).next().unwrap_or_default();
    let short: String = start.chars().take(80).collect();
    if short.len() < href.len() { format!("{short}…") } else { short }
}

fn add_pixel(nodes: &mut Vec<Node>, address: &str) {
    let attributes = [
        ("src", address),
        ("width", "1"),
        ("height", "1"),
        ("alt", ""),
        ("style", "display:block;border:0"),
    ];
    let pixel = Node::Start {
        name: local_name!("img"),
        attributes: attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        closed: false,
    };
    let end = nodes
        .iter()
        .rposition(|node| matches!(node, Node::End(name) if *name == local_name!("body")));
    nodes.insert(end.unwrap_or(nodes.len()), pixel);
}
