//! Enrolments that people cancel: an event says whose, and the next decision ends them.

use super::work::Work;
use crate::domain::{
    event::{Event, EventKind},
    lead::{LeadState, Outcome},
};

/// Whether an event takes its lead out of a workflow.
fn cancels(event: &Event, workflow: &str) -> bool {
    event.kind == EventKind::ENROLMENT_CANCELLED
        && event.object.as_ref().is_none_or(|object| *object == *workflow)
}

/// By whom and why.
fn reason(event: &Event) -> String {
    let text = |key: &str| event.data.get(key).map(ToString::to_string);
    let by = text("by").unwrap_or_else(|| "somebody".to_owned());
    match text("because") {
        Some(because) => format!("by {by}: {because}"),
        None => format!("by {by}"),
    }
}

/// Why a mail of a workflow does not go whose enrolment is cancelled, and not ended yet.
pub(super) fn cancelled(state: &LeadState, workflow: &str) -> Option<String> {
    let event = state.new_events.iter().find(|event| cancels(event, workflow))?;
    Some(format!("cancelled {}", reason(event)))
}

impl Work<'_> {
    /// Ends those that were active when the decision began: what the lead enters from now on is not meant.
    pub fn cancel(&mut self, event: &Event) {
        let reason = reason(event);
        for index in 0..self.enrolments.len() {
            let active = &self.enrolments[index];
            if active.is_active() && cancels(event, &active.enrolment.workflow) {
                self.end(index, Outcome::Cancelled, &reason);
            }
        }
    }
}
