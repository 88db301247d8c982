//! The score ledger: every point that came or went, and by which rule.

use std::borrow::Cow;

use super::work::{Work, brief};
use crate::domain::{
    decision::{LedgerLine, ScoreKind},
    event::{Event, EventKind, Judgement},
    facts::Hit,
    name::Name,
    score::{EngagementRule, MilliPoints},
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

    fn write_fit(&mut self) {
        let Cow::Owned(after) = &self.lead.fit_rules else { return };
        let before = &self.lead.state.fit_rules;
        let points = |name: &Name| {
            let rules = &self.lead.definitions.scoring.fit;
            rules.iter().find(|rule| rule.name == *name).map_or(MilliPoints(0), |rule| rule.points)
        };
        let at = self.lead.now;
        let line = |rule: &Name, points: MilliPoints, reason: &str| LedgerLine {
            score: ScoreKind::Fit,
            rule: rule.clone(),
            points,
            at,
            reason: reason.to_owned(),
        };
        let come =
            after.difference(before).map(|rule| line(rule, points(rule), "the rule applies"));
        let gone = before
            .difference(after)
            .map(|rule| line(rule, MilliPoints(-points(rule).0), "the rule applies no longer"));
        let lines: Vec<_> = come.chain(gone).collect();
        self.decision.ledger.extend(lines);
    }

    /// Hits that began to count since the last decision.
    fn write_engagement(&mut self) {
        let (state, now) = (self.lead.state, self.lead.now);
        // Points that come by settling are booked when they come.
        self.wake(self.lead.definitions.scoring.next_rise(&self.lead.facts, now));
        let first_new = state.new_events.first().map(|event| event.rev);
        let is_news = |hit: &Hit| {
            hit.counts_from > state.decided_at || first_new.is_some_and(|first| hit.rev >= first)
        };
        for rule in &self.lead.definitions.scoring.engagement {
            let fact = &self.lead.facts[rule.fact.0];
            if !fact.ring.last().is_some_and(|_| fact.ring.iter().any(is_news)) {
                continue;
            }
            let lines: Vec<_> = fact
                .counted(crate::domain::time::Instant::DAWN, now)
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
        at: crate::domain::time::Instant,
        reason: &str,
    ) -> LedgerLine {
        let key = self.lead.definitions.plan.fact(rule.fact).key.to_string();
        let reason = if reason.is_empty() { key } else { format!("{key}: {reason}") };
        LedgerLine {
            score: ScoreKind::Engagement,
            rule: rule.name.clone(),
            points,
            at,
            reason: brief(&reason),
        }
    }
}
