//! Event questions: whether enough hits count, and when that changes by itself.
//!
//! A hit counts from when it is settled until it leaves the window: an interval. The verdict changes
//! where so many intervals overlap, or no longer do.
//!
//! Of a lead whose behaviour may not be looked at, too few clicks, opens or visits are no silence: then
//! the answer is unknown.

use super::{
    eval::{UNKNOWN, known},
    node::Question,
    view::View,
};
use crate::domain::{
    facts::{Fact, Hit},
    time::Instant,
    verdict::{Truth, Verdict},
};

impl Question {
    pub fn verdict(&self, view: &View<'_>) -> Verdict {
        if view.missing.contains(&self.fact) {
            return UNKNOWN;
        }
        let verdict = self.of_what_is_known(view);
        if self.behaviour && !view.profiled && verdict.value == Truth::False {
            return Verdict { value: Truth::Unknown, ..verdict };
        }
        verdict
    }

    fn of_what_is_known(&self, view: &View<'_>) -> Verdict {
        let Some(fact) = view.facts.get(self.fact.0) else { return known(false) };
        if fact.ring.is_empty() {
            return known(false);
        }
        let since = if self.since_entry { view.since } else { Instant::DAWN };
        if fact.ring.iter().any(|hit| hit.counts_from > view.now) {
            return self.with_pending(fact, since, view);
        }
        // All are settled, newest first: the one that makes the number full is the first to be missed.
        let counted = fact.ring.iter().rev();
        let counted = counted.filter(|hit| hit.at >= since && self.is_about(hit, view));
        match counted.filter(|hit| self.ends(hit) > view.now).nth(self.times - 1) {
            None => known(false),
            Some(hit) => Verdict { value: Truth::True, holds_until: self.ends(hit) },
        }
    }

    /// Whether a hit is about what the enrolment is about.
    fn is_about(&self, hit: &Hit, view: &View<'_>) -> bool {
        !self.same_key || view.entry.is_some_and(|entry| entry.same.contains(&hit.rev))
    }

    /// When a hit leaves the window.
    fn ends(&self, hit: &Hit) -> Instant {
        match self.within {
            None => Instant::NEVER,
            Some(window) => Instant::from_millis(hit.at.millis().saturating_add(window)),
        }
    }

    /// Whether enough count at `at`.
    fn enough(&self, fact: &Fact, since: Instant, at: Instant, view: &View<'_>) -> bool {
        self.counted(fact, since, at, view).count() >= self.times
    }

    /// Those that count at `at`, newest first.
    pub fn counted<'f>(
        &'f self,
        fact: &'f Fact,
        since: Instant,
        at: Instant,
        view: &'f View<'_>,
    ) -> impl Iterator<Item = &'f Hit> {
        let counted = fact.counted(since, at);
        counted.filter(move |hit| self.ends(hit) > at && self.is_about(hit, view))
    }

    /// Some hits are yet to settle: goes from one instant at which a hit comes or leaves to the next,
    /// until the answer is another.
    fn with_pending(&self, fact: &Fact, since: Instant, view: &View<'_>) -> Verdict {
        let now = view.now;
        let value = self.enough(fact, since, now, view);
        let mut at = now;
        loop {
            let next = fact
                .ring
                .iter()
                .filter(|hit| hit.at >= since)
                .flat_map(|hit| [hit.counts_from, self.ends(hit)])
                .filter(|&instant| instant > at)
                .min()
                .unwrap_or(Instant::NEVER);
            if next.is_never() || self.enough(fact, since, next, view) != value {
                return Verdict { value: value.into(), holds_until: next };
            }
            at = next;
        }
    }
}
