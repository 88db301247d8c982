//! Workflows: who enters, what happens step by step, when they leave.

use std::{collections::HashSet, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    condition::Condition,
    event::EventKind,
    hand_off::HandOff,
    name::Name,
    schedule::{WaitSpec, Window},
    value::{Slot, Value},
};

/// What all workflows are called where one may be named, so no workflow's own name.
pub const ALL: &str = "all";

/// The hash of an artefact's canonical content: 32 hexadecimal digits of its SHA-256.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub Name);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One version of a workflow's structure. Parsed once into a form that cannot be invalid.
#[derive(Clone, Debug)]
pub struct Workflow {
    pub name: Name,
    pub version: Version,
    pub about: String,
    /// The purpose that each of its mails needs a ground for.
    pub purpose: Name,
    /// Larger goes first when several workflows want the same lead.
    pub priority: i32,
    pub enter: Enter,
    /// Whether those already inside when it first goes live are taken in.
    pub existing: bool,
    pub again: Again,
    pub goal: Option<Condition>,
    pub leave: Option<Condition>,
    /// `None`: the policy's.
    pub window: Option<Window>,
    /// Mail that the lead asked for: no window, no cap; suppression still.
    pub now: bool,
    /// Its mails are the owner's, where the lead has one who is known here.
    pub from_owner: bool,
    pub steps: Steps,
}

/// Who enters.
#[derive(Clone, Debug)]
pub enum Enter {
    /// Leads for whom this is true, a segment's name included.
    When(Condition),
    /// Leads to whom this happens.
    On { kind: EventKind, object: Option<Name>, filter: Option<Condition> },
    /// Only those named by a person.
    ByHand,
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

/// The steps, flattened: each knows where to go next.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    steps: Vec<Step>,
    first: Option<StepIx>,
}

/// Which step of its workflow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct StepIx(pub usize);

#[derive(Clone, Debug)]
pub struct Step {
    /// Survives edits: explicit, or derived from what the step is.
    pub id: Name,
    pub kind: StepKind,
    /// Where to go when it is done; `None` is the end of the workflow.
    pub next: Option<StepIx>,
}

#[derive(Clone, Debug)]
pub enum StepKind {
    Email {
        template: Name,
    },
    Wait(WaitSpec),
    /// Goes to `then` as soon as the condition is true, to `otherwise` when the time is up. A branch
    /// that is not written, or is at its end, goes on after the step.
    WaitFor {
        condition: Condition,
        up_to: Option<WaitSpec>,
        then: Option<StepIx>,
        otherwise: Option<StepIx>,
    },
    If {
        condition: Condition,
        then: Option<StepIx>,
        otherwise: Option<StepIx>,
    },
    /// `None` clears the attribute.
    Set(Vec<(Slot, Option<Value>)>),
    Tag {
        add: Vec<Name>,
        remove: Vec<Name>,
    },
    /// Writes to our own people.
    Notify {
        to: Name,
        template: Option<Name>,
    },
    /// Hands the lead to one of our people and waits for what they say.
    HandOff(HandOff),
    Stop {
        reason: Option<String>,
    },
}

impl StepKind {
    /// The key that the step is written with.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Email { .. } => "email",
            Self::Wait(_) => "wait",
            Self::WaitFor { .. } => "wait_for",
            Self::If { .. } => "if",
            Self::Set(_) => "set",
            Self::Tag { .. } => "tag",
            Self::Notify { .. } => "notify",
            Self::HandOff(_) => "hand_off",
            Self::Stop { .. } => "stop",
        }
    }
}

impl Steps {
    /// # Errors
    /// The id that two steps share.
    pub fn new(steps: Vec<Step>, first: Option<StepIx>) -> Result<Self, Name> {
        let mut ids = HashSet::with_capacity(steps.len());
        if let Some(step) = steps.iter().find(|step| !ids.insert(&step.id)) {
            return Err(step.id.clone());
        }
        Ok(Self { steps, first })
    }

    #[must_use]
    pub const fn first(&self) -> Option<StepIx> {
        self.first
    }

    #[must_use]
    pub fn get(&self, index: StepIx) -> &Step {
        &self.steps[index.0]
    }

    #[must_use]
    pub fn find(&self, id: &str) -> Option<StepIx> {
        // They are few: a hash would take longer.
        self.steps.iter().position(|step| *step.id == *id).map(StepIx)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}
