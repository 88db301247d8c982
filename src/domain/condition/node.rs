//! The checked tree: every name is a slot, every type fits, and nothing is left to go wrong.

use regex::Regex;

use super::ast::{Comparison, Expr};
use crate::domain::{
    definitions::{Segment, SegmentIx},
    facts::FactIx,
    lead::Stage,
    name::Name,
    score::{MilliPoints, Temperature},
    value::Slot,
};

/// A checked expression that is true, false or unknown, and where it stands in the source.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub kind: NodeKind,
    pub span: Span,
}

/// Bytes of the source, which is at most 4096 long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub start: u16,
    pub end: u16,
}

impl From<&Expr> for Span {
    fn from(expr: &Expr) -> Self {
        let short = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        Self { start: short(expr.span.start), end: short(expr.span.end) }
    }
}

#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    Constant(bool),
    Not(Box<Node>),
    /// The cheapest first, so that what settles the whole for ever is found early.
    All(Box<[Node]>),
    /// Likewise.
    Any(Box<[Node]>),
    Has(Source),
    /// A value that is itself yes or no.
    Flag(Source),
    Bool {
        equal: bool,
        left: Source,
        right: BoolTerm,
    },
    Text {
        comparison: Comparison,
        left: TextTerm,
        right: TextTerm,
    },
    TextIn {
        item: TextTerm,
        list: Box<[Name]>,
    },
    TextLike {
        item: TextTerm,
        like: Like,
    },
    Number {
        comparison: Comparison,
        left: NumberTerm,
        right: NumberTerm,
    },
    NumberIn {
        item: NumberTerm,
        list: Box<[f64]>,
    },
    /// `reckoning comparison 0`
    Moment {
        comparison: Comparison,
        reckoning: Reckoning,
    },
    /// A date that is one of several.
    MomentIn {
        item: Reckoning,
        list: Box<[i64]>,
    },
    Stage(Stages),
    Temperature(Temperatures),
    /// Engagement is at least so much, or, if not `at_least`, below it.
    Engagement {
        at_least: bool,
        bound: MilliPoints,
    },
    /// Both in thousandths of a point.
    Fit {
        comparison: Comparison,
        bound: f64,
    },
    Tag(Name),
    Segment(SegmentIx),
    Question(Question),
}

/// Where a value comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Attribute(Slot),
    EntryObject,
    EntryKind,
    EntryAt,
    EntryKey(Name),
}

#[derive(Clone, Debug)]
pub(super) enum TextTerm {
    Literal(Name),
    Value(Source),
}

#[derive(Clone, Debug)]
pub(super) enum NumberTerm {
    Literal(f64),
    Value(Source),
}

#[derive(Clone, Debug)]
pub(super) enum BoolTerm {
    Literal(bool),
    Value(Source),
}

/// What a text is tried for.
#[derive(Clone, Debug)]
pub(super) enum Like {
    StartsWith(Name),
    EndsWith(Name),
    Contains(Name),
    Matches(Regex),
}

/// A sum of dates and durations in milliseconds: `offset + slope · now + Σ sign · value`.
#[derive(Clone, Debug, Default)]
pub(super) struct Reckoning {
    pub offset: i64,
    pub slope: i64,
    pub terms: Vec<(i64, Source)>,
}

impl Reckoning {
    #[must_use]
    pub fn plus(mut self, sign: i64, other: Self) -> Self {
        self.offset = self.offset.saturating_add(sign.saturating_mul(other.offset));
        self.slope += sign * other.slope;
        self.terms.extend(other.terms.into_iter().map(|(own, source)| (own * sign, source)));
        self
    }
}

/// A set of stages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Stages(u8);

impl Stages {
    pub fn add(&mut self, stage: Stage) {
        self.0 |= 1 << stage as u8;
    }

    pub const fn has(self, stage: Stage) -> bool {
        self.0 & (1 << stage as u8) != 0
    }

    #[must_use]
    pub const fn others(self) -> Self {
        Self(!self.0)
    }
}

/// A set of temperatures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Temperatures(u8);

impl Temperatures {
    pub fn add(&mut self, temperature: Temperature) {
        self.0 |= 1 << temperature as u8;
    }

    pub const fn has(self, temperature: Temperature) -> bool {
        self.0 & (1 << temperature as u8) != 0
    }

    #[must_use]
    pub const fn others(self) -> Self {
        Self(!self.0)
    }
}

/// Whether enough happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Question {
    pub fact: FactIx,
    /// At least 1.
    pub times: usize,
    /// Milliseconds.
    pub within: Option<i64>,
    /// Count from the enrolment's entry only.
    pub since_entry: bool,
    /// Count only what is about the same as the enrolment, in a workflow with one for each.
    pub same_key: bool,
    /// It asks for behaviour.
    pub behaviour: bool,
}

impl Question {
    /// Whether it counts the same hits as another, whatever their number is compared with.
    pub fn counts_alike(&self, other: &Self) -> bool {
        Self { times: other.times, behaviour: other.behaviour, ..*self } == *other
    }
}

impl Node {
    /// Brings facts from the order in which they were asked to that of the plan.
    pub fn renumber(&mut self, plan: &[FactIx]) {
        match &mut self.kind {
            NodeKind::Not(inner) => inner.renumber(plan),
            NodeKind::All(parts) | NodeKind::Any(parts) => {
                parts.iter_mut().for_each(|part| part.renumber(plan));
            }
            NodeKind::Question(question) => question.fact = plan[question.fact.0],
            _ => {}
        }
    }

    /// Goes through its leaves, not through segments.
    pub fn each(&self, visit: &mut impl FnMut(&Self)) {
        match &self.kind {
            NodeKind::Not(inner) => inner.each(visit),
            NodeKind::All(parts) | NodeKind::Any(parts) => {
                for part in parts {
                    part.each(visit);
                }
            }
            _ => visit(self),
        }
    }

    /// Whether it, or a segment that it names, has a part of some kind.
    pub fn any(&self, segments: &[Segment], is: fn(&NodeKind) -> bool) -> bool {
        match &self.kind {
            NodeKind::Not(inner) => inner.any(segments, is),
            NodeKind::All(parts) | NodeKind::Any(parts) => {
                parts.iter().any(|part| part.any(segments, is))
            }
            NodeKind::Segment(index) => segments
                .get(index.0)
                .is_some_and(|segment| segment.condition.0.root.any(segments, is)),
            leaf => is(leaf),
        }
    }

    /// An order of how much work a verdict is.
    pub fn cost(&self) -> usize {
        match &self.kind {
            NodeKind::Constant(_) | NodeKind::Stage(_) => 0,
            NodeKind::Not(inner) => inner.cost(),
            NodeKind::All(parts) | NodeKind::Any(parts) => {
                parts.iter().map(|part| part.cost() + 1).sum()
            }
            NodeKind::TextLike { like: Like::Matches(_), .. } => 8,
            NodeKind::Question(_) | NodeKind::Moment { .. } | NodeKind::MomentIn { .. } => 2,
            NodeKind::Segment(_) => 4,
            NodeKind::Fit { .. } => 6,
            NodeKind::Engagement { .. } | NodeKind::Temperature(_) => 12,
            _ => 1,
        }
    }
}
