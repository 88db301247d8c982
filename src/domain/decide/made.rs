//! Events that a decision makes: they count at once.

use std::borrow::Cow;

use super::work::{Work, brief};
use crate::domain::{
    decision::MadeEvent,
    event::{Event, EventData, EventKind, Judgement},
    facts::fold,
    id::Rev,
    name::Name,
};

impl Work<'_> {
    /// Makes an event, tells conditions and lets it enter workflows.
    pub fn make(&mut self, kind: EventKind, object: Option<Name>, reason: &str) {
        let event = self.make_known(kind, object, reason);
        self.arrive(Cow::Owned(event));
    }

    /// Makes an event that is no news: conditions are told, but it lets nobody enter.
    pub fn make_known(&mut self, kind: EventKind, object: Option<Name>, reason: &str) -> Event {
        let now = self.now();
        // It gets its rev when it is written: the loaded one, plus one for each made before it.
        let before = i64::try_from(self.decision.events.len()).unwrap_or(0);
        let event = Event {
            rev: Rev(self.lead.state.rev.0 + 1 + before),
            kind,
            object,
            occurred_at: now,
            recorded_at: now,
            judgement: Judgement::Human,
            settles_at: None,
            message: None,
            about: None,
            revises: None,
            data: EventData::default(),
        };
        let plan = &self.lead.definitions.plan;
        if plan.matching(&event.kind, event.object.as_deref()).next().is_some() {
            fold(plan, self.lead.facts.to_mut(), &event, now);
        }
        self.decision.events.push(MadeEvent {
            kind: event.kind.clone(),
            object: event.object.clone(),
            reason: brief(reason),
        });
        self.mark_moved();
        event
    }
}
