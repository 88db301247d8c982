//! Decisions: what changes for a lead, the reason for each change, what it wants, when to look again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    country::Country,
    event::{Event, EventKind, StepRef},
    facts::Fact,
    id::{EnrolmentNo, MessageId, Rev},
    lead::{Ended, Enrolment, Held, LeadState, Passages, SentMail, Stage},
    message::MessageKind,
    name::Name,
    schedule::{Day, Window},
    score::{Booked, MilliPoints},
    time::{Instant, Zone},
    value::Value,
    webhook::NewCall,
    workflow::Version,
};

/// What [`decide`](super::decide::decide) returns.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    pub changes: Changes,
    /// Enrolments that are new, moved or ended, in their state afterwards.
    pub enrolments: Vec<EnrolmentChange>,
    /// Messages to reserve: at most one to the lead, any number to our people.
    pub messages: Vec<NewMessage>,
    /// Calls to other systems.
    pub calls: Vec<NewCall>,
    /// Unsent messages to withdraw, with the reason.
    pub withdraw: Vec<(MessageId, String)>,
    /// Facts that the decision itself makes: `stage.changed`.
    pub events: Vec<MadeEvent>,
    pub log: Vec<LogLine>,
    pub ledger: Vec<LedgerLine>,
    /// What it asks of things shared between leads.
    pub wants: Vec<Want>,
    /// When the lead must be looked at again with no new event.
    pub wake_at: Instant,
}

impl Decision {
    /// Whether anything but the timer is to be written.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.changes.is_empty()
            && self.enrolments.is_empty()
            && self.messages.is_empty()
            && self.calls.is_empty()
            && self.withdraw.is_empty()
            && self.events.is_empty()
            && self.log.is_empty()
            && self.ledger.is_empty()
    }
}

/// The parts of a [`LeadState`] that are replaced. `None`: as it was.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub attributes: Option<Vec<Option<Value>>>,
    pub tags: Option<BTreeSet<Name>>,
    pub stage: Option<(Stage, Instant)>,
    pub facts: Option<Vec<Fact>>,
    pub fit: Option<(MilliPoints, BTreeMap<Name, MilliPoints>)>,
    pub booked: Option<Booked>,
    pub withheld: Option<BTreeSet<Name>>,
    pub segments: Option<Vec<Option<Instant>>>,
    pub at_the_door: Option<Vec<Option<Instant>>>,
    pub next_enrolment: Option<EnrolmentNo>,
    pub passages: Option<Passages>,
    pub sends: Option<Vec<SentMail>>,
    pub received: Option<BTreeMap<Name, Instant>>,
    pub unsettled: Option<Vec<Event>>,
}

impl Changes {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.touches_profile() && !self.touches_memory() && self.stage.is_none()
    }

    /// Attributes or tags.
    #[must_use]
    pub fn touches_profile(&self) -> bool {
        self.attributes.is_some() || self.tags.is_some()
    }

    /// What is stored as the lead's memory.
    #[must_use]
    pub fn touches_memory(&self) -> bool {
        self.facts.is_some()
            || self.fit.is_some()
            || self.booked.is_some()
            || self.withheld.is_some()
            || self.segments.is_some()
            || self.at_the_door.is_some()
            || self.next_enrolment.is_some()
            || self.passages.is_some()
            || self.sends.is_some()
            || self.received.is_some()
            || self.unsettled.is_some()
    }

    /// Puts the changes into the state that they were decided on.
    pub fn apply_to(self, state: &mut LeadState) {
        fn put<T>(place: &mut T, change: Option<T>) {
            if let Some(value) = change {
                *place = value;
            }
        }
        put(&mut state.attributes, self.attributes);
        put(&mut state.tags, self.tags);
        put(&mut state.facts, self.facts);
        put(&mut state.booked, self.booked);
        put(&mut state.withheld, self.withheld);
        put(&mut state.segments, self.segments);
        put(&mut state.at_the_door, self.at_the_door);
        put(&mut state.next_enrolment, self.next_enrolment);
        put(&mut state.passages, self.passages);
        put(&mut state.sends, self.sends);
        put(&mut state.received, self.received);
        put(&mut state.unsettled, self.unsettled);
        if let Some((stage, since)) = self.stage {
            (state.stage, state.stage_since) = (stage, since);
        }
        if let Some((fit, rules)) = self.fit {
            (state.fit, state.fit_rules) = (fit, rules);
        }
    }
}

/// An enrolment after the decision.
#[derive(Clone, PartialEq, Debug)]
pub struct EnrolmentChange {
    pub enrolment: Enrolment,
    pub is_new: bool,
    /// It has moved to the live version of its workflow, with its mail.
    pub has_migrated: bool,
    pub ended: Option<Ended>,
    /// Why it has gone on past a mail of its that is parked: that one is over.
    pub gave_up: Option<String>,
}

/// A message to reserve.
#[derive(Clone, PartialEq, Debug)]
pub struct NewMessage {
    pub about: StepRef,
    pub kind: MessageKind,
    /// Empty for the lead, else the person it goes to; part of the message's key.
    pub recipient: Name,
    pub workflow: Name,
    pub version: Version,
    pub purpose: Name,
    /// Empty for an internal message without a template of its own.
    pub template: Name,
    pub priority: i32,
    pub due_at: Instant,
    /// The relay that it is to go by; decisions do not say it.
    pub relay: Name,
    /// The day whose places it has taken, in lines that take so many a day; decisions do not say it.
    pub placed_on: Option<Day>,
    /// No new one: this one, which was in doubt, is sent once more.
    pub again: Option<MessageId>,
}

/// An event that a decision makes.
#[derive(Clone, PartialEq, Debug)]
pub struct MadeEvent {
    pub kind: EventKind,
    pub object: Option<Name>,
    /// In a few words.
    pub reason: String,
}

/// A line of the decision log: what changed or was held back, and why. At most 200 bytes of text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogLine {
    pub what: Verb,
    pub workflow: Option<Name>,
    pub step: Option<Name>,
    pub reason: String,
}

/// What a line of the decision log says was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Entered,
    NotEntered,
    Held,
    /// A step whose date was past.
    Skipped,
    /// A mail that did not leave in time.
    Expired,
    Reserved,
    Withdrawn,
    Advanced,
    /// To the live version of its workflow.
    Migrated,
    Ended,
    Stage,
    Set,
}

impl Verb {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::NotEntered => "not_entered",
            Self::Held => "held",
            Self::Skipped => "skipped",
            Self::Expired => "expired",
            Self::Reserved => "reserved",
            Self::Withdrawn => "withdrawn",
            Self::Advanced => "advanced",
            Self::Migrated => "migrated",
            Self::Ended => "ended",
            Self::Stage => "stage",
            Self::Set => "set",
        }
    }
}

/// Which score.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreKind {
    Fit,
    Engagement,
}

impl ScoreKind {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fit => "fit",
            Self::Engagement => "engagement",
        }
    }
}

/// A line of the score ledger: points that came or went, and by which rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LedgerLine {
    pub score: ScoreKind,
    pub rule: Name,
    pub points: MilliPoints,
    /// When the hit happened, or the profile changed.
    pub at: Instant,
    pub reason: String,
    /// The hit that it is for, where there is one.
    pub event: Option<Rev>,
}

/// What a decision asks of something shared between leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Want {
    pub resource: Resource,
    pub about: StepRef,
    /// Mail that the lead asked for is refused nothing.
    pub was_asked_for: bool,
    /// The turn that it was told before.
    pub turn: Option<Held>,
    /// When it may leave, where there are lines to wait in.
    pub keeps: Option<Keeps>,
}

/// The hours of a mail, and on whose clock they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keeps {
    pub window: Window,
    /// When it shuts, if it ever does.
    pub closes: Option<Instant>,
    pub zone: Zone,
    pub country: Option<Country>,
}

/// Things shared between leads.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Resource {
    /// To send one marketing mail of this workflow.
    Mail { workflow: Name },
}

/// The allocator's answers, and what people have paused. A want that is not refused is granted.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    refused: BTreeMap<StepRef, (Instant, String)>,
    /// Workflows.
    paused: BTreeSet<Name>,
    /// Mails may have to wait in line.
    has_lines: bool,
    /// Why the lead's mails are held.
    lead_paused: Option<String>,
}

impl Grants {
    /// Nothing is refused, and these workflows' mail is paused.
    #[must_use]
    pub fn with_paused(paused: &BTreeSet<Name>) -> Self {
        Self { paused: paused.clone(), ..Self::default() }
    }

    /// Wants are to say when their mails may leave, and until when they may wait in line.
    #[must_use]
    pub fn in_lines(self, has_lines: bool) -> Self {
        Self { has_lines, ..self }
    }

    #[must_use]
    pub fn has_lines(&self) -> bool {
        self.has_lines
    }

    /// And the lead's mails are held, if there is a reason.
    #[must_use]
    pub fn and_of_lead(self, reason: Option<&String>) -> Self {
        Self { lead_paused: reason.cloned(), ..self }
    }

    /// Why no mail goes to the lead, if it is paused.
    #[must_use]
    pub fn lead_paused(&self) -> Option<&str> {
        self.lead_paused.as_deref()
    }

    #[must_use]
    pub fn is_paused(&self, workflow: &str) -> bool {
        self.paused.contains(workflow)
    }

    /// Refuses a want until a future slot, with the reason.
    pub fn refuse(&mut self, want: &Want, slot: Instant, reason: String) {
        self.refused.insert(want.about.clone(), (slot, reason));
    }

    #[must_use]
    pub fn refusal(&self, want: &Want) -> Option<&(Instant, String)> {
        self.refused.get(&want.about)
    }
}
