//! The ledger of engagement: its lines add up, before decay, to what the rules give.
//!
//! What stands there is told by the hits that the memory knows, not by a clock: all but those that are
//! noted as waiting. A hit that counts and is new is a line, one that no longer counts is its opposite,
//! and what a change of the rules makes of all others is one line together.

use std::borrow::Cow;

use super::work::{Work, brief};
use crate::domain::{
    decision::{LedgerLine, ScoreKind},
    event::Judgement,
    facts::Hit,
    id::Rev,
    name::Name,
    score::{Booked, EngagementRule, MilliPoints},
};

impl Work<'_> {
    pub fn write_engagement(&mut self) {
        let definitions = self.lead.definitions;
        // Points that come by settling are booked when they come.
        let next_rise = self.lead.view().next_rise();
        self.wake(next_rise);
        if self.nothing_to_book() {
            return;
        }
        let (state, now) = (self.lead.state, self.lead.now);
        let mut lines = Vec::new();
        let mut booked = Booked::default();
        let mut by_these_rules = 0;
        for rule in &definitions.scoring.engagement {
            let before = &state.facts[rule.fact.0].ring;
            let after = &self.lead.facts[rule.fact.0].ring;
            let was_booked = |hit: &Hit| !state.booked.waiting.contains(&hit.rev);
            // What is booked stays so, also where a clock went back behind it.
            let counts = |hit: &Hit| {
                hit.counts_from <= now || (was_booked(hit) && contains(before, hit.rev))
            };
            let old = window(before, rule.hits, was_booked);
            let new = window(after, rule.hits, counts);
            let points = |count: usize| rule.points.0 * i64::try_from(count).unwrap_or(0);
            by_these_rules += points(old.clone().count());
            booked.points.0 += points(new.clone().count());
            for hit in after.iter().filter(|hit| !counts(hit)) {
                if !booked.waiting.contains(&hit.rev) {
                    booked.waiting.push(hit.rev);
                }
            }
            let came = new.clone().filter(|hit| old.clone().all(|known| known.rev != hit.rev));
            let gone = old.clone().filter(|hit| new.clone().all(|known| known.rev != hit.rev));
            let first = lines.len();
            lines.extend(came.map(|hit| self.line(rule, 1, hit, "")));
            lines.extend(gone.map(|hit| self.line(rule, -1, hit, self.why_gone(hit.rev))));
            lines[first..].reverse();
        }
        let difference = by_these_rules - state.booked.points.0;
        if difference != 0 {
            let reason = if state.decided_under == definitions.release {
                "its behaviour may be looked at now"
            } else {
                "the rules were changed"
            };
            self.decision.ledger.push(LedgerLine {
                score: ScoreKind::Engagement,
                rule: Name::new("(all)"),
                points: MilliPoints(difference),
                at: now,
                reason: reason.to_owned(),
                event: None,
            });
        }
        self.decision.ledger.append(&mut lines);
        if booked != state.booked {
            self.lead.booked = Cow::Owned(booked);
        }
    }

    /// Nothing happened, nothing may have settled, and the rules are those of the last decision.
    fn nothing_to_book(&self) -> bool {
        let state = self.lead.state;
        matches!(self.lead.facts, Cow::Borrowed(_))
            && state.booked.waiting.is_empty()
            && state.new_events.is_empty()
            && state.decided_under == self.lead.definitions.release
    }

    fn why_gone(&self, rev: Rev) -> &'static str {
        let is_machine = self
            .lead
            .state
            .new_events
            .iter()
            .any(|event| event.revises == Some(rev) && event.judgement == Judgement::Machine);
        if is_machine { "judged a machine's hit" } else { "made room for a newer one" }
    }

    /// Points for one hit, or their opposite.
    fn line(&self, rule: &EngagementRule, sign: i64, hit: &Hit, reason: &str) -> LedgerLine {
        let key = &self.lead.definitions.plan.fact(rule.fact).text;
        let reason = if reason.is_empty() { key.to_string() } else { format!("{key}: {reason}") };
        LedgerLine {
            score: ScoreKind::Engagement,
            rule: rule.name.clone(),
            points: MilliPoints(sign * rule.points.0),
            at: hit.at,
            reason: brief(&reason),
            event: Some(hit.rev),
        }
    }
}

/// The last hits of a ring that are in, newest first.
fn window<'r>(
    ring: &'r [Hit],
    hits: usize,
    is_in: impl Fn(&Hit) -> bool + Clone + 'r,
) -> impl Iterator<Item = &'r Hit> + Clone {
    ring.iter().rev().filter(move |hit| is_in(hit)).take(hits)
}

fn contains(ring: &[Hit], rev: Rev) -> bool {
    ring.iter().any(|hit| hit.rev == rev)
}
