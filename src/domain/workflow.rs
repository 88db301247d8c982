//! Workflows: who enters, what happens step by step, when they leave.

use std::{collections::HashSet, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    address::Mailbox,
    condition::Condition,
    event::EventKind,
    hand_off::HandOff,
    id::MessageId,
    lead::Turn,
    name::Name,
    on_change::OnChange,
    pace::AtMost,
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
    /// What it belongs to, and whose dates its steps tell time by.
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
    pub from: Author,
    /// Where answers go, if not to whom its mails are from.
    pub reply_to: Option<Replies>,
    /// Where its step does not say.
    pub in_doubt: InDoubt,
    /// How many of its mails leave at most, over all leads.
    pub at_most: Option<AtMost>,
    /// What becomes of those who are in another version when this one is live.
    pub on_change: OnChange,
    pub steps: Steps,
}

/// In whose name a workflow's mails go.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Author {
    /// As the sysadmin has configured it.
    #[default]
    Sender,
    /// The lead's owner, where it has one who is known here.
    Owner,
    Person(Name),
}

/// Where answers go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Replies {
    Person(Name),
    Mailbox(Mailbox),
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

/// What becomes of a lead whose mail may have arrived, and nobody knows. It counts as sent for caps either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum InDoubt {
    /// As if it had been sent.
    #[default]
    GoOn,
    /// Stays at the step until a person says what became of the mail, or the relay does after all.
    Hold,
    /// The same mail is sent once more after a while; in doubt again, as if it had been sent.
    Resend,
}

impl InDoubt {
    pub const WORDS: [(&str, Self); 3] =
        [("go on", Self::GoOn), ("hold", Self::Hold), ("resend", Self::Resend)];
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
        in_doubt: Option<InDoubt>,
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
    /// Hands the lead to one of our people and waits for what they say.
    HandOff(HandOff),
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
    pub in_doubt: InDoubt,
    /// It is in doubt, or was lost, and goes once more: no cap counts it against itself.
    pub again: Option<MessageId>,
}

impl Workflow {
    /// The mail that a step sends; `None` if it is no such step.
    #[must_use]
    pub fn mail_step(&self, step: &str) -> Option<MailStep<'_>> {
        match &self.steps.get(self.steps.find(step)?).kind {
            StepKind::Email { template, now, not_after, in_doubt } => Some(MailStep {
                workflow: self,
                template,
                now: now.unwrap_or(self.now),
                not_after: not_after.as_ref().or(self.not_after.as_ref()),
                in_doubt: in_doubt.unwrap_or(self.in_doubt),
                again: None,
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
            Self::HandOff(step) => {
                vec![&mut step.accepted, &mut step.returned, &mut step.silent]
            }
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

    /// The steps on the way by these turns from the first one to `last`, both of them too. `None`: it does
    /// not lead there.
    ///
    /// A turn from nowhere, before all others, says where the way begins of somebody who has moved here from
    /// another version.
    #[must_use]
    pub fn way(&self, turns: &[Turn], last: &str) -> Option<Vec<StepIx>> {
        let most = self.len() * (turns.len() + 1);
        let mut turns = turns.iter().peekable();
        let mut way = Vec::new();
        let mut at = self.first;
        while let Some((_, begin)) = turns.next_if(|(from, _)| from.is_empty()) {
            at = self.find(begin);
        }
        while let Some(index) = at.filter(|_| way.len() < most) {
            let step = self.get(index);
            way.push(index);
            let turn = turns.next_if(|(from, _)| *from == step.id);
            if turn.is_none() && step.id == *last && turns.peek().is_none() {
                return Some(way);
            }
            at = match turn {
                Some((_, to)) => self.find(to),
                None => step.next,
            };
        }
        None
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `a`, which goes on to `b` or turns to `x`; both come to `c`.
    fn steps() -> Steps {
        let step = |id: &str, next: Option<usize>| Step {
            id: id.into(),
            kind: StepKind::Stop { reason: None },
            next: next.map(StepIx),
        };
        let steps =
            vec![step("a", Some(1)), step("b", Some(3)), step("x", Some(3)), step("c", None)];
        Steps::new(steps, Some(StepIx(0))).unwrap()
    }

    fn way(turns: &[(&str, &str)], last: &str) -> Option<Vec<usize>> {
        let turns: Vec<Turn> =
            turns.iter().map(|(from, to)| (Name::new(from), Name::new(to))).collect();
        Some(steps().way(&turns, last)?.into_iter().map(|step| step.0).collect())
    }

    #[test]
    fn turns_tell_the_way_and_without_them_it_is_straight() {
        assert_eq!(way(&[], "a"), Some(vec![0]));
        assert_eq!(way(&[], "c"), Some(vec![0, 1, 3]));
        assert_eq!(way(&[("a", "x")], "c"), Some(vec![0, 2, 3]));
    }

    #[test]
    fn a_way_begins_where_a_turn_from_nowhere_says_and_may_come_to_a_step_twice() {
        assert_eq!(way(&[("", "x")], "c"), Some(vec![2, 3]));
        assert_eq!(way(&[("", "a"), ("", "b")], "c"), Some(vec![1, 3]));
        assert_eq!(way(&[("", "b"), ("c", "b")], "b"), Some(vec![1, 3, 1]));
        assert_eq!(way(&[("", "b"), ("c", "b")], "c"), Some(vec![1, 3, 1, 3]));
    }

    #[test]
    fn a_way_that_does_not_lead_there_is_none() {
        assert_eq!(way(&[], "x"), None);
        assert_eq!(way(&[("a", "x")], "b"), None);
        assert_eq!(way(&[("a", "gone")], "c"), None);
        // Round and round.
        assert_eq!(way(&[("a", "a"), ("b", "a")], "nowhere"), None);
    }
}
