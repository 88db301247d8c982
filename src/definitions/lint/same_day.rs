//! Workflows that may write to one lead on the same day, where no house rule keeps their mails apart.

use super::House;
use crate::domain::{
    artefact::ArtefactKind,
    caps::{Counted, Span},
    definitions::Definitions,
    name::Name,
    policy::Policy,
    workflow::{Enter, Workflow},
};

/// How many pairs are told.
const TOLD: usize = 3;

/// One warning for the policy, whose rule is missing.
pub(super) fn warn(house: &House<'_>) {
    let Some(unit) = house.units(ArtefactKind::Policy).next() else { return };
    let definitions = house.definitions;
    let mut writing: Vec<&Workflow> = definitions
        .workflows
        .iter()
        .map(|live| &*live.workflow)
        .filter(|workflow| writes_unasked(definitions, workflow))
        .collect();
    writing.sort_by(|a, b| a.name.cmp(&b.name));
    let mut pairs = Vec::new();
    for (place, one) in writing.iter().enumerate() {
        for other in &writing[place + 1..] {
            if !follow(one, other) && !are_apart(&definitions.policy, &one.purpose, &other.purpose)
            {
                pairs.push((&one.name, &other.name));
            }
        }
    }
    if pairs.is_empty() {
        return;
    }
    let more = pairs.len().saturating_sub(TOLD);
    let told = pairs.iter().take(TOLD).map(|(one, other)| format!("`{one}` and `{other}`"));
    let told: Vec<String> = told.collect();
    let more = if more > 0 { format!("; and {more} more pairs") } else { String::new() };
    let message = format!(
        "nothing keeps two workflows from writing to one lead on the same day: {}{more}",
        told.join(", ")
    );
    let hint = "add to the policy: caps: [{ mails: 1, per: day }]".to_owned();
    let caps = unit.node.as_ref().and_then(|node| node.get("caps"));
    house.file(unit).warning(
        "same-day",
        caps.map_or(unit.at, |caps| caps.span),
        message,
        Some(hint),
    );
}

/// Whether it sends mails that its reader did not ask for; for the others no rule counts.
fn writes_unasked(definitions: &Definitions, workflow: &Workflow) -> bool {
    workflow.steps.iter().any(|step| {
        !definitions.mails_of(&step.kind).is_empty()
            && workflow.mail_step(&step.id).is_some_and(|mail| !mail.now)
    })
}

/// Whether one begins where the other has ended.
fn follow(one: &Workflow, other: &Workflow) -> bool {
    let follows = |after: &Workflow, before: &Name| matches!(&after.enter, Enter::Ended { workflow, .. } if workflow == before);
    follows(one, &other.name) || follows(other, &one.name)
}

/// Whether a house rule says how many mails of both go on one day, or in what distance.
fn are_apart(policy: &Policy, one: &Name, other: &Name) -> bool {
    let caps = &policy.caps;
    caps.min_gap.is_some()
        || caps.caps.iter().any(|cap| {
            let counts = match &cap.counted {
                Counted::All => true,
                Counted::Purpose(purpose) => purpose == one && purpose == other,
                Counted::Workflow(_) => false,
            };
            counts && (cap.mails == 1 || cap.span == Span::Days(1))
        })
}
