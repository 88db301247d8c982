//! Why: the verdict of each part of a condition, with what the lead had.

use std::{cell::OnceCell, fmt};

use serde::{Serialize, Serializer};

use super::{
    Condition,
    node::{BoolTerm, Node, NodeKind, NumberTerm, Question, Reckoning, Source, TextTerm},
    scores::Worked,
    view::View,
};
use crate::domain::{
    time::Instant,
    value::{Schema, Value},
    verdict::{Truth, Verdict},
};

/// The verdict of a condition or of a part of it, with its reason.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Trace {
    /// As written.
    pub text: String,
    pub value: Truth,
    /// RFC 3339; null if nothing but a new event can change it.
    #[serde(serialize_with = "or_null")]
    pub holds_until: Instant,
    /// What the lead had: `engagement is 42.3`, `country is missing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// In the order of the source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Trace>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn or_null<S: Serializer>(instant: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    if instant.is_never() { serializer.serialize_none() } else { serializer.collect_str(instant) }
}

impl Condition {
    /// The verdict with its reasons. Slower than [`Condition::verdict`], and of the same value.
    #[must_use]
    pub fn explain(&self, view: &View<'_>, schema: &Schema) -> Trace {
        let worked = Worked::default();
        let view = &View { worked: view.worked.or(Some(&worked)), ..*view };
        Teller::new(view, schema).trace(&self.0.root, self.source())
    }
}

/// One line a part, indented: value, source, what was found, until when.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines(f, 0)
    }
}

impl Trace {
    fn lines(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        if depth > 0 {
            writeln!(f)?;
        }
        let value = match self.value {
            Truth::False => "false",
            Truth::Unknown => "unknown",
            Truth::True => "true",
        };
        let text: Vec<&str> = self.text.lines().map(str::trim).collect();
        write!(f, "{:indent$}{value:<8}{}", "", text.join(" "), indent = depth * 2)?;
        if let Some(found) = &self.found {
            write!(f, "   [{found}]")?;
        }
        if !self.holds_until.is_never() {
            write!(f, "   until {}", self.holds_until)?;
        }
        self.parts.iter().try_for_each(|part| part.lines(f, depth + 1))
    }
}

/// Tells what a lead had.
pub(super) struct Teller<'t, 'v> {
    view: &'t View<'v>,
    schema: &'t Schema,
    /// Looks at every rule, and is the same wherever fit is named.
    fit: OnceCell<String>,
}

impl<'t, 'v> Teller<'t, 'v> {
    pub fn new(view: &'t View<'v>, schema: &'t Schema) -> Self {
        Self { view, schema, fit: OnceCell::new() }
    }

    fn trace(&self, node: &Node, source: &str) -> Trace {
        let Verdict { value, holds_until } = node.verdict(self.view);
        let range = usize::from(node.span.start)..usize::from(node.span.end);
        let text = source.get(range).unwrap_or(source).trim().to_owned();
        let (found, parts) = self.reason(&node.kind, source);
        Trace { text, value, holds_until, found, parts }
    }

    fn reason(&self, kind: &NodeKind, source: &str) -> (Option<String>, Vec<Trace>) {
        let mut parts = Vec::new();
        let mut sources: Vec<&Source> = Vec::new();
        match kind {
            NodeKind::Constant(_) => {}
            NodeKind::Not(inner) => parts.push(self.trace(inner, source)),
            NodeKind::All(nodes) | NodeKind::Any(nodes) => {
                let mut nodes: Vec<&Node> = nodes.iter().collect();
                nodes.sort_by_key(|node| node.span.start);
                parts.extend(nodes.into_iter().map(|node| self.trace(node, source)));
            }
            NodeKind::Has(source) | NodeKind::Flag(source) => sources.push(source),
            NodeKind::Bool { left, right, .. } => {
                sources.push(left);
                if let BoolTerm::Value(right) = right {
                    sources.push(right);
                }
            }
            NodeKind::Text { left, right, .. } => {
                for term in [left, right] {
                    if let TextTerm::Value(source) = term {
                        sources.push(source);
                    }
                }
            }
            NodeKind::TextIn { item, .. } | NodeKind::TextLike { item, .. } => {
                if let TextTerm::Value(source) = item {
                    sources.push(source);
                }
            }
            NodeKind::Number { left, right, .. } => {
                for term in [left, right] {
                    if let NumberTerm::Value(source) = term {
                        sources.push(source);
                    }
                }
            }
            NodeKind::NumberIn { item, .. } => {
                if let NumberTerm::Value(source) = item {
                    sources.push(source);
                }
            }
            NodeKind::Moment { reckoning, .. } | NodeKind::MomentIn { item: reckoning, .. } => {
                return (self.dates(reckoning), parts);
            }
            NodeKind::Stage(_) => return (Some(format!("stage is {}", self.view.stage)), parts),
            NodeKind::Temperature(_) => {
                let temperature = self.view.scoring.temperature(self.view.engagement_points());
                return (Some(self.behaviour("temperature", temperature.word())), parts);
            }
            NodeKind::Engagement { .. } => {
                // Not rounded: 19.999 is less than 20.
                let points = self.view.engagement_points().as_points().to_string();
                return (Some(self.behaviour("engagement", &points)), parts);
            }
            NodeKind::Fit { .. } => return (Some(self.fit().to_owned()), parts),
            NodeKind::Tag(name) => {
                let has = if self.view.tags.contains(name) { "has" } else { "has not" };
                return (Some(format!("{has} the tag {name}")), parts);
            }
            NodeKind::Segment(index) => {
                if let Some(segment) = self.view.segments.get(index.0) {
                    let condition = &segment.condition;
                    parts.push(self.trace(&condition.0.root, condition.source()));
                }
                return (None, parts);
            }
            NodeKind::Question(question) => return (Some(self.hits(question)), parts),
        }
        let told: Vec<String> = sources.into_iter().map(|source| self.value(source)).collect();
        ((!told.is_empty()).then(|| told.join(", ")), parts)
    }

    fn value(&self, source: &Source) -> String {
        let name = match source {
            Source::Attribute(slot) => self.schema.attribute(*slot).name.to_string(),
            Source::EntryObject => "entry.object".to_owned(),
            Source::EntryKind => "entry.kind".to_owned(),
            Source::EntryAt => "entry.at".to_owned(),
            Source::EntryKey(key) => format!("entry.{key}"),
        };
        let value = match source {
            Source::EntryObject => {
                self.view.entry.and_then(|entry| entry.object.clone()).map(Value::Text)
            }
            Source::EntryKind => {
                self.view.entry.map(|entry| Value::Text(entry.kind.as_str().into()))
            }
            Source::EntryAt => self.view.entry.map(|entry| Value::Date(entry.at)),
            stored => stored.stored(self.view).cloned(),
        };
        match value {
            None => format!("{name} is missing"),
            Some(Value::Text(text)) => format!("{name} is \"{text}\""),
            Some(value) => format!("{name} is {value}"),
        }
    }

    fn dates(&self, reckoning: &Reckoning) -> Option<String> {
        let mut told: Vec<String> =
            reckoning.terms.iter().map(|(_, source)| self.value(source)).collect();
        if reckoning.slope != 0 {
            told.push(format!("now is {}", self.view.now));
        }
        (!told.is_empty()).then(|| told.join(", "))
    }

    fn behaviour(&self, name: &str, value: &str) -> String {
        if self.view.profiled {
            format!("{name} is {value}")
        } else {
            format!("{name} is unknown: no consent to profiling")
        }
    }

    pub fn fit(&self) -> &str {
        self.fit.get_or_init(|| {
            let View { scoring, .. } = self.view;
            let (points, _) = scoring.fit(self.view);
            let rules: Vec<String> = scoring
                .true_fit_rules(self.view)
                .map(|rule| format!("{} {}", rule.name, rule.points))
                .collect();
            match rules.as_slice() {
                [] => format!("fit is {points}"),
                rules => format!("fit is {points}: {}", rules.join(", ")),
            }
        })
    }

    fn hits(&self, question: &Question) -> String {
        let Some(fact) = self.view.facts.get(question.fact.0) else {
            return "nothing is known of it".to_owned();
        };
        let since = if question.since_entry { self.view.since } else { Instant::DAWN };
        let last = fact.counted(since, self.view.now).next();
        let mut told = match question.counted(fact, since, self.view.now, self.view).count() {
            0 if last.is_some() => "too long ago".to_owned(),
            0 => "never".to_owned(),
            1 => "once".to_owned(),
            more => format!("{more} times"),
        };
        if let Some(last) = last {
            use fmt::Write as _;
            // Writing to a String cannot fail.
            let _ = write!(told, ", last {}", last.at);
        }
        let settles = fact.next_settling(since, self.view.now);
        if !settles.is_never() {
            told.push_str(", one not yet judged");
        }
        if question.since_entry {
            told.push_str(", since the entry");
        }
        if question.same_key {
            told.push_str(", about the same");
        }
        if question.behaviour && !self.view.profiled {
            told.push_str(", as far as is known: no consent to profiling");
        }
        told
    }
}
