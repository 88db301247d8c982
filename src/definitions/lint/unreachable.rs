//! Steps that nobody comes to, as a condition on the way to them is never true, or always.

use super::House;
use crate::{
    definitions::{
        lower::inside,
        node::{Data, Node},
        problem::Span,
        schema::STEP_KINDS,
    },
    domain::{
        artefact::ArtefactKind,
        condition::Condition,
        workflow::{Step, StepIx, StepKind, Steps},
    },
};

pub(super) fn warn(house: &House<'_>) {
    for unit in house.units(ArtefactKind::Workflow) {
        let Some(live) = house.definitions.workflow(&unit.name) else { continue };
        let Some(written) = unit.node.as_ref().and_then(|node| node.get("steps")) else { continue };
        let steps = &live.workflow.steps;
        let mut places = Vec::new();
        collect(written, &mut places);
        // Each by its place in the text: they are laid out in this order.
        if places.len() != steps.len() {
            continue;
        }
        let (drawn, real) = (reached(steps, false), reached(steps, true));
        let is_cut_off: Vec<bool> =
            drawn.iter().zip(&real).map(|(drawn, real)| *drawn && !real).collect();
        for (place, at) in places.into_iter().enumerate() {
            // The first of those that stand together.
            if is_cut_off[place] && (place == 0 || !is_cut_off[place - 1]) {
                let message = "this step is never reached: a condition on the way to it is never true, \
                               or always";
                let hint = "mend the condition, or delete the step".to_owned();
                house.file(unit).warning("unreachable-step", at, message, Some(hint));
            }
        }
    }
}

/// The places of steps as they are laid out: each before what is inside of it.
fn collect(list: &Node, places: &mut Vec<Span>) {
    let Data::List(items) = &list.data else { return };
    for item in items {
        let at = match &item.data {
            Data::Map(entries) => {
                let kind = entries.iter().find(|(key, _)| STEP_KINDS.contains(&&*key.text));
                kind.map_or(item.span, |(key, _)| key.span)
            }
            _ => item.span,
        };
        places.push(at);
        // What is done at a date is two steps: that which waits, and that which is done.
        if item.get("at").is_some() {
            places.push(at);
        }
        inside::lists(item).into_iter().flatten().for_each(|list| collect(list, places));
    }
}

/// Which steps somebody may come to; `by_conditions`: no way is gone that is never open.
fn reached(steps: &Steps, by_conditions: bool) -> Vec<bool> {
    let mut reached = vec![false; steps.len()];
    let mut open: Vec<StepIx> = steps.first().into_iter().collect();
    while let Some(at) = open.pop() {
        if std::mem::replace(&mut reached[at.0], true) {
            continue;
        }
        open.extend(ways(steps.get(at), by_conditions).into_iter().flatten());
    }
    reached
}

/// Where a step may lead to.
fn ways(step: &Step, by_conditions: bool) -> Vec<Option<StepIx>> {
    let never = |condition: &Condition| by_conditions && condition.is_never();
    let always = |condition: &Condition| by_conditions && condition.is_always();
    // A branch that is not written, or is empty, goes on after the step.
    let to = |branch: Option<StepIx>| branch.or(step.next);
    match &step.kind {
        StepKind::Stop { .. } => Vec::new(),
        StepKind::If { condition, then, otherwise } => {
            let mut ways = Vec::new();
            if !never(condition) {
                ways.push(to(*then));
            }
            if !always(condition) {
                ways.push(to(*otherwise));
            }
            ways
        }
        StepKind::Branch { cases, otherwise } => {
            let cases = cases.iter().map(|case| (&case.condition, case.then));
            first_true(cases, &[to(*otherwise)], never, always, to)
        }
        // Where nobody knows, it goes on after the step.
        StepKind::WaitFor { awaited, otherwise, .. } => {
            let awaited = awaited.iter().map(|one| (&one.condition, one.then));
            first_true(awaited, &[to(*otherwise), step.next], never, always, to)
        }
        StepKind::Repeat { until: Some(until), body, .. } if !always(until) => {
            vec![to(*body), step.next]
        }
        StepKind::Repeat { until: Some(_), .. } => vec![step.next],
        kind => kind.branches().into_iter().map(to).chain([step.next]).collect(),
    }
}

/// The ways of the first condition that is true, and the others where none may be.
fn first_true<'c>(
    conditions: impl Iterator<Item = (&'c Condition, Option<StepIx>)>,
    others: &[Option<StepIx>],
    never: impl Fn(&Condition) -> bool,
    always: impl Fn(&Condition) -> bool,
    to: impl Fn(Option<StepIx>) -> Option<StepIx>,
) -> Vec<Option<StepIx>> {
    let mut ways = Vec::new();
    for (condition, then) in conditions {
        if !never(condition) {
            ways.push(to(then));
        }
        if always(condition) {
            return ways;
        }
    }
    ways.extend(others);
    ways
}
