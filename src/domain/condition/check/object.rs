//! Objects of our own events: one that is not there is never asked for with success.

use std::{collections::BTreeSet, ops::Range};

use crate::domain::{
    condition::{
        KnownQuestions,
        error::{ConditionError, did_you_mean},
    },
    event::Objects,
    facts::{FactKey, ObjectFilter},
    hand_off::Reason,
    lead::Stage,
    name::Name,
    template::in_another_folder,
};

/// Looks the object up that a fact asks for, where its event names mails, stages, questions or reasons. `span`
/// is where it is written. `templates` and `questions`: `None` if they are not known.
///
/// # Errors
/// There is none of that name.
pub fn known_object(
    key: &FactKey,
    templates: Option<&BTreeSet<Name>>,
    questions: Option<&KnownQuestions>,
    span: Range<usize>,
) -> Result<(), ConditionError> {
    let (what, names, all): (&str, Vec<&str>, _) = match key.kind.objects() {
        Objects::Mails => {
            let Some(templates) = templates else { return Ok(()) };
            ("template", templates.iter().map(Name::as_str).collect(), None)
        }
        Objects::Questions => {
            let Some(questions) = questions else { return Ok(()) };
            ("question", questions.keys().map(Name::as_str).collect(), None)
        }
        Objects::Stages => {
            let words = Stage::ALL.map(Stage::word);
            ("stage", words.to_vec(), Some(format!("one of {}", words.join(", "))))
        }
        Objects::Reasons => {
            let words = Reason::ALL.map(Reason::word);
            ("reason", words.to_vec(), Some(format!("one of {}", words.join(", "))))
        }
        Objects::Any => return Ok(()),
    };
    let (written, message) = match &key.filter {
        ObjectFilter::Any => return Ok(()),
        ObjectFilter::Exactly(name) => (name, format!("there is no {what} `{name}`")),
        ObjectFilter::StartsWith(name) => (name, format!("no {what} is called `{name}*`")),
    };
    if names.iter().any(|name| key.filter.admits(Some(name))) {
        return Ok(());
    }
    let elsewhere = in_another_folder(written, names.iter().copied());
    let elsewhere = elsewhere.map(|name| format!("did you mean `{name}`?"));
    let near = did_you_mean(written, names).or(elsewhere);
    Err(ConditionError::new(span, message).maybe(all).maybe(near))
}
