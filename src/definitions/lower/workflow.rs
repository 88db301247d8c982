//! `workflow:` → who enters, what happens, when they leave.

use std::collections::BTreeSet;

use super::{Found, conditions::Conditions, enter, policy, read, steps};
use crate::{
    definitions::{nearest::did_you_mean, node::Node, problem::File, schema},
    domain::{condition::Scope, name::Name, schedule::Window, workflow::Workflow},
};

/// What a workflow may name.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub conditions: &'a Conditions,
    pub purposes: BTreeSet<Name>,
    /// Persons and teams.
    pub people: BTreeSet<Name>,
    pub teams: BTreeSet<Name>,
}

/// `None` if there are problems that leave no workflow; all are reported.
pub(super) fn lower(found: &Found<'_>, known: &Known<'_>) -> Option<Workflow> {
    let (file, node) = (found.file, found.node());
    let name = &found.unit.name;
    let what = format!("workflow `{name}`");
    let fields = read::Fields::open(file, node, &what, &schema::WORKFLOW)?;
    let about = fields.get("about").and_then(|node| read::text(file, node, "about"));
    let purpose = fields
        .need("purpose", "purpose: insights, the consent that each of its mails needs")
        .and_then(|node| purpose(file, node, known));
    let priority = match fields.get("priority") {
        None => Some(0),
        Some(node) => read::whole(file, node, "priority", (-1000, 1000)),
    };
    let example = "enter: { segment: cold-prospects, existing: no }";
    let enter = fields.need("enter", example).and_then(|node| enter::lower(file, node, known));
    let mut ends = ["goal", "leave"].map(|key| {
        let node = fields.get(key)?;
        known.conditions.compile(file, node, key, Scope::Workflow)
    });
    let send = fields.get("send").map_or(Some(Send::default()), |node| send(file, node));
    let has_end = fields.has("goal") || fields.has("leave");
    let steps = fields
        .need("steps", "steps: and below it a list of `- email: …`, `- wait: …`")
        .and_then(|node| steps::lower(file, node, known, has_end));
    let (enter, existing, again) = enter?;
    let Send { window, now, from_owner } = send?;
    let [goal, leave] = [ends[0].take(), ends[1].take()];
    Some(Workflow {
        name: name.clone(),
        version: found.unit.version.clone(),
        about: about.unwrap_or("").to_owned(),
        purpose: purpose?,
        priority: priority?,
        enter,
        existing,
        again,
        goal,
        leave,
        window,
        now,
        from_owner,
        steps: steps?,
    })
}

fn purpose(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Name> {
    let name = read::slug(file, node, "purpose")?;
    if !known.purposes.contains(name) {
        let message = format!("there is no purpose `{name}`");
        let words = known.purposes.iter().map(crate::domain::name::Name::as_str);
        let hint = did_you_mean(name, words).unwrap_or_else(|| {
            format!(
                "declare it in a policy file: policy: {{ tracking: nobody, purposes: {{ {name}: \
                 {{ label: \"…\", basis: [consent] }} }} }}"
            )
        });
        file.error("unknown-purpose", node.span, message, Some(hint));
    }
    Some(name.into())
}

/// How mail goes.
#[derive(Default)]
struct Send {
    window: Option<Window>,
    now: bool,
    from_owner: bool,
}

fn send(file: &File<'_>, node: &Node) -> Option<Send> {
    let fields = read::Fields::open(file, node, "`send`", &schema::SEND)?;
    let from_owner = match fields.get("from") {
        None => false,
        Some(node) => read::word(file, node, "from", &[("owner", true), ("sender", false)])?,
    };
    let window = match fields.get("window") {
        None => None,
        Some(node) => Some(policy::window(file, node)?),
    };
    let now = match fields.get("now") {
        None => false,
        Some(node) => read::yes_no(file, node, "now")?,
    };
    if now && window.is_some() {
        let message = "`now: yes` sends at any hour; the `window` is never looked at";
        let hint = "keep one of the two".to_owned();
        file.error("conflict", fields.key_span("window"), message, Some(hint));
        return None;
    }
    Some(Send { window, now, from_owner })
}
