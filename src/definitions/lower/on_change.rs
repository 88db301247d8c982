//! `on_change:` → what becomes of those who are in flight in another version.

use std::collections::BTreeMap;

use super::read;
use crate::{
    definitions::{
        nearest::{did_you_mean, nearest},
        node::{Data, Key, Node},
        problem::{File, quote},
        schema,
    },
    domain::{
        name::Name,
        on_change::OnChange,
        workflow::{StepIx, Steps},
    },
};

/// Where those come to who leave the workflow by its end.
const END: &str = "end";

/// `None` if it is wrong, which is reported.
pub(super) fn lower(file: &File<'_>, node: &Node, steps: &Steps) -> Option<OnChange> {
    if let Data::Map(_) = &node.data {
        let fields = read::Fields::open(file, node, "`on_change`", &schema::ON_CHANGE)?;
        let map = fields.need("migrate", "migrate: { wait.3d: wait.5d, email.cold/old: end }")?;
        return Some(OnChange::Migrate(map_of(file, map, steps)?));
    }
    let written = read::text(file, node, "on_change")?;
    match written {
        "pin" => Some(OnChange::Pin),
        "migrate" => Some(OnChange::Migrate(BTreeMap::new())),
        "drain" => Some(OnChange::Drain),
        "cancel" => Some(OnChange::Cancel),
        _ => {
            let message = format!("`on_change` cannot be `{}`", quote(written));
            file.error("bad-value", node.span, message, did_you_mean(written, OnChange::WORDS));
            None
        }
    }
}

fn map_of(file: &File<'_>, node: &Node, steps: &Steps) -> Option<BTreeMap<Name, Option<StepIx>>> {
    let entries = read::map(file, node, "`migrate`")?;
    let mut map = BTreeMap::new();
    for (from, to) in entries {
        if let Some(to) = landing(file, from, to, steps) {
            map.insert(from.text.as_str().into(), to);
        }
    }
    (map.len() == entries.len()).then_some(map)
}

/// `Some(None)` is the end.
#[allow(clippy::option_option)] // wrong, the end, a step
fn landing(file: &File<'_>, from: &Key, to: &Node, steps: &Steps) -> Option<Option<StepIx>> {
    if steps.find(&from.text).is_some() {
        let message =
            format!("`{}` is a step of this workflow: who is at it stays", quote(&from.text));
        let hint = "delete the line; the map is of steps that are gone".to_owned();
        file.error("conflict", from.span, message, Some(hint));
        return None;
    }
    let written = read::text(file, to, &format!("migrate: {}", from.text))?;
    if let Some(step) = steps.find(written) {
        return Some(Some(step));
    }
    if written == END {
        return Some(None);
    }
    let ids = || steps.iter().map(|step| step.id.as_str()).chain([END]);
    let hint = match nearest(written, ids()) {
        Some(id) => format!("did you mean `{id}`?"),
        None => {
            let ids: Vec<&str> = ids().take(12).collect();
            format!("one of its steps, or the end: {}", ids.join(", "))
        }
    };
    let message = format!("this workflow has no step `{}`", quote(written));
    file.error("unknown-step", to.span, message, Some(hint));
    None
}
