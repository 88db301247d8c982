//! `repeat:` → a loop, which ends and does not spin.

use super::{
    read,
    step::{Draft, Made},
    step_id,
    workflow::Known,
};
use crate::{
    definitions::{
        node::{Data, Node},
        problem::File,
    },
    domain::{
        condition::Scope,
        workflow::{DEEPEST, MOST_ROUNDS, StepKind},
    },
};

/// Keys of steps at which a lead stays a while.
const TAKE_TIME: [&str; 6] = ["email", "wait", "wait_for", "hand_off", "stream", "at"];

pub(super) fn lower(
    file: &File<'_>,
    fields: &read::Fields<'_>,
    node: &Node,
    known: &Known<'_>,
) -> Option<Made> {
    let times = read::whole(file, node, "repeat", (1, MOST_ROUNDS));
    let compile = |node| known.conditions.compile(file, node, "until", Scope::Workflow);
    let until = fields.optional("until", compile);
    let steps = fields.need("steps", "steps: and below it what is done in each round")?;
    if matches!(&steps.data, Data::List(items) if items.is_empty()) {
        let hint = "add: - email: cold/industry-report".to_owned();
        file.error("missing-value", steps.span, "this `repeat` holds no step", Some(hint));
        return None;
    }
    if matches!(steps.data, Data::List(_)) && !takes_time(steps) {
        let message =
            "all rounds of this `repeat` are done at once: it holds nothing that takes time";
        let hint = "add a step as: - wait: 3d".to_owned();
        file.error("loop-without-wait", fields.key_span("repeat"), message, Some(hint));
        return None;
    }
    let (times, until) = (times?, until?);
    let id = match &until {
        Some(until) => format!("repeat.{}", step_id::of_condition(until.source())),
        None => format!("repeat.{times}"),
    };
    Some((id, StepKind::Repeat { times: u32::try_from(times).ok()?, until, body: None }))
}

/// Whether some step in here takes time, also one that has a mistake of its own.
fn takes_time(node: &Node) -> bool {
    match &node.data {
        Data::List(items) => items.iter().any(takes_time),
        Data::Map(entries) => entries.iter().any(|(key, node)| {
            let key = key.text.as_str();
            TAKE_TIME.contains(&key) || !matches!(key, "set" | "tag") && takes_time(node)
        }),
        // What cannot be read is told.
        Data::Broken => true,
        Data::Scalar(_) | Data::Null => false,
    }
}

/// Tells of a step that is the outermost of too many loops, one inside of the other.
pub(super) fn check_depth(file: &File<'_>, draft: &Draft) {
    if draft.kind.is_loop() && depth(draft) == DEEPEST + 1 {
        let message = format!("loops stand inside of each other {DEEPEST} deep at most");
        let hint = "a `stream` is a loop as well; write the steps of one of them out".to_owned();
        file.error("too-deep", draft.at, message, Some(hint));
    }
}

fn depth(draft: &Draft) -> usize {
    let inside = draft.branches.iter().flatten().map(depth).max().unwrap_or(0);
    inside + usize::from(draft.kind.is_loop())
}
