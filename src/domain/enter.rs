//! Ways into a workflow.

use std::time::Duration;

use super::{
    condition::Condition,
    event::{Event, EventKind},
    name::Name,
    schedule::Occasion,
    value::Slot,
};

/// Who enters.
#[derive(Clone, Debug)]
pub enum Enter {
    /// Leads for whom this is true, a segment's name included.
    When(Condition),
    /// Leads to whom this happens.
    On { kind: EventKind, object: Option<Name>, filter: Option<Condition> },
    /// Leads whose day has come.
    Date(DateEntry),
    /// Only those named by a person.
    ByHand,
}

/// By a date of the lead.
#[derive(Clone, Debug)]
pub struct DateEntry {
    /// An attribute of type date, and its name.
    pub slot: Slot,
    pub attribute: Name,
    pub occasion: Occasion,
    /// Asked when it comes.
    pub filter: Option<Condition>,
    /// How late at most a lead is taken in.
    pub late: Duration,
}

/// How late at most somebody is taken in whose instant passed while nothing was at work, where a workflow
/// says nothing.
pub const LATE: Duration = Duration::from_hours(24);

impl Enter {
    /// Whether this event may let its lead in.
    #[must_use]
    pub fn takes(&self, event: &Event) -> bool {
        match self {
            Self::On { kind, object, .. } => {
                *kind == event.kind && (object.is_none() || *object == event.object)
            }
            Self::When(_) | Self::Date(_) | Self::ByHand => false,
        }
    }

    /// The condition that it asks, and what else it goes by where that is more than an event or a name.
    #[must_use]
    pub fn door(&self) -> Option<(Option<&Condition>, String)> {
        match self {
            Self::When(condition) => Some((Some(condition), String::new())),
            Self::Date(entry) => {
                let way = format!("date {} {}", entry.attribute, entry.occasion);
                Some((entry.filter.as_ref(), way))
            }
            Self::On { .. } | Self::ByHand => None,
        }
    }
}

/// Whether a lead may enter again after its enrolment ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Again {
    Never,
    /// At once by a new event; by a condition when it has been false in between.
    Always,
    /// So long after the last enrolment ended, whether or not the condition was false in between.
    After(Duration),
}
