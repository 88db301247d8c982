//! When engagement crosses a threshold.
//!
//! Between two instants at which a hit settles, points only fade, all alike: what counts is put together
//! once ([`Fading`]), and each instant after it is one look at a table. With no losses engagement
//! therefore only falls, and the step at which it falls below a bound is found by the very evaluator
//! that [`Scoring::engagement`] is, begun at a guess. With losses the gains and the losses fade each for
//! itself: a stretch is proved to stay inside of the band from the gains at its one end and the losses
//! at the other, and stretches are doubled and halved until one can no longer be proved. That is exact as
//! well, but bounded in work: at a score that lingers at the very threshold the hold may end before the
//! crossing, never after it.

use crate::domain::{
    facts::Fact,
    score::{Fading, MilliPoints, Scoring},
    time::Instant,
};

/// How many stretches are tried where points are negative.
const MOST_STRETCHES: usize = 400;

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

/// How engagement goes on from an instant if nothing new happens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    from: Instant,
    fading: Fading,
    /// Until when the same hits count.
    settles: Instant,
}

impl Course {
    pub fn new(scoring: &Scoring, facts: &[Fact], from: Instant) -> Self {
        let (fading, settles) = scoring.fading(facts, from);
        Self { from, fading, settles }
    }

    /// At its beginning.
    pub fn points(&self) -> MilliPoints {
        self.fading.points(self.from)
    }

    /// Until when the same hits count.
    pub const fn settles(&self) -> Instant {
        self.settles
    }

    /// The first instant after its beginning at which engagement is not in the band, in which it is there.
    pub fn leaves(mut self, band: Band, scoring: &Scoring, facts: &[Fact]) -> Instant {
        loop {
            if let Some(left) = self.leaves_before_it_settles(band) {
                return left;
            }
            let settles = self.settles;
            if settles.is_never() {
                return settles;
            }
            self = Self::new(scoring, facts, settles);
            if !band.has(self.points()) {
                return settles;
            }
        }
    }

    fn leaves_before_it_settles(&self, band: Band) -> Option<Instant> {
        if !self.fading.has_no_losses() {
            return self.strays(band);
        }
        // It only falls, and never below 0.
        let falls = (band.least > 0).then(|| self.fading.falls_below(band.least, self.from));
        falls.filter(|left| *left < self.settles)
    }

    /// The first instant until it settles that cannot be proved to be in the band; the work is bounded,
    /// so it may be earlier than the first that is outside of it.
    fn strays(&self, band: Band) -> Option<Instant> {
        let (mut at, until) = (self.from.millis(), self.settles.millis());
        let (mut gains, mut losses) = self.fading.gains_and_losses(self.from);
        let mut stretch: i64 = 1 << 32;
        for _ in 0..MOST_STRETCHES {
            if gains == 0 && losses == 0 {
                return None;
            }
            let end = at.saturating_add(stretch).min(until);
            let (least_gains, least_losses) =
                self.fading.gains_and_losses(Instant::from_millis(end - 1));
            if least_gains - losses < band.least || gains - least_losses >= band.below {
                // One instant alone is its own proof, so this ends.
                stretch = ((end - at) / 2).max(1);
                continue;
            }
            if end == until {
                return None;
            }
            at = end;
            (gains, losses) = self.fading.gains_and_losses(Instant::from_millis(at));
            if !band.has(MilliPoints(gains - losses)) {
                return Some(Instant::from_millis(at));
            }
            stretch = stretch.saturating_mul(2);
        }
        Some(Instant::from_millis(at))
    }
}
