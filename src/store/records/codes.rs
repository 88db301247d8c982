//! Discount codes.

use serde::Serialize;

use crate::domain::{
    id::{EnrolmentNo, LeadId, MessageId},
    name::Name,
};

/// Whose a code of a pool is to be: a lead's, for its passage through a workflow. All mails of the passage
/// show the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeWanted {
    pub pool: Name,
    pub lead: LeadId,
    pub enrolment: EnrolmentNo,
    /// Which mail asks, for the record.
    pub message: MessageId,
}

/// What was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// In the order of what was wanted; `None`: the pool has none left.
    pub codes: Vec<Option<String>>,
    /// Pools that this brought below their marks, and how many are left of them.
    pub low: Vec<(Name, u64)>,
}

/// A pool of codes, in figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pool {
    pub pool: Name,
    pub left: u64,
    pub given: u64,
    /// A warning is logged where fewer are left.
    pub warn_below: u64,
}

impl Pool {
    #[must_use]
    pub const fn is_low(&self) -> bool {
        self.left < self.warn_below
    }
}
