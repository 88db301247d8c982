//! Dates of campaigns that are past, and what of their workflows is passed over for that.

use std::collections::BTreeMap;

use super::problem::{Problem, Severity};
use crate::domain::{
    campaign::Campaign,
    definitions::Definitions,
    name::Name,
    schedule::Deadline,
    time::Instant,
    workflow::{StepKind, Workflow},
};

/// Warns of each date by which steps of a live workflow are over at `now`: whoever comes in now, or later,
/// goes past them. Reckoned on the campaign's own clock; a lead far in the west may have some hours more.
#[must_use]
pub fn past_dates(definitions: &Definitions, now: Instant) -> Vec<Problem> {
    let mut problems = Vec::new();
    for live in definitions.workflows.iter() {
        let workflow = &live.workflow;
        let Some(campaign) = definitions.campaign_of(workflow) else { continue };
        for (name, steps) in over(definitions, campaign, workflow, now) {
            let Some(date) = campaign.dates.get(&name) else { continue };
            let is_past = campaign.instant(&name).is_some_and(|at| at <= now);
            let format = if date.is_day { "%F" } else { "%F %H:%M" };
            let when = format!("{} in {}", date.local.strftime(format), campaign.zone.name());
            let state = if is_past { "is past" } else { "is so near that some steps are past" };
            let (line, column) = date.written_at;
            problems.push(Problem {
                file: campaign.file.clone(),
                line,
                column,
                rule: "past-date",
                severity: Severity::Warning,
                message: format!(
                    "`{name}` ({when}) {state}: whoever comes into `{}` now goes past {}",
                    workflow.name,
                    steps.join(", ")
                ),
                hint: Some(
                    "move the date, or leave it: those inside have had these steps".to_owned(),
                ),
                length: if date.is_day { 10 } else { 16 },
            });
        }
    }
    problems
}

/// The steps that are over, by the date that says so.
fn over(
    definitions: &Definitions,
    campaign: &Campaign,
    workflow: &Workflow,
    now: Instant,
) -> BTreeMap<Name, Vec<String>> {
    let mut over: BTreeMap<Name, Vec<String>> = BTreeMap::new();
    for step in workflow.steps.iter() {
        let (date, id) = match &step.kind {
            StepKind::At { date, if_past: false, then: Some(then) } => {
                (date, &workflow.steps.get(*then).id)
            }
            StepKind::Email { .. } | StepKind::Stream(_) => {
                let mail = workflow.mail_step(&step.id);
                match mail.and_then(|mail| mail.not_after) {
                    Some(Deadline::On(date)) => (date, &step.id),
                    _ => continue,
                }
            }
            _ => continue,
        };
        if definitions.date(workflow, date, &campaign.zone).at <= now {
            let steps = over.entry(date.date.clone()).or_default();
            let step = format!("`{id}`");
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
    }
    over
}
