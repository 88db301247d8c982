//! Tests of workflows: a lead, what happens to it, and what is expected to come of it.

use jiff::civil::{Date, DateTime, Weekday};

use super::{
    address::Address,
    condition::Condition,
    event::{EventData, EventKind},
    lead::{Outcome, Stage},
    name::Name,
    schedule::{Place, WaitSpec, local, resolve},
    time::{Instant, Zone},
    value::{Schema, Slot, Value},
};

/// The tests of one file.
#[derive(Clone, Debug)]
pub struct Suite {
    pub file: String,
    pub about: String,
    pub cases: Vec<Case>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    /// Where it begins in its file, from 1.
    pub line: usize,
    /// When it begins, on the lead's clock. The campaign folder has gone live a moment before.
    pub from: DateTime,
    pub lead: Persona,
    pub happens: Vec<Occurrence>,
    pub until: Moment,
    pub expects: Vec<Expectation>,
    /// Its whole timeline is compared with one that somebody has accepted.
    pub is_golden: bool,
}

/// The lead of a test.
#[derive(Clone, Debug)]
pub struct Persona {
    pub address: Address,
    pub attributes: Vec<(Slot, Value)>,
    pub tags: Vec<Name>,
    /// Purposes that it has consented to.
    pub consents: Vec<Name>,
    pub stage: Stage,
}

impl Persona {
    /// Its attributes, by their slots.
    #[must_use]
    pub fn values(&self, schema: &Schema) -> Vec<Option<Value>> {
        let mut values = vec![None; schema.len()];
        for (slot, value) in &self.attributes {
            values[slot.0] = Some(value.clone());
        }
        values
    }
}

/// An instant of a test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Moment {
    /// So long after it began.
    After(WaitSpec),
    /// On the lead's clock.
    On(DateTime),
}

impl Moment {
    /// Its instant, in a test that begins at `from`.
    #[must_use]
    pub fn at(&self, from: Instant, place: Place<'_>) -> Instant {
        match self {
            Self::After(wait) => wait.due(from, place).at,
            Self::On(at) => resolve(*at, place.zone),
        }
    }
}

/// Something that happens to the lead.
#[derive(Clone, Debug)]
pub struct Occurrence {
    pub at: Moment,
    pub line: usize,
    pub what: Happening,
}

#[derive(Clone, Debug)]
pub enum Happening {
    Event {
        kind: EventKind,
        object: Option<Name>,
        data: EventData,
    },
    /// Its attributes are others from then on.
    Set(Vec<(Slot, Option<Value>)>),
}

/// Something that is expected.
#[derive(Clone, Debug)]
pub struct Expectation {
    pub line: usize,
    pub what: Expected,
}

impl Expectation {
    /// At which instant the lead is looked at for it, `Some(None)` at the end; `None`: it is about all that happened.
    #[allow(clippy::option_option)] // as it says
    #[must_use]
    pub fn instant(&self) -> Option<Option<&Moment>> {
        match &self.what {
            Expected::That { at, .. }
            | Expected::Inside { at, .. }
            | Expected::NotInside { at, .. } => Some(at.as_ref()),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Expected {
    /// Just these mails leave, in this order.
    Mails(Vec<Name>),
    /// A mail leaves, then if it is said when.
    Mail {
        template: Name,
        when: Option<When>,
    },
    NoMail(Name),
    /// A condition is true, at the end if no instant is said.
    That {
        condition: Condition,
        at: Option<Moment>,
    },
    /// The lead is in a workflow, at a step.
    Inside {
        workflow: Name,
        step: Option<Name>,
        at: Option<Moment>,
    },
    NotInside {
        workflow: Name,
        at: Option<Moment>,
    },
    /// The lead's way through a workflow has ended.
    Ended {
        workflow: Name,
        how: Option<Outcome>,
    },
    /// One of our own people is written to.
    Notice(Name),
}

/// When something happens on the lead's clock, as far as it is said: `mon 09:00`, `2027-03-01`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct When {
    pub date: Option<Date>,
    pub weekday: Option<Weekday>,
    /// In minutes since midnight.
    pub minute: Option<u16>,
}

impl When {
    #[must_use]
    pub fn is_at(self, at: Instant, zone: &Zone) -> bool {
        let local = local(at, zone);
        let minute =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        self.date.is_none_or(|date| date == local.date())
            && self.weekday.is_none_or(|day| day == local.date().weekday())
            && self.minute.is_none_or(|it| it == minute)
    }

    /// Reads `mon 09:00`, `2027-03-01 09:00`, `09:00`, `mon`, `2027-03-01`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut when = Self::default();
        for word in text.split_whitespace() {
            if when.minute.is_some() {
                return None;
            }
            if word.contains(':') {
                when.minute = super::schedule::minutes(word).filter(|minute| *minute < 24 * 60);
                when.minute?;
            } else if when.date.is_some() || when.weekday.is_some() {
                return None;
            } else if let Ok(date) = word.parse::<Date>() {
                when.date = Some(date);
            } else {
                when.weekday = Some(super::schedule::weekday_of(word)?);
            }
        }
        (when != Self::default()).then_some(when)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_met_as_far_as_it_is_said() {
        let rome = Zone::named("Europe/Rome").unwrap();
        let monday_at_nine: Instant = "2027-03-01T08:00:30Z".parse().unwrap();
        let meets = |text: &str| When::parse(text).unwrap().is_at(monday_at_nine, &rome);
        for text in ["mon 09:00", "2027-03-01 09:00", "09:00", "monday", "2027-03-01", "Mon 9:00"] {
            assert!(meets(text), "{text}");
        }
        for text in ["mon 09:01", "tue 09:00", "2027-03-02", "08:00"] {
            assert!(!meets(text), "{text}");
        }
        for text in ["", "soon", "09:00 mon", "mon tue", "25:00", "mon 09:00 10:00", "24:00"] {
            assert_eq!(When::parse(text), None, "{text}");
        }
    }
}
