//! Mails that did not leave, and will not: what their workflow does.

use std::time::Duration;

use super::work::Work;
use crate::domain::{
    decision::Verb,
    event::Event,
    lead::{Due, Outcome, Phase},
    value::Value,
    workflow::MailFailure,
};

/// How long after it was refused a mail is sent once more: greylists and full mailboxes are over by then, and who is
/// not wanted has not asked twice in a day.
pub(super) const PAUSE: Duration = Duration::from_hours(24);

impl Work<'_> {
    /// The mail of an enrolment's step was refused for good, was given up, or cannot be written.
    pub fn mail_failed(&mut self, event: &Event) {
        let Some(index) = event.about.as_ref().and_then(|about| self.mailing(about)) else {
            return;
        };
        let active = &self.enrolments[index];
        let on_failure = active.mail_step().map_or(MailFailure::Leave, |mail| mail.on_failure);
        let was_sent_again = active.enrolment.doubt.is_some();
        let is_nowhere = event.data.get("hard") == Some(&Value::Bool(true));
        let reason = reason(event);
        match on_failure {
            MailFailure::Skip => {
                self.advance(index, &format!("goes on without its mail: {reason}"));
                self.go_on(index);
            }
            MailFailure::Retry if !was_sent_again && !is_nowhere => {
                let at = event.recorded_at + PAUSE;
                let enrolment = self.enrolments[index].enrolment.to_mut();
                enrolment.phase = Phase::Waiting { due: Due { at, civil: None } };
                enrolment.doubt = event.message;
                let (workflow, step) = (enrolment.workflow.clone(), enrolment.step.clone());
                let reason = format!("its mail goes once more at {at}: {reason}");
                self.log(Verb::Held, Some(&workflow), Some(&step), &reason);
            }
            MailFailure::Leave | MailFailure::Retry | MailFailure::Hold => {
                self.end(index, Outcome::Left, &reason);
            }
        }
    }

    /// The mail of an enrolment's step may never be sent.
    pub fn mail_cancelled(&mut self, event: &Event) {
        if let Some(index) = event.about.as_ref().and_then(|about| self.mailing(about)) {
            self.end(index, Outcome::Left, &reason(event));
        }
    }
}

fn reason(event: &Event) -> String {
    let reason = event.data.get("reason").map(ToString::to_string);
    reason.unwrap_or_else(|| "its mail was refused".to_owned())
}
