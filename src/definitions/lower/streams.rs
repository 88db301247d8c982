//! `streams:` → mails in their order; `stream:` → the step that sends them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Found, dates, read,
    step::{Made, known_template, wait_spec},
    workflow::Known,
};
use crate::{
    definitions::{
        nearest::did_you_mean,
        node::{Data, Node},
        problem::{File, quote},
        schema,
    },
    domain::{
        name::Name,
        schedule::WaitSpec,
        stream::{Exhausted, Stream},
        workflow::{InDoubt, MailFailure, StepKind},
    },
};

/// The contents of each stream.
pub(super) fn lower(found: &[Found<'_>], templates: &BTreeSet<Name>) -> BTreeMap<Name, Vec<Name>> {
    found.iter().filter_map(|it| Some((it.unit.name.clone(), contents(it, templates)?))).collect()
}

fn contents(found: &Found<'_>, templates: &BTreeSet<Name>) -> Option<Vec<Name>> {
    let (file, what) = (found.file, format!("stream `{}`", found.unit.name));
    let fields = read::Fields::open(file, found.node(), &what, &schema::STREAM_OF_MAILS)?;
    if let Some(about) = fields.get("about") {
        read::text(file, about, "about");
    }
    let node = fields.need("contents", "contents: [cold/industry-report, cold/case-study]")?;
    let items = match &node.data {
        Data::List(items) if !items.is_empty() => items,
        Data::Broken => return None,
        _ => {
            let message = "`contents` is a list of mails, at least one";
            let hint = "write: contents: [cold/industry-report]".to_owned();
            file.error("wrong-type", node.span, message, Some(hint));
            return None;
        }
    };
    let mut contents: Vec<Name> = Vec::new();
    for item in items {
        let Some(mail) = known_template(file, item, "contents", templates) else { continue };
        if contents.contains(&mail) {
            let message = format!("`{mail}` is in this stream already; a lead gets it once");
            file.error("twice", item.span, message, Some("delete it here".to_owned()));
        } else {
            contents.push(mail);
        }
    }
    Some(contents)
}

pub(super) fn step(
    file: &File<'_>,
    fields: &read::Fields<'_>,
    node: &Node,
    known: &Known<'_>,
) -> Option<Made> {
    let name = name(file, node, known);
    let every = fields.need("every", "every: 3 weeks").and_then(|node| every(file, node));
    let most = fields.optional("up_to", |node| mails(file, node));
    let when_exhausted = fields.optional("when_exhausted", |node| {
        read::word(file, node, "when_exhausted", &Exhausted::WORDS)
    });
    let now = fields.optional("now", |node| read::yes_no(file, node, "now"));
    let not_after =
        fields.optional("not_after", |node| dates::deadline(file, node, "not_after", known));
    let in_doubt =
        fields.optional("in_doubt", |node| read::word(file, node, "in_doubt", &InDoubt::WORDS));
    let on_failure = fields
        .optional("on_failure", |node| read::word(file, node, "on_failure", &MailFailure::WORDS));
    let (name, every, most) = (name?, every?, most?);
    let id = format!("stream.{name}");
    let (now, not_after) = (now?, not_after?);
    let (in_doubt, on_failure) = (in_doubt?, on_failure?);
    let when_exhausted = when_exhausted?.unwrap_or_default();
    let stream = Stream { name, every, most, when_exhausted, now, not_after, in_doubt, on_failure };
    Some((id, StepKind::Stream(stream)))
}

fn name(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Name> {
    if let Data::List(_) = &node.data {
        let message = "a stream is named here; its mails stand in a file, from which leads in flight get them, too";
        let hint = "write: stream: useful, and in a file of its own: streams: { useful: { contents: […] } }";
        file.error("wrong-type", node.span, message, Some(hint.to_owned()));
        return None;
    }
    let name = read::slug(file, node, "stream")?;
    if known.streams.contains(name) {
        return Some(name.into());
    }
    let message = format!("there is no stream `{name}`");
    let hint = did_you_mean(name, known.streams.iter().map(Name::as_str)).unwrap_or_else(|| {
        format!(
            "declare it in a file: streams: {{ {name}: {{ contents: [cold/industry-report] }} }}"
        )
    });
    file.error("unknown-stream", node.span, message, Some(hint));
    None
}

fn every(file: &File<'_>, node: &Node) -> Option<Vec<WaitSpec>> {
    let items = read::list(file, node, "every")?;
    if items.is_empty() {
        let hint = "write: every: 3 weeks".to_owned();
        file.error("missing-value", node.span, "`every` says nothing", Some(hint));
        return None;
    }
    let waits: Vec<_> = items.iter().map(|item| wait_spec(file, item, "every")).collect();
    waits.into_iter().collect()
}

/// `12 mails`
fn mails(file: &File<'_>, node: &Node) -> Option<u32> {
    let written = read::text(file, node, "up_to")?;
    let count = written.strip_suffix("mails").or_else(|| written.strip_suffix("mail"));
    let count = count.and_then(|count| count.trim().parse().ok());
    if let Some(count) = count.filter(|count| (1..=Stream::MOST_MAILS).contains(count)) {
        return Some(count);
    }
    let message = format!(
        "`up_to` of a stream is a number of mails, at most {}; this is `{}`",
        Stream::MOST_MAILS,
        quote(written)
    );
    file.error("bad-value", node.span, message, Some("write: up_to: 12 mails".to_owned()));
    None
}
