//! One step as it is written, and the id that survives edits.

use std::collections::BTreeSet;

use super::{read, steps, workflow::Known};
use crate::{
    definitions::{
        names::{is_slug_path, slugged},
        nearest::{did_you_mean, nearest},
        node::{Data, Node, Style},
        problem::{File, Span, quote},
        traps::{quoted_line, write_it},
    },
    domain::{
        condition::Scope,
        name::Name,
        schedule::WaitSpec,
        value::{Slot, Value},
        workflow::StepKind,
    },
};

const KINDS: [&str; 8] = ["email", "wait", "wait_for", "if", "set", "tag", "notify", "stop"];
const KINDS_LATER: [&str; 12] = [
    "branch", "split", "stream", "repeat", "hand_off", "webhook", "enrol", "leave", "ask", "sms",
    "score", "stage",
];
const LATER: [&str; 6] = ["on_failure", "in_doubt", "window", "not_after", "calendar", "at_most"];

/// A step before the list is laid flat.
#[derive(Debug)]
pub(super) struct Draft {
    pub id: Name,
    pub at: Span,
    /// Branches are in `then` and `otherwise`, not in here.
    pub kind: StepKind,
    pub then: Vec<Draft>,
    pub otherwise: Vec<Draft>,
    explicit: bool,
}

impl Draft {
    /// How many steps it is, its branches included.
    pub fn size(&self) -> usize {
        1 + self.then.iter().chain(&self.otherwise).map(Self::size).sum::<usize>()
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
        return Some(leaf("stop".into(), false, node.span, kind));
    }
    let entries = match &node.data {
        Data::Map(entries) => entries,
        Data::Broken => return None,
        _ => return no_step(file, node),
    };
    let mut kinds = entries.iter().filter(|(key, _)| KINDS.contains(&&*key.text));
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
    let keys: &[&str] = match kind.text.as_str() {
        "wait_for" => &["wait_for", "up_to", "then", "else", "id"],
        "if" => &["if", "then", "else", "id"],
        "notify" => &["notify", "template", "id"],
        "email" => &["email", "id"],
        "wait" => &["wait", "id"],
        "set" => &["set", "id"],
        "tag" => &["tag", "id"],
        _ => &["stop", "id"],
    };
    let what = format!("a `{}` step", kind.text);
    let fields = read::Fields::open(file, node, &what, keys, &LATER)?;
    // `stop:` alone needs no reason.
    if value.data == Data::Null && kind.text != "stop" {
        fields.get(&kind.text);
        return None;
    }
    let explicit = steps::explicit_id(file, &fields);
    let branch = |key: &str| match fields.get(key) {
        Some(node) => steps::list(file, node, known, has_end).unwrap_or_default(),
        None => Vec::new(),
    };
    let (then, otherwise) = (branch("then"), branch("else"));
    let (derived, step) = match kind.text.as_str() {
        "email" => email(file, value, known)?,
        "wait" => wait(file, value)?,
        "wait_for" => wait_for(file, &fields, value, known, has_end)?,
        "if" => condition(file, &fields, value, known)?,
        "set" => set(file, value, known)?,
        "tag" => tag(file, value)?,
        "notify" => notify(file, &fields, value, known)?,
        _ => stop(file, value)?,
    };
    let id = explicit.map_or_else(|| derived.into(), Name::from);
    let explicit = explicit.is_some();
    Some(Draft { id, at: kind.span, kind: step, then, otherwise, explicit })
}

fn leaf(id: Name, explicit: bool, at: Span, kind: StepKind) -> Draft {
    Draft { id, at, kind, then: Vec::new(), otherwise: Vec::new(), explicit }
}

/// Something in the list of steps that is no map.
fn no_step(file: &File<'_>, node: &Node) -> Option<Draft> {
    let written = node.text().unwrap_or("");
    let first = written.split([' ', ':']).next().unwrap_or("");
    let message = format!("a step is a key and a value; this is {}", node.what());
    let hint = match nearest(first, KINDS) {
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
    if let Some((key, _)) = entries.iter().find(|(key, _)| KINDS_LATER.contains(&&*key.text)) {
        file.error("not-built", key.span, format!("`{}` is not built yet", key.text), None);
    } else if matches!(key.text.as_str(), "then" | "else" | "up_to") {
        let message = format!("`{}` stands alone here: it belongs to the step above", key.text);
        let hint = "indent it like the step's first key, without a `-`".to_owned();
        file.error("yaml-indentation", key.span, message, Some(hint));
    } else {
        read::unknown_key(file, key, "a step", &KINDS, &[]);
    }
    None
}

type Made = (String, StepKind);

fn email(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Made> {
    let template = template(file, node, "email", known)?;
    Some((format!("email.{template}"), StepKind::Email { template }))
}

fn template(file: &File<'_>, node: &Node, what: &str, known: &Known<'_>) -> Option<Name> {
    let written = read::text(file, node, what)?;
    if known.conditions.templates.contains(written) {
        return Some(written.into());
    }
    let plain =
        written.trim_start_matches("templates/").trim_end_matches(".md").trim_end_matches(".html");
    let message = format!("there is no template `{}`", quote(written));
    let names = known.conditions.templates.iter().map(crate::domain::name::Name::as_str);
    let hint = if known.conditions.templates.contains(plain) {
        format!("write: {plain}")
    } else {
        nearest(plain, names).map_or_else(
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

fn wait_spec(file: &File<'_>, node: &Node, what: &str) -> Option<WaitSpec> {
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

fn wait_for(
    file: &File<'_>,
    fields: &read::Fields<'_>,
    node: &Node,
    known: &Known<'_>,
    has_end: bool,
) -> Option<Made> {
    let condition = known.conditions.compile(file, node, "wait_for", Scope::Workflow);
    let up_to = match fields.get("up_to") {
        None => None,
        Some(node) => Some(wait_spec(file, node, "up_to")?),
    };
    if !fields.has("up_to") {
        let hint = Some("add: up_to: 10d".to_owned());
        let at = fields.key_span("wait_for");
        if fields.has("else") {
            let message = "without `up_to` this waits for ever, and its `else` is never reached";
            file.warning("wait-without-end", at, message, hint);
        } else if !has_end {
            let message = "this may wait for ever: it has no `up_to`, and the workflow neither a \
                           `goal` nor a `leave`";
            file.warning("wait-without-end", at, message, hint);
        }
    }
    let id = format!("wait_for.{}", condition_slug(node.text().unwrap_or("")));
    let condition = condition?;
    Some((id, StepKind::WaitFor { condition, up_to, then: None, otherwise: None }))
}

fn condition(
    file: &File<'_>,
    fields: &read::Fields<'_>,
    node: &Node,
    known: &Known<'_>,
) -> Option<Made> {
    let condition = known.conditions.compile(file, node, "if", Scope::Workflow);
    if !fields.has("then") && !fields.has("else") {
        let hint = "add: then: and below it the steps".to_owned();
        let message = "this `if` has neither `then` nor `else`";
        file.error("missing-key", fields.key_span("if"), message, Some(hint));
    }
    let id = format!("if.{}", condition_slug(node.text().unwrap_or("")));
    Some((id, StepKind::If { condition: condition?, then: None, otherwise: None }))
}

fn set(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Made> {
    let schema = &known.conditions.schema;
    let mut values: Vec<(Slot, Option<Value>)> = Vec::new();
    let mut names = Vec::new();
    let entries = read::map(file, node, "`set`")?;
    for (key, value) in entries {
        let name = key.text.as_str();
        let Some(slot) = schema.slot(name) else {
            let message = format!("leads have no attribute `{}`", quote(name));
            let known = schema.iter().map(|(_, attribute)| attribute.name.as_str());
            let hint = nearest(name, known).map_or_else(
                || format!("declare it in an attributes file: attributes: {{ {name}: text }}"),
                |word| format!("did you mean `{word}`?"),
            );
            file.error("unknown-attribute", key.span, message, Some(hint));
            continue;
        };
        if matches!(name, "email" | "external_id") {
            let message = format!("`{name}` says who the lead is; a workflow cannot set it");
            file.error("bad-value", key.span, message, None);
            continue;
        }
        if let Some(value) = attribute(file, value, name, known, slot) {
            values.push((slot, value));
            names.push(name);
        }
    }
    if entries.is_empty() {
        file.error("missing-value", node.span, "`set` names no attribute", None);
    }
    if values.len() != entries.len() || values.is_empty() {
        return None;
    }
    names.sort_unstable();
    values.sort_by_key(|(slot, _)| slot.0);
    Some((format!("set.{}", names.join("-")), StepKind::Set(values)))
}

/// A value for an attribute; `Some(None)` clears it.
#[allow(clippy::option_option)] // an error, a cleared attribute, a value
fn attribute(
    file: &File<'_>,
    node: &Node,
    name: &str,
    known: &Known<'_>,
    slot: Slot,
) -> Option<Option<Value>> {
    let kind = known.conditions.schema.attribute(slot).kind;
    let scalar = match &node.data {
        Data::Null => return Some(None),
        Data::Scalar(scalar) => scalar,
        _ => {
            read::text(file, node, name);
            return None;
        }
    };
    let word =
        matches!(&*scalar.text.to_lowercase(), "yes" | "no" | "on" | "off" | "true" | "false");
    if kind == crate::domain::value::ValueType::Text && scalar.style == Style::Plain && word {
        let line = file.line(file.line_of(node.span.start));
        let message = format!("`{name}` is a text, and `{}` looks like a yes or no", scalar.text);
        let hint = if line.contains('{') { None } else { quoted_line(line).map(write_it) };
        let hint = hint.unwrap_or_else(|| format!("write: {name}: \"{}\"", scalar.text));
        file.warning("yaml-bool", node.span, message, Some(hint));
    }
    match kind.parse(&scalar.text) {
        Ok(value) => Some(value),
        Err(message) => {
            file.error("bad-value", node.span, format!("`{name}` is a {kind}: {message}"), None);
            None
        }
    }
}

fn tag(file: &File<'_>, node: &Node) -> Option<Made> {
    let read_all = |node: &Node| -> Option<Vec<Name>> {
        read::list(file, node, "tag")?.iter().map(|node| one_tag(file, node)).collect()
    };
    let (add, remove) = if let Data::Map(_) = node.data {
        let fields = read::Fields::open(file, node, "`tag`", &["add", "remove"], &[])?;
        let part = |key: &str| fields.get(key).map_or(Some(Vec::new()), read_all);
        let (add, remove) = (part("add"), part("remove"));
        (add?, remove?)
    } else {
        (read_all(node)?, Vec::new())
    };
    if add.is_empty() && remove.is_empty() {
        file.error("missing-value", node.span, "`tag` names no tag", None);
        return None;
    }
    let names: Vec<String> = add
        .iter()
        .map(|tag| slugged(tag))
        .chain(remove.iter().map(|tag| format!("not-{}", slugged(tag))))
        .collect();
    Some((format!("tag.{}", names.join("-")), StepKind::Tag { add, remove }))
}

fn one_tag(file: &File<'_>, node: &Node) -> Option<Name> {
    let tag = read::text(file, node, "tag")?;
    if tag.is_empty() || tag.chars().count() > 60 || tag.chars().any(char::is_control) {
        let message = format!("`{}` cannot be a tag", quote(tag));
        file.error("bad-name", node.span, message, Some("use 1 to 60 characters".to_owned()));
        return None;
    }
    Some(tag.into())
}

fn notify(
    file: &File<'_>,
    fields: &read::Fields<'_>,
    node: &Node,
    known: &Known<'_>,
) -> Option<Made> {
    let to = read::slug(file, node, "notify")?;
    if !known.people.contains(to) {
        let message = format!("there is no person or team `{to}`");
        let hint = did_you_mean(to, known.people.iter().map(crate::domain::name::Name::as_str))
            .unwrap_or_else(|| "declare it in a `people:` file".to_owned());
        file.error("unknown-person", node.span, message, Some(hint));
        return None;
    }
    let template = match fields.get("template") {
        None => None,
        Some(node) => Some(template(file, node, "template", known)?),
    };
    Some((format!("notify.{to}"), StepKind::Notify { to: to.into(), template }))
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

/// A condition in words that may stand in an id: `engagement >= 40` → `engagement-ge-40`.
fn condition_slug(source: &str) -> String {
    let mut words = source.to_owned();
    for (sign, word) in [
        ("&&", " and "),
        ("||", " or "),
        ("!=", " ne "),
        ("==", " is "),
        (">=", " ge "),
        ("<=", " le "),
        (">", " gt "),
        ("<", " lt "),
        ("!", " not "),
    ] {
        words = words.replace(sign, word);
    }
    slugged(&words)
}

/// Gives each derived id its number where it repeats, in document order. Explicit ids go first.
/// `false` if two explicit ones are the same.
pub(super) fn name_all(file: &File<'_>, drafts: &mut [Draft]) -> bool {
    let mut taken = BTreeSet::new();
    let distinct = keep_explicit(file, drafts, &mut taken);
    number_derived(drafts, &mut taken);
    distinct
}

fn keep_explicit(file: &File<'_>, drafts: &[Draft], taken: &mut BTreeSet<Name>) -> bool {
    let mut distinct = true;
    for draft in drafts {
        if draft.explicit && !taken.insert(draft.id.clone()) {
            let message = format!("two steps have the id `{}`", draft.id);
            file.error("duplicate-id", draft.at, message, Some("give it another id".to_owned()));
            distinct = false;
        }
        distinct &= keep_explicit(file, &draft.then, taken);
        distinct &= keep_explicit(file, &draft.otherwise, taken);
    }
    distinct
}

fn number_derived(drafts: &mut [Draft], taken: &mut BTreeSet<Name>) {
    for draft in drafts {
        if !draft.explicit {
            let base = draft.id.clone();
            let mut number = 1;
            while !taken.insert(draft.id.clone()) {
                number += 1;
                draft.id = format!("{base}#{number}").into();
            }
        }
        number_derived(&mut draft.then, taken);
        number_derived(&mut draft.otherwise, taken);
    }
}
