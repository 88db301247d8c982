//! Handing a lead to sales, and what sales says of it.

use super::work::Work;
use crate::domain::{
    decision::{NewMessage, Verb},
    event::{Event, EventKind},
    hand_off::{Answer, HandOff, Persist, Reason, receivers},
    lead::{Phase, Stage},
    message::MessageKind,
    name::Name,
    template::CARD,
    time::Instant,
    value::{Schema, Slot, Value},
    workflow::{StepIx, StepKind, Workflow, is_same_arrival},
};

impl Work<'_> {
    /// Hands over, or waits for an answer. Returns whether the enrolment moved on and is still active.
    pub fn hand_off(&mut self, index: usize, workflow: &Workflow, step: &HandOff) -> bool {
        let definitions = self.lead.definitions;
        let owner = definitions.owner(&self.lead.attributes).map(|(name, _)| name);
        let order = receivers(definitions, &step.to, self.lead.state.lead, owner);
        let enrolment = &self.enrolments[index].enrolment;
        let times = usize::try_from(enrolment.tries()).unwrap_or(usize::MAX);
        if matches!(enrolment.phase, Phase::Ready { .. }) {
            if let Some(other) = self.hands_over_already(index) {
                self.hold(index, Instant::NEVER, &format!("`{other}` has handed it over"));
                return false;
            }
            let turn = if step.silence.persist == Persist::NextPerson {
                times.saturating_sub(1)
            } else {
                0
            };
            let Some(person) = order.get(turn) else {
                self.branch(index, None, "there is nobody to hand it to");
                return self.enrolments[index].is_active();
            };
            self.hand_to(index, workflow, step, person);
        }
        let due = self.due(index, |from, place| step.silence.after.due(from, place));
        if due > self.now() {
            self.wake(due);
            return false;
        }
        let tries = match step.silence.persist {
            Persist::No | Persist::Return => 1,
            Persist::Remind => 2,
            Persist::NextPerson => order.len(),
        };
        if times < tries {
            let now = self.now();
            let enrolment = self.enrolments[index].enrolment.to_mut();
            enrolment.visit += 1;
            enrolment.armed_at = now;
            enrolment.phase = Phase::READY;
        } else if step.silence.persist == Persist::Return {
            let reason = "nobody answered in time";
            self.make(EventKind::HANDOFF_RETURNED, Some(Reason::NoAnswer.word().into()), reason);
            self.take_back(Reason::NoAnswer, false, None);
            self.branch(index, step.returned, reason);
            self.share(|step| step.returned, reason);
        } else {
            self.branch(index, step.silent, "nobody answered in time");
            self.share(|step| step.silent, "nobody answered in time");
        }
        self.enrolments[index].is_active()
    }

    fn hand_to(&mut self, index: usize, workflow: &Workflow, step: &HandOff, person: &Name) {
        let about = self.enrolments[index].about();
        self.decision.messages.push(NewMessage {
            about: about.clone(),
            kind: MessageKind::Internal,
            recipient: person.clone(),
            workflow: workflow.name.clone(),
            version: workflow.version.clone(),
            purpose: workflow.purpose.clone(),
            template: step.template.clone().unwrap_or_else(|| CARD.into()),
            priority: workflow.priority,
            due_at: self.lead.now,
            relay: "".into(),
            placed_on: None,
            again: None,
        });
        let again = if about.tries() > 1 { "again " } else { "" };
        let reason = format!("handed {again}to {person}");
        self.log(Verb::Reserved, Some(&workflow.name), Some(&about.step), &reason);
        self.make(EventKind::HANDOFF_MADE, Some(person.clone()), &reason);
        if self.owner_slot().is_some_and(|slot| self.lead.attributes[slot.0].is_none()) {
            self.own(person, &reason);
        }
    }

    /// What sales says: of the hand-off that an event is about, or of all that wait.
    pub fn sales_said(&mut self, event: &Event) {
        let Some(answer) = Answer::of(event) else { return };
        let by = event.data.get("by").map(ToString::to_string);
        let person = by.as_deref().and_then(|by| self.lead.definitions.people.find(by));
        let by = person.map_or_else(String::new, |(name, _)| format!(" by {name}"));
        let said = match answer {
            Answer::Accepted => format!("accepted{by}"),
            Answer::Returned(reason) => format!("returned{by}: {}", reason.word()),
        };
        // The lead is what an earlier word made it, which is taken back.
        let is_undone =
            Answer::instead_of(event).is_some_and(|earlier| earlier.stage() == self.lead.stage);
        match answer {
            Answer::Accepted => {
                if let Some((name, _)) = person {
                    self.own(name, &said);
                }
                if is_undone {
                    self.restore_stage(Stage::Mql, &format!("sales: {said}"));
                }
            }
            Answer::Returned(reason) => self.take_back(reason, is_undone, Answer::until(event)),
        }
        let goes_to = |step: &HandOff| {
            if answer == Answer::Accepted { step.accepted } else { step.returned }
        };
        let mut is_answer = false;
        for index in 0..self.enrolments.len() {
            if let Some(step) = self.waits_for_sales(index, event) {
                self.branch(index, goes_to(step), &said);
                is_answer = true;
            }
        }
        if is_answer {
            self.share(goes_to, &said);
        }
    }

    /// The workflow of another enrolment whose hand-off waits for an answer: nobody gets two cards of one lead.
    fn hands_over_already(&self, index: usize) -> Option<Name> {
        let others = self.enrolments.iter().enumerate().filter(|(other, _)| *other != index);
        let mut waiting = others.filter(|(other, active)| {
            matches!(active.enrolment.phase, Phase::Waiting { .. })
                && self.at_hand_off(*other).is_some()
        });
        waiting.next().map(|(_, active)| active.enrolment.workflow.clone())
    }

    /// What one hand-off came to is what those came to that are held by it.
    fn share(&mut self, to: impl Fn(&HandOff) -> Option<StepIx>, reason: &str) {
        for index in 0..self.enrolments.len() {
            let phase = &self.enrolments[index].enrolment.phase;
            if matches!(phase, Phase::Ready { held: Some(_) })
                && let Some(step) = self.at_hand_off(index)
            {
                self.branch(index, to(step), reason);
            }
        }
    }

    /// The hand-off that an active enrolment is at.
    fn at_hand_off(&self, index: usize) -> Option<&'_ HandOff> {
        let active = &self.enrolments[index];
        let steps = &active.workflow.filter(|_| active.is_active())?.steps;
        match &steps.named(&active.enrolment.step)?.kind {
            StepKind::HandOff(step) => Some(step),
            _ => None,
        }
    }

    fn waits_for_sales(&self, index: usize, event: &Event) -> Option<&HandOff> {
        let active = &self.enrolments[index];
        let enrolment = &active.enrolment;
        let is_it = match &event.about {
            Some(about) => {
                about.enrolment == enrolment.no
                    && about.step == enrolment.step
                    && is_same_arrival(about.visit, enrolment.visit)
            }
            // Said of the lead as such: no answer to what was asked later. When the first of several cards
            // went out is not kept; it was after the entry.
            None if enrolment.tries() > 1 => enrolment.entered_at <= event.occurred_at,
            None => enrolment.armed_at <= event.occurred_at,
        };
        let waits = is_it && matches!(enrolment.phase, Phase::Waiting { .. });
        self.at_hand_off(index).filter(|_| waits)
    }

    /// The lead is marketing's again, or nobody's. Customers stay what they are, and so does who is
    /// disqualified, but by a word that is taken back.
    fn take_back(&mut self, reason: Reason, is_undone: bool, until: Option<Instant>) {
        let (from, to) = (self.lead.stage, reason.stage());
        let stays = from == Stage::Customer || from == Stage::Disqualified && !is_undone;
        if !stays && from != to {
            self.change_stage(to, &format!("sales: {}", reason.word()));
            self.withhold_what_is_true();
        }
        if let Some(until) = until {
            self.leave_alone(until);
        }
    }

    /// Of all who ask for it, the lead among them, who asks for longest is heard.
    fn leave_alone(&mut self, until: Instant) {
        let known = &self.lead.attributes[Schema::LATER_UNTIL.0];
        let is_longer = !matches!(known, Some(Value::Date(known)) if *known >= until);
        if is_longer && until > self.now() {
            let reason = format!("later_until = {until}");
            self.put(Schema::LATER_UNTIL, Value::Date(until), &reason);
        }
    }

    fn owner_slot(&self) -> Option<Slot> {
        self.lead.definitions.schema.slot("owner")
    }

    fn own(&mut self, person: &Name, why: &str) {
        if let Some(slot) = self.owner_slot() {
            self.put(slot, Value::Text(person.clone()), &format!("owner = {person}: {why}"));
        }
    }

    fn put(&mut self, slot: Slot, value: Value, reason: &str) {
        if self.lead.attributes[slot.0].as_ref() == Some(&value) {
            return;
        }
        self.lead.attributes.to_mut()[slot.0] = Some(value);
        self.log(Verb::Set, None, None, reason);
        self.mark_moved();
    }
}
