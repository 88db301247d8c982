//! The ways out of a step, as a person reads them.

use super::{StepIx, StepKind, Steps};
use crate::domain::{
    definitions::Segment,
    hand_off::{HandOff, Persist},
    split::Arm,
    stream::{Exhausted, Stream},
};

/// One way out of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    /// When it is taken; empty where it is the only one.
    pub when: String,
    /// The first step of a branch of its own; `None` where there is nothing on the way.
    pub begins: Option<StepIx>,
    /// The step that it leads to; `None` is the end.
    pub to: Option<StepIx>,
}

impl Steps {
    /// The ways out of a step, in the order in which they are written. A branch that is not written is a way that
    /// goes on below the step. `segments` are those that its conditions may name.
    #[must_use]
    pub fn ways(&self, index: StepIx, segments: &[Segment]) -> Vec<Way> {
        let step = self.get(index);
        let way =
            |when: String, begins: Option<StepIx>| Way { when, begins, to: begins.or(step.next) };
        match &step.kind {
            StepKind::Stop { .. } => Vec::new(),
            StepKind::If { then, otherwise, .. } => {
                vec![way("yes".to_owned(), *then), way("no".to_owned(), *otherwise)]
            }
            StepKind::Branch { cases, otherwise } => {
                let cases = cases.iter().map(|case| {
                    let name = case.name.as_deref();
                    way(name.unwrap_or(case.condition.source()).to_owned(), case.then)
                });
                cases.chain([way("else".to_owned(), *otherwise)]).collect()
            }
            StepKind::Split(arms) => {
                let sum = arms.iter().map(|arm| u64::from(arm.weight.get())).sum();
                arms.iter().map(|arm| way(share(arm, sum), arm.then)).collect()
            }
            StepKind::Repeat { times, until, body } => {
                let until = if until.is_some() { "when it is true, or " } else { "" };
                let round = way("round".to_owned(), *body);
                vec![round, way(format!("{until}after {times} rounds"), None)]
            }
            StepKind::At { if_past, then, .. } => {
                if *if_past {
                    return vec![way("when it comes, or is past".to_owned(), *then)];
                }
                let past = way("past already".to_owned(), None);
                vec![way("when it comes".to_owned(), *then), past]
            }
            StepKind::WaitFor { awaited, up_to, otherwise } => {
                let came = awaited.iter().map(|one| {
                    let name = one.name.as_deref().unwrap_or("yes");
                    way(name.to_owned(), one.then)
                });
                let late = up_to.as_ref().map(|up_to| way(late(up_to), *otherwise));
                // Who may not be watched takes no branch: nobody knows.
                let is_hidden = late.is_some()
                    && otherwise.is_some()
                    && awaited.iter().any(|one| one.condition.asks_for_behaviour(segments));
                let hidden = is_hidden.then(|| way("nobody may know".to_owned(), None));
                came.chain(late).chain(hidden).collect()
            }
            StepKind::HandOff(HandOff { accepted, returned, silent, silence, .. }) => {
                let mut ways = vec![
                    way("accepted".to_owned(), *accepted),
                    way("returned".to_owned(), *returned),
                ];
                if silence.persist != Persist::Return {
                    ways.push(way("silent".to_owned(), *silent));
                }
                ways
            }
            StepKind::Stream(stream) => {
                let again = Way { when: "next mail".to_owned(), begins: None, to: Some(index) };
                vec![again, way(over(stream), None)]
            }
            StepKind::Email { .. }
            | StepKind::Wait(_)
            | StepKind::Enrol(_)
            | StepKind::Leave(_)
            | StepKind::Set(_)
            | StepKind::Tag { .. }
            | StepKind::Notify { .. }
            | StepKind::Webhook(_) => vec![way(String::new(), None)],
        }
    }
}

fn late(up_to: &super::Deadline) -> String {
    match up_to {
        super::Deadline::After(wait) => format!("not within {wait}"),
        super::Deadline::On(date) => format!("not by {date}"),
    }
}

/// `short, 50 %`
fn share(arm: &Arm, sum: u64) -> String {
    let tenths = (u64::from(arm.weight.get()) * 1_000 + sum / 2) / sum.max(1);
    let (whole, tenth) = (tenths / 10, tenths % 10);
    let share = if tenth == 0 { format!("{whole} %") } else { format!("{whole}.{tenth} %") };
    format!("{}, {share}", arm.name)
}

fn over(stream: &Stream) -> String {
    let most = stream.most.map(|most| format!("after {most} mails"));
    let all = (stream.when_exhausted == Exhausted::GoOn).then(|| "when all were had".to_owned());
    let reasons: Vec<String> = most.into_iter().chain(all).collect();
    if reasons.is_empty() {
        // A bound of ours, which a lead seldom lives to see.
        format!("after {} mails", Stream::MOST_MAILS)
    } else {
        reasons.join(", or ")
    }
}
