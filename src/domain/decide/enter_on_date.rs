//! Entering by a date of the lead: each time that its day comes, once.

use super::{
    overlay::{note, since},
    work::Work,
};
use crate::domain::{
    decision::Verb,
    definitions::LiveWorkflow,
    enter::DateEntry,
    event::{Event, EventKind},
    schedule::local_text,
    time::Instant,
    value::{Slot, Value},
};

/// Why who comes too late does.
const MISSED: &str = "when nobody looked";
const GIVEN_SINCE: &str = "when nobody looked, or it was not known yet";

impl Work<'_> {
    /// What the door remembers is the last day that was seen to: a lead whose clock is moved, or a workflow
    /// with `again: always`, does not come in twice for it.
    pub fn enter_on_date(&mut self, index: usize, live: &LiveWorkflow, entry: &DateEntry) {
        let (state, now) = (self.lead.state, self.lead.now);
        let Some(Value::Date(date)) = self.lead.attributes[entry.slot.0] else { return };
        if !self.is_watched(index, &live.workflow) {
            return;
        }
        let zone = &state.zone;
        if let Some(next) = entry.occasion.first_after(date, now, zone) {
            self.wake(next.at);
        }
        let Some(coming) = entry.occasion.last_until(date, now, zone) else { return };
        let before = live.since.door.at.max(state.created_at).max(state.decided_at);
        let is_new = coming.at > before;
        if !is_new || since(&self.lead.at_the_door, index) == Some(coming.mark()) {
            return;
        }
        note(&mut self.lead.at_the_door, index, Some(coming.mark()));
        let name = &live.workflow.name;
        let when = local_text(coming.at, zone);
        if now > coming.at + entry.late {
            let why =
                if self.may_be_given_since(entry.slot, coming.at) { GIVEN_SINCE } else { MISSED };
            let reason = format!("too late: {} came at {when}, {why}", entry.attribute);
            self.log(Verb::NotEntered, Some(name), None, &reason);
            return;
        }
        if let Some(filter) = &entry.filter
            && !filter.verdict(&self.lead.view()).is_true()
        {
            return;
        }
        self.enter_once(index, &live.workflow, None, &format!("{}: {when}", entry.attribute));
    }

    /// Whether an attribute may say something else than it did at an instant since the last decision: a step, an import or
    /// an answer may have written it. Attributes are kept as they are now only.
    fn may_be_given_since(&self, slot: Slot, at: Instant) -> bool {
        let (state, lead) = (self.lead.state, &self.lead);
        let writes = [EventKind::LEAD_IMPORTED, EventKind::LEAD_ANSWERED];
        let writes = |event: &Event| writes.contains(&event.kind) && event.recorded_at > at;
        lead.attributes[slot.0] != state.attributes[slot.0] || state.new_events.iter().any(writes)
    }
}
