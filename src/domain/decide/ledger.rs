//! The score ledger: every point that came or went, and by which rule.

use std::{borrow::Cow, collections::BTreeSet};

use super::work::{Work, brief};
use crate::domain::{
    decision::{LedgerLine, ScoreKind},
    event::{Event, EventKind, Judgement},
    facts::Hit,
    name::Name,
    score::{EngagementRule, MilliPoints},
    time::Instant,
};

impl Work<'_> {
    pub fn write_ledger(&mut self) {
        self.write_fit();
        // Without a ground for looking at behaviour there is no engagement to account for.
        if self.lead.profiled {
            self.write_engagement();
            self.write_withdrawals();
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
            })
        });
        let lines: Vec<_> = lines.collect();
        self.decision.ledger.extend(lines);
    }

    /// Hits that began to count since the last decision.
    fn write_engagement(&mut self) {
        let (state, now) = (self.lead.state, self.lead.now);
        // Points that come by settling are booked when they come.
        let next_rise = self.lead.view().next_rise();
        self.wake(next_rise);
        let first_new = state.new_events.first().map(|event| event.rev);
        let is_news = |hit: &Hit| {
            hit.counts_from > state.decided_at || first_new.is_some_and(|first| hit.rev >= first)
        };
        for rule in &self.lead.definitions.scoring.engagement {
            let fact = &self.lead.facts[rule.fact.0];
            if !fact.ring.iter().any(is_news) {
                continue;
            }
            let lines: Vec<_> = fact
                .counted(Instant::DAWN, now)
                .take(rule.hits)
                .filter(|hit| is_news(hit))
                .map(|hit| self.engagement_line(rule, rule.points, hit.at, ""))
                .collect();
            self.decision.ledger.extend(lines.into_iter().rev());
        }
    }

    /// Points that went because a hit was a machine's after all.
    fn write_withdrawals(&mut self) {
        let state = self.lead.state;
        let machines = state.new_events.iter().filter(|event| {
            event.kind == EventKind::JUDGEMENT_REVISED && event.judgement == Judgement::Machine
        });
        for event in machines {
            let lines: Vec<_> = self
                .withdrawn_rules(event)
                .map(|rule| {
                    let points = MilliPoints(-rule.points.0);
                    self.engagement_line(rule, points, event.occurred_at, "judged a machine's hit")
                })
                .collect();
            self.decision.ledger.extend(lines);
        }
    }

    fn withdrawn_rules<'s>(
        &'s self,
        event: &'s Event,
    ) -> impl Iterator<Item = &'s EngagementRule> + 's {
        let state = self.lead.state;
        self.lead.definitions.scoring.engagement.iter().filter(move |rule| {
            state.facts[rule.fact.0]
                .ring
                .iter()
                .any(|hit| Some(hit.rev) == event.revises && hit.counts_from <= state.decided_at)
        })
    }

    fn engagement_line(
        &self,
        rule: &EngagementRule,
        points: MilliPoints,
        at: Instant,
        reason: &str,
    ) -> LedgerLine {
        let key = &self.lead.definitions.plan.fact(rule.fact).text;
        let reason = if reason.is_empty() { key.to_string() } else { format!("{key}: {reason}") };
        LedgerLine {
            score: ScoreKind::Engagement,
            rule: rule.name.clone(),
            points,
            at,
            reason: brief(&reason),
        }
    }
}
