//! `{% if in_segment("hot") %}`: what a mail shows only to who is in a segment.
//!
//! Which segments a mail asks for stands in it in plain letters, so that `check` knows them, and only these are
//! worked out for its reader.

use std::collections::{BTreeMap, BTreeSet};

use tera::Value;

use super::{
    problem::RenderProblem,
    source::Source,
    tags::{TagKind, Word, words},
};
use crate::{definitions::meant, domain::name::Name};

/// Which of the segments that a mail asks for its reader is in.
pub type Inside = BTreeSet<Name>;

/// Where templates read it.
pub(super) const VARIABLE: &str = "__segments";
pub(super) const FUNCTION: &str = "in_segment";

/// A call in a tag.
pub(super) struct Call<'a> {
    /// In the tag.
    pub start: usize,
    /// Behind its closing parenthesis.
    pub end: usize,
    /// `None`: it is called with something else than one text.
    segment: Option<&'a str>,
}

impl Call<'_> {
    /// As tera reads it.
    pub fn compiled(&self) -> Option<String> {
        // As the checks have it, no segment has these.
        let segment = self.segment.filter(|name| !name.contains(['"', '\\']))?;
        Some(format!("{VARIABLE}[\"{segment}\"]"))
    }
}

/// The calls in a tag, in order.
pub(super) fn calls(tag: &str) -> Vec<Call<'_>> {
    let words: Vec<_> = words(tag).collect();
    let mut calls = Vec::new();
    for (index, &(start, word)) in words.iter().enumerate() {
        let is_part = index
            .checked_sub(1)
            .is_some_and(|before| matches!(words[before].1, Word::Sign('.' | '|')));
        let opens = words.get(index + 1).is_some_and(|(_, word)| *word == Word::Sign('('));
        if word != Word::Name(FUNCTION) || is_part || !opens {
            continue;
        }
        let inside = &words[index + 2..];
        let Some(close) = inside.iter().position(|(_, word)| *word == Word::Sign(')')) else {
            continue;
        };
        let segment = match inside[..close] {
            [(_, Word::Text(segment))] => Some(segment),
            _ => None,
        };
        calls.push(Call { start, end: inside[close].0 + 1, segment });
    }
    calls
}

fn each_call(source: &Source) -> impl Iterator<Item = (usize, TagKind, Call<'_>)> {
    let code = |kind| !matches!(kind, TagKind::Comment | TagKind::Raw);
    source.tags().into_iter().filter(move |tag| code(tag.kind)).flat_map(|tag| {
        let (start, kind) = (tag.range.start, tag.kind);
        calls(&source.text[tag.range]).into_iter().map(move |call| (start, kind, call))
    })
}

/// The segments that a source asks for.
pub(super) fn asked(source: &Source) -> BTreeSet<Name> {
    each_call(source).filter_map(|(.., call)| call.segment.map(Name::from)).collect()
}

/// What is wrong with what a source asks for.
pub(super) fn problems(source: &Source, segments: &BTreeSet<Name>) -> Vec<RenderProblem> {
    let of_call = |(tag, kind, call): (usize, TagKind, Call<'_>)| {
        let (message, hint) = match call.segment {
            None => (
                format!("`{FUNCTION}` takes one segment by its name"),
                Some(format!("write: {{% if {FUNCTION}(\"hot\") %}}, with the name in quotes")),
            ),
            Some(segment) if !segments.contains(segment) => (
                format!("there is no segment `{segment}`"),
                meant(segment, segments.iter().map(|name| &**name))
                    .or_else(|| Some("declare it in a `segments:` file".to_owned())),
            ),
            // It would read `true`.
            Some(segment) if kind == TagKind::Print && !is_asked_in(source, tag) => (
                format!("`{FUNCTION}` says yes or no, which no reader understands"),
                Some(format!("write: {{% if {FUNCTION}(\"{segment}\") %}} … {{% endif %}}")),
            ),
            Some(_) => return None,
        };
        Some(source.problem(tag + call.start, message, hint))
    };
    each_call(source).filter_map(of_call).collect()
}

/// Whether what a tag prints depends on a condition: `{{ "a" if in_segment("hot") else "b" }}`
fn is_asked_in(source: &Source, tag: usize) -> bool {
    let tag = source.tags().into_iter().find(|found| found.range.start == tag);
    tag.is_some_and(|tag| words(&source.text[tag.range]).any(|(_, word)| word == Word::Name("if")))
}

/// As templates read it: each segment that is asked for, and whether the reader is in.
pub(super) fn value<'a>(asked: impl Iterator<Item = &'a Name>, inside: &Inside) -> Value {
    let one = |name: &Name| (name.to_string(), Value::from(inside.contains(name)));
    Value::from(asked.map(one).collect::<BTreeMap<String, Value>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_with_one_text_is_one() {
        let compiled = |tag: &str| calls(tag).iter().map(Call::compiled).collect::<Vec<_>>();
        let read = |name: &str| Some(format!("__segments[\"{name}\"]"));
        assert_eq!(compiled(r#"{% if in_segment("hot") %}"#), [read("hot")]);
        assert_eq!(
            compiled("{% if not in_segment('a') and in_segment( `b` ) %}"),
            [read("a"), read("b")]
        );
        for bad in
            ["{% if in_segment() %}", "{% if in_segment(x) %}", r#"{% if in_segment("a", "b") %}"#]
        {
            assert_eq!(compiled(bad), [None], "{bad}");
        }
        for other in
            ["{% if in_segment %}", r#"{{ "in_segment('a')" }}"#, "{{ x.in_segment('a') }}"]
        {
            assert!(compiled(other).is_empty(), "{other}");
        }
    }
}
