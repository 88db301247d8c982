//! Scores in conditions: fit, and when engagement crosses a threshold.
//!
//! Between two instants at which a hit settles, points only fade. With no negative points engagement
//! therefore only falls, and the instant at which it falls below a bound is found by bisection with
//! [`Scoring::engagement`] itself, begun at a guess. With negative points the gains and the losses
//! fade each for itself: a stretch is proved to stay inside of the band from the gains at its one end
//! and the losses at the other, and stretches are doubled and halved until one can no longer be
//! proved. That is exact as well, but bounded in work: at a score that lingers at the very threshold
//! the hold may end before the crossing, never after it.

use super::{ast::Comparison, eval::UNKNOWN, node::Temperatures, view::View};
use crate::domain::{
    facts::Fact,
    score::{FitRule, MilliPoints, Scoring, Temperature},
    time::Instant,
    verdict::Verdict,
};

/// How many bands one view remembers.
const BANDS: usize = 4;
/// How many stretches are tried where points are negative.
const MOST_STRETCHES: usize = 400;

/// What is worked out of a view's engagement.
#[derive(Clone, Copy, Debug)]
pub struct EngagementMemo {
    /// At the view's `now`.
    pub points: MilliPoints,
    exits: [Option<(Band, Instant)>; BANDS],
}

/// From `least` up to but not including `below`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Band {
    least: i64,
    below: i64,
}

impl Band {
    const fn has(self, points: MilliPoints) -> bool {
        points.0 >= self.least && points.0 < self.below
    }
}

impl View<'_> {
    /// Engagement at `now`, worked out at most once, whether or not it may be looked at.
    #[must_use]
    pub fn engagement_points(&self) -> MilliPoints {
        self.engagement_memo().points
    }

    fn engagement_memo(&self) -> EngagementMemo {
        self.engagement.get().unwrap_or_else(|| {
            let points = self.scoring.engagement(self.facts, self.now);
            let memo = EngagementMemo { points, exits: [None; BANDS] };
            self.engagement.set(Some(memo));
            memo
        })
    }

    /// The first instant after `now` at which engagement is not in the band, in which it is now.
    fn leaves(&self, band: Band) -> Instant {
        let mut memo = self.engagement_memo();
        if let Some((_, exit)) = memo.exits.iter().flatten().find(|(known, _)| *known == band) {
            return *exit;
        }
        let exit = Course { scoring: self.scoring, facts: self.facts }.leaves(band, self.now);
        if let Some(free) = memo.exits.iter_mut().find(|known| known.is_none()) {
            *free = Some((band, exit));
            self.engagement.set(Some(memo));
        }
        exit
    }

    pub(super) fn is_engaged(&self, at_least: bool, bound: MilliPoints) -> Verdict {
        if !self.profiled {
            return UNKNOWN;
        }
        let reached = self.engagement_points() >= bound;
        let band = if reached {
            Band { least: bound.0, below: i64::MAX }
        } else {
            Band { least: i64::MIN, below: bound.0 }
        };
        Verdict { value: (reached == at_least).into(), holds_until: self.leaves(band) }
    }

    pub(super) fn is_temperature(&self, wanted: Temperatures) -> Verdict {
        if !self.profiled {
            return UNKNOWN;
        }
        let temperature = self.scoring.temperature(self.engagement_points());
        let value = wanted.has(temperature);
        Verdict {
            value: value.into(),
            holds_until: self.leaves(self.scoring.band(temperature, wanted)),
        }
    }

    pub(super) fn has_fit(&self, comparison: Comparison, bound: f64) -> Verdict {
        let (points, holds_until) = self.scoring.fit(self);
        #[allow(clippy::cast_precision_loss)] // scores are far below 2^52
        let ordering = (points.0 as f64).partial_cmp(&bound);
        let value = ordering.is_some_and(|ordering| comparison.holds(ordering));
        Verdict { value: value.into(), holds_until }
    }
}

impl Scoring {
    /// The points of the fit rules that are true for a lead, and how long that holds.
    #[must_use]
    pub fn fit(&self, view: &View<'_>) -> (MilliPoints, Instant) {
        if let Some(known) = view.fit.get() {
            return known;
        }
        let mut points = 0;
        let mut holds_until = Instant::NEVER;
        for rule in &self.fit {
            let verdict = rule.when.verdict(view);
            if verdict.is_true() {
                points += rule.points.0;
            }
            holds_until = holds_until.min(verdict.holds_until);
        }
        let fit = (MilliPoints(points), holds_until);
        view.fit.set(Some(fit));
        fit
    }

    /// The fit rules that are true for a lead.
    pub fn true_fit_rules<'s>(&'s self, view: &'s View<'_>) -> impl Iterator<Item = &'s FitRule> {
        self.fit.iter().filter(|rule| rule.when.verdict(view).is_true())
    }

    /// The engagements around `temperature` that are all in `wanted`, or all are not.
    fn band(&self, temperature: Temperature, wanted: Temperatures) -> Band {
        let same = |other: Temperature| wanted.has(other) == wanted.has(temperature);
        let (warm, hot) = (self.warm.0.min(self.hot.0), self.hot.0);
        // Warm is empty when both bounds are one.
        let warm_is_there = warm < hot;
        let (mut least, mut below) = match temperature {
            Temperature::Cold => (i64::MIN, warm),
            Temperature::Warm => (warm, hot),
            Temperature::Hot => (hot, i64::MAX),
        };
        if below == warm && (same(Temperature::Warm) || !warm_is_there) {
            below = hot;
        }
        if below == hot && same(Temperature::Hot) {
            below = i64::MAX;
        }
        if least == hot && (same(Temperature::Warm) || !warm_is_there) {
            least = warm;
        }
        if least == warm && same(Temperature::Cold) {
            least = i64::MIN;
        }
        Band { least, below }
    }
}

/// How engagement goes on if nothing new happens.
#[derive(Clone, Copy)]
struct Course<'a> {
    scoring: &'a Scoring,
    facts: &'a [Fact],
}

impl Course<'_> {
    fn points(self, at: Instant) -> MilliPoints {
        self.scoring.engagement(self.facts, at)
    }

    /// Gains and losses apart, both not negative.
    fn gains_and_losses(self, at: Instant) -> (i64, i64) {
        let mut sums = (0, 0);
        for rule in &self.scoring.engagement {
            let points = self.scoring.rule_points(rule, self.facts, at).0;
            if points > 0 {
                sums.0 += points;
            } else {
                sums.1 -= points;
            }
        }
        sums
    }

    fn leaves(self, band: Band, now: Instant) -> Instant {
        let only_gains = self.scoring.engagement.iter().all(|rule| rule.points.0 >= 0);
        let mut from = now;
        loop {
            let settles = self.scoring.next_rise(self.facts, from);
            let left = if only_gains {
                // It only falls, and never below 0.
                if band.least > 0 { self.falls_below(band.least, from, settles) } else { None }
            } else {
                self.strays(band, from, settles)
            };
            if let Some(left) = left {
                return left;
            }
            if settles.is_never() || !band.has(self.points(settles)) {
                return settles;
            }
            from = settles;
        }
    }

    /// The first instant in `(from, until)` at which there are fewer than `least` points, which is
    /// more than 0, if points only fade and there are enough at `from`.
    fn falls_below(self, least: i64, from: Instant, until: Instant) -> Option<Instant> {
        let end = until.millis() - 1;
        let enough = |at: i64| self.points(Instant::from_millis(at)).0 >= least;
        let half_life =
            i64::try_from(self.scoring.half_life.as_millis()).unwrap_or(i64::MAX).max(1);

        // All hits fade alike, so the sum does: but for rounding it is an exponential.
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        let guess = {
            let ratio = self.points(from).0 as f64 / least as f64;
            (half_life as f64 * ratio.log2()) as i64
        };
        let mut high = from.millis().saturating_add(guess.max(1)).min(end);
        let mut low = from.millis();
        let mut step = (half_life / 4096).max(1);
        if high <= low {
            return None;
        }
        if enough(high) {
            while enough(high) {
                if high == end {
                    return None;
                }
                low = high;
                high = high.saturating_add(step).min(end);
                step = step.saturating_mul(8);
            }
        } else {
            // `high` is behind the crossing: look for an instant before it, close by.
            loop {
                let back = high.saturating_sub(step);
                if back <= low {
                    break;
                }
                if enough(back) {
                    low = back;
                    break;
                }
                high = back;
                step = step.saturating_mul(8);
            }
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if enough(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(Instant::from_millis(high))
    }

    /// The first instant in `(from, until)` that cannot be proved to be in the band; the work is
    /// bounded, so it may be earlier than the first that is outside of it.
    fn strays(self, band: Band, from: Instant, until: Instant) -> Option<Instant> {
        let mut at = from.millis();
        let (mut gains, mut losses) = self.gains_and_losses(from);
        let mut stretch: i64 = 1 << 32;
        for _ in 0..MOST_STRETCHES {
            if gains == 0 && losses == 0 {
                return None;
            }
            let end = at.saturating_add(stretch).min(until.millis());
            let (least_gains, least_losses) = self.gains_and_losses(Instant::from_millis(end - 1));
            if least_gains - losses < band.least || gains - least_losses >= band.below {
                // One instant alone is its own proof, so this ends.
                stretch = ((end - at) / 2).max(1);
                continue;
            }
            if end == until.millis() {
                return None;
            }
            at = end;
            (gains, losses) = self.gains_and_losses(Instant::from_millis(at));
            if !band.has(MilliPoints(gains - losses)) {
                return Some(Instant::from_millis(at));
            }
            stretch = stretch.saturating_mul(2);
        }
        Some(Instant::from_millis(at))
    }
}
