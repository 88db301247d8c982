//! A claimed message, and what an outcome makes of it.

use sqlx::FromRow;

use crate::{
    domain::{
        event::{EventData, StepRef},
        id::EnrolmentNo,
        message::{MessageKind, MessageState},
        time::Instant,
        value::Value,
    },
    store::records::{Settled, Settlement},
};

/// Where events on deliveries come from.
pub(super) const SOURCE: &str = "delivery";

#[derive(Clone, Debug, FromRow)]
pub(super) struct Claimed {
    pub id: i64,
    pub lead: i64,
    pub enrolment: i64,
    pub step: String,
    pub visit: i64,
    pub kind: String,
    pub workflow: String,
    pub purpose: String,
    pub template: String,
    pub state: String,
    pub attempts: i64,
    pub token: Option<i64>,
    pub doubted_at: Option<i64>,
}

impl Claimed {
    pub fn admits(&self, settlement: &Settlement) -> bool {
        use MessageState::{Claimed, InDoubt, Reserved, Transmitting};
        let Some(state) = MessageState::from_word(&self.state) else { return false };
        let is_late = state == InDoubt || (state == Reserved && self.doubted_at.is_some());
        self.token == Some(settlement.token.0)
            && match settlement.outcome {
                Settled::Sent { .. } => state == Transmitting || is_late,
                Settled::Said { .. } => state == InDoubt,
                Settled::InDoubt { .. } => state == Transmitting,
                Settled::Failed { .. } => matches!(state, Claimed | Transmitting) || is_late,
                Settled::Deferred { .. } | Settled::Parked { .. } => {
                    matches!(state, Claimed | Transmitting)
                }
                Settled::Released { .. } | Settled::Cancelled { .. } => state == Claimed,
            }
    }

    /// The state that an outcome leads to: what was in doubt before and is not sent once more is so still, and
    /// a notice that was lost, which nobody waits for, is sent once more.
    pub fn state_after(&self, outcome: &Settled) -> MessageState {
        match outcome {
            Settled::Cancelled { .. } if self.doubted_at.is_some() => MessageState::InDoubt,
            Settled::Said { arrived: false, .. } if self.kind == MessageKind::Internal.word() => {
                MessageState::Reserved
            }
            _ => outcome.state(),
        }
    }

    /// How often a relay was asked, this time included: the point of no return counts by itself,
    /// a refusal before it is counted here.
    pub fn attempts_after(&self, settlement: &Settlement) -> i64 {
        let asked = match settlement.outcome {
            Settled::Failed { .. } | Settled::Parked { .. } | Settled::Deferred { .. } => {
                asked_a_relay(settlement)
            }
            _ => false,
        };
        self.attempts + i64::from(asked && self.state == MessageState::Claimed.word())
    }

    pub fn about(&self) -> StepRef {
        StepRef {
            enrolment: EnrolmentNo(self.enrolment),
            step: self.step.as_str().into(),
            visit: u64::try_from(self.visit).unwrap_or_default(),
        }
    }

    pub fn data(&self, outcome: &Settled) -> EventData {
        let mut data = EventData::new();
        data.insert("workflow".into(), Value::Text(self.workflow.as_str().into()));
        data.insert("purpose".into(), Value::Text(self.purpose.as_str().into()));
        if let Some(reason) = reason(outcome) {
            data.insert("reason".into(), Value::Text(reason.into()));
        }
        if let Settled::Failed { hard, .. } = outcome {
            data.insert("hard".into(), Value::Bool(*hard));
        }
        data
    }
}

/// Whether a relay was asked to take the message, and said something or did not. What cannot be written is parked, or
/// fails, without one.
pub(super) fn asked_a_relay(Settlement { outcome, relay, .. }: &Settlement) -> bool {
    match outcome {
        Settled::Released { .. } | Settled::Cancelled { .. } => false,
        Settled::Parked { .. } | Settled::Failed { .. } => relay.is_some(),
        Settled::Deferred { counted, .. } => *counted,
        Settled::Sent { .. } | Settled::InDoubt { .. } | Settled::Said { .. } => true,
    }
}

/// Why, for the message's row.
pub(super) fn reason(outcome: &Settled) -> Option<&str> {
    match outcome {
        Settled::Sent { .. } => None,
        Settled::Failed { reason, .. }
        | Settled::InDoubt { reason }
        | Settled::Deferred { reason, .. }
        | Settled::Released { reason, .. }
        | Settled::Cancelled { reason }
        | Settled::Parked { reason } => Some(reason),
        Settled::Said { by, .. } => Some(by),
    }
}

/// Whether an outcome that is no event leaves the way free to another mail of the lead.
pub(super) fn lets_others_go(settlement: &Settlement, now: Instant) -> bool {
    match settlement.outcome {
        Settled::Parked { .. } | Settled::Deferred { .. } => true,
        Settled::Released { due_at, .. } => due_at > now,
        _ => false,
    }
}

/// Who tells of an outcome.
pub(super) fn source(outcome: &Settled) -> &str {
    match outcome {
        Settled::Said { by, .. } => by,
        _ => SOURCE,
    }
}
