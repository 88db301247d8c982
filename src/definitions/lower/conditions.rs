//! Conditions inside of YAML: compiled in their place, their errors put where they are written.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeSet,
    ops::Range,
};

use super::{kinds, nonsense, reach::Reach, read};
use crate::{
    definitions::{
        node::{Data, Node, Style},
        problem::{File, Span, quote},
        traps::{comment_cut, split_off},
    },
    domain::{
        condition::{
            Condition, ConditionError, Env, KnownQuestions, KnownSegment, Named, PatternRoom,
            Scope, fact_key,
        },
        facts::{FactKey, FactPlan},
        name::Name,
        value::Schema,
    },
};

/// What conditions are checked against, and the facts that they have asked for.
#[derive(Debug)]
pub(super) struct Conditions {
    pub schema: Schema,
    /// In dependency order.
    pub segments: Vec<KnownSegment>,
    pub templates: BTreeSet<Name>,
    pub questions: KnownQuestions,
    pub plan: RefCell<FactPlan>,
    pub patterns: PatternRoom,
    /// What is inside of the workflow that is read is asked for one of several enrolments.
    pub keyed: Cell<bool>,
    /// Set where the rules of engagement are right.
    pub reach: OnceCell<Reach>,
}

impl Conditions {
    /// Compiles the condition in `node`.
    pub fn compile(
        &self,
        file: &File<'_>,
        node: &Node,
        what: &str,
        scope: Scope,
    ) -> Option<Condition> {
        self.compile_before(file, node, what, scope, self.segments.len())
    }

    /// Compiles a condition that may name the first `segments` segments.
    pub fn compile_before(
        &self,
        file: &File<'_>,
        node: &Node,
        what: &str,
        scope: Scope,
        segments: usize,
    ) -> Option<Condition> {
        let source = source(file, node, what)?;
        warn(file, node, source);
        let is_keyed = scope == Scope::Workflow && self.keyed.get();
        let env = self.env(if is_keyed { Scope::Keyed } else { scope }, segments);
        match Condition::compile(source, &env, &mut self.plan.borrow_mut()) {
            Ok(condition) => {
                for (bound, part) in condition.engagements() {
                    if let Some(reach) = self.reach.get() {
                        reach.warn(file, within(file, node, source, &part), bound);
                    }
                }
                // What is stored was warned of when it was written.
                if !file.text.is_empty() {
                    nonsense::warn(file, &condition, |part| within(file, node, source, part));
                }
                Some(condition)
            }
            Err(errors) => {
                report(file, node, source, errors);
                None
            }
        }
    }

    /// The fact that a bare event question asks for: `visited("/pricing")`.
    pub fn fact(&self, file: &File<'_>, node: &Node, what: &str) -> Option<FactKey> {
        let source = source(file, node, what)?;
        warn(file, node, source);
        match fact_key(source, &self.env(Scope::Lead, self.segments.len())) {
            Ok(key) => Some(key),
            Err(errors) => {
                report(file, node, source, errors);
                None
            }
        }
    }

    fn env(&self, scope: Scope, segments: usize) -> Env<'_> {
        Env {
            schema: &self.schema,
            segments: &self.segments[..segments],
            templates: Some(&self.templates),
            questions: Some(&self.questions),
            patterns: &self.patterns,
            scope,
        }
    }
}

fn source<'a>(file: &File<'_>, node: &'a Node, what: &str) -> Option<&'a str> {
    match &node.data {
        Data::Scalar(scalar) => Some(scalar.text.as_str()),
        Data::List(parts) if parts.len() > 1 && parts.iter().all(|part| part.text().is_some()) => {
            let parts: Vec<&str> = parts.iter().filter_map(Node::text).collect();
            let message = format!("`{what}` is one condition; this is a list of {}", parts.len());
            let hint = format!("join them by `or` or `and`: {}", quote(&parts.join(" or ")));
            file.error("wrong-type", node.span, message, Some(hint));
            None
        }
        _ => read::text(file, node, what),
    }
}

/// What is allowed and probably not meant.
fn warn(file: &File<'_>, node: &Node, source: &str) {
    for (kind, span) in Named::in_source(source).kinds {
        kinds::warn_of_near_miss(file, within(file, node, source, &span), &kind);
    }
}

fn report(file: &File<'_>, node: &Node, source: &str, errors: Vec<ConditionError>) {
    if matches!(&node.data, Data::Scalar(scalar) if scalar.style == Style::Plain) {
        if let Some(trap) = comment_cut(file, node.span) {
            file.error(trap.rule, trap.at, trap.message, trap.hint);
            return;
        }
        // What the comma made a key of may be a key in earnest: then nothing was split.
        if split_off(file, node.span).is_some_and(|key| file.has_error_at(key)) {
            return;
        }
    }
    for error in errors {
        let at = within(file, node, source, &error.span);
        file.error("condition", at, error.message, error.hint);
    }
}

/// Where a part of a condition stands in the file; the whole where there is no text.
fn within(file: &File<'_>, node: &Node, source: &str, part: &Range<usize>) -> Span {
    match file.text.get(node.span.start..node.span.end) {
        None | Some("") => node.span,
        Some(raw) => {
            let part = place(raw, source, part);
            Span::new(node.span.start + part.start, node.span.start + part.end)
        }
    }
}

/// Finds a range of a scalar's value in the scalar as it is written: quoted, escaped or folded.
///
/// Both are walked together; what the writing has more (quotes, backslashes, indentation) is passed
/// over. An unusual escape may move the place by a few characters, never off the scalar.
fn place(raw: &str, value: &str, range: &Range<usize>) -> Range<usize> {
    let mut raw_chars = raw.char_indices().peekable();
    let (mut start, mut end) = (None, raw.len());
    for (at, c) in value.char_indices() {
        let found = if c.is_whitespace() {
            let here = raw_chars.peek().map_or(raw.len(), |&(at, _)| at);
            // One space of the value may be a line break and an indentation.
            let mut broken = false;
            while let Some(&(_, r)) = raw_chars.peek() {
                if !r.is_whitespace() || (!broken && r != '\n' && r != '\r' && r != c) {
                    break;
                }
                raw_chars.next();
                broken |= r == '\n' || r == '\r';
                if !broken {
                    break;
                }
            }
            here
        } else {
            loop {
                match raw_chars.next() {
                    Some((at, r)) if r == c => break at,
                    Some(_) => {}
                    None => break raw.len(),
                }
            }
        };
        if start.is_none() && at >= range.start {
            start = Some(found);
        }
        if at >= range.end {
            end = found;
            break;
        }
    }
    // At the end of the value: behind its last character, before a closing quote.
    let last = raw.trim_end().len();
    let last = if raw.starts_with(['"', '\'']) { last.saturating_sub(1) } else { last };
    let start = start.unwrap_or(last).min(raw.len());
    start..end.min(last).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The writing that belongs to `word` in the value.
    fn found<'a>(raw: &'a str, value: &str, word: &str) -> &'a str {
        let at = value.find(word).unwrap();
        let range = place(raw, value, &(at..at + word.len()));
        &raw[range]
    }

    #[test]
    fn places_are_found_however_the_scalar_is_written() {
        assert_eq!(found("stage == \"x\"", "stage == \"x\"", "\"x\""), "\"x\"");
        assert_eq!(found("'a and bc'", "a and bc", "bc"), "bc");
        assert_eq!(found(r#""tag(\"a\") or bc""#, r#"tag("a") or bc"#, "bc"), "bc");
        assert_eq!(found("a and\n    bc", "a and bc", "bc"), "bc");
        assert_eq!(found("a and\n  bc\n", "a and\nbc\n", "bc"), "bc");
        assert_eq!(found("'it''s bc'", "it's bc", "bc"), "bc");
    }

    #[test]
    fn the_end_of_a_value_is_before_its_closing_quote() {
        assert_eq!(place("\"a and\"", "a and", &(5..5)), 6..6);
        assert_eq!(place("a and", "a and", &(5..5)), 5..5);
    }
}
