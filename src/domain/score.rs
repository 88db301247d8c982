//! Scores: *fit* is what the profile says, *engagement* what the behaviour says. Kept apart.
//!
//! Both are integer milli-points. Engagement is a fold over the facts: each rule counts its last
//! `cap / points` hits, and each hit decays with one half-life, so nothing is accumulated that a
//! change of the rules would make wrong.

use std::{
    fmt,
    hash::{Hash as _, Hasher as _},
    sync::LazyLock,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    condition::Condition,
    facts::{Fact, FactIx, FactPlan},
    id::Rev,
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

/// What of engagement stands in the ledger.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Booked {
    /// The sum of its lines, before decay.
    #[serde(rename = "p", default)]
    pub points: MilliPoints,
    /// Hits that are known and in none of its lines yet, as they did not count: their events.
    #[serde(rename = "w", default)]
    pub waiting: Vec<Rev>,
}

impl Scoring {
    /// A number that changes when scores do, for the same lead.
    #[must_use]
    pub fn mark(&self, plan: &FactPlan) -> i64 {
        let mut hasher = siphasher::sip::SipHasher24::new();
        (self.half_life, self.warm, self.hot).hash(&mut hasher);
        for rule in &self.engagement {
            (plan.fact(rule.fact).key.to_string(), rule.points, rule.hits).hash(&mut hasher);
        }
        for rule in &self.fit {
            (rule.when.source(), rule.points).hash(&mut hasher);
        }
        hasher.finish().cast_signed()
    }

    /// Engagement at `at`, from facts in the order of the plan.
    ///
    /// Never grows between two instants at which no hit begins to count, if no rule has negative
    /// points; see [`Scoring::fading`].
    #[must_use]
    pub fn engagement(&self, facts: &[Fact], at: Instant) -> MilliPoints {
        self.fading(facts, at).0.points(at)
    }

    /// All hits that count at `now`, put together, and the first instant after it at which an unsettled
    /// one begins to count: until then it is just these.
    #[must_use]
    pub fn fading(&self, facts: &[Fact], now: Instant) -> (Fading, Instant) {
        // The newest hit is the instant at which they are put together: whenever this is asked, the sum
        // is the same.
        let newest = |rule: &EngagementRule| {
            let hits = &facts[rule.fact.0].ring;
            hits.iter().rev().find(|hit| hit.counts_from <= now).map(|hit| hit.at)
        };
        let at = self.engagement.iter().filter_map(newest).max().unwrap_or(now);
        let mut fading = Fading { at, half_life: half_life(self.half_life), gains: 0, losses: 0 };
        let mut settles = Instant::NEVER;
        for rule in &self.engagement {
            let size = rule.points.0.unsigned_abs().min(LARGEST) << Fading::FRACTION;
            let (mut sum, mut room) = (0, rule.hits);
            for hit in facts[rule.fact.0].ring.iter().rev() {
                if hit.counts_from > now {
                    settles = settles.min(hit.counts_from);
                } else if room > 0 {
                    room -= 1;
                    sum += fade(size, elapsed(at, hit.at, fading.half_life));
                }
            }
            if rule.points.0 >= 0 {
                fading.gains += sum;
            } else {
                fading.losses += sum;
            }
        }
        (fading, settles)
    }

    /// What one rule gives at `at`.
    #[must_use]
    pub fn rule_points(&self, rule: &EngagementRule, facts: &[Fact], at: Instant) -> MilliPoints {
        let hits = facts[rule.fact.0].counted(Instant::DAWN, at).take(rule.hits);
        MilliPoints(hits.map(|hit| decay(rule.points.0, at.since(hit.at), self.half_life)).sum())
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

    /// Engagement for people: with one decimal, or with all three where the rounded number would be of
    /// another temperature.
    #[must_use]
    pub fn shown(&self, engagement: MilliPoints) -> String {
        let rounded = MilliPoints((engagement.0 + 50).div_euclid(100) * 100);
        let is_true = self.temperature(rounded) == self.temperature(engagement);
        format!("{:.*}", if is_true { 1 } else { 3 }, engagement.as_points())
    }
}

/// `points · 2^(-elapsed / half_life)`, rounded toward zero, in integers only.
///
/// The fraction of a half-life is taken in 65,536 steps, interpolated between 256 table points, so
/// the result never grows with `elapsed`, not even by a rounding error: a threshold is crossed once.
#[must_use]
pub fn decay(points: i64, elapsed: i64, half_life: Duration) -> i64 {
    let elapsed = elapsed.max(0).unsigned_abs();
    let left = fade(points.unsigned_abs().min(LARGEST), steps(elapsed, self::half_life(half_life)));
    points.signum() * i64::try_from(left).unwrap_or(0)
}

/// Hits put together at one instant: all fade alike, so from there on they fade as one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fading {
    at: Instant,
    /// Milliseconds.
    half_life: u64,
    /// In milli-points and [`Fading::FRACTION`] bits more, so that putting together rounds away nothing
    /// that anybody sees.
    gains: u64,
    losses: u64,
}

impl Fading {
    const FRACTION: u32 = 16;

    /// What is left at an instant.
    #[must_use]
    pub fn points(&self, at: Instant) -> MilliPoints {
        let (gains, losses) = self.gains_and_losses(at);
        MilliPoints(gains - losses)
    }

    /// Gains and losses apart, both not negative; neither ever grows.
    #[must_use]
    pub fn gains_and_losses(&self, at: Instant) -> (i64, i64) {
        let steps = elapsed(at, self.at, self.half_life);
        (self.left(self.gains, steps), self.left(self.losses, steps))
    }

    /// Whether it only falls.
    #[must_use]
    pub const fn has_no_losses(&self) -> bool {
        self.losses == 0
    }

    /// The first instant after `from` at which the gains are less than `least` milli-points, which is
    /// more than 0; they are not at `from`.
    #[must_use]
    pub fn falls_below(&self, least: i64, from: Instant) -> Instant {
        let enough = |steps: u64| self.left(self.gains, steps) >= least;
        let now = elapsed(from, self.at, self.half_life);
        // It is an exponential but for the interpolation and the steps: the guess is next to it.
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let guess = {
            let ratio = self.gains as f64 / f64::from(1 << Self::FRACTION) / least as f64;
            (ratio.log2() * f64::from(1 << STEP_BITS)).max(0.0) as u64
        };
        let (mut low, mut high) = (now, guess.clamp(now + 1, MOST_STEPS));
        let mut stride = 1;
        if enough(high) {
            while enough(high) {
                low = high;
                high = (high + stride).min(MOST_STEPS);
                stride *= 2;
            }
        } else {
            while high - low > stride {
                let back = high - stride;
                if enough(back) {
                    low = back;
                    break;
                }
                high = back;
                stride *= 2;
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
        // The first millisecond of that step.
        let elapsed = (high * self.half_life).div_ceil(1 << STEP_BITS);
        Instant::from_millis(self.at.millis().saturating_add_unsigned(elapsed))
    }

    fn left(&self, sum: u64, steps: u64) -> i64 {
        i64::try_from(fade(sum, steps) >> Self::FRACTION).unwrap_or(i64::MAX)
    }
}

/// A half-life is told apart into so many bits of steps.
const STEP_BITS: u32 = 16;
/// After 32 half-lives nothing is left.
const MOST_STEPS: u64 = 32 << STEP_BITS;
/// No rule gives more milli-points for a hit.
const LARGEST: u64 = 1 << 32;

/// In milliseconds. Half-lives are bounded where they are read (at most a few years), far below this.
fn half_life(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 42)
}

fn elapsed(at: Instant, since: Instant, half_life: u64) -> u64 {
    steps(at.since(since).max(0).unsigned_abs(), half_life)
}

/// How many whole steps so many milliseconds are.
fn steps(elapsed: u64, half_life: u64) -> u64 {
    // Bounded, or the shift would overflow.
    if elapsed >= half_life << 5 { MOST_STEPS } else { (elapsed << STEP_BITS) / half_life }
}

/// `size · 2^(-steps / 65,536)`, rounded down. Never grows with `steps`.
fn fade(size: u64, steps: u64) -> u64 {
    static TABLE: LazyLock<[u64; 257]> = LazyLock::new(|| {
        std::array::from_fn(|step| {
            #[allow(clippy::cast_precision_loss)]
            let factor = (-(step as f64) / 256.0).exp2() * f64::from(1u32 << 31);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let factor = factor.round() as u64;
            factor
        })
    });
    if steps >= MOST_STEPS {
        return 0;
    }
    let (halvings, fraction) = (steps >> STEP_BITS, steps & 0xffff);
    let (step, rest) = (usize::try_from(fraction >> 8).unwrap_or(255), fraction & 0xff);
    let (above, below) = (TABLE[step], TABLE[step + 1]);
    let factor = above - (((above - below) * rest) >> 8);
    let left = (u128::from(size) * u128::from(factor)) >> (31 + halvings);
    u64::try_from(left).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::facts::Hit;

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

    fn facts(hits: &[i64]) -> Vec<Fact> {
        let hit = |(rev, &at): (usize, &i64)| Hit {
            at: Instant::from_millis(at),
            counts_from: Instant::from_millis(at),
            rev: Rev(i64::try_from(rev).unwrap()),
        };
        let mut hits = hits.to_vec();
        hits.sort_unstable();
        vec![Fact { first: None, count: 0, ring: hits.iter().enumerate().map(hit).collect() }]
    }

    proptest! {
        #[test]
        fn together_hits_fade_as_each_does_for_itself(
            hits in prop::collection::vec(0i64..30_000_000_000, 1..20),
            points in -100_000i64..100_000,
            later in 0i64..30_000_000_000,
        ) {
            let scoring = one_rule(points);
            let facts = facts(&hits);
            let at = Instant::from_millis(30_000_000_000 + later);
            let whole = scoring.engagement(&facts, at).0;
            let parts = scoring.rule_points(&scoring.engagement[0], &facts, at).0;
            // Each part is rounded, and the table is good to a millionth.
            let off = i64::try_from(hits.len()).unwrap() + parts.abs() / 200_000;
            prop_assert!((whole - parts).abs() <= off, "{whole} is not {parts}");
        }

        #[test]
        fn the_fall_is_the_first_instant_with_too_few(
            hits in prop::collection::vec(0i64..10_000_000_000, 1..10),
            points in 1i64..100_000,
            share in 1i64..1000,
            from in 0i64..10_000_000_000,
        ) {
            let scoring = one_rule(points);
            let facts = facts(&hits);
            let from = Instant::from_millis(10_000_000_000 + from);
            let (fading, _) = scoring.fading(&facts, from);
            let least = fading.points(from).0 * share / 1000;
            prop_assume!(least > 0);
            let fall = fading.falls_below(least, from);
            prop_assert!(fall > from);
            prop_assert!(scoring.engagement(&facts, fall).0 < least);
            let before = Instant::from_millis(fall.millis() - 1);
            prop_assert!(scoring.engagement(&facts, before).0 >= least);
        }
    }

    fn one_rule(points: i64) -> Scoring {
        let rule = EngagementRule {
            name: "rule".into(),
            fact: FactIx(0),
            points: MilliPoints(points),
            hits: 32,
        };
        Scoring { engagement: vec![rule], ..Scoring::default() }
    }

    #[test]
    fn engagement_is_never_shown_as_of_another_temperature() {
        let scoring = Scoring { warm: MilliPoints::points(20), ..Scoring::default() };
        for (engagement, shown) in
            [(19_940, "19.9"), (19_950, "19.950"), (19_999, "19.999"), (20_000, "20.0")]
        {
            assert_eq!(scoring.shown(MilliPoints(engagement)), shown);
        }
    }

    #[test]
    fn points_are_printed_as_people_read_them() {
        assert_eq!(MilliPoints(40_000).to_string(), "40");
        assert_eq!(MilliPoints(-1_250).to_string(), "-1.3");
        assert_eq!(MilliPoints(49).to_string(), "0");
    }
}
