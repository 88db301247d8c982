//! Entering by the end of another workflow, in the decision in which it ends.

use super::work::Work;
use crate::domain::{
    decision::Verb, definitions::LiveWorkflow, lead::Outcome, name::Name, workflow::Workflow,
};

impl Work<'_> {
    /// Its way through another workflow has ended in this decision.
    pub fn enter_on_end(&mut self, index: usize, live: &LiveWorkflow, ends: &[(Name, Outcome)]) {
        let Workflow { enter, name, .. } = &*live.workflow;
        let Some((ended, by)) = ends.iter().find(|(ended, by)| enter.follows(ended, *by)) else {
            return;
        };
        let reason = format!("{ended}: {}", by.word());
        if self.has_been_through(index) {
            return self.tell_it_has_been_through(name, &reason);
        }
        self.enter_once(index, &live.workflow, None, &reason);
    }

    /// Whether it has come into a workflow and out of it in this moment. Nobody is taken in again by a workflow then, or
    /// those that lead to each other would go round and round.
    pub fn has_been_through(&self, index: usize) -> bool {
        let entered = self.lead.passages.get(index).map(|passage| passage.entered_at);
        entered == Some(self.lead.now) && !self.is_inside(index)
    }

    pub fn tell_it_has_been_through(&mut self, workflow: &Name, reason: &str) {
        let reason = format!("it has been through in this very moment; {reason}");
        self.log(Verb::NotEntered, Some(workflow), None, &reason);
    }

    /// Where the rounds of a decision have run out, lets in whoever enters by what came about in the last of them: no later
    /// decision knows of it.
    pub fn settle_left_over(&mut self) {
        while !self.ends.is_empty() || !self.arrivals.is_empty() {
            self.settle_entries();
        }
    }
}
