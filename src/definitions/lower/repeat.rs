//! `repeat:` → a loop, which ends and does not spin.

use super::{
    inside, read,
    step::{Draft, Made},
    step_id,
    workflow::Known,
};
use crate::{
    definitions::{
        node::{Data, Node},
        problem::File,
        schema::STEP_KINDS,
    },
    domain::{
        condition::Scope,
        webhook::OnFailure,
        workflow::{DEEPEST, MOST_ROUNDS, StepKind},
    },
};

/// Keys of steps at which a lead stays a while; a webhook that waits for its answer is one more.
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

/// Whether some step of a list, or of a list inside of it, takes time. What cannot be read is told where it is read.
fn takes_time(steps: &Node) -> bool {
    match &steps.data {
        Data::List(items) => items.iter().any(stays),
        Data::Broken => true,
        Data::Map(_) | Data::Scalar(_) | Data::Null => false,
    }
}

fn stays(step: &Node) -> bool {
    let Data::Map(entries) = &step.data else { return step.data == Data::Broken };
    let has = |words: &[&str]| entries.iter().any(|(key, _)| words.contains(&key.text.as_str()));
    let waits_for_answer =
        || step.get("on_failure").and_then(Node::text) == Some(OnFailure::Hold.word());
    has(&TAKE_TIME)
        || !has(&STEP_KINDS)
        || has(&["webhook"]) && waits_for_answer()
        || inside::lists(step).into_iter().flatten().any(takes_time)
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
