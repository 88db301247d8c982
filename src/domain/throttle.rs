//! Mail goes more slowly to servers that put it off, and faster again as they take it.
//!
//! A server that says "later" to many means: not so fast. Who goes on at the same pace is taken for a sender of spam.
//! So each word of that kind takes mail by that relay to those servers one level down, and quiet takes it up again
//! (additive increase and multiplicative decrease, Chiu and Jain 1989). At the lowest level it is a probe now and then.

use std::{fmt, time::Duration};

use super::{
    name::Name,
    pace::{Line, Per, Rate},
    time::Instant,
};

/// How slowly mail goes: 1 to [`Level::SLOWEST`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Level(u8);

/// From level to level about a third.
const RATES: [Rate; 6] = [
    Rate { mails: 60, per: Per::Minute },
    Rate { mails: 20, per: Per::Minute },
    Rate { mails: 6, per: Per::Minute },
    Rate { mails: 2, per: Per::Minute },
    Rate { mails: 40, per: Per::Hour },
    Rate { mails: 12, per: Per::Hour },
];

impl Level {
    pub const FASTEST: Self = Self(1);
    pub const SLOWEST: Self = Self(6);

    #[must_use]
    pub fn new(level: i64) -> Option<Self> {
        let known = u8::try_from(level).ok().map(Self);
        known.filter(|level| (Self::FASTEST..=Self::SLOWEST).contains(level))
    }

    #[must_use]
    pub fn number(self) -> i64 {
        i64::from(self.0)
    }

    #[must_use]
    pub fn rate(self) -> Rate {
        RATES[usize::from(self.0) - 1]
    }

    fn slower(self) -> Self {
        Self(self.0 + 1).min(Self::SLOWEST)
    }

    fn faster(self) -> Option<Self> {
        Self::new(i64::from(self.0) - 1)
    }
}

/// Whose mail it is about: by a relay, to a provider or a domain, or all of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stretch {
    pub relay: Name,
    /// Empty: whoever it is for.
    pub receiver: Name,
}

impl Stretch {
    /// The line that mail stands in here.
    #[must_use]
    pub fn line(&self, level: Level) -> Line {
        Line::rate(format!("slowed down {self}"), level.rate())
    }
}

/// `main to gmail.com`.
impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.receiver.is_empty() {
            return write!(f, "{}", self.relay);
        }
        write!(f, "{} to {}", self.relay, self.receiver)
    }
}

/// What the servers have said of late on a stretch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Throttle {
    /// How slowly mail goes, and since when; `None`: as fast as it may.
    pub slowed: Option<(Level, Instant)>,
    /// "Later", in a row.
    deferrals: u32,
    /// Refusals of us, in a row.
    refusals: u32,
}

/// What a server said to a mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// It has it.
    Taken,
    /// Later. `to_all`: it is said to whoever comes (421).
    Later { to_all: bool },
    /// Never, as it takes nothing from us: for who we are, and not for the mail or its reader.
    NotFromUs,
}

/// What is to be done for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Mail goes at this level, `None`: as fast as it may.
    Level(Option<Level>),
    /// The relay is of no use there until somebody has seen to it.
    Pause,
}

/// So many that put a mail off one after the other mean the sender; one may mean its reader (grey-listing).
const DEFERRALS: u32 = 3;
/// So many that refuse us one after the other are no accident.
const REFUSALS: u32 = 3;
/// Mails that were on their way say nothing of the new level.
const SETTLING: Duration = Duration::from_mins(1);
/// So long nobody has to complain before it goes faster.
const QUIET: Duration = Duration::from_mins(10);

impl Throttle {
    /// As others have found it.
    #[must_use]
    pub fn at(level: Level, since: Instant) -> Self {
        Self { slowed: Some((level, since)), ..Self::default() }
    }

    /// Nothing is to be remembered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.slowed.is_none() && self.deferrals == 0 && self.refusals == 0
    }

    /// Takes a level over that others have found; what was counted since then here stays.
    pub fn learn(&mut self, slowed: Option<(Level, Instant)>) {
        if self.slowed != slowed {
            *self = Self { slowed, refusals: self.refusals, ..Self::default() };
        }
    }

    /// Hears what a server said, and says what changes.
    pub fn hear(&mut self, word: Word, now: Instant) -> Option<Change> {
        match word {
            Word::Taken => {
                (self.deferrals, self.refusals) = (0, 0);
                let (level, since) = self.slowed?;
                (now >= since + QUIET).then(|| self.go(level.faster(), now))
            }
            Word::Later { to_all } => {
                self.deferrals += 1;
                let is_enough = to_all || self.deferrals >= DEFERRALS;
                let settling = self.slowed.is_some_and(|(_, since)| now < since + SETTLING);
                let next = self.slowed.map_or(Level::FASTEST, |(level, _)| level.slower());
                (is_enough && !settling).then(|| self.go(Some(next), now))
            }
            Word::NotFromUs => {
                self.refusals += 1;
                (self.refusals >= REFUSALS).then(|| {
                    self.refusals = 0;
                    Change::Pause
                })
            }
        }
    }

    fn go(&mut self, level: Option<Level>, now: Instant) -> Change {
        self.deferrals = 0;
        self.slowed = level.map(|level| (level, now));
        Change::Level(level)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: Instant = Instant::from_millis(1_800_000_000_000);
    const LATER: Word = Word::Later { to_all: false };
    const TO_ALL: Word = Word::Later { to_all: true };

    fn level(throttle: &Throttle) -> i64 {
        throttle.slowed.map_or(0, |(level, _)| level.number())
    }

    #[test]
    fn one_grey_listed_mail_slows_nobody_down_and_three_in_a_row_do() {
        let mut throttle = Throttle::default();
        for word in [LATER, LATER, Word::Taken, LATER, LATER] {
            assert_eq!(throttle.hear(word, NOON), None);
        }
        assert_eq!(throttle.hear(LATER, NOON), Some(Change::Level(Some(Level::FASTEST))));
    }

    #[test]
    fn who_closes_the_door_is_heard_at_once_and_mails_on_their_way_do_not_count_twice() {
        let mut throttle = Throttle::default();
        assert!(throttle.hear(TO_ALL, NOON).is_some());
        for _ in 0..20 {
            assert_eq!(throttle.hear(TO_ALL, NOON + Duration::from_secs(5)), None);
        }
        let mut now = NOON;
        for wanted in [2, 3, 4, 5, 6, 6, 6] {
            now = now + SETTLING;
            throttle.hear(TO_ALL, now);
            assert_eq!(level(&throttle), wanted);
        }
    }

    #[test]
    fn quiet_brings_the_pace_back_a_level_at_a_time() {
        let mut throttle = Throttle::at(Level::SLOWEST, NOON);
        let (mut now, mut levels) = (NOON, Vec::new());
        while throttle.slowed.is_some() {
            now = now + Duration::from_mins(5);
            if throttle.hear(Word::Taken, now).is_some() {
                levels.push(level(&throttle));
            }
        }
        assert_eq!(levels, [5, 4, 3, 2, 1, 0]);
        assert_eq!(now.since(NOON), 60 * 60_000);
        assert!(throttle.is_idle());
    }

    #[test]
    fn who_refuses_us_three_times_in_a_row_stops_the_relay() {
        let mut throttle = Throttle::default();
        for word in
            [Word::NotFromUs, Word::NotFromUs, Word::Taken, Word::NotFromUs, Word::NotFromUs]
        {
            assert_eq!(throttle.hear(word, NOON), None);
        }
        assert_eq!(throttle.hear(Word::NotFromUs, NOON), Some(Change::Pause));
    }

    proptest! {
        /// Whatever servers say, it never jumps, never goes faster within ten minutes of a change, and each
        /// level is slower than the one before.
        #[test]
        fn it_goes_down_and_up_by_single_levels(
            words in prop::collection::vec((0u8..4, 0i64..400_000), 1..200),
        ) {
            let (mut throttle, mut now) = (Throttle::default(), NOON);
            let mut before = (0, NOON);
            for (word, pause) in words {
                now = Instant::from_millis(now.millis() + pause);
                let word = [Word::Taken, LATER, TO_ALL, Word::NotFromUs][usize::from(word)];
                throttle.hear(word, now);
                let after = level(&throttle);
                prop_assert!((after - before.0).abs() <= 1);
                if after != before.0 {
                    let least = if after < before.0 { QUIET } else { SETTLING };
                    prop_assert!(before.0 == 0 || now >= before.1 + least);
                    before = (after, now);
                }
            }
            for (faster, slower) in RATES.iter().zip(&RATES[1..]) {
                prop_assert!(faster.between() < slower.between());
            }
        }
    }
}
