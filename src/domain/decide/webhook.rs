//! Calls to other systems.

use super::work::Work;
use crate::domain::{
    decision::Verb,
    event::Event,
    lead::{Due, Phase},
    time::Instant,
    webhook::{NewCall, OnFailure, Webhook, told},
    workflow::{StepKind, Workflow},
};

impl Work<'_> {
    /// Asks for the call. Returns whether the enrolment moved on and is still active.
    pub fn webhook(&mut self, index: usize, workflow: &Workflow, step: &Webhook) -> bool {
        if matches!(self.enrolments[index].enrolment.phase, Phase::Ready { .. }) {
            let about = self.enrolments[index].about();
            let (state, schema) = (self.lead.state, &self.lead.definitions.schema);
            let told = told(step, workflow, &about, state, &self.lead.attributes, schema);
            let reason = format!("webhook {}", step.target);
            self.log(Verb::Reserved, Some(&workflow.name), Some(&about.step), &reason);
            self.decision.calls.push(NewCall {
                about,
                workflow: workflow.name.clone(),
                target: step.target.clone(),
                parks: step.on_failure.parks(),
                told,
            });
            if step.on_failure != OnFailure::Hold {
                self.go_on(index);
                return self.enrolments[index].is_active();
            }
        }
        // The answer is an event.
        self.due(index, |_, _| Due { at: Instant::NEVER, civil: None });
        false
    }

    /// A call was answered: who waited for it goes on.
    pub fn webhook_answered(&mut self, event: &Event) {
        let Some(about) = &event.about else { return };
        let index = self.enrolments.iter().position(|active| {
            let step = active
                .workflow
                .and_then(|workflow| Some(&workflow.steps.named(&active.enrolment.step)?.kind));
            active.is_active()
                && active.about() == *about
                && matches!(active.enrolment.phase, Phase::Waiting { .. })
                && matches!(step, Some(StepKind::Webhook(_)))
        });
        if let Some(index) = index {
            self.go_on(index);
        }
    }
}
