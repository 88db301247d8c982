//! Workflows that leads enter by the end of others: chains that lead back to where they began.

use super::Found;
use crate::domain::{
    definitions::LiveWorkflow,
    name::Name,
    workflow::{Again, Enter, StepKind, Workflow},
};

/// Warns of chains that lead back to themselves with nothing in between that takes time.
pub(super) fn warn(found: &[Found<'_>], workflows: &[LiveWorkflow]) {
    let by_name = |name: &Name| workflows.iter().find(|live| live.workflow.name == *name);
    for found in found {
        let name = &found.unit.name;
        let mut chain: Vec<&Workflow> = Vec::new();
        let mut next = by_name(name);
        while let Some(live) = next.filter(|_| chain.len() <= workflows.len()) {
            if chain.first().is_some_and(|first| first.name == live.workflow.name) {
                break;
            }
            chain.push(&live.workflow);
            next = match &live.workflow.enter {
                Enter::Ended { workflow, .. } => by_name(workflow),
                _ => None,
            };
        }
        let comes_back = next.is_some_and(|live| live.workflow.name == *name);
        // Told once, where the first of them by name is written.
        let is_first = chain.iter().all(|workflow| *name <= workflow.name);
        if comes_back && is_first && chain.iter().all(|workflow| is_round(workflow)) {
            let names: Vec<&str> =
                chain.iter().rev().map(|workflow| workflow.name.as_str()).collect();
            let message = format!(
                "{} lead back to where they began, and nothing in between takes time",
                names.join(" → ")
            );
            let hint = "let one of them wait, or have `again: never`".to_owned();
            found.file.warning("entry-loop", found.unit.at, message, Some(hint));
        }
    }
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
