//! What goes into and comes out of the store: plain records, no SQL.

mod calls;
mod codes;
mod figures;
mod past;
mod settled;
mod shown;

use std::collections::BTreeMap;

pub use calls::{Call, CallCount, Called};
pub use codes::{CodeWanted, Given, Pool};
pub use figures::{
    Again, BackCount, Behind, CohortCount, Deal, Gain, Happened, Inside, MailCount, OpenCount,
    PassedOver, Period, Queue, StageChange, Standing, Upcoming, What, WorkflowFigures,
};
pub use past::{Logged, Past};
pub use settled::{ClaimToken, Settled, Settlement};
pub use shown::{Census, Deferred, Doubt, EnrolmentRow, LedgerRow, Parked, TimelineRow};

use crate::domain::{
    address::Address,
    artefact::ArtefactRef,
    decision::{EnrolmentChange, LedgerLine, LogLine, MadeEvent, NewMessage},
    definitions::Since,
    event::{EventData, EventKind, Judgement, StepRef},
    id::{LeadId, MessageId, ReleaseId, Rev},
    lead::{Consent, Memory, Profile, Stage, Suppression},
    message::{MessageKind, MessageState},
    name::Name,
    schedule::Day,
    time::Instant,
    webhook::NewCall,
    workflow::Version,
};

/// Whose turn it is. A reply never stands behind a million timers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Lane {
    /// Clicks, replies, unsubscribes, what a person did by hand.
    Acts,
    /// A lead's own wake-ups.
    Timers,
    /// Imports.
    Bulk,
    /// Releases.
    Sweep,
}

impl Lane {
    pub const ALL: [Self; 4] = [Self::Acts, Self::Timers, Self::Bulk, Self::Sweep];

    /// As stored.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Acts => 0,
            Self::Timers => 1,
            Self::Bulk => 2,
            Self::Sweep => 3,
        }
    }
}

/// One row of an import, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct LeadUpsert {
    pub address: Address,
    /// By name, each once. Only what the row has a value for: an empty cell never erases.
    pub attributes: Vec<(Name, serde_json::Value)>,
    /// By purpose. Never lifts a later withdrawal; one that is withdrawn takes back what is known.
    pub consents: BTreeMap<Name, Consent>,
    /// The row says when they were given: no other renews one that was withdrawn.
    pub dated: bool,
    /// What it withdraws, somebody objected to: kept also where no consent is known.
    pub objects: bool,
    /// Taken for a lead that this run makes; an existing one keeps its own.
    pub stage: Option<Stage>,
    /// Put on the suppression list; nothing in an import takes anybody off it.
    pub suppress: Option<Suppression>,
}

impl LeadUpsert {
    /// Whether one of its consents is kept where none is known. Who never consented has nothing to take
    /// back, but may object.
    #[must_use]
    pub fn keeps(&self, consent: &Consent) -> bool {
        consent.withdrawn_at.is_none() || self.objects
    }
}

/// Where an import comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRun {
    /// Made by us; a second row with the same address in the same run is a merge.
    pub id: i64,
    pub source: Name,
    /// Somebody named the source, it is not just the file's name: a known lead that comes by it for the first
    /// time is news.
    pub is_named: bool,
    pub campaign: Option<Name>,
}

/// What became of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upserted {
    pub lead: LeadId,
    pub how: UpsertKind,
    /// The address is on the suppression list, by this row or from before.
    pub suppressed: bool,
    /// The row's consent was not taken: since then one is withdrawn, and the row does not renew it.
    pub withdrawn: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpsertKind {
    Created,
    Updated,
    /// Known already, and the row says nothing new.
    Unchanged,
    /// The same address came before in the same run; the values of this row that are not empty were taken.
    Merged,
    /// The lead is there and cannot be read; nothing of the row was taken.
    Unreadable,
}

/// An event at the door.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    pub lead: LeadId,
    pub kind: EventKind,
    pub object: Option<Name>,
    /// Clamped to the instant of recording if it lies after it.
    pub occurred_at: Instant,
    pub judgement: Judgement,
    pub settles_at: Option<Instant>,
    pub message: Option<MessageId>,
    pub about: Option<StepRef>,
    /// For `judgement.revised`: the event judged anew. The stored judgement of that event changes too.
    pub revises: Option<Rev>,
    pub data: EventData,
    /// Where it came from: `http`, a file, `lmtp`.
    pub source: Name,
    /// Recorded once per lead for the same key.
    pub dedupe: Option<String>,
    /// An objection: the address goes on the suppression list and the lead's `stop_epoch` goes up, in
    /// the same transaction.
    pub suppress: Option<Suppression>,
    /// What it changes in the lead's profile, in the same transaction.
    pub profile: Option<ProfileChange>,
    pub lane: Lane,
}

/// What a person asks of us about themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileChange {
    /// By name; a mail that is on its way is judged by them once more.
    pub attributes: Vec<(Name, serde_json::Value)>,
    /// Purposes for which consent is given, as of the event.
    pub given: Vec<Name>,
    /// Purposes whose ground is gone, as of the event. Mail for them that is on its way is stopped.
    pub withdrawn: Vec<Name>,
    /// Where consent comes from.
    pub source: Name,
}

impl NewEvent {
    /// An event that happened to a lead, with nothing else to say.
    #[must_use]
    pub fn new(lead: LeadId, kind: EventKind, occurred_at: Instant, source: &str) -> Self {
        Self {
            lead,
            kind,
            object: None,
            occurred_at,
            judgement: Judgement::Human,
            settles_at: None,
            message: None,
            about: None,
            revises: None,
            data: EventData::new(),
            source: source.into(),
            dedupe: None,
            suppress: None,
            profile: None,
            lane: Lane::Acts,
        }
    }
}

impl NewEvent {
    /// A workflow's clock ticks for a lead; once for each tick.
    #[must_use]
    pub fn tick(lead: LeadId, workflow: &Name, at: Instant) -> Self {
        Self {
            object: Some(workflow.clone()),
            dedupe: Some(format!("tick:{workflow}:{}", at.millis())),
            lane: Lane::Bulk,
            ..Self::new(lead, EventKind::SCHEDULE_TICKED, at, "schedule")
        }
    }
}

/// What became of an event at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Recorded under this rev; `clamped` if it claimed to come from the future.
    New {
        rev: Rev,
        clamped: bool,
    },
    /// Its dedupe key was there.
    Duplicate,
    NoSuchLead,
    /// One of its texts has a NUL character in it, which databases do not store.
    Unstorable,
}

/// How many leads of each lane one batch takes; what a lane leaves over goes to the next ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub acts: i64,
    pub timers: i64,
    pub bulk: i64,
    pub sweep: i64,
}

impl Quota {
    /// The weights of the lanes for a batch of about `size`: every lane moves, acts most.
    #[must_use]
    pub const fn of(size: i64) -> Self {
        Self {
            acts: at_least_one(size / 2),
            timers: at_least_one(size / 4),
            bulk: at_least_one(size / 8),
            sweep: at_least_one(size - size / 2 - size / 4 - size / 8),
        }
    }

    #[must_use]
    pub const fn total(&self) -> i64 {
        self.acts + self.timers + self.bulk + self.sweep
    }
}

const fn at_least_one(share: i64) -> i64 {
    if share < 1 { 1 } else { share }
}

/// A decision as it is written, where `rev` still holds.
#[derive(Clone, Debug)]
pub struct LeadWrite {
    pub lead: LeadId,
    /// The rev that was loaded.
    pub rev: Rev,
    /// The release that decided.
    pub release: ReleaseId,
    pub profile: Option<Profile>,
    pub memory: Option<Memory>,
    pub stage: Option<(Stage, Instant)>,
    pub enrolments: Vec<EnrolmentChange>,
    pub messages: Vec<NewMessage>,
    pub calls: Vec<NewCall>,
    pub withdraw: Vec<(MessageId, String)>,
    pub events: Vec<MadeEvent>,
    pub log: Vec<LogLine>,
    pub ledger: Vec<LedgerLine>,
    pub wake_at: Instant,
    /// Its mail that is claimed was judged by what is not so any more.
    pub judge_again: bool,
}

/// What a commit did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Written, with their new rev.
    pub written: Vec<(LeadId, Rev)>,
    /// Their rev had moved on; they stay due.
    pub lost: Vec<LeadId>,
    /// All are lost: another release is live, or other workflows are paused.
    pub is_outdated: bool,
    pub reserved: u64,
    pub withdrawn: u64,
    /// Could not be read, and are parked.
    pub parked: Vec<(LeadId, String)>,
    /// For each message that was to be marked with a settlement, whether it may be handed over.
    pub marked: Vec<bool>,
}

/// A message as the sender sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    pub id: MessageId,
    pub lead: LeadId,
    pub about: StepRef,
    pub kind: MessageKind,
    /// Empty for the lead, else the person it goes to.
    pub recipient: Name,
    pub workflow: Name,
    pub version: Version,
    pub purpose: Name,
    pub template: Name,
    pub state: MessageState,
    pub due_at: Instant,
    /// How often a relay was asked to take it.
    pub attempts: i64,
    pub created_at: Instant,
    /// When it was first handed to a relay.
    pub first_tried_at: Option<Instant>,
    pub sent_at: Option<Instant>,
    /// Why it is in this state, where there is a reason.
    pub reason: Option<String>,
    /// The relay that it is to go by; empty where nobody has said it yet.
    pub via: Name,
    /// The day whose places it has taken, in lines of `via` and others that take so many a day.
    pub placed_on: Option<Day>,
}

/// What a hit's token leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageBrief {
    pub id: MessageId,
    pub lead: LeadId,
    pub kind: MessageKind,
    pub template: Name,
    pub workflow: Name,
    pub about: StepRef,
    pub state: MessageState,
    pub sent_at: Option<Instant>,
}

/// What an unsubscribe link leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// What its mail was for, as long as that is known.
    pub purpose: Option<Name>,
    /// Why the lead is not written to.
    pub suppressed: Option<Suppression>,
}

/// A release as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRow {
    pub id: ReleaseId,
    pub at: Instant,
    pub who: String,
    pub reason: String,
    pub manifest: Vec<ArtefactRef>,
    /// Since when a workflow of each name has been live without a break.
    pub live_since: BTreeMap<Name, Since>,
}

/// How many are at a step of a version of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stand {
    pub workflow: Name,
    pub version: Version,
    pub step: Name,
    pub people: u64,
}

/// How far a release's sweep over all leads has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepProgress {
    /// Leads that this step made due.
    pub woken: u64,
    /// Nothing is left to sweep.
    pub done: bool,
}
