//! The score ledger: every point that came or went, and by which rule.

use std::{borrow::Cow, collections::BTreeSet};

use super::work::Work;
use crate::domain::{
    decision::{LedgerLine, ScoreKind},
    name::Name,
    score::MilliPoints,
};

impl Work<'_> {
    pub fn write_ledger(&mut self) {
        self.write_fit();
        // Without a ground for looking at behaviour there is no engagement to account for.
        if self.lead.profiled {
            self.write_engagement();
        }
    }

    /// What each rule gives now against what it gave then: also a rule that was renamed, dropped or
    /// given other points.
    fn write_fit(&mut self) {
        let Cow::Owned(_) = &self.lead.fit_rules else { return };
        let (before, after) = (&self.lead.state.fit_rules, &self.lead.fit_rules);
        let rules: BTreeSet<&Name> = before.keys().chain(after.keys()).collect();
        let at = self.lead.now;
        let lines = rules.into_iter().filter_map(|rule| {
            let (had, has) = (before.get(rule), after.get(rule));
            let reason = match (had, has) {
                _ if had == has => return None,
                (None, _) => "the rule applies",
                (_, None) => "the rule applies no longer",
                _ => "the rule was changed",
            };
            let points = |of: Option<&MilliPoints>| of.map_or(0, |points| points.0);
            Some(LedgerLine {
                score: ScoreKind::Fit,
                rule: rule.clone(),
                points: MilliPoints(points(has) - points(had)),
                at,
                reason: reason.to_owned(),
                event: None,
            })
        });
        let lines: Vec<_> = lines.collect();
        self.decision.ledger.extend(lines);
    }
}
