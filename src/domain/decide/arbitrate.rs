//! Arbitration: several workflows want to write to the same lead, one may.

use std::cmp::Reverse;

use super::work::Work;
use crate::domain::{
    decision::{Grants, NewMessage, Resource, Verb, Want},
    lead::{Held, Phase},
    message::MessageKind,
    name::Name,
    time::Instant,
    workflow::StepKind,
};

impl Work<'_> {
    /// Reserves the mail of the first enrolment, by priority and then by age, that the allocator
    /// does not refuse; the others are held until that mail is settled.
    pub fn arbitrate(&mut self, grants: &Grants) {
        let mut candidates: Vec<usize> = (0..self.enrolments.len())
            .filter(|&index| self.enrolments[index].wants_to_send)
            .collect();
        candidates.sort_by_key(|&index| {
            let active = &self.enrolments[index];
            let priority = active.workflow.map_or(0, |workflow| workflow.priority);
            (Reverse(priority), active.enrolment.entered_at, active.enrolment.no)
        });
        // A mail being withdrawn may be on its way to the relay at this very moment: the next one waits
        // until the withdrawal is written.
        if !candidates.is_empty() && !self.decision.withdraw.is_empty() {
            self.wake(self.lead.now.next());
        }
        let mut open = self.lead.state.open_message.as_ref().map(|open| open.workflow.clone());
        for index in candidates {
            if let Some(workflow) = &open {
                let reason = format!("a mail of `{workflow}` is on its way");
                self.hold(index, Instant::NEVER, &reason);
                continue;
            }
            let active = &self.enrolments[index];
            let want = Want {
                resource: Resource::Mail { workflow: active.enrolment.workflow.clone() },
                about: active.about(),
            };
            let refusal = grants.refusal(&want).cloned();
            self.decision.wants.push(want);
            if let Some((slot, reason)) = refusal {
                self.hold(index, slot, &reason);
                continue;
            }
            open = self.reserve(index);
        }
    }

    fn reserve(&mut self, index: usize) -> Option<Name> {
        let now = self.now();
        let active = &mut self.enrolments[index];
        let workflow = active.workflow?;
        let step = workflow.steps.find(&active.enrolment.step)?;
        let StepKind::Email { template } = &workflow.steps.get(step).kind else { return None };
        let about = active.about();
        active.enrolment.to_mut().phase = Phase::Mailing;
        self.decision.messages.push(NewMessage {
            about: about.clone(),
            kind: MessageKind::Marketing,
            recipient: Name::new(""),
            workflow: workflow.name.clone(),
            version: workflow.version.clone(),
            purpose: workflow.purpose.clone(),
            template: template.clone(),
            priority: workflow.priority,
            due_at: now,
        });
        self.log(Verb::Reserved, Some(&workflow.name), Some(&about.step), template);
        Some(workflow.name.clone())
    }

    /// Holds a step back; a reason is logged when it is new.
    pub fn hold(&mut self, index: usize, until: Instant, reason: &str) {
        self.wake(until);
        let active = &mut self.enrolments[index];
        let held = Held { reason: super::work::brief(reason), until };
        let known = match &active.enrolment.phase {
            Phase::Ready { held } => held.as_ref(),
            _ => None,
        };
        if known == Some(&held) {
            return;
        }
        let news = known.is_none_or(|known| known.reason != held.reason);
        let enrolment = active.enrolment.to_mut();
        enrolment.phase = Phase::Ready { held: Some(held) };
        if news {
            let (workflow, step) = (enrolment.workflow.clone(), enrolment.step.clone());
            self.log(Verb::Held, Some(&workflow), Some(&step), reason);
        }
    }
}
