//! `wait_for:` → what is waited for: one condition, or several with names, each with its branch.

use super::{dates, read, step::Made, step_id, workflow::Known};
use crate::{
    definitions::{
        names::{is_slug, slug_hint},
        node::{Data, Key, Node},
        problem::{File, quote},
        schema,
    },
    domain::{
        condition::Scope,
        workflow::{Awaited, StepKind},
    },
};

/// The names of a step's outcomes, in the order in which they are written; none if it has a single one
/// without a name.
pub(super) fn outcomes(step: &Node) -> Vec<&str> {
    match step.get("wait_for").map(|node| &node.data) {
        Some(Data::Map(entries)) => entries.iter().map(|(key, _)| key.text.as_str()).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn lower(
    file: &File<'_>,
    fields: &read::Fields<'_>,
    node: &Node,
    known: &Known<'_>,
    has_end: bool,
) -> Option<Made> {
    let awaited = awaited(file, node, known);
    let up_to = fields.optional("up_to", |node| dates::deadline(file, node, "up_to", known));
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
    let id = match &node.data {
        Data::Map(entries) => {
            let names: Vec<&str> = entries.iter().map(|(key, _)| key.text.as_str()).collect();
            format!("wait_for.{}", names.join("-"))
        }
        _ => format!("wait_for.{}", step_id::of_condition(node.text().unwrap_or(""))),
    };
    let (awaited, up_to) = (awaited?, up_to?);
    Some((id, StepKind::WaitFor { awaited, up_to, otherwise: None }))
}

fn awaited(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Vec<Awaited>> {
    let compile = |node: &Node| known.conditions.compile(file, node, "wait_for", Scope::Workflow);
    let Data::Map(entries) = &node.data else {
        let condition = compile(node)?;
        return Some(vec![Awaited { name: None, condition, then: None }]);
    };
    if entries.is_empty() {
        let hint = "add: attended: happened(\"webinar.attended\")".to_owned();
        file.error("missing-value", node.span, "`wait_for` names no outcome", Some(hint));
    }
    let read = |(key, node): &(Key, Node)| {
        let named = may_name_an_outcome(file, key);
        let condition = compile(node)?;
        named.then(|| Awaited { name: Some(key.text.as_str().into()), condition, then: None })
    };
    // All are read, also after one that is none.
    let read: Vec<Option<Awaited>> = entries.iter().map(read).collect();
    read.into_iter().collect::<Option<Vec<_>>>().filter(|awaited| !awaited.is_empty())
}

/// Its branch is a key of the step, which must not be another one.
fn may_name_an_outcome(file: &File<'_>, key: &Key) -> bool {
    let name = key.text.as_str();
    let (message, hint) = if is_key_of_steps(name) {
        let message = format!("`{name}` cannot be the name of an outcome: it is a key of steps");
        (message, "give it another name, and its branch as well".to_owned())
    } else if is_slug(name) {
        return true;
    } else {
        let message = format!("`{}` cannot be the name of an outcome", quote(name));
        (message, slug_hint(name))
    };
    file.error("bad-name", key.span, message, Some(hint));
    false
}

fn is_key_of_steps(name: &str) -> bool {
    let kinds = schema::STEPS.iter().chain([&schema::OUTCOMES]);
    schema::STEPS_LATER.contains(&name) || { kinds }
        .any(|step| step.key(name).is_some() || step.later.contains(&name))
}
