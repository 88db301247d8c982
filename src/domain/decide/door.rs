//! What keeps a lead out of a workflow that it is not in: asked, not decided.

use super::{
    enter::{Reentry, found_inside},
    overlay::since,
    work::Work,
};
use crate::domain::{
    definitions::Definitions,
    enter::{DateEntry, Enter},
    event::EventKind,
    lead::{LeadState, Outcome},
    name::Name,
    schedule::Coming,
    time::Instant,
    value::Value,
    verdict::Verdict,
    workflow::Again,
};

/// What stands first between a lead and a workflow, in the order in which a decision asks.
#[derive(Clone, PartialEq, Debug)]
pub enum Door {
    /// Nothing does: it comes in with the next decision.
    Open,
    /// The condition to enter is not true.
    Condition(Verdict),
    /// `existing: no`, and it was in since this instant, when the workflow went live or its condition was changed.
    FoundInside(Instant),
    /// The re-entry rule, until an instant if there is one.
    Again(Option<Instant>),
    /// It may enter again and again, once the condition to enter has been false.
    MustBeFalseFirst,
    /// It would be out at once.
    Out(Outcome, Verdict),
    /// It waits for an event.
    Event { kind: EventKind, object: Option<Name> },
    /// For a date of the lead: when its day comes, if it has that date and the day is still to come; when it came last; and
    /// what is asked then, as it stands now.
    Date { attribute: Name, next: Option<Instant>, last: Option<Instant>, asked: Option<Verdict> },
    /// For a tick of its clock.
    Tick(Option<Instant>),
    /// For the end of another workflow.
    Ended(Name),
    /// For somebody to say so.
    ByHand,
}

/// Asks the door of a live workflow for a lead that was decided at this instant; `None`: none of that name is live.
#[must_use]
pub fn door(
    definitions: &Definitions,
    state: &LeadState,
    workflow: &str,
    now: Instant,
) -> Option<Door> {
    let index = definitions.workflows.place(workflow)?;
    let live = &definitions.workflows[index];
    let workflow = &live.workflow;
    let mut work = Work::new(definitions, state, now);
    // Who was in once for all is not even asked the condition.
    if workflow.each.is_none()
        && workflow.again == Again::Never
        && work.lead.passages.get(index).is_some()
    {
        return Some(Door::Again(None));
    }
    let mut at_the_door = None;
    if let Enter::When(condition) = &workflow.enter {
        at_the_door = since(&state.at_the_door, index);
        let verdict = condition.verdict(&work.lead.view());
        if !verdict.is_true() {
            return Some(Door::Condition(verdict));
        }
        if let Some(since) = at_the_door.filter(|since| found_inside(live, *since)) {
            return Some(Door::FoundInside(since));
        }
    }
    let date = match &workflow.enter {
        Enter::Date(entry) => Some(comes(&work, entry)),
        _ => None,
    };
    if workflow.each.is_none() {
        match work.reentry(index, workflow, at_the_door) {
            Reentry::Open => {}
            // It may again when its day comes: until then, that is what it waits for.
            Reentry::Later(from) if opens_before(date.as_ref(), from) => {}
            Reentry::Later(from) => return Some(Door::Again(Some(from))),
            Reentry::Closed if workflow.again == Again::Always => {
                return Some(Door::MustBeFalseFirst);
            }
            Reentry::Closed => return Some(Door::Again(None)),
        }
    }
    if let Some((outcome, verdict)) = work.way_out(workflow, None) {
        return Some(Door::Out(outcome, verdict));
    }
    Some(match &workflow.enter {
        Enter::When(_) => Door::Open,
        Enter::On { kind, object, .. } => {
            Door::Event { kind: kind.clone(), object: object.clone() }
        }
        Enter::Date(entry) => date.unwrap_or_else(|| comes(&work, entry)),
        Enter::Schedule(_) => Door::Tick(definitions.next_tick(live, now)),
        Enter::Ended { workflow, .. } => Door::Ended(workflow.clone()),
        Enter::ByHand => Door::ByHand,
    })
}

/// From when on the re-entry rule lets a lead that is not inside into a live workflow by hand; `None`: never.
#[must_use]
pub fn by_hand_from(
    definitions: &Definitions,
    state: &LeadState,
    workflow: &str,
    now: Instant,
) -> Option<Instant> {
    let index = definitions.workflows.place(workflow)?;
    let work = Work::new(definitions, state, now);
    match work.reentry(index, &definitions.workflows[index].workflow, None) {
        Reentry::Open => Some(now),
        Reentry::Later(from) => Some(from),
        Reentry::Closed => None,
    }
}

/// When the day of a date comes, and came.
fn comes(work: &Work<'_>, entry: &DateEntry) -> Door {
    let DateEntry { slot, attribute, occasion, filter, .. } = entry;
    let (state, now) = (work.lead.state, work.lead.now);
    let date = match &state.attributes[slot.0] {
        Some(Value::Date(date)) => Some(*date),
        _ => None,
    };
    let at = |coming: Coming| coming.at;
    Door::Date {
        attribute: attribute.clone(),
        next: date.and_then(|date| occasion.first_after(date, now, &state.zone)).map(at),
        last: date.and_then(|date| occasion.last_until(date, now, &state.zone)).map(at),
        asked: filter.as_ref().map(|filter| filter.verdict(&work.lead.view())),
    }
}

/// Whether the re-entry rule lets a lead in again before its day comes.
fn opens_before(date: Option<&Door>, from: Instant) -> bool {
    matches!(date, Some(Door::Date { next: Some(next), .. }) if from <= *next)
}
