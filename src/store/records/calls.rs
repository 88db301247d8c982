//! Calls of webhooks.

use serde::Serialize;

use super::ClaimToken;
use crate::domain::{
    event::StepRef,
    id::{LeadId, MessageId},
    name::Name,
    time::Instant,
};

/// A claimed call.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// Made as those of messages are, and never one of theirs.
    pub id: MessageId,
    pub lead: LeadId,
    pub about: StepRef,
    pub workflow: Name,
    pub target: Name,
    /// JSON.
    pub told: String,
    /// Before this one.
    pub attempts: i64,
    pub first_tried_at: Option<Instant>,
    pub token: ClaimToken,
}

/// What became of a claimed call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Called {
    /// The target took it.
    Answered { status: u16 },
    /// It is tried again then.
    Again { until: Instant, reason: String },
    /// It is tried no more.
    GivenUp { reason: String },
}

/// How many calls of a target stand so.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CallCount {
    pub target: Name,
    /// `due`, `answered`, `failed` or `parked`.
    pub state: String,
    /// Why the oldest of those that are parked, or were tried in vain, is.
    pub reason: Option<String>,
    pub number: u64,
}
