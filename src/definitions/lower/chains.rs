//! Workflows that leads enter by others, at their end or by a step: chains that lead back to where they began.

use std::collections::{HashMap, VecDeque};

use super::Found;
use crate::domain::{
    definitions::LiveWorkflow,
    name::Name,
    workflow::{Again, Enter, StepKind, Workflow},
};

/// Warns of chains that lead back to themselves with nothing in between that takes time.
pub(super) fn warn(found: &[Found<'_>], workflows: &[LiveWorkflow]) {
    let next = next(workflows);
    for found in found {
        // Told once, where the first of them by name is written.
        let Some(chain) = round(&found.unit.name, &next) else { continue };
        let names: Vec<&str> = chain.iter().map(|name| name.as_str()).collect();
        let message = format!(
            "{} lead back to where they began, and nothing in between takes time",
            names.join(" → ")
        );
        let hint = "let one of them wait, or have `again: never`".to_owned();
        found.file.warning("entry-loop", found.unit.at, message, Some(hint));
    }
}

/// Where who is through a workflow at once comes at once, of those that they are through at once as well.
fn next(workflows: &[LiveWorkflow]) -> HashMap<&Name, Vec<&Name>> {
    let rounds = workflows.iter().map(|live| &*live.workflow).filter(|it| is_round(it));
    let mut next: HashMap<&Name, Vec<&Name>> =
        rounds.clone().map(|it| (&it.name, Vec::new())).collect();
    for workflow in rounds {
        let name = &workflow.name;
        if let Enter::Ended { workflow: before, .. } = &workflow.enter
            && let Some(next) = next.get_mut(before)
        {
            next.push(name);
        }
        let enrolled = workflow.steps.iter().filter_map(|step| match &step.kind {
            StepKind::Enrol(other) => Some(other),
            _ => None,
        });
        let enrolled: Vec<&Name> = enrolled.filter(|other| next.contains_key(other)).collect();
        next.entry(name).or_default().extend(enrolled);
    }
    next
}

/// The shortest way from a workflow back to it that goes by none before it by name.
fn round<'a>(begin: &Name, next: &HashMap<&'a Name, Vec<&'a Name>>) -> Option<Vec<&'a Name>> {
    let (begin, _) = next.get_key_value(begin)?;
    let mut before: HashMap<&Name, &Name> = HashMap::new();
    let mut to_do = VecDeque::from([*begin]);
    while let Some(at) = to_do.pop_front() {
        for to in next[at].iter().filter(|to| *to >= begin) {
            if to == begin {
                let back = |at: &&'a Name| before.get(at).copied();
                let mut chain: Vec<&Name> = std::iter::successors(Some(at), back).collect();
                chain.reverse();
                return Some(chain);
            }
            if !before.contains_key(to) {
                before.insert(to, at);
                to_do.push_back(to);
            }
        }
    }
    None
}

/// Whether a lead is through at once, and comes in again.
fn is_round(workflow: &Workflow) -> bool {
    workflow.again != Again::Never
        && workflow.steps.iter().all(|step| {
            matches!(
                step.kind,
                StepKind::If { .. }
                    | StepKind::Branch { .. }
                    | StepKind::Split(_)
                    | StepKind::Enrol(_)
                    | StepKind::Leave(_)
                    | StepKind::Set(_)
                    | StepKind::Tag { .. }
                    | StepKind::Notify { .. }
                    | StepKind::Stop { .. }
            )
        })
}
