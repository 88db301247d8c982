//! A mail that is reserved and does not go now, or not first, makes way for one that does.

use super::{
    arbitrate::{Candidate, rank},
    permission::objection,
    work::Work,
};
use crate::domain::{
    decision::{Grants, Verb},
    lead::{Due, Phase},
    message::MessageState,
};

/// How often a step's mail is reserved at most, for all that wants to go before it. Then it stays where
/// it is until it is settled: two mails that are both put off do not chase each other for ever.
pub(super) const MOST_VISITS: u32 = 4;

impl Work<'_> {
    /// Withdraws the open mail for the sake of the first candidate that may go now, if it does not go
    /// itself or is only reserved and lower in rank. Its step is then as if just come to, on another
    /// visit.
    pub fn make_way(&mut self, candidates: &[Candidate<'_>], grants: &Grants) {
        let Some(open) = &self.lead.state.open_message else { return };
        let Some(holder) = self.holder() else { return };
        let Some(theirs) = self.enrolments[holder].mail_step() else { return };
        let first = candidates.iter().find(|candidate| {
            candidate.opens.is_none() && grants.refusal(&self.want(candidate.index)).is_none()
        });
        let Some(ours) = first.map(|candidate| candidate.mail) else { return };
        let (definitions, state, now) = (self.lead.definitions, self.lead.state, self.lead.now);
        let may = objection(definitions, state, theirs.workflow).is_none()
            && self.lead.opens(theirs).is_none();
        let goes = match open.state {
            MessageState::Reserved => may && rank(theirs) >= rank(ours),
            MessageState::Deferred => may && open.due_at <= now,
            // In the sender's hands: its outcome is soon known.
            _ => return,
        };
        let is_paused = grants.is_paused(&open.workflow);
        if !is_paused && (goes || self.enrolments[holder].enrolment.visit >= MOST_VISITS) {
            return;
        }
        let reason = format!("makes way for a mail of `{}`", ours.workflow.name);
        self.decision.withdraw.push((open.id, reason.clone()));
        let enrolment = self.enrolments[holder].enrolment.to_mut();
        enrolment.visit += 1;
        // What was put off is not tried any sooner.
        enrolment.phase = if open.due_at > now {
            Phase::Waiting { due: Due { at: open.due_at, civil: None } }
        } else {
            Phase::READY
        };
        let step = enrolment.step.clone();
        self.log(Verb::Withdrawn, Some(&theirs.workflow.name), Some(&step), &reason);
    }

    /// Whose mail is open, if it is still at the step.
    pub fn holder(&self) -> Option<usize> {
        let open = self.lead.state.open_message.as_ref()?;
        self.enrolments.iter().position(|active| {
            active.is_active()
                && active.enrolment.phase == Phase::Mailing
                && active.about() == open.about
        })
    }
}
