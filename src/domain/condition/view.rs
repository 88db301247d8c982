//! What a condition looks at: a lead at an instant, through a scope.

use std::{cell::Cell, collections::BTreeSet};

use super::scores::Worked;
use crate::domain::{
    definitions::Segment,
    facts::{Fact, FactIx},
    lead::{Entry, Stage},
    name::Name,
    score::Scoring,
    time::Instant,
    value::Value,
    verdict::Verdict,
};

/// A lead at an instant. Cheap to make.
///
/// A view of the same lead at the same instant through another scope is `View { since, entry, ..view }`:
/// it takes along what is worked out.
#[derive(Clone, Copy, Debug)]
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
    /// Verdicts of the segments at `now`, as far as they are worked out.
    pub known_segments: &'a [Cell<Option<Verdict>>],
    /// Where scores are kept that are worked out for this lead at this `now`; `None`: nowhere.
    pub worked: Option<&'a Worked>,
    /// Facts that are not known of this lead, as they are still to be looked up: what depends on one is
    /// unknown. None when a lead is decided.
    pub missing: &'a [FactIx],
}
