//! New events: folded into facts, outcomes of messages told to their enrolments.

use std::borrow::Cow;

use super::work::Work;
use crate::domain::{
    decision::Verb,
    event::{Event, EventKind, Judgement, StepRef},
    facts::fold,
    hand_off::Answer,
    lead::{Outcome, Phase, SentMail},
    name::Name,
    workflow::{StepKind, Workflow},
};

impl<'a> Work<'a> {
    pub fn reflect(&mut self) {
        let state = self.lead.state;
        self.settle_unsettled();
        for event in &state.new_events {
            self.fold(event);
            self.relate(event);
            if event.kind == EventKind::MAIL_SENT || event.kind == EventKind::MAIL_IN_DOUBT {
                self.mail_left(event);
            } else if event.kind == EventKind::MAIL_LOST {
                self.mail_lost(event);
            } else if event.kind == EventKind::MAIL_FAILED {
                self.mail_failed(event);
            } else if event.kind == EventKind::MAIL_CANCELLED {
                self.mail_cancelled(event);
            } else if event.kind == EventKind::ENROLMENT_REQUESTED {
                self.requested.extend(event.object.as_ref());
            } else if event.kind == EventKind::ENROLMENT_CANCELLED {
                self.cancel(event);
            } else if event.kind == EventKind::WEBHOOK_ANSWERED {
                self.webhook_answered(event);
            } else if Answer::of(event).is_some() {
                self.sales_said(event);
            } else if event.kind == EventKind::LEAD_ANSWERED {
                self.answered(event);
            } else if event.kind == EventKind::JUDGEMENT_REVISED {
                self.revise_unsettled(event);
                continue;
            }
            self.arrive(Cow::Borrowed(event));
        }
    }

    fn fold(&mut self, event: &Event) {
        let plan = &self.lead.definitions.plan;
        let concerns = event.revises.is_some()
            || plan.matching(&event.kind, event.fact_object().as_deref()).next().is_some();
        if concerns && fold(plan, self.lead.facts.to_mut(), event, self.lead.now) {
            self.lead.forget();
        }
    }

    /// Tells the enrolments that are about the same.
    fn relate(&mut self, event: &Event) {
        for active in self.enrolments.iter_mut().filter(|active| active.is_active()) {
            let each = active.workflow.and_then(|workflow| workflow.each.as_ref());
            let entry = active.enrolment.entry.as_ref();
            if let (Some(each), Some(entry)) = (each, entry)
                && entry.is_about(event, each)
                && let Some(entry) = &mut active.enrolment.to_mut().entry
            {
                entry.relate(event.rev);
            }
        }
    }

    /// Hits whose judgement has settled since the last decision may enter a workflow now.
    fn settle_unsettled(&mut self) {
        let now = self.now();
        let counts = |event: &Event| event.counts_from().is_some_and(|from| from <= now);
        if self.lead.unsettled.iter().any(counts) {
            let (settled, rest): (Vec<_>, Vec<_>) =
                self.lead.unsettled.iter().cloned().partition(counts);
            self.arrivals.extend(settled.into_iter().map(Cow::Owned));
            self.lead.unsettled = Cow::Owned(rest);
        }
    }

    fn revise_unsettled(&mut self, revision: &Event) {
        let Some(target) = revision.revises else { return };
        let Some(place) = self.lead.unsettled.iter().position(|event| event.rev == target) else {
            return;
        };
        let event = self.lead.unsettled.to_mut().remove(place);
        if revision.judgement == Judgement::Human {
            self.arrivals.push(Cow::Owned(Event { judgement: Judgement::Human, ..event }));
        }
    }

    /// Keeps an event that may enter some workflow: now, or once its judgement settles.
    pub fn arrive(&mut self, event: Cow<'a, Event>) {
        let takes = |workflow: &Workflow| workflow.enter.takes(&workflow.name, &event);
        let enters = self.lead.definitions.workflows.iter().any(|live| takes(&live.workflow));
        match event.counts_from() {
            Some(from) if enters && from <= self.now() => self.arrivals.push(event),
            Some(_) if enters => self.lead.unsettled.to_mut().push(event.into_owned()),
            _ => {}
        }
    }

    /// Sent, or in doubt, which counts as sent.
    fn mail_left(&mut self, event: &Event) {
        self.remember_sent(event);
        let Some(index) = event.about.as_ref().and_then(|about| self.mailing(about)) else {
            return;
        };
        if event.kind == EventKind::MAIL_IN_DOUBT {
            self.doubt(index, event);
        } else {
            self.go_on(index);
        }
    }

    fn remember_sent(&mut self, event: &Event) {
        let text = |key: &str| event.data.get(key).map(|value| Name::from(value.to_string()));
        // In doubt first, and then sent after all, or once more: one mail.
        if event.message.is_some()
            && self.lead.sends.iter().any(|sent| sent.message == event.message)
        {
            return;
        }
        let sends = self.lead.sends.to_mut();
        sends.push(SentMail {
            message: event.message,
            at: event.occurred_at,
            workflow: text("workflow").unwrap_or_else(|| Name::new("")),
            purpose: text("purpose").unwrap_or_else(|| Name::new("")),
        });
        self.lead.definitions.policy.caps.forget(sends);
        if let Some(template) = &event.object {
            self.lead.received.to_mut().insert(template.clone(), event.occurred_at);
        }
    }

    /// The active enrolment whose mail an outcome is about: on its way, or in doubt.
    pub fn mailing(&self, about: &StepRef) -> Option<usize> {
        self.enrolments.iter().position(|active| {
            active.is_active()
                && active.enrolment.no == about.enrolment
                && active.enrolment.step == about.step
                && active.enrolment.visit == about.visit
                && (active.enrolment.phase == Phase::Mailing || active.enrolment.doubt.is_some())
        })
    }

    /// Moves an enrolment past what it has done: its step, or a mail of a stream.
    pub fn go_on(&mut self, index: usize) {
        if self.enrolments[index].drains {
            return self.leave_drained(index);
        }
        let active = &self.enrolments[index];
        let Some(workflow) = active.workflow else { return };
        match workflow.steps.named(&active.enrolment.step).map(|step| &step.kind) {
            Some(StepKind::Stream(stream)) => self.next_of_stream(index, stream),
            _ => self.past(index),
        }
    }

    /// Moves an enrolment past its step, or to its end.
    pub fn past(&mut self, index: usize) {
        let Some(workflow) = self.enrolments[index].workflow else { return };
        let step = workflow.steps.named(&self.enrolments[index].enrolment.step);
        match step.and_then(|step| step.next) {
            Some(next) => self.go_to(index, next),
            None => self.end(index, Outcome::Finished, "came to the end"),
        }
    }

    pub fn go_to(&mut self, index: usize, step: crate::domain::workflow::StepIx) {
        if self.enrolments[index].drains {
            return self.leave_drained(index);
        }
        let now = self.now();
        let active = &mut self.enrolments[index];
        let Some(workflow) = active.workflow else { return };
        let enrolment = active.enrolment.to_mut();
        let from = workflow.steps.find(&enrolment.step);
        enrolment.visit =
            enrolment.begins_at() + workflow.steps.arrival(from, enrolment.visit, step);
        let to = &workflow.steps.get(step).id;
        if from.is_some_and(|from| workflow.steps.get(from).next != Some(step)) {
            enrolment.turns.push((enrolment.step.clone(), to.clone()));
        }
        enrolment.step = to.clone();
        enrolment.armed_at = now;
        enrolment.phase = Phase::READY;
        enrolment.doubt = None;
    }

    /// Goes to a branch if it is written, else past the step.
    pub fn branch(
        &mut self,
        index: usize,
        to: Option<crate::domain::workflow::StepIx>,
        reason: &str,
    ) {
        self.advance(index, reason);
        match to {
            Some(to) => self.go_to(index, to),
            None => self.go_on(index),
        }
    }

    /// Logs what a step came to; returns its workflow.
    pub fn advance(&mut self, index: usize, reason: &str) -> Name {
        let enrolment = &self.enrolments[index].enrolment;
        let (workflow, step) = (enrolment.workflow.clone(), enrolment.step.clone());
        self.log(Verb::Advanced, Some(&workflow), Some(&step), reason);
        workflow
    }
}
