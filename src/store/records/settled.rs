//! What becomes of claimed messages.

use crate::domain::{
    event::EventKind, id::MessageId, message::MessageState, name::Name, time::Instant,
};

/// Names the claimer of a message. Every later write of the claim is fenced by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct ClaimToken(pub i64);

/// The end of one claim of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    pub message: MessageId,
    pub token: ClaimToken,
    pub outcome: Settled,
    /// The relay, where one was asked.
    pub relay: Option<Name>,
}

/// What became of a claimed message.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// From `transmitting`, or from `in_doubt` by a late answer.
    Sent { reply: String },
    /// Refused for good or given up, also by a late answer. `hard`: the address does not exist.
    Failed { reason: String, hard: bool },
    /// Handed over, no answer.
    InDoubt { reason: String },
    /// The relay said "later", or could not be asked (`counted`: as an attempt).
    Deferred { until: Instant, reason: String, counted: bool },
    /// Not allowed now: back to `reserved`.
    Released { due_at: Instant, reason: String },
    /// Never to be sent.
    Cancelled { reason: String },
    /// Cannot be rendered.
    Parked { reason: String },
    /// It was in doubt, and somebody knows whether it arrived. `by`: who says so, in words.
    Said { arrived: bool, by: String },
}

impl Settled {
    /// The state it leads to.
    #[must_use]
    pub const fn state(&self) -> MessageState {
        match self {
            Self::Sent { .. } | Self::Said { arrived: true, .. } => MessageState::Sent,
            Self::Failed { .. } | Self::Said { arrived: false, .. } => MessageState::Failed,
            Self::InDoubt { .. } => MessageState::InDoubt,
            Self::Deferred { .. } => MessageState::Deferred,
            Self::Released { .. } => MessageState::Reserved,
            Self::Cancelled { .. } => MessageState::Cancelled,
            Self::Parked { .. } => MessageState::Parked,
        }
    }

    /// Its word, for the record of attempts.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Said { arrived: false, .. } => "lost",
            _ => self.state().word(),
        }
    }

    /// The event that tells the lead's enrolment, if it is to be told.
    #[must_use]
    pub const fn event(&self) -> Option<EventKind> {
        match self {
            Self::Sent { .. } | Self::Said { arrived: true, .. } => Some(EventKind::MAIL_SENT),
            Self::Said { arrived: false, .. } => Some(EventKind::MAIL_LOST),
            Self::Failed { .. } => Some(EventKind::MAIL_FAILED),
            Self::InDoubt { .. } => Some(EventKind::MAIL_IN_DOUBT),
            Self::Cancelled { .. } => Some(EventKind::MAIL_CANCELLED),
            Self::Deferred { .. } | Self::Released { .. } | Self::Parked { .. } => None,
        }
    }
}
