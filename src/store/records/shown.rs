//! What people look at: a lead's rows as they read them, and counts of everything.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ClaimToken;
use crate::domain::{
    address::Address,
    decision::LedgerLine,
    event::{EventData, Judgement},
    id::{EnrolmentNo, LeadId, MessageId, as_text},
    name::Name,
    time::Instant,
    workflow::Version,
};

/// An ended or active enrolment, for people to read.
#[derive(Clone, Debug, PartialEq)]
pub struct EnrolmentRow {
    pub no: EnrolmentNo,
    pub workflow: Name,
    pub version: Version,
    pub step: Name,
    /// `ready`, `waiting`, `mailing`, or the outcome's word.
    pub state: String,
    pub entered_at: Instant,
    /// What the event carries that it entered by; nothing if it was none.
    pub carries: EventData,
    pub due_at: Option<Instant>,
    pub ended_at: Option<Instant>,
    pub reason: Option<String>,
}

/// One line of a lead's timeline: an event, a line of the decision log, or what is parked.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineRow {
    pub at: Instant,
    /// An event's kind, `decision.VERB`, or `mail.parked`.
    pub kind: String,
    pub object: Option<String>,
    pub workflow: Option<String>,
    pub step: Option<String>,
    pub detail: Option<String>,
    pub judgement: Option<Judgement>,
    /// Of an unsure hit: from when on it counts.
    pub settles_at: Option<Instant>,
}

/// A line of the score ledger, for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    pub line: LedgerLine,
    /// What its hit was on, a mail or a page, as long as the event is kept.
    pub object: Option<Name>,
}

/// A mail that may have arrived, and nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    pub message: MessageId,
    /// Of its last claim: by it whoever knows more settles it.
    pub token: ClaimToken,
    /// Since when.
    pub at: Instant,
    pub workflow: Name,
    pub step: Name,
    pub template: Name,
    /// Empty for the lead, else the person it goes to.
    pub recipient: Name,
    pub lead: LeadId,
    /// `None` where the lead is gone.
    pub address: Option<Address>,
    pub relay: Option<Name>,
    /// What is known.
    pub reason: Option<String>,
    pub attempts: i64,
    /// Its lead does not go on until it is settled, or sent once more.
    pub waits: bool,
}

/// What is parked for one reason: mails of one template, or leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parked {
    /// Of mails; empty for the built-in notice. `None`: leads that cannot be decided.
    pub template: Option<Name>,
    pub reason: String,
    pub number: u64,
    /// One of the leads, as logs name it.
    #[serde(serialize_with = "as_text")]
    pub lead: LeadId,
    /// Its address, as long as it is there.
    pub example: Option<Address>,
}

/// Mails that are deferred for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deferred {
    pub reason: String,
    pub number: u64,
}

/// Counts of messages by state, of leads by stage, of what is due; for reports and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    pub leads: u64,
    pub by_stage: BTreeMap<Name, u64>,
    pub messages: BTreeMap<Name, u64>,
    pub enrolments_active: u64,
    pub suppressions: u64,
    pub due: u64,
    pub parked_leads: u64,
}
