//! Warm-up: a new relay takes few mails a day at first, and more as the providers take them.
//!
//! Providers know a new address or domain by nothing but what it sends: many mails at once are what a sender of spam
//! would do. A ramp says how many a day; each of its steps is earned by a day that was used and went well.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::{
    fleet::Berth,
    name::Name,
    pace::{Days, Line},
    policy::Policy,
    schedule::Day,
    throttle::Level,
};

/// How many mails a day, step by step; after the last step there is no limit by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ramp(Arc<[u32]>);

/// Numbers that are no ramp.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoRamp {
    #[error("a ramp has at least one number")]
    Empty,
    #[error("{0} mails a day let nobody be written to")]
    Zero(u32),
    #[error("a ramp does not fall: {1} comes after {0}")]
    Falls(u32, u32),
}

/// The ramp of a relay, and the first day on which it takes mails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WarmUp {
    pub first: Day,
    pub ramp: Ramp,
}

/// How far a relay is with the mails to a provider, or to [`OTHERS`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The first day of the warm-up that it is about.
    pub begun: Day,
    /// From 0; as many as the ramp has steps: it is over.
    pub step: usize,
    /// The day that the step is for.
    pub day: Day,
    /// Why it does not go up.
    pub held: Option<String>,
}

/// All domains that are no provider's of the policy.
pub const OTHERS: &str = "others";

/// What came of the mails of a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// Tries to hand one over.
    pub tried: u64,
    /// Of these, put off.
    pub deferred: u64,
    /// Refused for good, at once or later.
    pub bounced: u64,
    pub complained: u64,
    /// How slowly mail goes there now, as some was put off.
    pub level: Option<Level>,
}

/// What a new day brings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    Up,
    /// It went well, but too few were sent to tell whether more would.
    Stays,
    Held(String),
    Down(String),
    /// As [`News::Up`] or [`News::Stays`], after it was held.
    Resumed(String),
}

/// Fewer say nothing of a share.
const SAMPLE: u64 = 20;
/// At this level of a throttle, or a slower one, a provider takes too little for more to be sent.
const SLOW: i64 = 3;
/// Twice too much, or that slow, and it goes a step down.
const VERY_SLOW: i64 = 5;

impl Ramp {
    /// # Errors
    /// When there is no number, one of them is 0, or they fall; with the index of the number.
    pub fn new(steps: &[u32]) -> Result<Self, (usize, NoRamp)> {
        if steps.is_empty() {
            return Err((0, NoRamp::Empty));
        }
        for (index, &mails) in steps.iter().enumerate() {
            let before = index.checked_sub(1).map_or(0, |index| steps[index]);
            if mails == 0 {
                return Err((index, NoRamp::Zero(mails)));
            }
            if mails < before {
                return Err((index, NoRamp::Falls(before, mails)));
            }
        }
        Ok(Self(steps.into()))
    }

    #[must_use]
    pub fn steps(&self) -> &[u32] {
        &self.0
    }

    /// How many mails a day on a step; `None`: it is over, and there is no limit.
    #[must_use]
    pub fn mails(&self, step: usize) -> Option<u32> {
        self.0.get(step).copied()
    }
}

impl Figures {
    /// A share in thousandths of the tries; `None`: of too few to tell.
    fn permille(&self, of: u64) -> Option<u64> {
        (self.tried >= SAMPLE).then(|| of.saturating_mul(1000) / self.tried)
    }

    /// What is wrong, and whether it is twice as much as is bad enough.
    fn trouble(&self) -> Option<(String, bool)> {
        let shares = [
            ("deferred", self.deferred, 100),
            ("refused for good", self.bounced, 30),
            ("complained of", self.complained, 1),
        ];
        let too_many = shares.into_iter().find_map(|(what, of, most)| {
            // Of few mails one complaint is more than one in a thousand: a share is what it is.
            let share = self.permille(of)?;
            let is_over = of.saturating_mul(1000) > self.tried.saturating_mul(most);
            let told = format!("{of} of {} were {what}, more than {}", self.tried, percent(most));
            is_over.then_some((told, share > 2 * most))
        });
        let level = self.level.map(Level::number).filter(|level| *level >= SLOW);
        let slow = level.map(|level| {
            let rate = self.level.map(|level| level.rate().to_string()).unwrap_or_default();
            (format!("mail there is slowed down to {rate}"), level >= VERY_SLOW)
        });
        match (too_many, slow) {
            (Some((why, bad)), Some((_, slow))) => Some((why, bad || slow)),
            (too_many, slow) => too_many.or(slow),
        }
    }
}

fn percent(permille: u64) -> String {
    if permille.is_multiple_of(10) {
        format!("{} %", permille / 10)
    } else {
        format!("0.{permille} %")
    }
}

/// `200 tried, 3 deferred, 0 refused, 0 complained`.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tried, deferred, bounced, complained, .. } = self;
        write!(f, "{tried} tried, {deferred} deferred, {bounced} refused, {complained} complained")
    }
}

impl Standing {
    /// On the first step.
    #[must_use]
    pub fn new(begun: Day, today: Day) -> Self {
        Self { begun, step: 0, day: today.max(begun), held: None }
    }

    /// How it stands today, by what came of the mails since the day it is for.
    #[must_use]
    pub fn on(&self, today: Day, ramp: &Ramp, figures: &Figures) -> (Self, News) {
        let mut next = Self { day: today, ..self.clone() };
        let news = match figures.trouble() {
            Some((why, true)) => {
                next.step = self.step.saturating_sub(1);
                News::Down(why)
            }
            Some((why, false)) => News::Held(why),
            // A day without mails tells nothing.
            None if self.held.is_some() && figures.tried == 0 => return (next, News::Stays),
            None => {
                // A mail that is put off is one of its day still, however often.
                let used = figures.tried.saturating_sub(figures.deferred);
                let is_used = ramp
                    .mails(self.step)
                    .is_some_and(|mails| used.saturating_mul(2) >= u64::from(mails));
                next.step += usize::from(is_used);
                match &self.held {
                    Some(_) => News::Resumed(format!("the day before went well: {figures}")),
                    None if is_used => News::Up,
                    None => News::Stays,
                }
            }
        };
        next.held = match &news {
            News::Held(why) | News::Down(why) => Some(why.clone()),
            _ => None,
        };
        (next, news)
    }
}

/// Where all relays stand that are warming up.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ramps(BTreeMap<(Name, Name), Standing>);

impl Ramps {
    #[must_use]
    pub fn new(standings: impl IntoIterator<Item = ((Name, Name), Standing)>) -> Self {
        Self(standings.into_iter().collect())
    }

    /// How a relay stands with a provider, or with the others, by its present warm-up.
    #[must_use]
    pub fn standing(&self, relay: &Name, receivers: &Name, warm_up: &WarmUp) -> Standing {
        let known = self.0.get(&(relay.clone(), receivers.clone()));
        let known = known.filter(|standing| standing.begun == warm_up.first).cloned();
        known.unwrap_or_else(|| Standing::new(warm_up.first, warm_up.first))
    }

    /// The lines that mails by a relay to a domain stand in while it warms up.
    #[must_use]
    pub fn lines(&self, relay: &Berth, policy: &Policy, domain: &str) -> Vec<Line> {
        let Some(warm_up) = &relay.warm_up else { return Vec::new() };
        let receivers = receivers_of(policy, domain);
        let standing = self.standing(&relay.name, &receivers, warm_up);
        lines(&relay.name, &receivers, warm_up, &standing, policy)
    }
}

/// The lines of the mails by a relay to a provider, or to the others: so many a day, and spread.
#[must_use]
pub fn lines(
    relay: &Name,
    receivers: &Name,
    warm_up: &WarmUp,
    standing: &Standing,
    policy: &Policy,
) -> Vec<Line> {
    let step = (standing.step, standing.day);
    let (weekdays, zone) = (policy.window.weekdays(), policy.zone.clone());
    let days = Days::along(&warm_up.ramp.0, warm_up.first, step, weekdays, zone);
    let name = || format!("warm-up of {relay} to {receivers}");
    days.map(|days| Line::of_days(&name(), days).to_vec()).unwrap_or_default()
}

/// The providers of a policy, and the others.
pub fn all_receivers(policy: &Policy) -> impl Iterator<Item = Name> {
    let providers = policy.pacing.providers.iter().map(|provider| provider.name.clone());
    providers.chain([OTHERS.into()])
}

/// Of which of these a domain is.
#[must_use]
pub fn receivers_of(policy: &Policy, domain: &str) -> Name {
    policy.pacing.provider(domain).cloned().unwrap_or_else(|| OTHERS.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day(20_790);

    fn ramp() -> Ramp {
        Ramp::new(&[50, 100, 200]).unwrap()
    }

    fn figures(tried: u64, deferred: u64, bounced: u64, complained: u64) -> Figures {
        Figures { tried, deferred, bounced, complained, level: None }
    }

    fn after(standing: &Standing, figures: Figures) -> (usize, News) {
        let (next, news) = standing.on(TODAY, &ramp(), &figures);
        assert_eq!(next.day, TODAY);
        (next.step, news)
    }

    #[test]
    fn a_ramp_has_numbers_and_does_not_fall() {
        assert_eq!(Ramp::new(&[]), Err((0, NoRamp::Empty)));
        assert_eq!(Ramp::new(&[50, 100, 99]), Err((2, NoRamp::Falls(100, 99))));
        assert_eq!(Ramp::new(&[0, 100]), Err((0, NoRamp::Zero(0))));
        assert_eq!(ramp().mails(3), None);
    }

    #[test]
    fn a_step_is_earned_by_a_day_that_was_used_and_went_well() {
        let first = Standing::new(Day(TODAY.0 - 1), Day(TODAY.0 - 1));
        assert_eq!(after(&first, figures(27, 2, 0, 0)), (1, News::Up));
        assert_eq!(after(&first, figures(24, 0, 0, 0)), (0, News::Stays));
        assert_eq!(after(&first, figures(26, 2, 0, 0)), (0, News::Stays));
        assert_eq!(after(&first, figures(0, 0, 0, 0)), (0, News::Stays));
        // Of a few mails nothing is concluded.
        assert_eq!(after(&first, figures(19, 19, 0, 0)), (0, News::Stays));
        let last = Standing { step: 2, ..first };
        assert_eq!(after(&last, figures(200, 0, 0, 0)), (3, News::Up));
    }

    #[test]
    fn trouble_holds_it_and_much_of_it_takes_it_down() {
        let on = Standing { step: 1, ..Standing::new(Day(TODAY.0 - 1), Day(TODAY.0 - 1)) };
        for (figures, step, reason) in [
            (figures(100, 10, 3, 0), 2, ""),
            (figures(100, 11, 0, 0), 1, "11 of 100 were deferred, more than 10 %"),
            (figures(100, 21, 0, 0), 0, "21 of 100 were deferred, more than 10 %"),
            (figures(100, 0, 4, 0), 1, "4 of 100 were refused for good, more than 3 %"),
            (figures(100, 0, 7, 0), 0, "7 of 100 were refused for good, more than 3 %"),
            (figures(900, 0, 0, 1), 1, "1 of 900 were complained of, more than 0.1 %"),
            (figures(100, 0, 0, 1), 0, "1 of 100 were complained of, more than 0.1 %"),
            (Figures { level: Level::new(2), ..figures(100, 0, 0, 0) }, 2, ""),
            (
                Figures { level: Level::new(3), ..figures(9, 9, 0, 0) },
                1,
                "mail there is slowed down to 6 per minute",
            ),
            (
                Figures { level: Level::new(5), ..figures(9, 9, 0, 0) },
                0,
                "mail there is slowed down to 40 per hour",
            ),
        ] {
            let (next, _) = on.on(TODAY, &ramp(), &figures);
            assert_eq!((next.step, next.held.as_deref().unwrap_or("")), (step, reason));
        }
    }

    #[test]
    fn what_was_held_is_resumed_by_a_day_that_went_well_and_not_by_one_without_mails() {
        let day = Day(TODAY.0 - 1);
        let held = Standing { step: 1, held: Some("it was bad".into()), ..Standing::new(day, day) };
        let (next, news) = held.on(TODAY, &ramp(), &figures(0, 0, 0, 0));
        assert_eq!((next.held.is_some(), news), (true, News::Stays));
        let (next, news) = held.on(TODAY, &ramp(), &figures(80, 0, 0, 0));
        assert_eq!((next.step, next.held), (2, None));
        let News::Resumed(why) = news else { panic!("{news:?}") };
        assert!(why.contains("80 tried, 0 deferred"), "{why}");
    }
}
