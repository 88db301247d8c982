//! Workflows that a lead is in once for each key: for each appointment, for each order.

use super::{
    enter::Reentry,
    work::{Active, Work},
};
use crate::domain::{
    lead::{Entry, Passages},
    name::Name,
    workflow::Workflow,
};

impl Work<'_> {
    /// Why a lead does not come in for one more key.
    pub fn refusal_of_key(
        &self,
        index: usize,
        workflow: &Workflow,
        each: &str,
        key: &Name,
    ) -> Option<&'static str> {
        let live = self.enrolments.iter().filter(|it| it.live == Some(index) && it.is_active());
        let keys = live.map(|active| active.enrolment.entry.as_ref()?.key(each));
        let inside: Vec<Option<Name>> = keys.collect();
        if inside.iter().any(|inside| inside.as_ref() == Some(key)) {
            return Some("it is inside already, for the same key");
        }
        if inside.len() >= Passages::KEYS {
            return Some("it is inside for so many keys that there is no room");
        }
        let passage = self.lead.passages.of_key(&workflow.name, key);
        match self.reentry_after(workflow, passage, None) {
            Reentry::Open => None,
            Reentry::Later(_) | Reentry::Closed => Some("the re-entry rule, for the same key"),
        }
    }

    /// The keys for which the lead is inside of a workflow, in whatever version.
    pub fn keys_inside(&self, workflow: &Name) -> Vec<Name> {
        let is_inside =
            |active: &&Active<'_>| active.is_active() && active.enrolment.workflow == *workflow;
        self.enrolments.iter().filter(is_inside).filter_map(Active::key).collect()
    }

    /// What an entry is about, in a workflow with one for each; what has happened since about the same is
    /// remembered with it.
    pub fn relate_since(&self, workflow: &Workflow, entry: &mut Entry) -> Option<Name> {
        let each = workflow.each.as_ref()?;
        let key = entry.key(each)?;
        for event in &self.lead.state.new_events {
            if event.rev > entry.rev && entry.is_about(event, each) {
                entry.relate(event.rev);
            }
        }
        Some(key)
    }
}
