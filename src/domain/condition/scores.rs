//! Scores in conditions: engagement and temperature against a threshold, and fit.

use std::cell::Cell;

use super::{
    ast::Comparison,
    crossing::{Band, Course},
    eval::UNKNOWN,
    node::Temperatures,
    view::View,
};
use crate::domain::{
    score::{FitRule, MilliPoints, Scoring, Temperature},
    time::Instant,
    verdict::{Truth, Verdict},
};

/// How many bands are remembered.
const BANDS: usize = 8;

/// What views of one lead at one instant, through whatever scope, have worked out of its scores.
#[derive(Clone, Debug, Default)]
pub struct Worked {
    engagement: Cell<Option<(MilliPoints, Course)>>,
    exits: [Cell<Option<(Band, Instant)>>; BANDS],
    /// Fit and how long it holds.
    fit: Cell<Option<(MilliPoints, Instant)>>,
    misses_fit: Cell<Option<bool>>,
}

impl Worked {
    pub fn set_fit(&self, fit: MilliPoints, holds_until: Instant) {
        self.fit.set(Some((fit, holds_until)));
    }
}

impl View<'_> {
    /// Engagement at `now`, whether or not it may be looked at.
    #[must_use]
    pub fn engagement_points(&self) -> MilliPoints {
        self.engagement().0
    }

    /// The first instant after `now` at which a hit of some rule begins to count.
    #[must_use]
    pub fn next_rise(&self) -> Instant {
        self.engagement().1.settles()
    }

    fn misses_engagement(&self) -> bool {
        let rules = &self.scoring.engagement;
        !self.missing.is_empty() && rules.iter().any(|rule| self.missing.contains(&rule.fact))
    }

    fn engagement(&self) -> (MilliPoints, Course) {
        if let Some(known) = self.worked.and_then(|worked| worked.engagement.get()) {
            return known;
        }
        let course = Course::new(self.scoring, self.facts, self.now);
        let engagement = (course.points(), course);
        if let Some(worked) = self.worked {
            worked.engagement.set(Some(engagement));
        }
        engagement
    }

    /// The first instant after `now` at which engagement is not in the band, in which it is now.
    fn leaves(&self, band: Band) -> Instant {
        let leaves = || self.engagement().1.leaves(band, self.scoring, self.facts);
        let Some(worked) = self.worked else { return leaves() };
        for place in &worked.exits {
            match place.get() {
                Some((known, exit)) if known == band => return exit,
                Some(_) => {}
                None => {
                    let exit = leaves();
                    place.set(Some((band, exit)));
                    return exit;
                }
            }
        }
        leaves()
    }

    pub(super) fn is_engaged(&self, at_least: bool, bound: MilliPoints) -> Verdict {
        if !self.profiled || self.misses_engagement() {
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
        if !self.profiled || self.misses_engagement() {
            return UNKNOWN;
        }
        let temperature = self.scoring.temperature(self.engagement_points());
        let value = wanted.has(temperature);
        let band = self.scoring.band(temperature, wanted);
        let mut left = self.leaves(band);
        // Where cold and hot are alike and warm is not, a leap from one to the other changes nothing.
        if wanted.has(Temperature::Cold) == wanted.has(Temperature::Hot) {
            left = self.leaps(wanted, band, left);
        }
        Verdict { value: value.into(), holds_until: left }
    }

    /// The first instant, from one at which engagement leaves `band` on, at which the answer is another.
    fn leaps(&self, wanted: Temperatures, mut band: Band, mut left: Instant) -> Instant {
        let value = wanted.has(self.scoring.temperature(self.engagement_points()));
        while !left.is_never() {
            let course = Course::new(self.scoring, self.facts, left);
            let temperature = self.scoring.temperature(course.points());
            if band.has(course.points()) || wanted.has(temperature) != value {
                break;
            }
            band = self.scoring.band(temperature, wanted);
            left = course.leaves(band, self.scoring, self.facts);
        }
        left
    }

    /// Whether some rule of fit may hang on a fact that is missing.
    fn misses_fit(&self) -> bool {
        if self.missing.is_empty() {
            return false;
        }
        if let Some(known) = self.worked.and_then(|worked| worked.misses_fit.get()) {
            return known;
        }
        let is_unknown = |rule: &FitRule| rule.when.verdict(self).value == Truth::Unknown;
        let misses = self.scoring.fit.iter().any(is_unknown);
        if let Some(worked) = self.worked {
            worked.misses_fit.set(Some(misses));
        }
        misses
    }

    pub(super) fn has_fit(&self, comparison: Comparison, bound: f64) -> Verdict {
        if self.misses_fit() {
            return UNKNOWN;
        }
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
