//! `questions:` → what mails may ask, which answers there are, and what each of them sets.

use std::collections::BTreeMap;

use super::{Found, attributes, read};
use crate::{
    definitions::{
        names::is_language,
        nearest::nearest,
        node::{Data, Key, Node},
        problem::{File, quote},
        schema::{self, YES_OR_NO},
    },
    domain::{
        condition::{KnownQuestions, known_questions},
        definitions::LiveWorkflow,
        event::EventKind,
        facts::{FactPlan, ObjectFilter},
        lead::Stage,
        name::Name,
        question::{Answer, Ask, Label, Question, Questions, fact_object},
        value::{Schema, Slot},
        workflow::Enter,
    },
};

const MOST: usize = 200;
const MOST_ANSWERS: usize = 50;
/// The longest label and the longest answer, in characters.
const LONGEST_LABEL: usize = 200;
const LONGEST_ANSWER: usize = 60;

pub(super) fn lower(found: &[Found<'_>], known: &Schema) -> Questions {
    if let Some(first) = found.get(MOST) {
        first.file.error("too-large", first.unit.at, format!("more than {MOST} questions"), None);
        return Questions::new();
    }
    found
        .iter()
        .filter_map(|found| Some((found.unit.name.clone(), question(found, known)?)))
        .collect()
}

/// What may be asked for: also what could not be read, so that one mistake is one problem.
pub(super) fn known(questions: &Questions, found: &[Found<'_>]) -> KnownQuestions {
    let mut known = known_questions(questions);
    for found in found {
        known.entry(found.unit.name.clone()).or_insert(None);
    }
    known
}

fn question(found: &Found<'_>, known: &Schema) -> Option<Question> {
    let (file, name) = (found.file, &found.unit.name);
    if Ask::BUILT_IN.contains(&name.as_str()) {
        let message = format!("`{name}` is a question that is there already");
        let hint = "give it another name".to_owned();
        file.error("bad-name", found.unit.at, message, Some(hint));
        return None;
    }
    let what = format!("question `{name}`");
    let fields = read::Fields::open(file, found.node(), &what, &schema::QUESTION)?;
    if let Some(about) = fields.get("about") {
        read::text(file, about, "about");
    }
    let title = fields
        .need("title", "title: What should we write to you about?")
        .and_then(|node| label(file, node, "title"));
    let sets = fields.optional("sets", |node| slot(file, node, known));
    let answers = fields
        .need("answers", "answers: { pricing: Prices, demo: A demo }, or answers: yes or no")
        .and_then(|node| answers(file, node, sets.flatten(), known));
    sets?;
    Some(Question { title: title?, answers: answers? })
}

/// The attribute that the answers set.
fn slot(file: &File<'_>, node: &Node, known: &Schema) -> Option<Slot> {
    let name = read::text(file, node, "sets")?;
    if let Some(slot) = known.slot(name) {
        if known.attribute(slot).says_who() {
            let message = format!("`{name}` says who the lead is; an answer cannot set it");
            file.error("bad-value", node.span, message, None);
            return None;
        }
        return Some(slot);
    }
    let message = format!("leads have no attribute `{}`", quote(name));
    let names = known.iter().map(|(_, attribute)| attribute.name.as_str());
    let hint = match nearest(name, names) {
        Some(word) if !attributes::is_reserved(name) => format!("did you mean `{word}`?"),
        _ if name == "stage" => {
            "an answer has its own: answers: { no: { label: No, stage: disqualified } }".to_owned()
        }
        _ => attributes::hint_for_unknown(name),
    };
    file.error("unknown-attribute", node.span, message, Some(hint));
    None
}

fn answers(
    file: &File<'_>,
    node: &Node,
    sets: Option<Slot>,
    known: &Schema,
) -> Option<Vec<Answer>> {
    if node.text() == Some(YES_OR_NO) {
        let labels = [("yes", "Yes", "Sì"), ("no", "No", "No")];
        let written = labels.map(|(value, english, italian)| {
            let texts = [("en", english), ("it", italian)];
            let texts = texts.map(|(language, text)| (language.into(), text.to_owned()));
            (value, Label::new(texts.into()))
        });
        let answer = |(value, label): (&str, Label)| {
            let sets = set(file, node, value, sets, known)?;
            Some(Answer { value: value.into(), label, sets, stage: None })
        };
        // The first that does not fit says it for both.
        return written.into_iter().map(answer).collect();
    }
    if let Some(written) = node.text() {
        let message = format!("`answers` cannot be `{}`", quote(written));
        let hint =
            format!("write a map of answers to what the lead reads, or: answers: {YES_OR_NO}");
        file.error("bad-value", node.span, message, Some(hint));
        return None;
    }
    let entries = read::map(file, node, "`answers`")?;
    if entries.is_empty() || entries.len() > MOST_ANSWERS {
        let message = format!("a question has 1 to {MOST_ANSWERS} answers");
        file.error("bad-value", node.span, message, None);
        return None;
    }
    // All are read, also after one that is none.
    let answers: Vec<Option<Answer>> =
        entries.iter().map(|(key, node)| answer(file, key, node, sets, known)).collect();
    answers.into_iter().collect()
}

/// `pricing: Prices`, `pricing: { en: Prices, it: Prezzi }` or
/// `nobody: { label: …, stage: disqualified }`.
fn answer(
    file: &File<'_>,
    key: &Key,
    node: &Node,
    sets: Option<Slot>,
    known: &Schema,
) -> Option<Answer> {
    let value = key.text.as_str();
    let is_long = value.chars().count() > LONGEST_ANSWER;
    if value.is_empty()
        || is_long
        || value.contains(|c: char| c.is_control() || "*=\"\\".contains(c))
    {
        let message = format!("`{}` cannot be an answer", quote(value));
        let hint = format!("use 1 to {LONGEST_ANSWER} characters, and none of * = \" \\");
        file.error("bad-name", key.span, message, Some(hint));
        return None;
    }
    let is_full = node.get("label").is_some() || node.get("stage").is_some();
    let (label, stage) = if is_full {
        let what = format!("answer `{value}`");
        let fields = read::Fields::open(file, node, &what, &schema::ANSWER)?;
        let label = fields
            .need("label", "label: No, as the lead reads it")
            .and_then(|node| label(file, node, "label"));
        let words = Stage::ALL.map(|stage| (stage.word(), stage));
        let stage = match fields.get("stage") {
            None => None,
            Some(node) => Some(read::word(file, node, "stage", &words)?),
        };
        (label, stage)
    } else {
        (label(file, node, value), None)
    };
    let mut at = node.clone();
    at.span = key.span;
    let sets = set(file, &at, value, sets, known)?;
    Some(Answer { value: value.into(), label: label?, sets, stage })
}

/// What an answer sets, if the attribute's type takes it.
#[allow(clippy::option_option, clippy::type_complexity)] // an error, nothing to set, a value
fn set(
    file: &File<'_>,
    at: &Node,
    value: &str,
    sets: Option<Slot>,
    known: &Schema,
) -> Option<Option<(Slot, crate::domain::value::Value)>> {
    let Some(slot) = sets else { return Some(None) };
    let attribute = known.attribute(slot);
    match attribute.kind.parse(value) {
        Ok(value) => Some(value.map(|value| (slot, value))),
        Err(problem) => {
            let message = format!("`{}` is a {}: {problem}", attribute.name, attribute.kind);
            file.error("bad-value", at.span, message, None);
            None
        }
    }
}

/// A text for all, or one a language.
fn label(file: &File<'_>, node: &Node, what: &str) -> Option<Label> {
    let text = |node: &Node| {
        let written = read::text(file, node, what)?;
        if written.is_empty() || written.chars().count() > LONGEST_LABEL {
            let message = format!("`{what}` is a text of 1 to {LONGEST_LABEL} characters");
            file.error("bad-value", node.span, message, None);
            return None;
        }
        Some(written.to_owned())
    };
    let Data::Map(entries) = &node.data else {
        return Some(Label::new(BTreeMap::from([(Name::new(""), text(node)?)])));
    };
    let mut texts = BTreeMap::new();
    for (key, node) in entries {
        if is_language(&key.text) {
            texts.insert(key.text.as_str().into(), text(node)?);
        } else {
            let message = format!("`{}` is no language", quote(&key.text));
            let hint = "write: { en: Prices, it: Prezzi }".to_owned();
            file.error("bad-value", key.span, message, Some(hint));
            return None;
        }
    }
    if texts.is_empty() {
        file.error("missing-value", node.span, format!("`{what}` has no text"), None);
        return None;
    }
    Some(Label::new(texts))
}

/// Warns of questions whose answers change nothing: they set nothing, and nobody looks at them.
pub(super) fn warn_of_unread(
    found: &[Found<'_>],
    questions: &Questions,
    plan: &FactPlan,
    workflows: &[LiveWorkflow],
) {
    let enters_by = |key: &str| {
        workflows.iter().any(|live| match &live.workflow.enter {
            Enter::On { kind, object, .. } => {
                *kind == EventKind::LEAD_ANSWERED
                    && object.as_ref().is_none_or(|object| object.as_str() == key)
            }
            _ => false,
        })
    };
    let read = |key: &str| {
        let prefix = fact_object(key, "");
        plan.iter().any(|(_, fact)| {
            fact.key.kind == EventKind::LEAD_ANSWERED
                && match &fact.key.filter {
                    ObjectFilter::Any => true,
                    ObjectFilter::StartsWith(name) => *name.as_str() == prefix,
                    ObjectFilter::Exactly(name) => name.starts_with(&prefix),
                }
        })
    };
    for found in found {
        let name = &found.unit.name;
        let Some(question) = questions.get(name) else { continue };
        let sets = |answer: &Answer| answer.sets.is_some() || answer.stage.is_some();
        if !question.answers.iter().any(sets) && !enters_by(name) && !read(name) {
            let message = format!("nothing becomes of the answers to `{name}`");
            let hint = format!(
                "let them set something (sets: interest), or ask `answered(\"{name}\")` in a condition"
            );
            found.file.warning("unread-question", found.unit.at, message, Some(hint));
        }
    }
}
