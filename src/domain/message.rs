//! Messages: one mail to one lead for one (enrolment, step, visit).

use serde::{Deserialize, Serialize};

use super::{event::StepRef, id::MessageId, name::Name, time::Instant};

/// The life of a message.
///
/// `reserved → claimed → transmitting → sent | failed | in_doubt`;
/// `transmitting → deferred → claimed`; `claimed → reserved` when its lease is over or it is no longer
/// allowed; `cancelled` any time before `transmitting`; `parked` when it cannot be rendered. What was in doubt is
/// `reserved` once more where its workflow says so or a person says that it was lost, and then `in_doubt` again
/// where it would be cancelled: it may have arrived.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    Reserved,
    Claimed,
    /// Past the point of no return: the relay may have it.
    Transmitting,
    /// The relay said "later".
    Deferred,
    /// 250 after the dot.
    Sent,
    /// Refused for good, or given up.
    Failed,
    /// Handed over, the answer unknown. Counts as sent.
    InDoubt,
    Cancelled,
    /// Cannot be rendered; looked at again when a new release goes live.
    Parked,
}

impl MessageState {
    pub const ALL: [Self; 9] = [
        Self::Reserved,
        Self::Claimed,
        Self::Transmitting,
        Self::Deferred,
        Self::Sent,
        Self::Failed,
        Self::InDoubt,
        Self::Cancelled,
        Self::Parked,
    ];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Claimed => "claimed",
            Self::Transmitting => "transmitting",
            Self::Deferred => "deferred",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
            Self::Cancelled => "cancelled",
            Self::Parked => "parked",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Still on its way: a lead has at most one such marketing message.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Reserved | Self::Claimed | Self::Transmitting | Self::Deferred)
    }

    /// Before the point of no return.
    #[must_use]
    pub const fn can_be_cancelled(self) -> bool {
        matches!(self, Self::Reserved | Self::Claimed | Self::Deferred | Self::Parked)
    }
}

/// To whom a message speaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// To the lead: under consent, windows and caps.
    Marketing,
    /// To our own people: outside of windows and caps.
    Internal,
}

impl MessageKind {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::Internal => "internal",
        }
    }
}

/// A lead's open marketing message, as decisions see it.
#[derive(Clone, PartialEq, Debug)]
pub struct OpenMessage {
    pub id: MessageId,
    pub about: StepRef,
    pub workflow: Name,
    pub purpose: Name,
    pub template: Name,
    pub state: MessageState,
    pub due_at: Instant,
}

/// The judgement of [`may_send`](super::decide::may_send) at the instant of sending.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MaySend {
    Now,
    /// Not before the instant; deferred, with the reason.
    NotBefore(Instant, String),
    /// Never; cancelled, with the reason.
    Never(String),
}
