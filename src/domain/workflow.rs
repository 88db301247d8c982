//! Workflows: who enters, what happens step by step, when they leave.

use std::{collections::HashSet, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    condition::Condition,
    event::EventKind,
    name::Name,
    schedule::{DateExpr, Deadline, WaitSpec, Window},
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
    /// What its figures and costs are counted by, and whose dates its steps tell time by.
    pub campaign: Option<Name>,
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
    /// By when a mail leaves or not at all, where its step does not say.
    pub not_after: Option<Deadline>,
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
        /// `None`: as the workflow says.
        now: Option<bool>,
        not_after: Option<Deadline>,
    },
    /// Waits for a date of the campaign, then does `then`, a single step. One that is past when the lead
    /// comes, or is moved into the past while the lead waits, is passed over unless `if_past`.
    At {
        date: DateExpr,
        if_past: bool,
        then: Option<StepIx>,
    },
    Wait(WaitSpec),
    /// Takes the branch of the first condition, in this order, that becomes true, and `otherwise` when the
    /// time is up. A branch that is not written, or is at its end, goes on after the step.
    WaitFor {
        awaited: Vec<Awaited>,
        up_to: Option<Deadline>,
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
    Stop {
        reason: Option<String>,
    },
}

/// One thing that a `wait_for` waits for.
#[derive(Clone, Debug)]
pub struct Awaited {
    /// `None` where it is the only one and has no name.
    pub name: Option<Name>,
    pub condition: Condition,
    pub then: Option<StepIx>,
}

/// A mail as a step of a workflow sends it.
#[derive(Clone, Copy, Debug)]
pub struct MailStep<'a> {
    pub workflow: &'a Workflow,
    pub template: &'a Name,
    /// No window, no cap; suppression still.
    pub now: bool,
    pub not_after: Option<&'a Deadline>,
}

impl Workflow {
    /// The mail that a step sends; `None` if it is no such step.
    #[must_use]
    pub fn mail_step(&self, step: &str) -> Option<MailStep<'_>> {
        match &self.steps.get(self.steps.find(step)?).kind {
            StepKind::Email { template, now, not_after } => Some(MailStep {
                workflow: self,
                template,
                now: now.unwrap_or(self.now),
                not_after: not_after.as_ref().or(self.not_after.as_ref()),
            }),
            _ => None,
        }
    }
}

impl StepKind {
    /// Where its branches begin, in the order in which they are written.
    pub fn branches_mut(&mut self) -> Vec<&mut Option<StepIx>> {
        match self {
            Self::If { then, otherwise, .. } => vec![then, otherwise],
            Self::At { then, .. } => vec![then],
            Self::WaitFor { awaited, otherwise, .. } => {
                awaited.iter_mut().map(|one| &mut one.then).chain([otherwise]).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The key that the step is written with.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Email { .. } => "email",
            Self::At { .. } => "at",
            Self::Wait(_) => "wait",
            Self::WaitFor { .. } => "wait_for",
            Self::If { .. } => "if",
            Self::Set(_) => "set",
            Self::Tag { .. } => "tag",
            Self::Notify { .. } => "notify",
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
