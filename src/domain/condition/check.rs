//! Names → slots: an expression is looked up and typed once, so that a verdict cannot go wrong.

mod answered;
mod compare;
mod object;
mod operand;
mod question;
mod spelt_out;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use self::operand::Operand;
pub use self::{answered::known_questions, object::known_object};
use super::{
    ast::{Expr, ExprKind},
    error::ConditionError,
    node::{BoolTerm, Node, NodeKind, Source, Span},
    parser::{MOST_ERRORS, parse},
    pattern::PatternRoom,
    size::Size,
};
use crate::domain::{
    definitions::Segment,
    facts::{FactIx, FactKey, FactPlan},
    name::Name,
    value::Schema,
};

/// What a condition may name.
#[derive(Clone, Copy, Debug)]
pub struct Env<'a> {
    pub schema: &'a Schema,
    /// By [`SegmentIx`](crate::domain::definitions::SegmentIx). Only these may be named: for a segment,
    /// those before it.
    pub segments: &'a [KnownSegment],
    /// `None`: templates are not checked.
    pub templates: Option<&'a BTreeSet<Name>>,
    /// `None`: questions are not checked.
    pub questions: Option<&'a KnownQuestions>,
    pub patterns: &'a PatternRoom,
    pub scope: Scope,
}

/// A segment that a condition may name.
#[derive(Clone, Debug)]
pub struct KnownSegment {
    pub name: Name,
    pub size: Size,
}

impl From<&Segment> for KnownSegment {
    fn from(segment: &Segment) -> Self {
        Self { name: segment.name.clone(), size: segment.condition.0.size }
    }
}

/// The questions that there are, by key, and their answers; `None`: any.
pub type KnownQuestions = BTreeMap<Name, Option<Vec<Name>>>;

/// Where a condition stands, which says what it may look at and from when on events count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Segments, stage rules, who enters: events count over all history.
    Lead,
    /// Fit rules: the profile and the events, but nothing that itself rests on fit.
    Fit,
    /// Inside of an enrolment: events count from its entry, and `entry.*` is there.
    Workflow,
    /// Inside of one of several enrolments, each for another key: events that others tell of count if they
    /// carry the same.
    Keyed,
}

impl Scope {
    pub(super) const fn is_inside(self) -> bool {
        matches!(self, Self::Workflow | Self::Keyed)
    }
}

/// Checks a source and, only if all of it is right, asks `plan` for the facts it needs.
pub(super) fn check(
    source: &str,
    env: &Env<'_>,
    plan: &mut FactPlan,
) -> Result<(Node, Size), Vec<ConditionError>> {
    let mut checker = Checker::new(source, env);
    let expr = parse(source, &mut checker.errors);
    let node = checker.boolean(&expr);
    let size = checker.size(&expr);
    match node {
        Some(mut node) if checker.errors.is_empty() => {
            let facts: Vec<FactIx> =
                checker.asked.into_iter().map(|(key, ring)| plan.ask(key, ring)).collect();
            node.renumber(&facts);
            Ok((node, size))
        }
        _ => Err(checker.into_errors()),
    }
}

/// Checks a bare event question, such as a scoring rule counts.
pub(super) fn check_fact_key(source: &str, env: &Env<'_>) -> Result<FactKey, Vec<ConditionError>> {
    let mut checker = Checker::new(source, env);
    let expr = parse(source, &mut checker.errors);
    match checker.bare_question(&expr) {
        Some(key) if checker.errors.is_empty() => Ok(key),
        _ => Err(checker.into_errors()),
    }
}

struct Checker<'a> {
    source: &'a str,
    env: &'a Env<'a>,
    /// Facts in the order in which they are asked for, and how many hits of each.
    asked: Vec<(FactKey, usize)>,
    errors: Vec<ConditionError>,
}

impl<'a> Checker<'a> {
    fn new(source: &'a str, env: &'a Env<'a>) -> Self {
        Self { source, env, asked: Vec::new(), errors: Vec::new() }
    }

    /// In the order of the source.
    fn into_errors(mut self) -> Vec<ConditionError> {
        if self.errors.is_empty() {
            // Cannot be: whatever is not understood is reported.
            self.errors.push(ConditionError::new(0..self.source.len(), "not understood"));
        }
        self.errors.sort_by_key(|error| (error.span.start, error.span.end));
        self.errors.dedup();
        self.errors.truncate(MOST_ERRORS);
        self.errors
    }

    fn complain(&mut self, error: ConditionError) {
        self.errors.push(error);
    }

    /// The source of an expression, shortened.
    fn text(&self, expr: &Expr) -> String {
        let text = self.source[expr.span.clone()].trim();
        match text.char_indices().nth(40) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_owned(),
        }
    }

    /// A condition: something true, false or unknown. `None`: reported.
    fn boolean(&mut self, expr: &Expr) -> Option<Node> {
        let kind = match &expr.kind {
            ExprKind::Wrong => return None,
            ExprKind::Bool(value) => NodeKind::Constant(*value),
            ExprKind::Not(inner) => NodeKind::Not(Box::new(self.boolean(inner)?)),
            ExprKind::All(parts) => NodeKind::All(self.parts(parts)?),
            ExprKind::Any(parts) => NodeKind::Any(self.parts(parts)?),
            ExprKind::Compare(comparison, left, right) => {
                self.comparison(*comparison, left, right)?
            }
            ExprKind::In(item, list) => self.membership(item, list)?,
            ExprKind::Call(word, args) => match word.text.as_str() {
                "has" => NodeKind::Has(self.has(word, args)?),
                "tag" => NodeKind::Tag(self.tag(word, args)?),
                "in_segment" => NodeKind::Segment(self.segment(word, args)?),
                "date" | "duration" | "now" => return self.not_a_condition(expr),
                name if question::is_question(name) => self.question(expr)?,
                _ => return self.unknown_function(word),
            },
            ExprKind::Method(on, word, args) => self.method(expr, on, word, args)?,
            _ => return self.not_a_condition(expr),
        };
        Some(Node { kind, span: Span::from(expr) })
    }

    /// All parts are checked, also when one is wrong.
    fn parts(&mut self, parts: &[Expr]) -> Option<Box<[Node]>> {
        let checked: Vec<Option<Node>> = parts.iter().map(|part| self.boolean(part)).collect();
        let mut nodes: Vec<Node> = checked.into_iter().collect::<Option<_>>()?;
        nodes.sort_by_key(Node::cost);
        Some(nodes.into_boxed_slice())
    }

    /// A value where a condition must stand: fine if it is itself yes or no.
    fn not_a_condition(&mut self, expr: &Expr) -> Option<Node> {
        let span = Span::from(expr);
        let operand = self.operand(expr, None)?;
        let hint = match &operand {
            Operand::Bool(BoolTerm::Value(source)) => {
                return Some(Node { kind: NodeKind::Flag(source.clone()), span });
            }
            Operand::Open(key) => {
                let source = Source::EntryKey(key.clone());
                return Some(Node { kind: NodeKind::Flag(source), span });
            }
            Operand::Text(_) | Operand::Number(_) | Operand::Date(_)
                if matches!(expr.kind, ExprKind::Name(_) | ExprKind::Field(..)) =>
            {
                let text = self.text(expr);
                Some(format!("compare it with something, or ask `has({text})`"))
            }
            _ => Some("compare it with something".to_owned()),
        };
        let message = format!("{} is {}, not true or false", self.text(expr), operand.what());
        self.complain(ConditionError::new(expr.span.clone(), message).maybe(hint));
        None
    }
}
