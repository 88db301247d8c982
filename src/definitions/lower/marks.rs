//! Steps that write on the lead: `set` and `tag`.

use super::{attributes, read, step::Made, workflow::Known};
use crate::{
    definitions::{
        names::slugged,
        nearest::nearest,
        node::{Data, Node, Style},
        problem::{File, quote},
        schema::TAG,
        traps::{quoted_line, write_it},
    },
    domain::{
        name::Name,
        value::{Schema, Slot, Value, ValueType},
        workflow::StepKind,
    },
};

pub(super) fn set(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Made> {
    let mut values = values(file, node, "set", &known.conditions.schema, true)?;
    let name = |slot: Slot| known.conditions.schema.attribute(slot).name.as_str();
    let mut names: Vec<&str> = values.iter().map(|(slot, _)| name(*slot)).collect();
    names.sort_unstable();
    values.sort_by_key(|(slot, _)| slot.0);
    Some((format!("set.{}", names.join("-")), StepKind::Set(values)))
}

/// Attributes and what they are to be; `None` clears one. `by_workflow`: who a lead is stays as it is.
pub(super) fn values(
    file: &File<'_>,
    node: &Node,
    what: &str,
    schema: &Schema,
    by_workflow: bool,
) -> Option<Vec<(Slot, Option<Value>)>> {
    let mut values: Vec<(Slot, Option<Value>)> = Vec::new();
    let entries = read::map(file, node, &format!("`{what}`"))?;
    for (key, value) in entries {
        let name = key.text.as_str();
        let Some(slot) = schema.slot(name) else {
            let message = format!("leads have no attribute `{}`", quote(name));
            let known = schema.iter().map(|(_, attribute)| attribute.name.as_str());
            let hint = match nearest(name, known) {
                Some(word) if !attributes::is_reserved(name) => format!("did you mean `{word}`?"),
                _ => attributes::hint_for_unknown(name),
            };
            file.error("unknown-attribute", key.span, message, Some(hint));
            continue;
        };
        if by_workflow && schema.attribute(slot).says_who() {
            let message = format!("`{name}` says who the lead is; a workflow cannot set it");
            file.error("bad-value", key.span, message, None);
            continue;
        }
        if let Some(value) = attribute(file, value, name, schema, slot) {
            values.push((slot, value));
        }
    }
    if entries.is_empty() {
        file.error("missing-value", node.span, format!("`{what}` names no attribute"), None);
    }
    (values.len() == entries.len() && !values.is_empty()).then_some(values)
}

/// A value for an attribute; `Some(None)` clears it.
#[allow(clippy::option_option)] // an error, a cleared attribute, a value
fn attribute(
    file: &File<'_>,
    node: &Node,
    name: &str,
    schema: &Schema,
    slot: Slot,
) -> Option<Option<Value>> {
    let kind = schema.attribute(slot).kind;
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
    if kind == ValueType::Text && scalar.style == Style::Plain && word {
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

pub(super) fn tag(file: &File<'_>, node: &Node) -> Option<Made> {
    let read_all = |node: &Node| -> Option<Vec<Name>> {
        let tags = read::list(file, node, "tag")?.iter().map(|node| one_tag(file, node));
        // All are read, also after one that is none.
        tags.collect::<Vec<_>>().into_iter().collect()
    };
    let (add, remove) = if let Data::Map(_) = node.data {
        let fields = read::Fields::open(file, node, "`tag`", &TAG)?;
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
