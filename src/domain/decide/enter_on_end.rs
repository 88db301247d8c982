//! Entering by the end of another workflow, in the decision in which it ends.

use super::work::Work;
use crate::domain::{
    decision::Verb, definitions::LiveWorkflow, lead::Outcome, name::Name, workflow::Workflow,
};

impl Work<'_> {
    /// Its way through another workflow has ended in this decision. Nobody goes round and round in one.
    pub fn enter_on_end(&mut self, index: usize, live: &LiveWorkflow, ends: &[(Name, Outcome)]) {
        let Workflow { enter, name, .. } = &*live.workflow;
        let Some((ended, by)) = ends.iter().find(|(ended, by)| enter.follows(ended, *by)) else {
            return;
        };
        let entered = self.lead.passages.get(index).map(|passage| passage.entered_at);
        if entered == Some(self.lead.now) && !self.is_inside(index) {
            let reason = format!("it has been through in this very moment; {ended}: {}", by.word());
            self.log(Verb::NotEntered, Some(name), None, &reason);
            return;
        }
        self.enter_once(index, &live.workflow, None, &format!("{ended}: {}", by.word()));
    }
}
