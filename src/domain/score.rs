//! Scores: *fit* is what the profile says, *engagement* what the behaviour says. Kept apart.
//!
//! Both are integer milli-points. Engagement is a fold over the facts: each rule counts its last
//! `cap / points` hits, and each hit decays with one half-life, so nothing is accumulated that a
//! change of the rules would make wrong.

use std::{fmt, sync::LazyLock, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    condition::Condition,
    facts::{Fact, FactIx},
    lead::Stage,
    name::Name,
    time::Instant,
};

/// Thousandths of a point.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct MilliPoints(pub i64);

impl MilliPoints {
    #[must_use]
    pub const fn points(points: i64) -> Self {
        Self(points * 1000)
    }

    /// As points, for printing and for JSON.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // scores are far below 2^52
    pub fn as_points(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

/// Points with at most one decimal, as people read them.
impl fmt::Display for MilliPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0.abs() + 50) / 100;
        let sign = if self.0 < 0 && tenths > 0 { "-" } else { "" };
        match tenths % 10 {
            0 => write!(f, "{sign}{}", tenths / 10),
            tenth => write!(f, "{sign}{}.{tenth}", tenths / 10),
        }
    }
}

/// How warm a lead is, by its engagement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Temperature {
    Cold,
    Warm,
    Hot,
}

impl Temperature {
    pub const ALL: [Self; 3] = [Self::Cold, Self::Warm, Self::Hot];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
            Self::Hot => "hot",
        }
    }
}

/// The live scoring rules.
#[derive(Clone, Debug)]
pub struct Scoring {
    pub half_life: Duration,
    pub engagement: Vec<EngagementRule>,
    pub fit: Vec<FitRule>,
    /// Engagement at and above which a lead is warm.
    pub warm: MilliPoints,
    /// Engagement at and above which a lead is hot.
    pub hot: MilliPoints,
    /// In the order of the file; the first that applies moves the lead.
    pub stages: Vec<StageRule>,
}

impl Default for Scoring {
    fn default() -> Self {
        Self {
            half_life: Duration::from_secs(30 * 86_400),
            engagement: Vec::new(),
            fit: Vec::new(),
            warm: MilliPoints::points(20),
            hot: MilliPoints::points(50),
            stages: Vec::new(),
        }
    }
}

/// Points for behaviour.
#[derive(Clone, Debug)]
pub struct EngagementRule {
    pub name: Name,
    pub fact: FactIx,
    /// For each hit, before decay; never 0.
    pub points: MilliPoints,
    /// The last how many hits count: `cap / points`, at least 1.
    pub hits: usize,
}

/// Points for who the lead is, while `when` is true.
#[derive(Clone, Debug)]
pub struct FitRule {
    pub name: Name,
    pub when: Condition,
    pub points: MilliPoints,
}

/// A move between stages, forward or back.
#[derive(Clone, Debug)]
pub struct StageRule {
    pub from: Vec<Stage>,
    pub to: Stage,
    pub when: Condition,
}

impl Scoring {
    /// Engagement at `at`, from facts in the order of the plan.
    ///
    /// Never grows between two instants at which no hit begins to count, if no rule has negative
    /// points; see [`Scoring::next_rise`].
    #[must_use]
    pub fn engagement(&self, facts: &[Fact], at: Instant) -> MilliPoints {
        let fading = Fading::new(self.half_life);
        let rules = self.engagement.iter();
        MilliPoints(rules.map(|rule| faded_points(rule, facts, at, &fading)).sum())
    }

    /// What one rule gives at `at`.
    #[must_use]
    pub fn rule_points(&self, rule: &EngagementRule, facts: &[Fact], at: Instant) -> MilliPoints {
        MilliPoints(faded_points(rule, facts, at, &Fading::new(self.half_life)))
    }

    /// The first instant after `now` at which an unsettled hit of some rule begins to count.
    #[must_use]
    pub fn next_rise(&self, facts: &[Fact], now: Instant) -> Instant {
        self.engagement
            .iter()
            .map(|rule| facts[rule.fact.0].next_settling(Instant::DAWN, now))
            .min()
            .unwrap_or(Instant::NEVER)
    }

    #[must_use]
    pub fn temperature(&self, engagement: MilliPoints) -> Temperature {
        if engagement >= self.hot {
            Temperature::Hot
        } else if engagement >= self.warm {
            Temperature::Warm
        } else {
            Temperature::Cold
        }
    }
}

fn faded_points(rule: &EngagementRule, facts: &[Fact], at: Instant, fading: &Fading) -> i64 {
    let hits = facts[rule.fact.0].counted(Instant::DAWN, at).take(rule.hits);
    hits.map(|hit| fading.fade(rule.points.0, at.since(hit.at))).sum()
}

/// `points · 2^(-elapsed / half_life)`, rounded toward zero, in integers only.
///
/// The fraction of a half-life is taken in 65,536 steps, interpolated between 256 table points, so
/// the result never grows with `elapsed`, not even by a rounding error: a threshold is crossed once.
#[must_use]
pub fn decay(points: i64, elapsed: i64, half_life: Duration) -> i64 {
    Fading::new(half_life).fade(points, elapsed)
}

/// How points fade with one half-life: what [`decay`] works out once for many hits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fading {
    /// Milliseconds, more than 0. Half-lives are bounded where they are read (at most a few years).
    half_life: u64,
    table: &'static [u64; 257],
}

/// 2^31 · 2^(-step / 256), whole numbers.
static TABLE: LazyLock<[u64; 257]> = LazyLock::new(|| {
    std::array::from_fn(|step| {
        #[allow(clippy::cast_precision_loss)]
        let factor = (-(step as f64) / 256.0).exp2() * f64::from(1u32 << 31);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let factor = factor.round() as u64;
        factor
    })
});

impl Fading {
    pub(super) fn new(half_life: Duration) -> Self {
        let half_life = u64::try_from(half_life.as_millis()).unwrap_or(u64::MAX);
        Self { half_life: half_life.clamp(1, 1 << 46), table: &TABLE }
    }

    /// In milliseconds.
    pub(super) const fn half_life(&self) -> i64 {
        self.half_life.cast_signed()
    }

    pub(super) fn fade(&self, points: i64, elapsed: i64) -> i64 {
        let elapsed = elapsed.max(0).unsigned_abs();
        let halvings = elapsed / self.half_life;
        if halvings >= 32 {
            return 0;
        }
        let fraction = ((elapsed % self.half_life) << 16) / self.half_life;
        let (step, rest) = (usize::try_from(fraction >> 8).unwrap_or(255), fraction & 0xff);
        let (above, below) = (self.table[step], self.table[step + 1]);
        let factor = above - (((above - below) * rest) >> 8);
        let size = points.unsigned_abs().min(1 << 32);
        let value = (size * factor) >> (31 + halvings);
        points.signum() * i64::try_from(value).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MONTH: Duration = Duration::from_secs(30 * 86_400);

    #[test]
    fn points_halve_with_each_half_life() {
        let month = 30 * 86_400_000;
        assert_eq!(decay(40_000, 0, MONTH), 40_000);
        assert_eq!(decay(40_000, month, MONTH), 20_000);
        assert_eq!(decay(40_000, 3 * month, MONTH), 5_000);
        assert_eq!(decay(-40_000, month, MONTH), -20_000);
        assert_eq!(decay(40_000, 500 * month, MONTH), 0);
        assert_eq!(decay(10_000, month / 2, MONTH), 7_071);
    }

    proptest! {
        #[test]
        fn decay_never_grows(
            points in 1i64..1_000_000,
            elapsed in 0i64..10_000_000_000,
            step in 0i64..100_000,
            half_life in 1u64..100_000_000,
        ) {
            let half_life = Duration::from_secs(half_life);
            prop_assert!(
                decay(points, elapsed + step, half_life) <= decay(points, elapsed, half_life)
            );
        }
    }

    #[test]
    fn points_are_printed_as_people_read_them() {
        assert_eq!(MilliPoints(40_000).to_string(), "40");
        assert_eq!(MilliPoints(-1_250).to_string(), "-1.3");
        assert_eq!(MilliPoints(49).to_string(), "0");
    }
}
