//! When engagement crosses a threshold.
//!
//! Between two instants at which a hit settles, points only fade. With no negative points engagement
//! therefore only falls, and the instant at which it falls below a bound is found by bisection with
//! the very sum that [`Scoring::engagement`] is, begun at a guess. With negative points the gains and
//! the losses fade each for itself: a stretch is proved to stay inside of the band from the gains at
//! its one end and the losses at the other, and stretches are doubled and halved until one can no
//! longer be proved. That is exact as well, but bounded in work: at a score that lingers at the very
//! threshold the hold may end before the crossing, never after it.

use crate::domain::{
    facts::Fact,
    score::{Fading, MilliPoints, Scoring},
    time::Instant,
};

/// How many stretches are tried where points are negative.
const MOST_STRETCHES: usize = 400;
/// How many hits a bisection tells apart; they are on the stack, so that a verdict allocates nothing.
const MOST_HITS: usize = 64;

/// From `least` up to but not including `below`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Band {
    pub least: i64,
    pub below: i64,
}

impl Band {
    pub const fn has(self, points: MilliPoints) -> bool {
        points.0 >= self.least && points.0 < self.below
    }
}

/// How engagement goes on if nothing new happens.
#[derive(Clone, Copy)]
pub(super) struct Course<'a> {
    pub scoring: &'a Scoring,
    pub facts: &'a [Fact],
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

    /// The first instant after `now` at which engagement is not in the band, in which it is now, with
    /// `points`.
    pub fn leaves(self, band: Band, now: Instant, points: MilliPoints) -> Instant {
        let only_gains = self.scoring.engagement.iter().all(|rule| rule.points.0 >= 0);
        let (mut from, mut points) = (now, points);
        loop {
            let settles = self.scoring.next_rise(self.facts, from);
            let left = if only_gains {
                // It only falls, and never below 0.
                if band.least > 0 {
                    self.falls_below(band.least, from, points, settles)
                } else {
                    None
                }
            } else {
                self.strays(band, from, settles)
            };
            if let Some(left) = left {
                return left;
            }
            if settles.is_never() {
                return settles;
            }
            (from, points) = (settles, self.points(settles));
            if !band.has(points) {
                return settles;
            }
        }
    }

    /// The first instant in `(from, until)` at which there are fewer than `least` points, which is
    /// more than 0, if points only fade and those it `had` at `from` are
    /// enough.
    fn falls_below(
        self,
        least: i64,
        from: Instant,
        had: MilliPoints,
        until: Instant,
    ) -> Option<Instant> {
        let end = until.millis() - 1;
        let mut low = from.millis();
        let mut points = Points::counted(self, from);
        let half_life = points.fading.half_life();

        // All hits fade alike, so the sum does: but for rounding it is an exponential, and each hit is
        // rounded down by half a thousandth on average.
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        let guess = {
            let rounded = points.count as f64 / 2.0;
            let ratio = (had.0 as f64 + rounded) / (least as f64 + rounded);
            (half_life as f64 * ratio.log2()) as i64
        };
        let mut high = low.saturating_add(guess.max(1)).min(end);
        if high <= low {
            return None;
        }
        // About as long as it takes to lose three thousandths.
        let mut step = (half_life / least).saturating_mul(4).max(1);
        if points.at(high) >= least {
            loop {
                if high == end {
                    return None;
                }
                low = high;
                points.now_low();
                high = high.saturating_add(step).min(end);
                step = step.saturating_mul(8);
                if points.at(high) < least {
                    break;
                }
            }
            points.now_high();
        } else {
            points.now_high();
            // `high` is behind the crossing: look for an instant before it, close by.
            while high - low > step {
                let back = high - step;
                if points.at(back) >= least {
                    low = back;
                    points.now_low();
                    break;
                }
                high = back;
                points.now_high();
                step = step.saturating_mul(8);
            }
        }
        if low == from.millis() {
            points.at(low);
            points.now_low();
        }
        while high - low > 1 {
            points.set_apart_the_still();
            let middle = low + (high - low) / 2;
            if points.at(middle) >= least {
                low = middle;
                points.now_low();
            } else {
                high = middle;
                points.now_high();
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

/// The points from some instant until the next hit settles: the same sum as
/// [`Scoring::engagement`], with what a bisection can leave out of it.
struct Points<'a> {
    course: Course<'a>,
    fading: Fading,
    hits: [Fade; MOST_HITS],
    /// How many of `hits` there are; none if there are more than there is room for.
    count: usize,
    crowded: bool,
    /// Points of those that are set apart.
    still: i64,
}

/// A hit, and its points at three instants of a bisection.
#[derive(Clone, Copy, Default)]
struct Fade {
    points: i64,
    hit: i64,
    tried: i64,
    low: i64,
    high: i64,
}

impl<'a> Points<'a> {
    fn counted(course: Course<'a>, from: Instant) -> Self {
        let mut points = Self {
            course,
            fading: Fading::new(course.scoring.half_life),
            hits: [Fade::default(); MOST_HITS],
            count: 0,
            crowded: false,
            still: 0,
        };
        for rule in &course.scoring.engagement {
            let counted = course.facts[rule.fact.0].counted(Instant::DAWN, from);
            for hit in counted.take(rule.hits) {
                let Some(free) = points.hits.get_mut(points.count) else {
                    points.crowded = true;
                    points.count = 0;
                    return points;
                };
                *free = Fade { points: rule.points.0, hit: hit.at.millis(), ..Fade::default() };
                points.count += 1;
            }
        }
        points
    }

    fn at(&mut self, at: i64) -> i64 {
        if self.crowded {
            return self.course.points(Instant::from_millis(at)).0;
        }
        let mut sum = self.still;
        for fade in &mut self.hits[..self.count] {
            fade.tried = self.fading.fade(fade.points, at - fade.hit);
            sum += fade.tried;
        }
        sum
    }

    /// The instant last tried is the lower end.
    fn now_low(&mut self) {
        self.hits[..self.count].iter_mut().for_each(|fade| fade.low = fade.tried);
    }

    /// The instant last tried is the upper end.
    fn now_high(&mut self) {
        self.hits[..self.count].iter_mut().for_each(|fade| fade.high = fade.tried);
    }

    /// Hits that have the same points at both ends have them in between as well: most lose nothing in
    /// so short a time.
    fn set_apart_the_still(&mut self) {
        let mut kept = 0;
        for index in 0..self.count {
            let fade = self.hits[index];
            if fade.low == fade.high {
                self.still += fade.low;
            } else {
                self.hits[kept] = fade;
                kept += 1;
            }
        }
        self.count = kept;
    }
}
