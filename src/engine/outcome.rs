//! From a relay's answer to the end of a claim.

use std::time::Duration;

use crate::{
    domain::{
        definitions::Definitions, message::MessageKind, time::Instant, workflow::MailFailure,
    },
    mail::relay::{Delivery, Fault, next_try},
    store::records::{MessageRow, Settled},
};

/// How soon a mail is looked at again that was not let through at the point of no return.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How often a mail is handed to a server that takes nothing from us. Three in a row pause the relay, so that it takes
/// others in between to come this far.
const STANDING_TRIES: i64 = 5;

/// What a delivery means for its message.
#[must_use]
pub fn outcome(message: &MessageRow, delivery: Delivery, now: Instant) -> Settled {
    let refuses_us = delivery.refuses_us();
    let of_a_recipient = delivery.is_about_a_recipient();
    match delivery {
        Delivery::Sent { reply } => Settled::Sent { reply: reply.to_string() },
        Delivery::Refused { reply, stage } if refuses_us => {
            // What may be about the recipient is not tried for ever.
            let reason = format!("refused at {}: {reply}", stage.word());
            postponed(message, reason, of_a_recipient, now)
        }
        // Not the lead's fault, and not this mail's: it waits for somebody to see to it, for a few tries.
        Delivery::Refused { reply, stage }
            if reply.is_about_our_standing(stage) && message.attempts < STANDING_TRIES =>
        {
            postponed(
                message,
                format!("refused for who we are at {}: {reply}", stage.word()),
                true,
                now,
            )
        }
        Delivery::Refused { reply, stage } => Settled::Failed {
            hard: reply.fault(stage) == Fault::Hard,
            reason: format!("refused at {}: {reply}", stage.word()),
        },
        Delivery::Later { reply, stage } => {
            postponed(message, format!("put off at {}: {reply}", stage.word()), true, now)
        }
        Delivery::Unreachable { reason, stage } => {
            postponed(message, format!("no relay at {}: {reason}", stage.word()), false, now)
        }
        Delivery::InDoubt { reason } => Settled::InDoubt { reason },
        // Paused, objected to, or not ours any more; the last is refused when it is settled. What is
        // still ours is judged again, also where the mark was written and we did not hear of it.
        Delivery::Withdrawn => Settled::Deferred {
            until: now + LOOK_AGAIN,
            reason: "not let through at the point of no return".to_owned(),
            counted: false,
        },
    }
}

/// What the step of a mail that failed makes of that.
#[must_use]
pub fn by_its_step(definitions: &Definitions, message: &MessageRow, failed: Settled) -> Settled {
    let workflow = definitions.structures.get(&message.version);
    let mail = workflow
        .filter(|_| message.kind == MessageKind::Marketing)
        .and_then(|workflow| workflow.mail_step(&message.about.step));
    match (failed, mail.map(|mail| mail.on_failure)) {
        (Settled::Parked { reason }, Some(MailFailure::Skip)) => {
            Settled::Failed { reason, hard: false }
        }
        (Settled::Failed { reason, hard: false }, Some(MailFailure::Hold)) => {
            Settled::Parked { reason }
        }
        (failed, _) => failed,
    }
}

/// Tried again later. `counted`: the relay was asked and said so itself, which is given up after days;
/// a relay that is away is waited for, as that says nothing about the mail.
#[must_use]
pub fn postponed(message: &MessageRow, reason: String, counted: bool, now: Instant) -> Settled {
    let attempt = u32::try_from(message.attempts).unwrap_or(u32::MAX).saturating_add(1);
    let first = message.first_tried_at.filter(|_| counted).unwrap_or(now);
    match next_try(attempt, first, now, message.id.0.cast_unsigned()) {
        Some(until) => Settled::Deferred { until, reason, counted },
        None => Settled::Failed { reason: format!("given up: {reason}"), hard: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        event::StepRef,
        id::{EnrolmentNo, LeadId, MessageId},
        message::{MessageKind, MessageState},
        workflow::Version,
    };

    #[test]
    fn what_was_not_let_through_is_put_off_from_either_side_of_the_mark() {
        let now = Instant::from_millis(1_800_000_000_000);
        let message = MessageRow {
            id: MessageId(1),
            lead: LeadId(1),
            about: StepRef { enrolment: EnrolmentNo(1), step: "hello".into(), visit: 1 },
            kind: MessageKind::Marketing,
            recipient: "".into(),
            workflow: "hello".into(),
            version: Version("v".into()),
            purpose: "insights".into(),
            template: "hello".into(),
            state: MessageState::Claimed,
            due_at: now,
            attempts: 0,
            created_at: now,
            first_tried_at: None,
            sent_at: None,
            reason: None,
            via: "".into(),
            placed_on: None,
        };
        let settled = outcome(&message, Delivery::Withdrawn, now);
        assert!(
            matches!(settled, Settled::Deferred { until, counted: false, .. } if until == now + LOOK_AGAIN),
            "{settled:?}"
        );
    }
}
