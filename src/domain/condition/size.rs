//! How large a condition is when the segments that it names are spelt out: what its verdict costs.
//!
//! A verdict follows the names of segments wherever these are not worked out yet, and reasons follow
//! them always. Where each of thirty segments names the one before twice, that is a billion parts.

use std::ops::Range;

use super::{
    ast::{Expr, ExprKind},
    parser,
};

/// The most parts of a condition, its segments spelt out.
const MOST_PARTS: usize = 10_000;
/// How deep it may be nested then: who follows the names goes down on the stack.
const DEEPEST: usize = 256;

/// The size of a condition, its segments spelt out.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Size {
    /// Joints, comparisons, values and questions; a list is one value, however long.
    parts: usize,
    levels: usize,
}

/// What is measured of a condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Measure {
    Parts,
    Levels,
}

impl Measure {
    pub const fn of(self, size: Size) -> usize {
        match self {
            Self::Parts => size.parts,
            Self::Levels => size.levels,
        }
    }

    pub const fn most(self) -> usize {
        match self {
            Self::Parts => MOST_PARTS,
            Self::Levels => DEEPEST,
        }
    }
}

impl Size {
    /// The size of a source, also of one that is wrong. A segment of which `segment` knows nothing counts
    /// as its name alone.
    #[must_use]
    pub fn of_source(source: &str, segment: impl Fn(&str) -> Option<Self>) -> Self {
        let expr = parser::parse(source, &mut Vec::new());
        Self::of(&expr, &mut |name, _| segment(name))
    }

    /// The size of an expression; `segment` is told each segment that it names, and where.
    pub(super) fn of(
        expr: &Expr,
        segment: &mut impl FnMut(&str, &Range<usize>) -> Option<Self>,
    ) -> Self {
        let inner = match expr.segment() {
            Some(name) => segment(name, &expr.span).unwrap_or_default(),
            // Looked through once, and bounded by the length of the source.
            None if matches!(expr.kind, ExprKind::List(_)) => Self::default(),
            None => expr.inner().into_iter().fold(Self::default(), |all, inner| {
                let inner = Self::of(inner, segment);
                Self {
                    parts: all.parts.saturating_add(inner.parts),
                    levels: all.levels.max(inner.levels),
                }
            }),
        };
        Self { parts: inner.parts.saturating_add(1), levels: inner.levels.saturating_add(1) }
    }

    /// By what it is too large.
    pub(super) fn excess(self) -> Option<Measure> {
        let too_large = |measure: &Measure| measure.of(self) > measure.most();
        [Measure::Parts, Measure::Levels].into_iter().find(too_large)
    }
}
