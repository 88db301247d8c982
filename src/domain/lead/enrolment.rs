//! Enrolments: one lead's passage through one version of one workflow.

use serde::{Deserialize, Serialize};

use super::OpenMessage;
use crate::domain::{
    event::{Event, EventData, EventKind, StepRef},
    id::{EnrolmentNo, MessageId, Rev},
    name::Name,
    time::Instant,
    value::Value,
    workflow::{InDoubt, MailStep, STAY, Version, Workflow, tries},
};

/// An active enrolment.
#[derive(Clone, PartialEq, Debug)]
pub struct Enrolment {
    pub no: EnrolmentNo,
    pub workflow: Name,
    /// The structure it is pinned to.
    pub version: Version,
    pub entered_at: Instant,
    /// The event that it entered by, if it was one.
    pub entry: Option<Entry>,
    pub step: Name,
    /// The how-manieth time it is at this step, from 1; inside of loops their rounds come first, as in 2_001: the first
    /// time in the second round.
    pub visit: u64,
    /// When it arrived at this step.
    pub armed_at: Instant,
    pub phase: Phase,
    /// Its mail of this step, once that was in doubt or failed and the enrolment did not go on.
    pub doubt: Option<MessageId>,
    /// Where it left the straight way so far: with these the way to its step is known.
    pub turns: Vec<Turn>,
}

/// From which step an enrolment went to which, where that is not the next one. From nowhere, before all
/// others: it moved to another version of its workflow, in which its way begins there.
pub type Turn = (Name, Name);

impl Enrolment {
    /// The step that it is at, and which visit of it.
    #[must_use]
    pub fn about(&self) -> StepRef {
        StepRef { enrolment: self.no, step: self.step.clone(), visit: self.visit }
    }

    /// The mail of the step that it is at, in a workflow that is its own.
    #[must_use]
    pub fn mail_step<'w>(&self, workflow: &'w Workflow) -> Option<MailStep<'w>> {
        Some(MailStep { again: self.doubt, ..workflow.mail_step(&self.step)? })
    }

    /// Whether it stays at its step until somebody says what became of its mail. `open`: its lead's mail that is on its
    /// way.
    #[must_use]
    pub fn waits_for_a_word(&self, workflow: &Workflow, open: Option<&OpenMessage>) -> bool {
        let is_it = |about: &StepRef| {
            (about.enrolment, &about.step, about.visit) == (self.no, &self.step, self.visit)
        };
        self.phase == Phase::Mailing
            && self.doubt.is_some()
            && self.mail_step(workflow).is_some_and(|mail| mail.in_doubt == InDoubt::Hold)
            && open.is_none_or(|open| !is_it(&open.about))
    }

    /// How often it has moved to another version of its workflow.
    #[must_use]
    pub fn moves(&self) -> u32 {
        let moves = self.turns.iter().take_while(|(from, _)| from.is_empty()).count();
        u32::try_from(moves).unwrap_or(u32::MAX)
    }

    /// Where visits begin since it has moved: none of before is counted again.
    #[must_use]
    pub fn begins_at(&self) -> u64 {
        u64::from(self.moves()) * STAY
    }

    /// The how-manieth visit it is since it came to its step, from 1.
    #[must_use]
    pub const fn tries(&self) -> u64 {
        tries(self.visit)
    }

    /// From when on event questions count: from just after the entering event, whose decision may come
    /// later; else from the entry.
    #[must_use]
    pub fn counts_from(&self) -> Instant {
        match &self.entry {
            Some(entry) if entry.at <= self.entered_at => entry.at.next(),
            // By a clock that has gone back since, it is still to come.
            _ => self.entered_at,
        }
    }
}

/// What an enrolment is doing at its step.
#[derive(Clone, PartialEq, Debug)]
pub enum Phase {
    /// The step is to be done as soon as nothing holds it back.
    Ready { held: Option<Held> },
    /// A wait, or the deadline of a `wait_for`.
    Waiting { due: Due },
    /// Its message is open; the outcome advances it.
    Mailing,
}

impl Phase {
    pub const READY: Self = Self::Ready { held: None };
}

/// Why a step that is due is not done now, and when it is looked at again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    pub reason: String,
    pub until: Instant,
}

impl Held {
    /// How the reason of a step begins that waits for its turn, which comes at the instant until which it is held.
    pub const TURN: &str = "pace: ";

    #[must_use]
    pub fn waits_for_its_turn(&self) -> bool {
        self.reason.starts_with(Self::TURN)
    }
}

/// When a wait is over.
#[derive(Clone, PartialEq, Debug)]
pub struct Due {
    pub at: Instant,
    /// For a civil wait, what `at` was computed from: a change of the zone's rules re-arms it.
    pub civil: Option<CivilDue>,
}

/// A local time in a zone.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CivilDue {
    pub local: jiff::civil::DateTime,
    pub zone: String,
}

/// The entering event, as conditions (`entry.object`, `entry.KEY`) and templates see it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub rev: Rev,
    pub kind: EventKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Name>,
    pub at: Instant,
    #[serde(default, skip_serializing_if = "EventData::is_empty")]
    pub data: EventData,
    /// In a workflow that a lead is in once for each key: the last events since that carry the same one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same: Vec<Rev>,
}

impl Entry {
    /// How many of the events with its key are remembered.
    const MOST: usize = 64;

    /// What its event is about, by a key of the data.
    #[must_use]
    pub fn key(&self, each: &str) -> Option<Name> {
        key_of(&self.data, each)
    }

    /// Whether an event carries the same key.
    #[must_use]
    pub fn is_about(&self, event: &Event, each: &str) -> bool {
        !event.data.is_empty()
            && self.key(each).is_some_and(|key| key_of(&event.data, each) == Some(key))
    }

    /// Remembers an event that carries the same key.
    pub fn relate(&mut self, event: Rev) {
        if self.same.len() >= Self::MOST {
            self.same.remove(0);
        }
        self.same.push(event);
    }

    /// `object`, `kind`, `at`, or a key of the event's data.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<Value> {
        match key {
            "object" => self.object.clone().map(Value::Text),
            "kind" => Some(Value::Text(self.kind.as_str().into())),
            "at" => Some(Value::Date(self.at)),
            _ => self.data.get(key).cloned(),
        }
    }
}

impl From<&Event> for Entry {
    fn from(event: &Event) -> Self {
        Self {
            rev: event.rev,
            kind: event.kind.clone(),
            object: event.object.clone(),
            at: event.occurred_at,
            data: event.data.clone(),
            same: Vec::new(),
        }
    }
}

/// Files say `17` where others say `"17"`: it is the same key.
fn key_of(data: &EventData, each: &str) -> Option<Name> {
    data.get(each).map(|value| Name::from(value.to_string())).filter(|key| !key.is_empty())
}

/// How an enrolment ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    pub at: Instant,
    pub outcome: Outcome,
    pub reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Came to the end of the steps, or to a `stop`.
    Finished,
    /// The goal became true.
    Goal,
    /// Left without success: its `leave` became true, a mail was refused for good, the lead was suppressed.
    Left,
    /// Taken out by hand or by an edit.
    Cancelled,
}

impl Outcome {
    pub const ALL: [Self; 4] = [Self::Finished, Self::Goal, Self::Left, Self::Cancelled];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Goal => "goal",
            Self::Left => "left",
            Self::Cancelled => "cancelled",
        }
    }
}
