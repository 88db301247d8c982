//! Steps: each enrolment goes on as far as it can.

use std::borrow::Cow;

use super::{permission::objection, work::Work};
use crate::domain::{
    decision::{NewMessage, Verb},
    lead::{Due, Outcome, Phase},
    message::MessageKind,
    name::Name,
    schedule::{Deadline, Place, WaitSpec},
    time::Instant,
    value::{Slot, Value},
    verdict::Truth,
    workflow::{Awaited, StepIx, StepKind, Workflow},
};

/// How many steps one enrolment may go in one decision; the rest is done a moment later.
const STRIDE: usize = 64;

impl Work<'_> {
    pub fn settle_steps(&mut self) {
        for index in 0..self.enrolments.len() {
            let mut strides = 0;
            while self.step(index) {
                strides += 1;
                if strides == STRIDE {
                    self.wake(self.now().next());
                    break;
                }
            }
        }
    }

    /// Does one step. Returns whether the enrolment moved and is still active.
    fn step(&mut self, index: usize) -> bool {
        let active = &self.enrolments[index];
        let (true, Some(workflow)) = (active.is_active(), active.workflow) else { return false };
        let Some(step) = workflow.steps.named(&active.enrolment.step) else { return false };
        match &step.kind {
            StepKind::Email { .. } => {
                if !self.expire(index) {
                    self.email(index, workflow);
                    return false;
                }
            }
            StepKind::At { date, if_past, then } => {
                if !self.until_date(index, workflow, date, *if_past, *then) {
                    return false;
                }
            }
            StepKind::Wait(spec) => {
                let due = self.due(index, |from, place| spec.due(from, place));
                if due > self.now() {
                    self.wake(due);
                    return false;
                }
                self.go_on(index);
            }
            StepKind::WaitFor { awaited, up_to, otherwise } => {
                let due = match up_to {
                    Some(Deadline::After(spec)) => {
                        self.due(index, |from, place| spec.due(from, place))
                    }
                    Some(Deadline::On(date)) => self.due_on(index, workflow, date),
                    None => self.due(index, |_, _| Due { at: Instant::NEVER, civil: None }),
                };
                if !self.wait_for(index, awaited, due, *otherwise) {
                    return false;
                }
            }
            StepKind::If { condition, then, otherwise } => {
                self.decide_if(index, condition, *then, *otherwise);
            }
            StepKind::Branch { cases, otherwise } => self.decide_case(index, cases, *otherwise),
            StepKind::Split(arms) => self.take_arm(index, workflow, arms),
            StepKind::Repeat { times, until, body } => {
                self.repeat(index, workflow, *times, until.as_ref(), *body);
            }
            StepKind::Stream(stream) => return self.stream(index, workflow, stream),
            StepKind::Enrol(other) => {
                self.enrol(index, other);
                self.go_on(index);
            }
            StepKind::Leave(other) => {
                self.leave(index, other);
                self.go_on(index);
            }
            StepKind::Set(values) => {
                self.set(index, values);
                self.go_on(index);
            }
            StepKind::Tag { add, remove } => {
                self.tag(index, add, remove);
                self.go_on(index);
            }
            StepKind::Notify { to, template } => {
                self.notify(index, workflow, to, template.as_ref());
                self.go_on(index);
            }
            StepKind::Webhook(step) => return self.webhook(index, workflow, step),
            StepKind::HandOff(step) => return self.hand_off(index, workflow, step),
            StepKind::Stop { reason } => {
                self.end(index, Outcome::Finished, reason.as_deref().unwrap_or("stop"));
            }
        }
        self.enrolments[index].is_active()
    }

    /// Whether it is over: what is waited for has come to pass, or the time is up.
    fn wait_for(
        &mut self,
        index: usize,
        awaited: &[Awaited],
        due: Instant,
        otherwise: Option<StepIx>,
    ) -> bool {
        let mut nobody_knows = false;
        for Awaited { name, condition, then } in awaited {
            let value = self.ask(index, condition);
            if value == Truth::True {
                let outcome = name.as_deref().unwrap_or("yes");
                self.branch(index, *then, &format!("{outcome}: {}", condition.source()));
                return true;
            }
            nobody_knows |= value == Truth::Unknown && self.is_hidden(condition);
        }
        if due > self.now() {
            self.wake(due);
            return false;
        }
        if nobody_knows {
            self.branch(index, None, "the time is up, and without tracking nobody knows");
        } else {
            self.branch(index, otherwise, "the time is up");
        }
        true
    }

    pub fn email(&mut self, index: usize, workflow: &Workflow) {
        if self.enrolments[index].enrolment.phase == Phase::Mailing {
            self.leave_in_peace(index);
        }
        let put_off = match &self.enrolments[index].enrolment.phase {
            Phase::Mailing => return,
            // It made way for another mail while it was put off itself.
            Phase::Waiting { due } => due.at,
            Phase::Ready { .. } => Instant::DAWN,
        };
        self.enrolments[index].wants_to_send = false;
        if put_off > self.lead.now {
            self.wake(put_off);
            return;
        }
        let definitions = self.lead.definitions;
        let never = objection(definitions, self.lead.state, workflow).or_else(|| {
            let mail = self.enrolments[index].mail_step()?;
            self.lead.contact().spent(definitions, mail, self.lead.now)
        });
        match never {
            Some(reason) => self.end(index, Outcome::Left, &reason),
            None => self.enrolments[index].wants_to_send = true,
        }
    }

    /// When the wait at this step is over; armed on arrival.
    pub fn due(&mut self, index: usize, arm: impl FnOnce(Instant, Place<'_>) -> Due) -> Instant {
        let place = self.lead.place();
        let enrolment = &mut self.enrolments[index].enrolment;
        if let Phase::Waiting { due } = &enrolment.phase {
            let Some(civil) = &due.civil else { return due.at };
            // The rules of its zone may be others by now.
            let at = WaitSpec::rearm(civil, &self.lead.state.zone);
            if at != due.at {
                let due = Due { at, civil: Some(civil.clone()) };
                enrolment.to_mut().phase = Phase::Waiting { due };
            }
            return at;
        }
        let due = arm(enrolment.armed_at, place);
        let at = due.at;
        enrolment.to_mut().phase = Phase::Waiting { due };
        at
    }

    /// A condition as this enrolment's workflow looks at it; its expiry is a wake-up.
    fn ask(&mut self, index: usize, condition: &crate::domain::condition::Condition) -> Truth {
        let enrolment = &self.enrolments[index].enrolment;
        let view = self.lead.view_inside(enrolment);
        let verdict = condition.verdict(&view);
        self.heed(verdict);
        verdict.value
    }

    /// Whether a condition asks for behaviour that may not be looked at.
    fn is_hidden(&self, condition: &crate::domain::condition::Condition) -> bool {
        !self.lead.profiled && condition.asks_for_behaviour(&self.lead.definitions.segments)
    }

    fn set(&mut self, index: usize, values: &[(Slot, Option<Value>)]) {
        for (slot, value) in values {
            if self.lead.attributes[slot.0] == *value {
                continue;
            }
            self.lead.attributes.to_mut()[slot.0].clone_from(value);
            let name = &self.lead.definitions.schema.attribute(*slot).name;
            let shown = value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
            let (workflow, step) = self.place(index);
            self.log(Verb::Set, Some(&workflow), Some(&step), &format!("{name} = {shown}"));
            self.mark_moved();
        }
    }

    fn tag(&mut self, index: usize, add: &[Name], remove: &[Name]) {
        let missing = add.iter().any(|tag| !self.lead.tags.contains(tag));
        let present = remove.iter().any(|tag| self.lead.tags.contains(tag));
        if !missing && !present {
            return;
        }
        let tags = self.lead.tags.to_mut();
        tags.extend(add.iter().cloned());
        tags.retain(|tag| !remove.contains(tag));
        let signs = add.iter().map(|tag| format!("+{tag}"));
        let signs: Vec<_> = signs.chain(remove.iter().map(|tag| format!("-{tag}"))).collect();
        let (workflow, step) = self.place(index);
        self.log(Verb::Set, Some(&workflow), Some(&step), &format!("tags {}", signs.join(" ")));
        self.mark_moved();
    }

    fn notify(&mut self, index: usize, workflow: &Workflow, to: &Name, template: Option<&Name>) {
        let about = self.enrolments[index].about();
        let persons = self.lead.definitions.people.resolve(to);
        for (person, _) in &persons {
            self.decision.messages.push(NewMessage {
                about: about.clone(),
                kind: MessageKind::Internal,
                recipient: (*person).clone(),
                workflow: workflow.name.clone(),
                version: workflow.version.clone(),
                purpose: workflow.purpose.clone(),
                template: template.cloned().unwrap_or_else(|| Name::new("")),
                priority: workflow.priority,
                due_at: self.lead.now,
                relay: "".into(),
                placed_on: None,
                again: None,
            });
        }
        let reason = if persons.is_empty() {
            format!("nobody to notify: `{to}` is not among the people")
        } else {
            format!("notify {to}")
        };
        self.log(Verb::Reserved, Some(&workflow.name), Some(&about.step), &reason);
    }

    fn place(&self, index: usize) -> (Name, Name) {
        let enrolment: &Cow<'_, _> = &self.enrolments[index].enrolment;
        (enrolment.workflow.clone(), enrolment.step.clone())
    }
}
