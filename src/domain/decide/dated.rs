//! What the dates of a campaign say: steps that wait for one, and mails that are too late.

use super::{
    permission::{expired, expires},
    work::{Work, brief},
};
use crate::domain::{
    decision::Verb,
    lead::Phase,
    schedule::DateExpr,
    time::Instant,
    workflow::{StepIx, Workflow},
};

impl Work<'_> {
    /// When a date comes that the enrolment waits for at its step. The campaign's dates are the live ones:
    /// the wait is armed again when one of them moves.
    pub fn due_on(&mut self, index: usize, workflow: &Workflow, date: &DateExpr) -> Instant {
        let due = self.lead.definitions.date(workflow, date, &self.lead.state.zone);
        let enrolment = &mut self.enrolments[index].enrolment;
        let at = due.at;
        let waiting = Phase::Waiting { due };
        if enrolment.phase != waiting {
            enrolment.to_mut().phase = waiting;
        }
        at
    }

    /// Waits for a date, then goes to `then`. A date that was past before the lead could wait for its end,
    /// as it came later or the date was moved, is no time to do it: the step is passed over, unless
    /// `if_past`. Returns whether the wait is over.
    pub fn until_date(
        &mut self,
        index: usize,
        workflow: &Workflow,
        date: &DateExpr,
        if_past: bool,
        then: Option<StepIx>,
    ) -> bool {
        let enrolment = &self.enrolments[index].enrolment;
        let (since, waited_until) = match &enrolment.phase {
            Phase::Waiting { due } => (enrolment.armed_at, Some(due.at)),
            _ => (enrolment.armed_at, None),
        };
        let due = self.due_on(index, workflow, date);
        let now = self.now();
        if due > now {
            self.wake(due);
            return false;
        }
        let is_missed = waited_until.map_or(due < since, |until| until > now);
        match then.filter(|_| if_past || !is_missed) {
            Some(then) => self.go_to(index, then),
            None => {
                let step = then.map(|then| workflow.steps.get(then).id.clone());
                let reason = format!("its time was past: {date} was at {due}");
                self.log(Verb::Skipped, Some(&workflow.name), step.as_ref(), &reason);
                self.go_on(index);
            }
        }
        true
    }

    /// Goes on past a mail that has not left in time, and withdraws it. Returns whether it did.
    pub fn expire(&mut self, index: usize) -> bool {
        if self.waits_for_a_word(index) {
            return false;
        }
        let active = &self.enrolments[index];
        let Some(mail) = active.mail_step() else { return false };
        let state = self.lead.state;
        let over = expires(self.lead.definitions, state, mail, &active.enrolment);
        let Some(over) = over else { return false };
        if over > self.now() {
            self.wake(over);
            return false;
        }
        let reason = expired(mail, over);
        let open = state.open_message.as_ref().filter(|open| open.about == active.about());
        let mut gave_up = None;
        if active.enrolment.phase == Phase::Mailing {
            match open {
                // With the relay: its outcome is soon known.
                Some(open) if !open.state.can_be_cancelled() => return false,
                Some(open) => self.decision.withdraw.push((open.id, brief(&reason))),
                None => gave_up = Some(brief(&reason)),
            }
        }
        let step = active.enrolment.step.clone();
        // One that was in doubt may have left in time: it is only not sent once more.
        let verb = if mail.again.is_some() { Verb::Advanced } else { Verb::Expired };
        self.log(verb, Some(&mail.workflow.name), Some(&step), &reason);
        let active = &mut self.enrolments[index];
        (active.wants_to_send, active.gave_up) = (false, gave_up);
        self.go_on(index);
        true
    }
}
