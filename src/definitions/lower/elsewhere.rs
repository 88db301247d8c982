//! `enrol:` and `leave:` → another workflow.

use super::{read, step::Made, workflow::Known};
use crate::{
    definitions::{
        names::{is_slug, slug_hint},
        nearest::did_you_mean,
        node::Node,
        problem::{File, quote},
    },
    domain::{name::Name, workflow::StepKind},
};

pub(super) fn enrol(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Made> {
    let hint = "whoever is to come in again needs no step for it: enter: { …, again: always }";
    let other = other(file, node, "enrol", hint, known)?;
    Some((format!("enrol.{other}"), StepKind::Enrol(other)))
}

pub(super) fn leave(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Made> {
    let other =
        other(file, node, "leave", "to end the way in this workflow, write: - stop", known)?;
    Some((format!("leave.{other}"), StepKind::Leave(other)))
}

fn other(
    file: &File<'_>,
    node: &Node,
    what: &str,
    if_itself: &str,
    known: &Known<'_>,
) -> Option<Name> {
    let name = read::text(file, node, what)?;
    if !is_slug(name) {
        let message = format!("`{}` is no workflow", quote(name));
        let hint = match what {
            "leave" if name.contains('(') => {
                format!(
                    "a condition stands at the top of the file, not among the steps: leave: {}",
                    quote(name)
                )
            }
            _ => slug_hint(name),
        };
        file.error("bad-name", node.span, message, Some(hint));
        return None;
    }
    if known.this.is_some_and(|this| *this == *name) {
        let message = format!("`{what}` is for other workflows, and this is `{name}` itself");
        file.error("conflict", node.span, message, Some(if_itself.to_owned()));
        return None;
    }
    // An earlier version may name what is gone since: then nothing comes of it.
    if let Some(workflows) = known.workflows.filter(|workflows| !workflows.contains(name)) {
        let message = format!("there is no workflow `{name}`");
        let hint = did_you_mean(name, workflows.iter().map(Name::as_str)).unwrap_or_else(|| {
            format!("write workflows/{name}.yaml, beginning with: workflow: {name}")
        });
        file.error("unknown-workflow", node.span, message, Some(hint));
        return None;
    }
    Some(name.into())
}
