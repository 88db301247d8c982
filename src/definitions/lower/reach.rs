//! How far engagement goes: bounds that nobody reaches.

use crate::{
    definitions::problem::{File, Span},
    domain::score::{EngagementRule, MilliPoints},
};

/// All caps of the rules of engagement together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach(MilliPoints);

impl Reach {
    pub fn new(rules: &[EngagementRule]) -> Self {
        let cap = |rule: &EngagementRule| {
            rule.points.0.max(0).saturating_mul(i64::try_from(rule.hits).unwrap_or(i64::MAX))
        };
        Self(MilliPoints(rules.iter().map(cap).fold(0, i64::saturating_add)))
    }

    /// Warns of a bound that is above it.
    pub fn warn(self, file: &File<'_>, at: Span, bound: MilliPoints) {
        let Self(most) = self;
        if most.0 == 0 || bound <= most {
            return;
        }
        let message = format!(
            "nobody's engagement comes to {bound}: all rules together give {most} at most, and points fade"
        );
        let hint = "ask for less, or let a rule give more".to_owned();
        file.warning("unreachable-bound", at, message, Some(hint));
    }
}
