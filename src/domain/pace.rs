//! Pace: how fast mails leave, over all leads.
//!
//! A rate is a distance in time from one mail to the next. Whoever asks for a place in a line gets the first instant
//! that keeps that distance, and the line moves on (the virtual scheduling of GCRA, ITU-T I.371): so no backlog is ever
//! walked over, none bursts after an outage, and a line takes no more room however many stand in it.

mod days;
mod line;

#[cfg(test)]
mod line_tests;

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use super::{
    name::Name,
    schedule::Window,
    time::{Instant, Zone},
};

pub use days::Days;
pub use line::{Answer, Heads, Line, Opening, Takes, ask, first, plan, take};

/// So many mails in a second, minute or hour, evenly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    pub mails: u32,
    pub per: Per,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Per {
    Second,
    Minute,
    Hour,
}

/// The house rules on how fast.
#[derive(Clone, Debug, Default)]
pub struct Pacing {
    /// All marketing mail.
    pub all: Option<Rate>,
    /// Mail to each domain that is no provider's below.
    pub each_domain: Option<Rate>,
    pub providers: Vec<Provider>,
    pub workflows: BTreeMap<Name, Rate>,
    /// Mail that is overdue, as nothing was at work when it was due.
    pub catch_up: Option<Rate>,
    /// What workflows say of themselves, beside what the house says of them.
    pub at_most: BTreeMap<Name, AtMost>,
}

/// How many mails of a workflow leave at most.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AtMost {
    /// Evenly.
    Rate(Rate),
    /// On a day of the house's zone, spread over [`SPREAD_OVER`] hours; with the weekdays on which its window opens.
    Day { mails: u32, weekdays: u8 },
}

/// What comes later than this has been kept back by an outage, and not by much work.
const OVERDUE: Duration = Duration::from_mins(5);

/// Hours over which the mails of a day are spread.
pub const SPREAD_OVER: u32 = 8;

/// Domains whose mail goes to the same servers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Provider {
    pub name: Name,
    pub domains: Vec<Name>,
    pub rate: Rate,
}

impl Per {
    pub const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
        }
    }

    const fn micros(self) -> i64 {
        match self {
            Self::Second => 1_000_000,
            Self::Minute => 60_000_000,
            Self::Hour => 3_600_000_000,
        }
    }
}

impl Rate {
    /// In a second or longer; what is faster is no pace.
    pub const MOST: u32 = 10_000;

    /// What takes so many in a day, spread over [`SPREAD_OVER`] hours, takes in one.
    #[must_use]
    pub fn spreading(a_day: u32) -> Self {
        Self { mails: a_day.div_ceil(SPREAD_OVER).max(1), per: Per::Hour }
    }

    /// From one mail to the next, in microseconds.
    fn distance(self) -> i64 {
        // Rounded up: never faster than said.
        let mails = i64::from(self.mails.max(1));
        (self.per.micros() + mails - 1) / mails
    }

    /// From one mail to the next.
    #[must_use]
    pub fn between(self) -> Duration {
        Duration::from_micros(self.distance().unsigned_abs())
    }
}

/// A text that is no rate. How one is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "write `300 per hour`, `20 per minute` or `5 per second`, {} at most; how many a day is for `caps` of a lead, `at_most` of a workflow",
    Rate::MOST
)]
pub struct NoRate;

/// `20 per minute`.
impl FromStr for Rate {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Self, NoRate> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [mails, "per", per] = words[..] else { return Err(NoRate) };
        let mails = mails.parse().ok().filter(|mails| (1..=Self::MOST).contains(mails));
        let per = Per::ALL.into_iter().find(|known| known.word() == per);
        mails.zip(per).map(|(mails, per)| Self { mails, per }).ok_or(NoRate)
    }
}

/// `20 per minute`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {}", self.mails, self.per.word())
    }
}

impl Pacing {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_none()
            && self.each_domain.is_none()
            && self.providers.is_empty()
            && self.workflows.is_empty()
            && self.catch_up.is_none()
            && self.at_most.is_empty()
    }

    /// The line of mail that was due at an instant and is asked for at another, if that is too late.
    #[must_use]
    pub fn late(&self, due_at: Instant, now: Instant) -> Option<Line> {
        let rate = self.catch_up.filter(|_| now > due_at + OVERDUE)?;
        Some(Line::rate("catching up".to_owned(), rate))
    }

    /// Whether some line takes so many a day.
    #[must_use]
    pub fn has_days(&self) -> bool {
        self.at_most.values().any(|most| matches!(most, AtMost::Day { .. }))
    }

    /// Whose servers take the mail of a domain: a provider's, or its own.
    #[must_use]
    pub fn receiver<'a>(&'a self, domain: &'a str) -> &'a str {
        self.provider_of(domain).map_or(domain, |provider| &provider.name)
    }

    /// The provider whose servers take the mail of a domain, if it is one's.
    #[must_use]
    pub fn provider(&self, domain: &str) -> Option<&Name> {
        self.provider_of(domain).map(|provider| &provider.name)
    }

    fn provider_of(&self, domain: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.domains.iter().any(|known| known == domain))
    }

    /// The lines that a mail of a workflow to a domain stands in; days are those of the house's zone.
    #[must_use]
    pub fn lines(&self, domain: &str, workflow: &str, zone: &Zone) -> Vec<Line> {
        let by_domain = match self.provider_of(domain) {
            Some(Provider { name, rate, .. }) => Some((format!("provider {name}"), *rate)),
            None => self.each_domain.map(|rate| (format!("domain {domain}"), rate)),
        };
        let all = self.all.map(|rate| ("all".to_owned(), rate));
        let own = self.workflows.get(workflow).map(|rate| (format!("workflow {workflow}"), *rate));
        let lines = [all, by_domain, own].into_iter().flatten();
        let mut lines: Vec<Line> = lines.map(|(name, rate)| Line::rate(name, rate)).collect();
        match self.at_most.get(workflow) {
            None => {}
            Some(AtMost::Rate(rate)) => {
                lines.push(Line::rate(format!("at_most of workflow {workflow}"), *rate));
            }
            Some(AtMost::Day { mails, weekdays }) => {
                let days = Days::each(*mails, *weekdays, zone.clone());
                // Another name: what is known of a line of one kind means nothing to the other.
                lines.extend(Line::of_days(&format!("at_most a day of workflow {workflow}"), days));
            }
        }
        lines
    }
}

impl AtMost {
    pub const MOST_A_DAY: u32 = 10_000_000;

    /// So many a day for a workflow that keeps this window.
    #[must_use]
    pub fn a_day(mails: u32, window: &Window) -> Self {
        Self::Day { mails, weekdays: window.weekdays() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_stands_in_the_lines_that_are_about_it() {
        let minute = |mails| Rate { mails, per: Per::Minute };
        let pacing = Pacing {
            all: Some(minute(600)),
            each_domain: Some(minute(10)),
            providers: vec![Provider {
                name: "google".into(),
                domains: vec!["gmail.com".into(), "googlemail.com".into()],
                rate: minute(60),
            }],
            workflows: [("cold".into(), minute(5))].into(),
            catch_up: None,
            at_most: [("warm".into(), AtMost::a_day(50, &Window::always()))].into(),
        };
        let names = |domain: &str, workflow: &str| {
            let lines = pacing.lines(domain, workflow, &Zone::utc());
            lines.iter().map(|line| line.name.to_string()).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(names("googlemail.com", "cold"), "all, provider google, workflow cold");
        assert_eq!(
            names("acme.example", "warm"),
            "all, domain acme.example, at_most a day of workflow warm, at_most a day of workflow warm, spread"
        );
        assert!(Pacing::default().lines("a.example", "b", &Zone::utc()).is_empty());
    }
}
