//! Goals and leaves: true at any moment, the enrolment ends.

use super::work::Work;
use crate::domain::{lead::Outcome, time::Instant};

impl Work<'_> {
    pub fn settle_exits(&mut self) {
        for index in 0..self.enrolments.len() {
            self.settle_exit(index);
        }
    }

    pub fn settle_exit(&mut self, index: usize) {
        let active = &self.enrolments[index];
        let (true, Some(workflow)) = (active.is_active(), active.workflow) else { return };
        if let Some(reason) = self.lead.state.suppressed {
            let reason = format!("the address is suppressed: {}", reason.word());
            self.end(index, Outcome::Left, &reason);
            return;
        }
        let enrolment = &self.enrolments[index].enrolment;
        let view = self.lead.view_inside(enrolment);
        let conditions = [(&workflow.goal, Outcome::Goal), (&workflow.leave, Outcome::Left)];
        let mut holds_until = Instant::NEVER;
        let mut end = None;
        for (condition, outcome) in conditions {
            let Some(condition) = condition else { continue };
            let verdict = condition.verdict(&view);
            holds_until = holds_until.min(verdict.holds_until);
            if verdict.is_true() {
                end = Some((outcome, condition.source()));
                break;
            }
        }
        self.wake(holds_until);
        if let Some((outcome, source)) = end {
            self.end(index, outcome, source);
        }
    }
}
