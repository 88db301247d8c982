//! Ways into a workflow.

use std::time::Duration;

use super::{
    condition::Condition,
    event::{Event, EventKind},
    lead::Outcome,
    name::Name,
    policy::Policy,
    schedule::{Occasion, Ticks},
    time::Zone,
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
    /// Leads for whom a condition is true when a clock ticks.
    Schedule(Box<Ticking>),
    /// Leads whose way through another workflow ends; `None`: however it does, but for those taken out of it by
    /// hand.
    Ended { workflow: Name, outcome: Option<Outcome> },
    /// Only those named by a person.
    ByHand,
}

/// By a clock of the workflow's own.
#[derive(Clone, Debug)]
pub struct Ticking {
    pub ticks: Ticks,
    /// `None`: the policy's.
    pub zone: Option<Zone>,
    pub who: Condition,
    /// How long ago at most a tick was that is made up for.
    pub late: Duration,
}

impl Ticking {
    /// On whose clock.
    #[must_use]
    pub fn zone<'z>(&'z self, policy: &'z Policy) -> &'z Zone {
        self.zone.as_ref().unwrap_or(&policy.zone)
    }
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

/// How the way through another workflow has ended, in the words of files.
pub const ENDED: [(&str, Option<Outcome>); 4] = [
    (Outcome::Goal.word(), Some(Outcome::Goal)),
    (Outcome::Finished.word(), Some(Outcome::Finished)),
    (Outcome::Left.word(), Some(Outcome::Left)),
    ("any", None),
];

impl Enter {
    /// Whether this event may let its lead into the workflow of this name.
    #[must_use]
    pub fn takes(&self, workflow: &Name, event: &Event) -> bool {
        match self {
            Self::Schedule(_) => {
                event.kind == EventKind::SCHEDULE_TICKED && event.object.as_ref() == Some(workflow)
            }
            Self::On { kind, object, .. } => {
                *kind == event.kind && (object.is_none() || *object == event.object)
            }
            Self::When(_) | Self::Date(_) | Self::Ended { .. } | Self::ByHand => false,
        }
    }

    /// Whether leads come in whose way through a workflow ends so.
    #[must_use]
    pub fn follows(&self, ended: &Name, by: Outcome) -> bool {
        match self {
            Self::Ended { workflow, outcome } => {
                workflow == ended
                    && outcome.map_or(by != Outcome::Cancelled, |outcome| outcome == by)
            }
            _ => false,
        }
    }

    /// The condition that it asks, and what else it goes by where that is more than an event or a name.
    #[must_use]
    pub fn door(&self, policy: &Policy) -> Option<(Option<&Condition>, String)> {
        match self {
            Self::When(condition) => Some((Some(condition), String::new())),
            Self::Date(entry) => {
                let way = format!("date {} {}", entry.attribute, entry.occasion);
                Some((entry.filter.as_ref(), way))
            }
            Self::Schedule(ticking) => {
                let way = format!("schedule {} {}", ticking.ticks, ticking.zone(policy).name());
                Some((Some(&ticking.who), way))
            }
            Self::On { .. } | Self::Ended { .. } | Self::ByHand => None,
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
