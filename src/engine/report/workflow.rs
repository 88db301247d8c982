//! How far leads have come in a workflow, step by step.

mod costs;
mod steps;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

pub use self::{
    costs::CostSum,
    steps::{Left, Rates, StepFigures},
};
use self::{costs::costs, steps::Board};
use super::{
    as_some_time, as_time,
    structures::{Structures, structures},
};
use crate::{
    domain::{definitions::Definitions, lead::Outcome, name::Name, time::Instant},
    store::{
        Store, StoreError,
        records::{Again, Period, Standing},
    },
};

/// The figures of one workflow, of those enrolments that began in a period.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct WorkflowReport {
    pub workflow: Name,
    /// Since when a workflow of this name has been live without a break; `None`: it is not.
    #[serde(serialize_with = "as_some_time")]
    pub live_since: Option<Instant>,
    #[serde(serialize_with = "as_time")]
    pub since: Instant,
    #[serde(serialize_with = "as_time")]
    pub until: Instant,
    /// Enrolments, of how many leads, and how they stand.
    pub enrolments: u64,
    pub leads: u64,
    pub inside: u64,
    pub finished: u64,
    pub goal: u64,
    pub left: u64,
    pub cancelled: u64,
    /// The campaign of the live version, and what it has cost by the end of the period, by currency.
    pub campaign: Option<Name>,
    pub costs: Vec<CostSum>,
    pub steps: Vec<StepFigures>,
}

/// Counts a workflow's enrolments of a period, by `now`.
pub async fn workflow_report(
    store: &Store,
    definitions: &Definitions,
    workflow: &Name,
    period: Period,
    now: Instant,
) -> Result<WorkflowReport, StoreError> {
    let figures = store.workflow_figures(workflow, period, now).await?;
    let live = definitions.workflow(workflow);
    let versions: BTreeSet<_> = figures.standings.iter().map(|found| &found.version).collect();
    let structures = structures(store, definitions, versions).await?;
    let mut board = Board::new(live.map(|live| live.workflow.as_ref()), &structures);
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    for standing in &figures.standings {
        let finished = standing.state == Outcome::Finished.word();
        for step in structures.way(&standing.version, &standing.turns, &standing.step) {
            let went_on = step != standing.step || finished;
            let figures = board.step(&step);
            figures.entered += standing.number;
            figures.went_on += if went_on { standing.number } else { 0 };
        }
        board.stand(standing);
        *ends.entry(state_word(standing)).or_default() += standing.number;
    }
    let mut repeated = 0;
    for (times, steps) in repeats(&figures.again, &structures) {
        repeated += times - 1;
        for (step, Times { entered, went_on }) in steps {
            let figures = board.step(&step);
            figures.entered -= entered.saturating_sub(1);
            figures.went_on -= went_on.saturating_sub(1);
        }
    }
    board.mails(&figures.mails);
    board.open(&figures.open);
    board.back(&figures.back);
    board.passed_over(&figures.passed_over);
    let enrolments: u64 = figures.standings.iter().map(|standing| standing.number).sum();
    let leads = enrolments - repeated;
    let end = |word| ends.get(word).copied().unwrap_or_default();
    let campaign = live.and_then(|live| definitions.campaign_of(&live.workflow));
    let costs = campaign
        .map(|campaign| costs(campaign, period.until.min(now), leads, end("goal")))
        .unwrap_or_default();
    Ok(WorkflowReport {
        workflow: workflow.clone(),
        live_since: live.map(|live| live.since.at),
        since: period.from,
        until: period.until,
        enrolments,
        leads,
        inside: end("inside"),
        finished: end("finished"),
        goal: end("goal"),
        left: end("left"),
        cancelled: end("cancelled"),
        campaign: campaign.map(|campaign| campaign.name.clone()),
        costs,
        steps: board.finish(),
    })
}

fn state_word(standing: &Standing) -> &str {
    match standing.state.as_str() {
        "ready" | "waiting" | "mailing" => "inside",
        outcome => outcome,
    }
}

/// How often a lead came to a step, and went on from there.
#[derive(Default)]
struct Times {
    entered: u64,
    went_on: u64,
}

/// Of each lead with several enrolments how many these are, and how often it came to each step.
fn repeats(again: &[Again], structures: &Structures) -> Vec<(u64, HashMap<Name, Times>)> {
    again
        .chunk_by(|one, other| one.lead == other.lead)
        .map(|of_lead| {
            let mut steps: HashMap<Name, Times> = HashMap::new();
            for enrolment in of_lead {
                for step in structures.way(&enrolment.version, &enrolment.turns, &enrolment.step) {
                    let went_on = step != enrolment.step || enrolment.finished;
                    let times = steps.entry(step).or_default();
                    times.entered += 1;
                    times.went_on += u64::from(went_on);
                }
            }
            (u64::try_from(of_lead.len()).unwrap_or_default(), steps)
        })
        .collect()
}
