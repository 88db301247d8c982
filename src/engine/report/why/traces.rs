//! What conditions looked at when it was decided, found out by deciding it again.

use super::Moment;
use crate::{
    domain::{
        condition::{Condition, Trace, View},
        decision::{LogLine, Verb},
        definitions::Definitions,
        enter::Enter,
        id::Rev,
        lead::{Enrolment, LeadState},
        name::Name,
        time::Instant,
        verdict::Truth,
        workflow::StepKind,
    },
    engine::{
        preparing::view,
        rehearsal::{Again, Gap, Seen, keys},
    },
    store::records::Logged,
};

/// The conditions behind lines of the log.
#[derive(Debug, Default)]
pub struct Traces(Vec<(Rev, LogLine, Vec<Trace>)>);

impl Traces {
    pub fn of(moment: &Moment<'_>) -> Self {
        let mut traces = Self::default();
        if Gap::of(moment.past).is_some_and(|gap| gap != Gap::ProfileChanged) {
            return traces;
        }
        if let Some(mut again) = Again::new(moment.chronicle, moment.past) {
            again.run(moment.at, &mut |seen| traces.note(seen));
        }
        traces
    }

    pub fn of_line(&self, logged: &Logged) -> Vec<Trace> {
        let is_it = |(rev, line, _): &&(Rev, LogLine, Vec<Trace>)| {
            *rev == logged.rev && *line == logged.line
        };
        self.0.iter().find(is_it).map(|(.., traces)| traces.clone()).unwrap_or_default()
    }

    fn note(&mut self, seen: Seen<'_>) {
        let Some(recorded) = seen.recorded else { return };
        let decided = keys(&seen.decision.log);
        for line in &recorded.lines {
            // What this binary decides otherwise it cannot explain.
            let same = keys(std::slice::from_ref(line));
            if same.iter().all(|key| decided.contains(key)) {
                let traces = explained(seen, line);
                if !traces.is_empty() {
                    self.0.push((recorded.rev, line.clone(), traces));
                }
            }
        }
    }
}

fn explained(seen: Seen<'_>, line: &LogLine) -> Vec<Trace> {
    let Some(workflow) = &line.workflow else { return Vec::new() };
    let is_true = !line.reason.starts_with("no: ");
    let mut all: Vec<Vec<Trace>> =
        whose(seen, line, workflow).iter().map(|it| asked(seen, line, it)).collect();
    // A line does not say of which passage it is: of one whose conditions came out so.
    let came_out_so =
        |traces: &Vec<Trace>| traces.iter().any(|trace| trace.value == Truth::True) == is_true;
    let place = all.iter().position(came_out_so).unwrap_or(0);
    if all.is_empty() { Vec::new() } else { all.swap_remove(place) }
}

/// The enrolments that a line may be of, the likeliest first: as they were before the decision, but with all that it
/// knew to be about the same.
fn whose(seen: Seen<'_>, line: &LogLine, workflow: &Name) -> Vec<Enrolment> {
    let changes = &seen.decision.enrolments;
    let change = |no| changes.iter().find(|change| change.enrolment.no == no);
    let new = changes.iter().filter(|change| change.is_new).map(|change| &change.enrolment);
    let mut all: Vec<Enrolment> = seen
        .before
        .enrolments
        .iter()
        .chain(new)
        .filter(|it| it.workflow == *workflow)
        .map(|it| Enrolment {
            entry: change(it.no).map_or(it, |change| &change.enrolment).entry.clone(),
            ..it.clone()
        })
        .collect();
    all.sort_by_key(|it| {
        let is_new = change(it.no).is_some_and(|change| change.is_new);
        let is_at = line.step.as_ref() == Some(&it.step);
        let enters = line.what == Verb::Entered;
        (enters && !is_new, change(it.no).is_none(), !is_at, is_new)
    });
    all
}

/// What was asked of an enrolment for a line.
fn asked(seen: Seen<'_>, line: &LogLine, enrolment: &Enrolment) -> Vec<Trace> {
    let Some(structure) = seen.definitions.structures.get(&enrolment.version) else {
        return Vec::new();
    };
    match line.what {
        Verb::Entered => match &structure.enter {
            Enter::When(condition) => vec![told(seen, condition, None, true)],
            Enter::On { filter: Some(filter), .. } => {
                vec![told(seen, filter, Some(enrolment), true)]
            }
            Enter::Schedule(ticking) => vec![told(seen, &ticking.who, None, true)],
            _ => Vec::new(),
        },
        Verb::Ended => {
            let condition = match line.reason.split(": ").next() {
                Some("goal") => structure.goal.as_ref(),
                Some("left") => structure.leave.as_ref(),
                _ => None,
            };
            let is_it = |it: &&Condition| line.reason.ends_with(it.source());
            let condition = condition.filter(is_it);
            condition.map(|it| told(seen, it, Some(enrolment), true)).into_iter().collect()
        }
        Verb::Advanced => {
            let step = line.step.as_ref().and_then(|step| structure.steps.named(step));
            let Some(step) = step else { return Vec::new() };
            let asked: Vec<&Condition> = match &step.kind {
                StepKind::If { condition, .. } => vec![condition],
                StepKind::Branch { cases, .. } => cases.iter().map(|it| &it.condition).collect(),
                StepKind::WaitFor { awaited, .. } => {
                    awaited.iter().map(|it| &it.condition).collect()
                }
                StepKind::Repeat { until, .. } => until.iter().collect(),
                _ => Vec::new(),
            };
            let is_chosen = |it: &Condition| line.reason.ends_with(&format!(": {}", it.source()));
            let chosen: Vec<_> = asked.iter().copied().filter(|it| is_chosen(it)).collect();
            let shown = if chosen.is_empty() { asked } else { chosen };
            let is_yes = !line.reason.starts_with("no: ");
            let truth = |it: &Condition| is_chosen(it) && is_yes;
            shown.into_iter().map(|it| told(seen, it, Some(enrolment), truth(it))).collect()
        }
        _ => Vec::new(),
    }
}

/// A condition as it was in a decision: before what the decision itself changed, or after, if only that made it true.
fn told(seen: Seen<'_>, condition: &Condition, inside: Option<&Enrolment>, yes: bool) -> Trace {
    let at = |state: &LeadState| {
        explain(seen.definitions, (seen.before, state), condition, inside, seen.at)
    };
    let trace = at(seen.before);
    if yes && trace.value != Truth::True { at(seen.after) } else { trace }
}

fn explain(
    definitions: &Definitions,
    (before, state): (&LeadState, &LeadState),
    condition: &Condition,
    inside: Option<&Enrolment>,
    at: Instant,
) -> Trace {
    // What is new is counted in both ways.
    let mut facts = state.facts.clone();
    if std::ptr::eq(before, state) {
        for event in &before.new_events {
            crate::domain::facts::fold(&definitions.plan, &mut facts, event, at);
        }
    }
    let view = View {
        facts: &facts,
        since: inside.map_or(Instant::DAWN, Enrolment::counts_from),
        entry: inside.and_then(|enrolment| enrolment.entry.as_ref()),
        ..view(definitions, state, at)
    };
    condition.explain(&view, &definitions.schema)
}
