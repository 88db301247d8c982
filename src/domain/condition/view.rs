//! What a condition looks at: a lead at an instant, through a scope.

use std::{cell::Cell, collections::BTreeSet};

use super::scores::EngagementMemo;
use crate::domain::{
    definitions::Segment,
    facts::Fact,
    lead::{Entry, Stage},
    name::Name,
    score::{MilliPoints, Scoring},
    time::Instant,
    value::Value,
    verdict::Verdict,
};

/// A lead at an instant. Cheap to make; the scores are worked out at most once.
///
/// A view of the same lead at the same instant through another scope is
/// `View { since, entry, ..view.clone() }`: it takes along what is worked out.
#[derive(Clone, Debug)]
pub struct View<'a> {
    pub now: Instant,
    /// Event questions count from here: the enrolment's entry, or [`Instant::DAWN`].
    pub since: Instant,
    /// The entering event, inside of a workflow that was entered by one.
    pub entry: Option<&'a Entry>,
    /// By slot of the schema.
    pub attributes: &'a [Option<Value>],
    pub tags: &'a BTreeSet<Name>,
    pub stage: Stage,
    pub stage_since: Instant,
    /// By index of the fact plan.
    pub facts: &'a [Fact],
    /// Whether behaviour may be looked at; if not, engagement and temperature are unknown.
    pub profiled: bool,
    pub scoring: &'a Scoring,
    pub segments: &'a [Segment],
    /// Verdicts at `now` of the first segments, as far as they are worked out.
    pub known_segments: &'a [Verdict],
    /// Worked out when first asked for, for this `now`: the score, and when it next leaves the bands
    /// that were asked about.
    pub engagement: Cell<Option<EngagementMemo>>,
    /// Fit and how long it holds; likewise.
    pub fit: Cell<Option<(MilliPoints, Instant)>>,
}
