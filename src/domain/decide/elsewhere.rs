//! Steps that take the lead into another workflow, or out of one.

use super::work::Work;
use crate::domain::{decision::Verb, lead::Outcome, name::Name};

impl Work<'_> {
    /// The lead enters another workflow, if its rules let it; here it goes on whatever comes of that.
    pub fn enrol(&mut self, index: usize, other: &Name) {
        let by = self.advance(index, &format!("enrol: {other}"));
        let definitions = self.lead.definitions;
        let Some(place) = definitions.workflows.place(other) else {
            return self.log(Verb::NotEntered, Some(other), None, "no such workflow is live");
        };
        if self.has_been_through(place) {
            return self.tell_it_has_been_through(other, &format!("by {by}"));
        }
        let before = self.enrolments.len();
        self.enter_by_word(place, &definitions.workflows[place].workflow, &format!("by {by}"));
        if self.enrolments.len() > before {
            self.mark_moved();
        }
    }

    /// The lead leaves another workflow, if it is inside.
    pub fn leave(&mut self, index: usize, other: &Name) {
        let by = self.advance(index, &format!("leave: {other}"));
        for place in 0..self.enrolments.len() {
            let active = &self.enrolments[place];
            if place != index && active.is_active() && active.enrolment.workflow == *other {
                self.end(place, Outcome::Left, &format!("by {by}"));
            }
        }
    }
}
