//! One step as it is written, and the id that survives edits.

use std::collections::BTreeSet;

use super::{
    dates, elsewhere, forks, hand_off, inside, marks, people::nobody, read, repeat, split, step_id,
    steps, streams, wait_for, webhook, workflow::Known,
};
use crate::{
    definitions::{
        names::{is_slug_path, slugged},
        nearest::nearest,
        node::{Data, Node},
        problem::{File, Span, quote},
        schema,
    },
    domain::{
        name::Name,
        schedule::{DateExpr, WaitSpec},
        template::in_another_folder,
        workflow::{InDoubt, MailFailure, StepKind},
    },
};

/// A step before the list is laid flat.
#[derive(Debug)]
pub(super) struct Draft {
    pub id: Name,
    pub at: Span,
    /// Where its branches begin is not yet in here.
    pub kind: StepKind,
    /// In the order of [`StepKind::branches_mut`].
    pub branches: Vec<Vec<Draft>>,
    /// Its id is written in the file.
    pub explicit: bool,
}

impl Draft {
    /// How many steps it is, its branches included.
    pub fn size(&self) -> usize {
        1 + self.branches.iter().flatten().map(Self::size).sum::<usize>()
    }
}

pub(super) fn read(
    file: &File<'_>,
    node: &Node,
    known: &Known<'_>,
    has_end: bool,
) -> Option<Draft> {
    if node.text() == Some("stop") {
        let kind = StepKind::Stop { reason: None };
        let (at, branches) = (node.span, Vec::new());
        return Some(Draft { id: "stop".into(), at, kind, branches, explicit: false });
    }
    let entries = match &node.data {
        Data::Map(entries) => entries,
        Data::Broken => return None,
        _ => return no_step(file, node),
    };
    // Whatever is wrong with the step itself: the steps inside of it are read as well.
    let branch = |node: Option<&Node>| match node {
        Some(node) if node.data != Data::Null => {
            steps::list(file, node, known, has_end).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    let branches: Vec<Vec<Draft>> = inside::lists(node).into_iter().map(branch).collect();
    let mut kinds = entries.iter().filter(|(key, _)| schema::STEP_KINDS.contains(&&*key.text));
    let Some((kind, value)) = kinds.next() else {
        return unknown_kind(file, node);
    };
    if let Some((second, _)) = kinds.next() {
        let message =
            format!("a step does one thing; this one has `{}` and `{}`", kind.text, second.text);
        let hint = format!("begin a step of its own: - {}: …", second.text);
        file.error("conflict", second.span, message, Some(hint));
        return None;
    }
    let outcomes = wait_for::outcomes(node);
    let keys = match outcomes[..] {
        [] => schema::STEPS.iter().find(|step| step.title == kind.text)?,
        _ => &schema::OUTCOMES,
    };
    let what = format!("a `{}` step", kind.text);
    let fields = read::Fields::open_also(file, node, &what, keys, &outcomes)?;
    // What has no value is reported.
    let of_steps = inside::keys().filter(|key| keys.key(key).is_some());
    for key in outcomes.iter().copied().chain(of_steps) {
        fields.get(key);
    }
    // `stop:` alone needs no reason.
    if value.data == Data::Null && kind.text != "stop" {
        fields.get(&kind.text);
        return None;
    }
    let explicit = step_id::explicit(file, &fields);
    let at = at(file, &fields, known);
    let (derived, step) = match kind.text.as_str() {
        "email" => email(file, &fields, value, known)?,
        "wait" => wait(file, value)?,
        "wait_for" => wait_for::lower(file, &fields, value, known, has_end)?,
        "if" => forks::condition(file, &fields, value, known)?,
        "branch" => forks::branch(file, value, known)?,
        "split" => split::lower(file, value)?,
        "stream" => streams::step(file, &fields, value, known)?,
        "enrol" => elsewhere::enrol(file, value, known)?,
        "leave" => elsewhere::leave(file, value, known)?,
        "repeat" => repeat::lower(file, &fields, value, known)?,
        "set" => marks::set(file, value, known)?,
        "tag" => marks::tag(file, value)?,
        "notify" => notify(file, &fields, value, known)?,
        "webhook" => webhook::lower(file, &fields, value, known)?,
        "hand_off" => hand_off::lower(file, &fields, value, known)?,
        _ => stop(file, value)?,
    };
    let id = explicit.map_or_else(|| derived.into(), Name::from);
    let explicit = explicit.is_some();
    let draft = Draft { id, at: kind.span, kind: step, branches, explicit };
    repeat::check_depth(file, &draft);
    Some(match at? {
        Some((date, if_past)) => dated(draft, date, if_past),
        None => draft,
    })
}

/// A step that waits for a date, with what is done then inside of it.
fn dated(step: Draft, date: DateExpr, if_past: bool) -> Draft {
    Draft {
        id: format!("at.{}", step.id).into(),
        at: step.at,
        kind: StepKind::At { date, if_past, then: None },
        branches: vec![vec![step]],
        explicit: false,
    }
}

/// When the step is done, if it says so, and whether also where that is past.
#[allow(clippy::option_option)] // an error, no date, a date
fn at(
    file: &File<'_>,
    fields: &read::Fields<'_>,
    known: &Known<'_>,
) -> Option<Option<(DateExpr, bool)>> {
    let words = [("skip", false), ("do", true)];
    let if_past = match fields.get("if_past") {
        None => Some(false),
        Some(node) => read::word(file, node, "if_past", &words),
    };
    match fields.get("at") {
        Some(node) => {
            let date = dates::date(file, node, "at", known)?;
            Some(Some((date, if_past?)))
        }
        None => {
            if fields.has("if_past") {
                let message = "`if_past` goes with `at`, which this step has not";
                let hint = "add: at: starts - 21d, 09:30".to_owned();
                file.error("missing-key", fields.key_span("if_past"), message, Some(hint));
            }
            // One without a value is reported.
            (!fields.has("at")).then_some(None)
        }
    }
}

/// Something in the list of steps that is no map.
fn no_step(file: &File<'_>, node: &Node) -> Option<Draft> {
    let written = node.text().unwrap_or("");
    let first = written.split([' ', ':']).next().unwrap_or("");
    let message = format!("a step is a key and a value; this is {}", node.what());
    let hint = match nearest(first, schema::STEP_KINDS) {
        Some(kind) if !first.is_empty() => {
            let rest = quote(written[first.len()..].trim_start_matches([' ', ':']));
            format!("write: - {kind}: {rest}")
        }
        _ => "write: - email: cold/industry-report".to_owned(),
    };
    file.error("wrong-type", node.span, message, Some(hint));
    None
}

fn unknown_kind(file: &File<'_>, node: &Node) -> Option<Draft> {
    let Data::Map(entries) = &node.data else { return None };
    let Some((key, _)) = entries.first() else {
        return no_step(file, node);
    };
    if let Some((key, _)) =
        entries.iter().find(|(key, _)| schema::STEPS_LATER.contains(&&*key.text))
    {
        file.error("not-built", key.span, format!("`{}` is not built yet", key.text), None);
    } else if matches!(key.text.as_str(), "then" | "else" | "up_to" | "at" | "not_after") {
        let message = format!("`{}` stands alone here: it belongs to the step above", key.text);
        let hint = "indent it like the step's first key, without a `-`".to_owned();
        file.error("yaml-indentation", key.span, message, Some(hint));
    } else {
        read::unknown_key(file, key, "a step", schema::STEP_KINDS, &[]);
    }
    None
}

/// The id that it gets if none is written, and the step.
pub(super) type Made = (String, StepKind);

fn email(
    file: &File<'_>,
    fields: &read::Fields<'_>,
    node: &Node,
    known: &Known<'_>,
) -> Option<Made> {
    let now = fields.optional("now", |node| read::yes_no(file, node, "now"));
    let not_after =
        fields.optional("not_after", |node| dates::deadline(file, node, "not_after", known));
    let in_doubt =
        fields.optional("in_doubt", |node| read::word(file, node, "in_doubt", &InDoubt::WORDS));
    let on_failure = fields
        .optional("on_failure", |node| read::word(file, node, "on_failure", &MailFailure::WORDS));
    let template = template(file, node, "email", known)?;
    let id = format!("email.{template}");
    let (now, not_after) = (now?, not_after?);
    let (in_doubt, on_failure) = (in_doubt?, on_failure?);
    Some((id, StepKind::Email { template, now, not_after, in_doubt, on_failure }))
}

pub(super) fn template(
    file: &File<'_>,
    node: &Node,
    what: &str,
    known: &Known<'_>,
) -> Option<Name> {
    known_template(file, node, what, &known.conditions.templates)
}

/// One of these templates.
pub(super) fn known_template(
    file: &File<'_>,
    node: &Node,
    what: &str,
    templates: &BTreeSet<Name>,
) -> Option<Name> {
    let written = read::text(file, node, what)?;
    if templates.contains(written) {
        return Some(written.into());
    }
    let plain = written.trim_start_matches("templates/");
    let plain = [".md", ".html", ".mjml"].iter().fold(plain, |it, end| it.trim_end_matches(end));
    let message = format!("there is no template `{}`", quote(written));
    let names = templates.iter().map(Name::as_str);
    let hint = if templates.contains(plain) {
        format!("write: {plain}")
    } else {
        nearest(plain, names.clone()).or_else(|| in_another_folder(plain, names)).map_or_else(
            || {
                let name = if is_slug_path(plain) { plain } else { "cold/industry-report" };
                format!("write the mail in templates/{name}.md")
            },
            |name| format!("did you mean `{name}`?"),
        )
    };
    file.error("unknown-template", node.span, message, Some(hint));
    None
}

pub(super) fn wait_spec(file: &File<'_>, node: &Node, what: &str) -> Option<WaitSpec> {
    let written = read::text(file, node, what)?;
    match WaitSpec::parse(written) {
        Ok(wait) => Some(wait),
        Err(error) => {
            file.error("bad-wait", node.span, error.to_string(), None);
            None
        }
    }
}

fn wait(file: &File<'_>, node: &Node) -> Option<Made> {
    let spec = wait_spec(file, node, "wait")?;
    Some((format!("wait.{}", slugged(node.text().unwrap_or(""))), StepKind::Wait(spec)))
}

fn notify(
    file: &File<'_>,
    fields: &read::Fields<'_>,
    node: &Node,
    known: &Known<'_>,
) -> Option<Made> {
    let template = fields.optional("template", |node| template(file, node, "template", known));
    let to = receiver(file, node, "notify", known)?;
    Some((format!("notify.{to}"), StepKind::Notify { to, template: template? }))
}

/// A person or a team.
pub(super) fn receiver(
    file: &File<'_>,
    node: &Node,
    what: &str,
    known: &Known<'_>,
) -> Option<Name> {
    let to = read::text(file, node, what)?;
    if known.people.contains(to) {
        return Some(to.into());
    }
    let message = format!("there is no person or team `{}`", quote(to));
    let hint = nobody(to, known.people.iter().map(Name::as_str));
    file.error("unknown-person", node.span, message, Some(hint));
    None
}

fn stop(file: &File<'_>, node: &Node) -> Option<Made> {
    if node.data == Data::Null {
        return Some(("stop".to_owned(), StepKind::Stop { reason: None }));
    }
    let reason = read::text(file, node, "stop")?;
    let slug = slugged(reason);
    let id = if slug.is_empty() { "stop".to_owned() } else { format!("stop.{slug}") };
    Some((id, StepKind::Stop { reason: Some(reason.to_owned()) }))
}
