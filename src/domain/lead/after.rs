//! A lead as a decision leaves it.

use super::{Ended, Enrolment, LeadState};
use crate::domain::{
    decision::{Decision, EnrolmentChange, NewMessage},
    definitions::Definitions,
    id::{MessageId, Rev},
    message::{MessageKind, MessageState, OpenMessage},
    time::Instant,
};

/// What a decision makes beside the lead itself.
#[derive(Debug)]
pub struct Aftermath {
    pub ended: Vec<(Enrolment, Ended)>,
    /// To our own people.
    pub notices: Vec<NewMessage>,
    /// When the lead is to be looked at again.
    pub wake_at: Instant,
}

impl LeadState {
    /// Takes over a decision on it, as it is when the store has written that. `mail` is what a mail is called that the
    /// decision reserves.
    pub fn take_over(
        &mut self,
        definitions: &Definitions,
        decision: Decision,
        mail: MessageId,
        now: Instant,
    ) -> Aftermath {
        let moves = decision.changes.attributes.is_some();
        decision.changes.apply_to(self);
        if moves {
            self.follow_attributes(definitions);
        }
        let mut over = Vec::new();
        for EnrolmentChange { enrolment, ended, .. } in decision.enrolments {
            let place = self.enrolments.binary_search_by_key(&enrolment.no, |known| known.no);
            match (place, ended) {
                (Ok(place), None) => self.enrolments[place] = enrolment,
                (Err(place), None) => self.enrolments.insert(place, enrolment),
                (place, Some(ended)) => {
                    if let Ok(place) = place {
                        self.enrolments.remove(place);
                    }
                    over.push((enrolment, ended));
                }
            }
        }
        for (id, _) in &decision.withdraw {
            self.open_message.take_if(|open| open.id == *id);
        }
        let (to_lead, notices): (Vec<_>, Vec<_>) = decision
            .messages
            .into_iter()
            .partition(|message| message.kind == MessageKind::Marketing);
        for message in to_lead {
            self.open_message = Some(OpenMessage {
                id: message.again.unwrap_or(mail),
                about: message.about,
                workflow: message.workflow,
                purpose: message.purpose,
                template: message.template,
                state: MessageState::Reserved,
                due_at: message.due_at,
            });
        }
        // Those that a decision makes are reflected in it.
        let made = i64::try_from(decision.events.len()).unwrap_or_default();
        self.rev = Rev(self.rev.0 + 1 + made);
        self.new_events.clear();
        (self.decided_at, self.decided_under) = (now, definitions.release);
        Aftermath { ended: over, notices, wake_at: decision.wake_at }
    }
}
