//! Scores in conditions: fit, and when engagement crosses a threshold.
//!
//! Between two instants at which a hit settles, points only fade, all alike: what counts is put together
//! once ([`Fading`]). With no negative points engagement therefore only falls, and the step at which it
//! falls below a bound is found by the evaluator itself, begun at a guess. With negative points the gains
//! and the losses fade each for itself: a stretch is proved to stay inside of the band from the gains at
//! its one end and the losses at the other, and stretches are doubled and halved until one can no longer
//! be proved. That is exact as well, but bounded in work: at a score that lingers at the very threshold
//! the hold may end before the crossing, never after it.

use std::cell::Cell;

use super::{ast::Comparison, eval::UNKNOWN, node::Temperatures, view::View};
use crate::domain::{
    score::{Fading, FitRule, MilliPoints, Scoring, Temperature},
    time::Instant,
    verdict::Verdict,
};

/// How many bands are remembered.
const BANDS: usize = 8;
/// How many stretches are tried where points are negative.
const MOST_STRETCHES: usize = 400;

/// What views of one lead at one instant, through whatever scope, have worked out of its scores.
#[derive(Clone, Debug, Default)]
pub struct Worked {
    engagement: Cell<Option<Engagement>>,
    exits: [Cell<Option<(Band, Instant)>>; BANDS],
    /// Fit and how long it holds.
    fit: Cell<Option<(MilliPoints, Instant)>>,
}

impl Worked {
    pub fn set_fit(&self, fit: MilliPoints, holds_until: Instant) {
        self.fit.set(Some((fit, holds_until)));
    }
}

#[derive(Clone, Copy, Debug)]
struct Engagement {
    points: MilliPoints,
    fading: Fading,
    /// Until when the same hits count.
    settles: Instant,
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
    /// Engagement at `now`, whether or not it may be looked at.
    #[must_use]
    pub fn engagement_points(&self) -> MilliPoints {
        self.engagement().points
    }

    fn engagement(&self) -> Engagement {
        if let Some(known) = self.worked.and_then(|worked| worked.engagement.get()) {
            return known;
        }
        let fading = self.scoring.fading(self.facts, self.now);
        let settles = self.scoring.next_rise(self.facts, self.now);
        let engagement = Engagement { points: fading.points(self.now), fading, settles };
        if let Some(worked) = self.worked {
            worked.engagement.set(Some(engagement));
        }
        engagement
    }

    /// The first instant after `now` at which engagement is not in the band, in which it is now.
    fn leaves(&self, band: Band) -> Instant {
        let known = self.worked.map_or(&[][..], |worked| &worked.exits);
        for place in known {
            match place.get() {
                Some((known, exit)) if known == band => return exit,
                Some(_) => {}
                None => {
                    let exit = self.course(band);
                    place.set(Some((band, exit)));
                    return exit;
                }
            }
        }
        self.course(band)
    }

    fn course(&self, band: Band) -> Instant {
        let Engagement { mut fading, mut settles, .. } = self.engagement();
        let mut from = self.now;
        loop {
            let left = if !fading.has_no_losses() {
                strays(fading, band, from, settles)
            } else if band.least > 0 {
                Some(fading.falls_below(band.least, from)).filter(|left| *left < settles)
            } else {
                // It only falls, and never below 0.
                None
            };
            if let Some(left) = left {
                return left;
            }
            from = settles;
            if from.is_never() {
                return from;
            }
            fading = self.scoring.fading(self.facts, from);
            if !band.has(fading.points(from)) {
                return from;
            }
            settles = self.scoring.next_rise(self.facts, from);
        }
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
        if let Some(known) = view.worked.and_then(|worked| worked.fit.get()) {
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
        if let Some(worked) = view.worked {
            worked.fit.set(Some(fit));
        }
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

/// The first instant in `(from, until)` that cannot be proved to be in the band; the work is bounded, so
/// it may be earlier than the first that is outside of it.
fn strays(fading: Fading, band: Band, from: Instant, until: Instant) -> Option<Instant> {
    let mut at = from.millis();
    let (mut gains, mut losses) = fading.gains_and_losses(from);
    let mut stretch: i64 = 1 << 32;
    for _ in 0..MOST_STRETCHES {
        if gains == 0 && losses == 0 {
            return None;
        }
        let end = at.saturating_add(stretch).min(until.millis());
        let (least_gains, least_losses) = fading.gains_and_losses(Instant::from_millis(end - 1));
        if least_gains - losses < band.least || gains - least_losses >= band.below {
            // One instant alone is its own proof, so this ends.
            stretch = ((end - at) / 2).max(1);
            continue;
        }
        if end == until.millis() {
            return None;
        }
        at = end;
        (gains, losses) = fading.gains_and_losses(Instant::from_millis(at));
        if !band.has(MilliPoints(gains - losses)) {
            return Some(Instant::from_millis(at));
        }
        stretch = stretch.saturating_mul(2);
    }
    Some(Instant::from_millis(at))
}
