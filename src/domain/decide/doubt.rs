//! Mails that may have arrived, and nobody knows: what their workflow does meanwhile.

use std::time::Duration;

use super::work::Work;
use crate::domain::{
    decision::Verb,
    event::Event,
    lead::{Due, Phase},
    workflow::InDoubt,
};

/// How long after a mail is in doubt it is sent once more: the relay may still answer (RFC 5321 §4.5.3.2.6
/// gives it 10 minutes after the final dot).
pub(super) const PAUSE: Duration = Duration::from_mins(10);

impl Work<'_> {
    /// The mail of an enrolment's step is in doubt.
    pub fn doubt(&mut self, index: usize, event: &Event) {
        let active = &mut self.enrolments[index];
        let in_doubt = active.mail_step().map_or(InDoubt::GoOn, |mail| mail.in_doubt);
        let was_sent_again = active.enrolment.doubt.is_some();
        let enrolment = active.enrolment.to_mut();
        let (phase, reason) = match in_doubt {
            InDoubt::Hold => {
                (Phase::Mailing, "its mail is in doubt: somebody is to say".to_owned())
            }
            InDoubt::Resend if !was_sent_again => {
                let at = event.recorded_at + PAUSE;
                let reason = format!("its mail is in doubt: once more at {at}");
                (Phase::Waiting { due: Due { at, civil: None } }, reason)
            }
            InDoubt::GoOn | InDoubt::Resend => return self.go_on(index),
        };
        (enrolment.phase, enrolment.doubt) = (phase, event.message);
        let (workflow, step) = (enrolment.workflow.clone(), enrolment.step.clone());
        self.log(Verb::Held, Some(&workflow), Some(&step), &reason);
    }

    /// A mail that was in doubt did not arrive: it counts no more, and its step sends it, if its enrolment
    /// is still there.
    pub fn mail_lost(&mut self, event: &Event) {
        let is_it = |message| event.message.is_some() && message == event.message;
        if self.lead.sends.iter().any(|sent| is_it(sent.message)) {
            self.lead.sends.to_mut().retain(|sent| !is_it(sent.message));
        }
        if let Some(index) = event.about.as_ref().and_then(|about| self.mailing(about)) {
            let enrolment = self.enrolments[index].enrolment.to_mut();
            (enrolment.phase, enrolment.doubt) = (Phase::READY, event.message);
        }
    }

    /// Whether the step of an enrolment waits for somebody to say what became of its mail.
    pub fn waits_for_a_word(&self, index: usize) -> bool {
        let active = &self.enrolments[index];
        let open = self.lead.state.open_message.as_ref();
        active.workflow.is_some_and(|workflow| active.enrolment.waits_for_a_word(workflow, open))
    }
}
