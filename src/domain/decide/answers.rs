//! Answers: what a lead said by a question's button sets an attribute or moves the stage.

use super::work::Work;
use crate::domain::{
    decision::Verb,
    event::{Event, Judgement},
    lead::Stage,
    question::Ask,
    value::{Slot, Value},
};

impl Work<'_> {
    pub fn answered(&mut self, event: &Event) {
        let (Some(key), Judgement::Human) = (&event.object, event.judgement) else { return };
        let text = |name: &str| event.data.get(name).map(ToString::to_string).unwrap_or_default();
        match key.as_str() {
            // These were in force as soon as they were recorded.
            Ask::LATER => self.tell(&format!("asked to be written to later: {}", text("value"))),
            Ask::PREFERENCES => {
                for (what, purposes) in
                    [("agreed to", text("agreed")), ("withdrew", text("withdrawn"))]
                {
                    if !purposes.is_empty() {
                        self.tell(&format!("preferences: {what} {purposes}"));
                    }
                }
            }
            key => self.declared(key, &text("value")),
        }
    }

    fn declared(&mut self, key: &str, value: &str) {
        let definitions = self.lead.definitions;
        let reason = format!("answered `{key}`: {value}");
        let Some(question) = definitions.questions.get(key) else {
            self.tell(&format!("{reason}; the question is not asked any more"));
            return;
        };
        let Some(answer) = question.answer(value) else {
            self.tell(&format!("{reason}; it is no answer any more"));
            return;
        };
        if let Some((slot, value)) = &answer.sets {
            self.set_by_answer(*slot, value, &reason);
        }
        if let Some(stage) = answer.stage {
            self.move_by_answer(stage, &reason);
        }
    }

    fn set_by_answer(&mut self, slot: Slot, value: &Value, reason: &str) {
        if self.lead.attributes[slot.0].as_ref() == Some(value) {
            return;
        }
        self.lead.attributes.to_mut()[slot.0] = Some(value.clone());
        let name = &self.lead.definitions.schema.attribute(slot).name;
        self.tell(&format!("{name} = {value}: {reason}"));
        self.mark_moved();
    }

    fn move_by_answer(&mut self, stage: Stage, reason: &str) {
        if self.lead.stage != stage {
            self.change_stage(stage, reason);
        }
    }

    fn tell(&mut self, what: &str) {
        self.log(Verb::Set, None, None, what);
    }
}
