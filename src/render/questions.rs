//! What a template asks of its reader: `ask("topic", "pricing")`, `later("3mo")`, `preferences()`.
//!
//! Each of these calls becomes a link of its own for each mail. What is asked stands in the template in
//! plain letters, so all of it is known and checked before any lead: tera reads the links of a mail out
//! of a variable.

use std::{collections::BTreeMap, ops::Range};

use tera::Value;

use super::{
    Links,
    problem::RenderProblem,
    source::{Part, Source},
    tags::{TagKind, Word, words},
};
use crate::{
    definitions::meant,
    domain::{
        question::{Ask, Question, Questions, fact_object},
        schedule::Later,
    },
};

/// Where the links of a mail are, by [`fact_object`].
pub(super) const VARIABLE: &str = "__links";
pub(super) const FUNCTIONS: [&str; 3] = ["ask", "later", "preferences"];

/// A call of one of [`FUNCTIONS`] in a tag.
pub(super) struct Call<'a> {
    /// In the tag, from its name to its closing parenthesis.
    pub range: Range<usize>,
    function: &'a str,
    /// The texts that it is called with, and where they stand; `None` if it is called with anything else.
    texts: Option<Vec<(usize, &'a str)>>,
}

/// The calls in a tag, in order.
pub(super) fn calls(tag: &str) -> Vec<Call<'_>> {
    let words: Vec<_> = words(tag).collect();
    let mut calls = Vec::new();
    for (index, &(start, word)) in words.iter().enumerate() {
        let Word::Name(function) = word else { continue };
        let is_part = index
            .checked_sub(1)
            .is_some_and(|before| matches!(words[before].1, Word::Sign('.' | '|')));
        let opens = words.get(index + 1).is_some_and(|(_, word)| *word == Word::Sign('('));
        if is_part || !opens || !FUNCTIONS.contains(&function) {
            continue;
        }
        let inside = &words[index + 2..];
        let close = inside.iter().position(|(_, word)| *word == Word::Sign(')'));
        let Some(close) = close else { continue };
        let range = start..inside[close].0 + 1;
        calls.push(Call { range, function, texts: texts(&inside[..close]) });
    }
    calls
}

/// Texts with commas between them, and nothing else.
fn texts<'a>(words: &[(usize, Word<'a>)]) -> Option<Vec<(usize, &'a str)>> {
    let mut texts = Vec::new();
    for (index, &(at, word)) in words.iter().enumerate() {
        match (index % 2, word) {
            (0, Word::Text(text)) => texts.push((at, text)),
            (1, Word::Sign(',')) => {}
            _ => return None,
        }
    }
    Some(texts)
}

impl Call<'_> {
    /// What it asks, if it is called as it should be.
    pub fn ask(&self) -> Option<Ask> {
        match (self.function, self.texts.as_deref()?) {
            ("ask", [(_, key), (_, value)]) => {
                Some(Ask::Declared { key: (*key).into(), value: (*value).into() })
            }
            ("later", [(_, after)]) => {
                let after = Later::parse(after).ok()?;
                Some(Ask::Later { after: after.to_string().into() })
            }
            ("preferences", []) => Some(Ask::Preferences),
            _ => None,
        }
    }

    /// As tera reads it: the link of this question in the mail.
    pub fn compiled(&self) -> Option<String> {
        let name = name(&self.ask()?);
        // As the checks have it, no key and no answer has these.
        (!name.contains(['"', '\\'])).then(|| format!("{VARIABLE}[\"{name}\"]"))
    }

    /// What is wrong with it, where, and what to write.
    fn problem(&self, questions: &Questions) -> Option<(usize, String, Option<String>)> {
        let start = self.range.start;
        match (self.function, self.texts.as_deref()) {
            ("ask", Some([key, value])) => declared(key, value, questions),
            ("ask", _) => {
                let message = "`ask` takes a question and one of its answers, in quotes";
                Some((
                    start,
                    message.to_owned(),
                    Some(r#"write ask("topic", "pricing")"#.to_owned()),
                ))
            }
            ("later", Some([(at, after)])) => {
                Later::parse(after).err().map(|problem| (*at, problem, None))
            }
            ("later", _) => {
                let message = "`later` takes one length of time, in quotes";
                Some((start, message.to_owned(), Some(r#"write later("3mo")"#.to_owned())))
            }
            (_, Some([])) => None,
            _ => {
                let message = "`preferences` takes nothing";
                Some((start, message.to_owned(), Some("write preferences()".to_owned())))
            }
        }
    }
}

fn declared(
    (key_at, key): &(usize, &str),
    (value_at, value): &(usize, &str),
    questions: &Questions,
) -> Option<(usize, String, Option<String>)> {
    let Some(question) = questions.get(*key) else {
        let near = meant(key, questions.keys().map(|name| &**name));
        let hint = match *key {
            Ask::LATER => Some("write later(\"3mo\")".to_owned()),
            Ask::PREFERENCES => Some("write preferences()".to_owned()),
            _ => near.or_else(|| Some("declare it in a `questions:` file".to_owned())),
        };
        return Some((*key_at, format!("there is no question `{key}`"), hint));
    };
    if question.answer(value).is_some() {
        return None;
    }
    let hint = meant(value, answers(question))
        .or_else(|| Some(format!("it has {}", answers(question).collect::<Vec<_>>().join(", "))));
    Some((*value_at, format!("`{value}` is no answer to `{key}`"), hint))
}

fn answers(question: &Question) -> impl Iterator<Item = &str> {
    question.answers.iter().map(|answer| &*answer.value)
}

/// What is asked in a source, wherever it is called as it should be.
pub(super) fn asked(source: &Source) -> Vec<Ask> {
    each_call(source).filter_map(|(_, call)| call.ask()).collect()
}

fn each_call(source: &Source) -> impl Iterator<Item = (usize, Call<'_>)> {
    let code = |kind| !matches!(kind, TagKind::Comment | TagKind::Raw);
    source.tags().into_iter().filter(move |tag| code(tag.kind)).flat_map(|tag| {
        let start = tag.range.start;
        calls(&source.text[tag.range]).into_iter().map(move |call| (start, call))
    })
}

/// What is wrong with what a source asks.
pub(super) fn problems(source: &Source, questions: &Questions) -> Vec<RenderProblem> {
    let one_line = matches!(source.part, Part::Subject | Part::Preheader);
    let of_call = |(tag, call): (usize, Call<'_>)| {
        if one_line {
            let message = format!("`{}` makes a link, and this is a line of text", call.function);
            return Some(source.problem(tag + call.range.start, message, None));
        }
        let (at, message, hint) = call.problem(questions)?;
        Some(source.problem(tag + at, message, hint))
    };
    each_call(source).filter_map(of_call).collect()
}

/// The links of a mail, as its templates read them.
pub(super) fn links<'a>(links: &Links<'_>, asks: impl Iterator<Item = &'a Ask>) -> Value {
    let link = |ask: &Ask| (name(ask), Value::from(links.question_url(ask)));
    Value::from(asks.map(link).collect::<BTreeMap<String, Value>>())
}

fn name(ask: &Ask) -> String {
    fact_object(ask.key(), ask.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(tag: &str) -> Vec<Option<String>> {
        calls(tag).iter().map(Call::compiled).collect()
    }

    #[test]
    fn a_call_is_the_link_of_its_question() {
        let one = |tag: &str| compiled(tag).remove(0).unwrap();
        assert_eq!(one(r#"{{ ask("topic", 'prices') }}"#), r#"__links["topic=prices"]"#);
        assert_eq!(one(r#"{{ later("2 weeks") }}"#), r#"__links["later=14d"]"#);
        assert_eq!(one("{{preferences( )}}"), r#"__links["preferences="]"#);
        let tag = r#"{{ ask("a", "b") or later("1mo") }}"#;
        let ranges: Vec<&str> = calls(tag).iter().map(|call| &tag[call.range.clone()]).collect();
        assert_eq!(ranges, [r#"ask("a", "b")"#, r#"later("1mo")"#]);
    }

    #[test]
    fn nothing_else_is_one() {
        for other in
            ["{{ ask }}", "{{ entry.ask() }}", "{{ x | ask() }}", "{{ ask(", r#"{{ "ask()" }}"#]
        {
            assert!(calls(other).is_empty(), "{other}");
        }
        for bad in [
            r#"{{ ask("a") }}"#,
            "{{ ask(a, b) }}",
            r#"{{ ask(key="a", value="b") }}"#,
            r#"{{ later("soon") }}"#,
            r#"{{ preferences("x") }}"#,
            r#"{{ ask("a\"", "b") }}"#,
        ] {
            assert_eq!(compiled(bad), [None], "{bad}");
        }
    }
}
