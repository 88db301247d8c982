//! What is kept of a lead's past: all that happened to it, and all that was decided on it.

use crate::domain::{
    decision::LogLine,
    event::Event,
    id::Rev,
    lead::{LeadRecord, Suppression},
    time::Instant,
};

use super::{EnrolmentRow, MessageRow};

/// A lead's past, as far as it is kept.
#[derive(Clone, Debug)]
pub struct Past {
    /// As it is now.
    pub record: LeadRecord,
    /// By rev.
    pub events: Vec<Event>,
    /// Those of them that decisions made.
    pub made: Vec<Rev>,
    /// In the order of the decisions.
    pub log: Vec<Logged>,
    /// By number.
    pub enrolments: Vec<EnrolmentRow>,
    /// The oldest first.
    pub messages: Vec<MessageRow>,
    /// Since when it is not written to, and why.
    pub suppressed: Option<(Instant, Suppression)>,
    /// It could not be decided, and waits for somebody.
    pub is_parked: bool,
}

/// A line of the decision log, and the decision that it is of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Logged {
    pub rev: Rev,
    pub at: Instant,
    pub line: LogLine,
}
