//! Workflows: who enters, what happens step by step, when they leave.

mod rounds;
mod steps;
#[cfg(test)]
mod tests;
mod ways;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    address::Mailbox,
    condition::Condition,
    hand_off::HandOff,
    id::MessageId,
    name::Name,
    on_change::OnChange,
    pace::AtMost,
    schedule::{DateExpr, Deadline, WaitSpec, Window},
    split::Arm,
    stream::Stream,
    value::{Slot, Value},
    webhook::Webhook,
};

pub use self::{
    rounds::{DEEPEST, MOST_ROUNDS, STAY, is_same_arrival, next_round, rounds_done, tries},
    steps::Steps,
    ways::Way,
};
pub use super::enter::{Again, DateEntry, Enter};

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
    /// A lead is in it once for each value that its entering events carry under this key of their data.
    pub each: Option<Name>,
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
    /// Likewise.
    pub on_failure: MailFailure,
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

/// What becomes of a lead whose mail failed: it was refused for good, the relay put it off until it was given up, or it
/// cannot be written. Who has no mailbox any more is suppressed, and gets no more mail either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MailFailure {
    /// Leaves the workflow; a mail that cannot be written is parked, and its lead waits until that is mended.
    #[default]
    Leave,
    /// Goes on without it.
    Skip,
    /// Gets it once more after a day; refused again, it leaves. What cannot be written is parked.
    Retry,
    /// Stays at the step with the mail, which is parked.
    Hold,
}

impl MailFailure {
    pub const WORDS: [(&str, Self); 4] = [
        ("leave", Self::Leave),
        ("skip", Self::Skip),
        ("retry", Self::Retry),
        ("hold", Self::Hold),
    ];
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
        on_failure: Option<MailFailure>,
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
    /// Takes the way of the first case, in this order, that is true on arrival, and `otherwise` if none is.
    Branch {
        cases: Vec<Case>,
        otherwise: Option<StepIx>,
    },
    /// Takes the arm that a lead always takes.
    Split(Vec<Arm>),
    /// Goes round: does `body`, whose end leads back here, so many times, or until this is true on arrival.
    Repeat {
        times: u32,
        until: Option<Condition>,
        body: Option<StepIx>,
    },
    /// Sends the next content that the lead has not had, again and again.
    Stream(Stream),
    /// The lead enters another workflow, if its rules let it.
    Enrol(Name),
    /// The lead leaves another workflow, if it is inside.
    Leave(Name),
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
    /// Tells another system of the lead.
    Webhook(Webhook),
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

/// One case of a `branch`.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: Option<Name>,
    pub condition: Condition,
    pub then: Option<StepIx>,
}

/// What a mail says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content<'a> {
    Template(&'a Name),
    /// What comes next in this stream, told when the mail is reserved.
    NextOf(&'a Name),
}

/// A mail as a step of a workflow sends it.
#[derive(Clone, Copy, Debug)]
pub struct MailStep<'a> {
    pub workflow: &'a Workflow,
    pub content: Content<'a>,
    /// No window, no cap; suppression still.
    pub now: bool,
    pub not_after: Option<&'a Deadline>,
    pub in_doubt: InDoubt,
    pub on_failure: MailFailure,
    /// It is in doubt, was lost or failed, and goes once more: no cap counts it against itself.
    pub again: Option<MessageId>,
}

impl Workflow {
    /// Whether those in another version finish what they are at, and leave, once this one is live.
    #[must_use]
    pub fn drains(&self, version: &Version) -> bool {
        self.on_change == OnChange::Drain && self.version != *version
    }

    /// The mail that a step sends; `None` if it is no such step.
    #[must_use]
    pub fn mail_step(&self, step: &str) -> Option<MailStep<'_>> {
        let (content, now, not_after, in_doubt, on_failure) = match &self.steps.named(step)?.kind {
            StepKind::Email { template, now, not_after, in_doubt, on_failure } => {
                (Content::Template(template), now, not_after, in_doubt, on_failure)
            }
            StepKind::Stream(Stream { name, now, not_after, in_doubt, on_failure, .. }) => {
                (Content::NextOf(name), now, not_after, in_doubt, on_failure)
            }
            _ => return None,
        };
        Some(MailStep {
            workflow: self,
            content,
            now: now.unwrap_or(self.now),
            not_after: not_after.as_ref().or(self.not_after.as_ref()),
            in_doubt: in_doubt.unwrap_or(self.in_doubt),
            on_failure: on_failure.unwrap_or(self.on_failure),
            again: None,
        })
    }
}

impl StepKind {
    /// Where its branches begin, in the order in which they are written.
    pub fn branches_mut(&mut self) -> Vec<&mut Option<StepIx>> {
        match self {
            Self::If { then, otherwise, .. } => vec![then, otherwise],
            Self::Branch { cases, otherwise } => {
                cases.iter_mut().map(|case| &mut case.then).chain([otherwise]).collect()
            }
            Self::Split(arms) => arms.iter_mut().map(|arm| &mut arm.then).collect(),
            Self::Repeat { body, .. } => vec![body],
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

    /// Likewise, to look at.
    #[must_use]
    pub fn branches(&self) -> Vec<Option<StepIx>> {
        self.clone().branches_mut().into_iter().map(|begin| *begin).collect()
    }

    /// Whether it is come to once more from itself: its visits are counted by rounds.
    #[must_use]
    pub const fn is_loop(&self) -> bool {
        matches!(self, Self::Repeat { .. } | Self::Stream(_))
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
            Self::Branch { .. } => "branch",
            Self::Split(_) => "split",
            Self::Repeat { .. } => "repeat",
            Self::Stream(_) => "stream",
            Self::Enrol(_) => "enrol",
            Self::Leave(_) => "leave",
            Self::Set(_) => "set",
            Self::Tag { .. } => "tag",
            Self::Notify { .. } => "notify",
            Self::Webhook(_) => "webhook",
            Self::HandOff(_) => "hand_off",
            Self::Stop { .. } => "stop",
        }
    }
}
