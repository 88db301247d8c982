//! How far engagement goes: bounds that nobody reaches, or only for a moment.

use crate::{
    definitions::problem::{File, Span, quote},
    domain::{
        facts::{FactKey, FactPlan},
        score::{EngagementRule, MilliPoints},
    },
};

const RULE: &str = "unreachable-bound";

/// What the rules of engagement give.
#[derive(Debug)]
pub(super) struct Reach {
    /// What one hit of a rule gives and no other rule adds to. Of behaviour alone, which is known of
    /// when it has begun to fade; a reply is looked at in the instant in which it comes.
    late: Vec<(MilliPoints, FactKey)>,
    /// All caps together.
    most: MilliPoints,
}

impl Reach {
    pub fn new(rules: &[EngagementRule], plan: &FactPlan) -> Self {
        let gains: Vec<(&FactKey, &EngagementRule)> = rules
            .iter()
            .filter(|rule| rule.points.0 > 0)
            .map(|rule| (&plan.fact(rule.fact).key, rule))
            .collect();
        let cap = |rule: &EngagementRule| {
            rule.points.0.saturating_mul(i64::try_from(rule.hits).unwrap_or(i64::MAX))
        };
        let most = gains.iter().map(|(_, rule)| cap(rule)).fold(0, i64::saturating_add);
        let is_alone =
            |key: &FactKey| gains.iter().filter(|(other, _)| other.covers(key)).count() == 1;
        let late = gains
            .iter()
            .filter(|(key, _)| key.kind.is_behaviour() && is_alone(key))
            .map(|(key, rule)| (rule.points, (*key).clone()))
            .collect();
        Self { late, most: MilliPoints(most) }
    }

    /// Warns of a bound that is written down.
    pub fn warn(&self, file: &File<'_>, at: Span, bound: MilliPoints) {
        if self.most.0 > 0 && bound >= self.most {
            let message = format!(
                "nobody's engagement stays at {bound}: all rules together give {} at most, and points \
                 fade",
                self.most
            );
            let hint = "ask for less, or let a rule give more".to_owned();
            file.warning(RULE, at, message, Some(hint));
        } else {
            self.warn_of_hit(file, at, bound);
        }
    }

    /// Warns of a bound that is what one hit gives.
    pub fn warn_of_hit(&self, file: &File<'_>, at: Span, bound: MilliPoints) {
        let Some((_, key)) = self.late.iter().find(|(points, _)| *points == bound) else { return };
        let message = format!(
            "one `{}` gives just {bound} points, which fade at once: it is at {bound} for a moment at \
             most",
            quote(&key.to_string())
        );
        let less = MilliPoints(bound.0 - bound.0 / 10);
        file.warning(RULE, at, message, Some(format!("ask for less, for example {less}")));
    }
}
