//! Guards: what stops mails by itself, or asks first, before much harm is done.

use std::{fmt, time::Duration};

use super::{pause::Scope, time::Instant};

/// What the policy guards against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guards {
    /// Of mails to addresses that do not exist.
    pub bounces: Option<Limit>,
    /// Of mails that their readers called spam.
    pub complaints: Option<Limit>,
    /// Mails of how long are counted.
    pub within: Duration,
    /// How many leads a release may take into a workflow at once without somebody's word.
    pub audience: Option<u32>,
}

impl Guards {
    /// Where nothing else is said.
    pub const WITHIN: Duration = Duration::from_hours(7 * 24);
    /// The shortest and the longest.
    pub const SPANS: (Duration, Duration) =
        (Duration::from_hours(1), Duration::from_hours(90 * 24));

    /// Whether nothing is paused by it.
    #[must_use]
    pub const fn counts_nothing(&self) -> bool {
        self.bounces.is_none() && self.complaints.is_none()
    }

    /// Why something is to be paused of which these mails were handed over, if it is.
    #[must_use]
    pub fn verdict(&self, counts: Counts, since: Instant) -> Option<String> {
        let kinds = [
            (self.bounces, counts.bounced, "bounced"),
            (self.complaints, counts.complained, "called spam"),
        ];
        kinds.into_iter().find_map(|(limit, ill, what)| {
            let limit = limit.filter(|limit| limit.is_exceeded(ill, counts.mails))?;
            let (mails, share) = (counts.mails, Share::of(ill, counts.mails));
            Some(format!("{ill} of {mails} mails since {since} {what}: {share}, over {limit}"))
        })
    }
}

impl Default for Guards {
    fn default() -> Self {
        Self { bounces: None, complaints: None, within: Self::WITHIN, audience: None }
    }
}

/// A part of a hundred, in thousandths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Share(u32);

impl Share {
    const ALL: u64 = 100_000;

    /// Reads `0.3%`: more than nothing and less than all, with three places at most.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.strip_suffix('%')?.trim_end();
        let (whole, places) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_number = !whole.is_empty() && digits(whole) && digits(places);
        if !is_number || whole.len() > 3 || places.len() > 3 || number.ends_with('.') {
            return None;
        }
        let thousandths: u32 = format!("{whole}{places:0<3}").parse().ok()?;
        (thousandths > 0 && u64::from(thousandths) < Self::ALL).then_some(Self(thousandths))
    }

    /// Rounded down.
    fn of(part: u64, all: u64) -> Self {
        let share = part.saturating_mul(Self::ALL) / all.max(1);
        Self(u32::try_from(share).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = format!("{:03}", self.0 % 1000);
        let places = places.trim_end_matches('0');
        let point = if places.is_empty() { "" } else { "." };
        write!(f, "{}{point}{places}%", self.0 / 1000)
    }
}

/// `5% of 200`: more than that part of the mails, once there are so many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    pub share: Share,
    /// 1 to [`Limit::MOST`].
    pub least: u32,
}

impl Limit {
    pub const MOST: u32 = 1_000_000;

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (share, least) = text.split_once(" of ")?;
        let share = Share::parse(share.trim())?;
        let least = least.trim().parse().ok().filter(|least| (1..=Self::MOST).contains(least))?;
        Some(Self { share, least })
    }

    /// Whether so many of so many are too many.
    #[must_use]
    pub fn is_exceeded(self, ill: u64, mails: u64) -> bool {
        mails >= u64::from(self.least)
            && ill.saturating_mul(Share::ALL) > mails.saturating_mul(u64::from(self.share.0))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.share, self.least)
    }
}

/// Mails to leads that were handed over in some time, and what came of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Those that a relay took, or refused since the address does not exist.
    pub mails: u64,
    pub bounced: u64,
    pub complained: u64,
}

impl Counts {
    pub fn add(&mut self, other: Self) {
        self.mails += other.mails;
        self.bounced += other.bounced;
        self.complained += other.complained;
    }
}

/// Something that a guard wants paused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alarm {
    /// A workflow or a relay.
    pub scope: Scope,
    pub reason: String,
    /// When its last pause had ended, as far as that was known.
    pub resumed: Option<Instant>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_is_read_as_it_is_written() {
        for (text, thousandths, least) in
            [("5% of 200", 5_000, 200), ("0.3% of 1000", 300, 1000), ("12.125 % of 1", 12_125, 1)]
        {
            let limit = Limit { share: Share(thousandths), least };
            assert_eq!(Limit::parse(text), Some(limit), "{text}");
            assert_eq!(Limit::parse(&limit.to_string()), Some(limit));
        }
        for text in [
            "0% of 200",
            "100% of 200",
            "101% of 200",
            "5% of 0",
            "5% of 1000001",
            "5%",
            "5 of 200",
            "-5% of 200",
            "5.% of 9",
            ".5% of 9",
            "0.0001% of 9",
            "5% of many",
            "",
        ] {
            assert_eq!(Limit::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_verdict_tells_its_figures() {
        let limit = Limit::parse;
        let guards = Guards {
            bounces: limit("5% of 200"),
            complaints: limit("0.3% of 1000"),
            ..Guards::default()
        };
        let verdict = |mails, bounced, complained| {
            guards.verdict(Counts { mails, bounced, complained }, Instant::DAWN)
        };
        assert_eq!(verdict(199, 199, 0), None, "too few to tell");
        assert_eq!(verdict(200, 10, 0), None, "just at it");
        let reason = "11 of 200 mails since 1970-01-01T00:00:00Z bounced: 5.5%, over 5% of 200";
        assert_eq!(verdict(200, 11, 0).as_deref(), Some(reason));
        let reason =
            "4 of 1000 mails since 1970-01-01T00:00:00Z called spam: 0.4%, over 0.3% of 1000";
        assert_eq!(verdict(1000, 50, 4).as_deref(), Some(reason));
    }

    proptest! {
        #[test]
        fn a_limit_is_exceeded_by_more_than_its_share(
            thousandths in 1u32..100_000,
            least in 1u32..500,
            mails in 0u64..2_000,
            ill in 0u64..2_000,
        ) {
            let limit = Limit { share: Share(thousandths), least };
            #[allow(clippy::cast_precision_loss)] // small figures
            let share = ill as f64 * 100_000.0 > mails as f64 * f64::from(thousandths);
            prop_assert_eq!(limit.is_exceeded(ill, mails), mails >= u64::from(least) && share);
        }
    }
}
