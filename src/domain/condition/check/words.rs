//! The words of the language, and what to say about those that are not.

use std::ops::Range;

use super::{Checker, Scope};
use crate::domain::{
    condition::{
        ast::{Expr, ExprKind, Word},
        error::{ConditionError, did_you_mean},
    },
    definitions::SegmentIx,
    name::Name,
};

/// What is called.
pub(super) const FUNCTIONS: [&str; 11] = [
    "clicked",
    "opened",
    "visited",
    "submitted",
    "replied",
    "answered",
    "happened",
    "tag",
    "in_segment",
    "has",
    "date",
];
/// What is not an attribute and has a value.
pub(super) const VALUES: [&str; 6] = ["stage", "fit", "engagement", "temperature", "now", "entry"];
/// What is asked of a text.
pub(super) const TEXT_METHODS: [&str; 4] = ["startsWith", "endsWith", "contains", "matches"];
/// What narrows an event question.
pub(super) const QUESTION_METHODS: [&str; 3] = ["within", "times", "ever"];
pub(super) const METHODS: [&str; 7] =
    ["startsWith", "endsWith", "contains", "matches", "within", "times", "ever"];

impl Checker<'_> {
    pub(super) fn unknown_function<T>(&mut self, word: &Word) -> Option<T> {
        let name = &word.text;
        let (message, hint) =
            if self.env.schema.slot(name).is_some() || VALUES.contains(&name.as_str()) {
                (format!("`{name}` is a value and not called"), Some(format!("write `{name}`")))
            } else if METHODS.contains(&name.as_str()) {
                let example =
                    if QUESTION_METHODS.contains(&name.as_str()) { "clicked()" } else { "country" };
                (format!("`{name}` follows a dot"), Some(format!("write `{example}.{name}(…)`")))
            } else {
                let near = did_you_mean(name, FUNCTIONS);
                let all = format!("there are {}", FUNCTIONS.join(", "));
                (format!("there is no `{name}(…)`"), near.or(Some(all)))
            };
        self.complain(ConditionError::new(word.span.clone(), message).maybe(hint));
        None
    }

    /// The one argument of a call, a text that says something.
    pub(super) fn text_argument(
        &mut self,
        word: &Word,
        args: &[Expr],
        example: &str,
    ) -> Option<(String, Range<usize>)> {
        if let [arg] = args {
            match &arg.kind {
                ExprKind::Text(text) if !text.is_empty() => {
                    return Some((text.clone(), arg.span.clone()));
                }
                ExprKind::Wrong => return None,
                _ => {}
            }
        }
        let span = args.first().map_or(word.span.clone(), |first| {
            first.span.start..args.last().map_or(first.span.end, |last| last.span.end)
        });
        let message = format!("`{}` takes one text in quotes", word.text);
        self.complain(ConditionError::new(span, message).hint(format!("write `{example}`")));
        None
    }

    pub(super) fn tag(&mut self, word: &Word, args: &[Expr]) -> Option<Name> {
        self.text_argument(word, args, "tag(\"x\")").map(|(text, _)| text.into())
    }

    pub(super) fn segment(&mut self, word: &Word, args: &[Expr]) -> Option<SegmentIx> {
        let (name, span) = self.text_argument(word, args, "in_segment(\"x\")")?;
        if self.env.scope == Scope::Fit {
            self.complain(
                ConditionError::new(
                    word.span.clone(),
                    "a fit rule cannot look at a segment, which may rest on fit",
                )
                .hint("look at attributes, tags and events"),
            );
            return None;
        }
        let found = self.env.segments.iter().position(|known| *known.name == *name);
        if found.is_none() {
            let near =
                did_you_mean(&name, self.env.segments.iter().map(|known| known.name.as_str()));
            let message = format!("there is no segment `{name}` to look at here");
            self.complain(ConditionError::new(span, message).maybe(near));
        }
        found.map(SegmentIx)
    }
}
