//! Loops.

use super::work::Work;
use crate::domain::{
    condition::Condition,
    workflow::{StepIx, Workflow, next_round, rounds_done},
};

impl Work<'_> {
    /// Begins another round, or goes on past the loop.
    pub fn repeat(
        &mut self,
        index: usize,
        workflow: &Workflow,
        times: u32,
        until: Option<&Condition>,
        body: Option<StepIx>,
    ) {
        let enrolment = &mut self.enrolments[index].enrolment;
        let done = rounds_done(enrolment.visit);
        if done > 0 {
            let enrolment = enrolment.to_mut();
            workflow.steps.end_round(&mut enrolment.turns, &enrolment.step);
        }
        if let Some(until) = until.filter(|until| self.holds_on_arrival(index, until)) {
            self.branch(index, None, &format!("until: {}", until.source()));
        } else if done < times && body.is_some() {
            let enrolment = self.enrolments[index].enrolment.to_mut();
            enrolment.visit = next_round(enrolment.visit);
            self.branch(index, body, &format!("round {} of {times}", done + 1));
        } else {
            self.branch(index, None, &format!("all {times} rounds are done"));
        }
    }
}
