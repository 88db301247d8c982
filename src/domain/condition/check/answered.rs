//! Answers to questions: `answered("topic")`, `answered("topic", "pricing")`.

use super::{Checker, KnownQuestions};
use crate::domain::{
    condition::{
        ast::{Expr, Word},
        error::{ConditionError, did_you_mean},
    },
    event::EventKind,
    facts::{FactKey, ObjectFilter},
    name::Name,
    question::{Ask, Questions, fact_object},
};

pub(super) const EXAMPLE: &str = "answered(\"topic\", \"pricing\")";

/// The declared questions with their answers, and the built-in ones.
#[must_use]
pub fn known_questions(questions: &Questions) -> KnownQuestions {
    let declared = questions.iter().map(|(key, question)| {
        let answers = question.answers.iter().map(|answer| answer.value.clone());
        (key.clone(), Some(answers.collect()))
    });
    declared.chain(Ask::BUILT_IN.map(|key| (key.into(), None))).collect()
}

impl Checker<'_> {
    /// The fact of a question and one of its answers; without the answer of any, without both of all.
    pub(super) fn answer_key(&mut self, word: &Word, args: &[Expr]) -> Option<FactKey> {
        let key = |filter| FactKey { kind: EventKind::LEAD_ANSWERED, filter };
        let (question, answer) = match args {
            [] => return Some(key(ObjectFilter::Any)),
            [question] => (question, None),
            [question, answer] => (question, Some(answer)),
            [_, _, third, ..] => {
                let message = format!("`{}` takes a question and one answer", word.text);
                let error = ConditionError::new(third.span.clone(), message);
                self.complain(error.hint(format!("write `{EXAMPLE}`")));
                return None;
            }
        };
        let one = std::slice::from_ref;
        let (question, span) = self.text_argument(word, one(question), EXAMPLE)?;
        let known = match self.env.questions {
            None => None,
            Some(questions) => {
                let Some(answers) = questions.get(question.as_str()) else {
                    let near = did_you_mean(&question, questions.keys().map(Name::as_str));
                    let declare = "declare it in a `questions:` file".to_owned();
                    let message = format!("there is no question `{question}`");
                    self.complain(ConditionError::new(span, message).maybe(near.or(Some(declare))));
                    return None;
                };
                answers.as_deref()
            }
        };
        let Some(answer) = answer else {
            return Some(key(ObjectFilter::StartsWith(fact_object(&question, "").into())));
        };
        let (answer, span) = self.text_argument(word, one(answer), EXAMPLE)?;
        if let Some(known) = known
            && known.iter().all(|known| *known.as_str() != answer)
        {
            let near = did_you_mean(&answer, known.iter().map(Name::as_str));
            let all: Vec<&str> = known.iter().map(Name::as_str).collect();
            let message = format!("`{answer}` is no answer to `{question}`");
            let all = Some(format!("it has {}", all.join(", ")));
            self.complain(ConditionError::new(span, message).maybe(near.or(all)));
            return None;
        }
        Some(key(ObjectFilter::Exactly(fact_object(&question, &answer).into())))
    }
}
