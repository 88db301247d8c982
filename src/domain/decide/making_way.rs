//! A mail that is reserved and does not go now, or not first, makes way for one that does; one that the
//! lead asked for later is taken back.

use super::{
    arbitrate::{Candidate, rank},
    permission::{asked_for_later, objection},
    work::{Work, brief},
};
use crate::domain::{
    decision::{Grants, Verb},
    lead::{Due, Phase},
    message::{MessageState, OpenMessage},
    time::Instant,
};

/// How often a step's mail is reserved at most, for all that wants to go before it. Then it stays where
/// it is until it is settled: two mails that are both put off do not chase each other for ever.
pub(super) const MOST_VISITS: u64 = 4;

impl Work<'_> {
    /// Withdraws the open mail for the sake of the first candidate that may go now, if it does not go
    /// itself or is only reserved and lower in rank. Its step is then as if just come to, on another
    /// visit.
    pub fn make_way(&mut self, candidates: &[Candidate<'_>], grants: &Grants) {
        let Some(open) = &self.lead.state.open_message else { return };
        let Some(holder) = self.holder() else { return };
        let Some(theirs) = self.enrolments[holder].mail_step() else { return };
        let first = candidates.iter().find(|candidate| {
            candidate.opens.is_none()
                && grants.refusal(&self.want(candidate.index, grants)).is_none()
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
        let stays =
            theirs.again.is_some() || self.enrolments[holder].enrolment.tries() >= MOST_VISITS;
        if !is_paused && (goes || stays) {
            return;
        }
        let reason = format!("makes way for a mail of `{}`", ours.workflow.name);
        // What was put off is not tried any sooner.
        self.retract(holder, open, Some(open.due_at), &reason);
    }

    /// Withdraws the open mail of an enrolment for the lead who asked for later since, or gets no more by the house
    /// rules until it stirs: kept, it would stay
    /// until that day in the way of others, and where the lead may be written to sooner after all.
    pub fn leave_in_peace(&mut self, index: usize) {
        let active = &self.enrolments[index];
        let Some(mail) = active.mail_step() else { return };
        let open = self.lead.state.open_message.as_ref();
        let open = open.filter(|it| it.state.can_be_cancelled() && it.about == active.about());
        let Some(open) = open else { return };
        let asked = self.lead.quiet(mail).map(|end| asked_for_later(end, &self.lead.state.zone));
        let held = self.lead.contact().held(self.lead.definitions, mail, self.now());
        let for_ever = held.filter(|(free, _)| free.is_never()).map(|(_, rule)| rule.to_string());
        let Some(reason) = asked.or(for_ever) else { return };
        // The relay's pause is kept; when a reserved mail is due is for arbitration to say again.
        let not_before = (open.state == MessageState::Deferred).then_some(open.due_at);
        self.retract(index, open, not_before, &reason);
    }

    /// Holds all mails of a lead that is paused. The one that is reserved is taken back, so that it is not looked
    /// at again and again.
    pub fn rest(&mut self, reason: &str) {
        let open = self.lead.state.open_message.as_ref();
        if let Some(open) = open.filter(|open| open.state.can_be_cancelled())
            && self.decision.withdraw.is_empty()
            && let Some(holder) = self.holder()
        {
            let not_before = (open.state == MessageState::Deferred).then_some(open.due_at);
            self.retract(holder, open, not_before, reason);
        }
        if !self.decision.withdraw.is_empty() {
            self.wake(self.lead.now.next());
        }
        for index in 0..self.enrolments.len() {
            let active = &self.enrolments[index];
            if active.wants_to_send && active.mail_step().is_some() {
                self.hold(index, Instant::NEVER, reason);
            }
        }
    }

    /// Withdraws an open mail. Its step is then as if just come to, on another visit; of one that was in doubt
    /// on the same, as it stays the same mail.
    fn retract(
        &mut self,
        holder: usize,
        open: &OpenMessage,
        not_before: Option<Instant>,
        reason: &str,
    ) {
        self.decision.withdraw.push((open.id, brief(reason)));
        let now = self.now();
        let enrolment = self.enrolments[holder].enrolment.to_mut();
        if enrolment.doubt.is_none() {
            enrolment.visit += 1;
        }
        enrolment.phase = match not_before.filter(|at| *at > now) {
            Some(at) => Phase::Waiting { due: Due { at, civil: None } },
            None => Phase::READY,
        };
        let (workflow, step) = (enrolment.workflow.clone(), enrolment.step.clone());
        self.log(Verb::Withdrawn, Some(&workflow), Some(&step), reason);
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
