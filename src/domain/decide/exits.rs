//! Goals and leaves: true at any moment, the enrolment ends.

use super::work::Work;
use crate::domain::lead::Outcome;

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
        for (condition, outcome) in
            [(&workflow.goal, Outcome::Goal), (&workflow.leave, Outcome::Left)]
        {
            let Some(condition) = condition else { continue };
            let enrolment = &self.enrolments[index].enrolment;
            let view = self.lead.view_since(enrolment.entered_at, enrolment.entry.as_ref());
            let verdict = condition.verdict(&view);
            if self.heed(verdict) {
                self.end(index, outcome, condition.source());
                return;
            }
        }
    }
}
