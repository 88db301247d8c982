//! Pace: how fast mails leave, over all leads.
//!
//! A rate is a distance in time from one mail to the next. Whoever asks for a place in a line gets the first instant
//! that keeps that distance, and the line moves on (the virtual scheduling of GCRA, ITU-T I.371): so no backlog is ever
//! walked over, none bursts after an outage, and a line takes no more room however many stand in it.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use super::{name::Name, time::Instant};

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
}

/// Domains whose mail goes to the same servers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Provider {
    pub name: Name,
    pub domains: Vec<Name>,
    pub rate: Rate,
}

/// One line: its name, and its rate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub name: Name,
    pub rate: Rate,
}

/// Microseconds since 1970, at which the next of each line may leave at the earliest.
pub type Heads = BTreeMap<Name, i64>;

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
    "write `300 per hour`, `20 per minute` or `5 per second`, {} at most; how many a day is for `caps`",
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
    }

    /// The line of mail that was due at an instant and is asked for at another, if that is too late.
    #[must_use]
    pub fn late(&self, due_at: Instant, now: Instant) -> Option<Line> {
        let rate = self.catch_up.filter(|_| now > due_at + OVERDUE)?;
        Some(Line { name: "catching up".into(), rate })
    }

    /// Whose servers take the mail of a domain: a provider's, or its own.
    #[must_use]
    pub fn receiver<'a>(&'a self, domain: &'a str) -> &'a str {
        self.provider_of(domain).map_or(domain, |provider| &provider.name)
    }

    fn provider_of(&self, domain: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.domains.iter().any(|known| known == domain))
    }

    /// The lines that a mail of a workflow to a domain stands in.
    #[must_use]
    pub fn lines(&self, domain: &str, workflow: &str) -> Vec<Line> {
        let by_domain = match self.provider_of(domain) {
            Some(Provider { name, rate, .. }) => Some((format!("provider {name}"), *rate)),
            None => self.each_domain.map(|rate| (format!("domain {domain}"), rate)),
        };
        let all = self.all.map(|rate| ("all".to_owned(), rate));
        let own = self.workflows.get(workflow).map(|rate| (format!("workflow {workflow}"), *rate));
        let lines = [all, by_domain, own].into_iter().flatten();
        lines.map(|(name, rate)| Line { name: name.into(), rate }).collect()
    }
}

/// What comes later than this has been kept back by an outage, and not by much work.
const OVERDUE: Duration = Duration::from_mins(5);

/// A mail is lined up as early as this before it may leave. Longer, and a slow line would keep those waiting who share
/// only a fast one with it.
const AHEAD: Duration = Duration::from_secs(1);

/// What a line says to whoever comes to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer<'l> {
    /// To leave at this instant.
    Go(Instant),
    /// To come again then, and which line it is.
    Wait(Instant, &'l Line),
}

impl Line {
    /// The line of those who wait until it is their turn to stand in this one; of another rate it is another.
    fn queue(&self) -> Self {
        Self { name: format!("queue {self}").into(), rate: self.rate }
    }

    /// The line of those whose turn has come while this one was taken.
    fn again(&self) -> Self {
        Self { name: format!("again {self}").into(), rate: self.rate }
    }

    /// Itself, and those that lead to it.
    #[must_use]
    pub fn names(&self) -> [Name; 3] {
        [self.name.clone(), self.queue().name, self.again().name]
    }
}

/// `provider google takes 300 per hour`.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} takes {}", self.name, self.rate)
    }
}

/// Asks the lines of a mail. Mails themselves are lined up within [`AHEAD`] alone; who has to wait longer is told
/// a turn, at the pace of the line, so that all come back one by one, and goes before newcomers then. A turn is
/// taken, if `may_wait` says that it will do; a place to leave is [taken](take) by whoever does.
pub fn ask<'l>(
    heads: &mut Heads,
    lines: &'l [Line],
    has_turn: bool,
    now: Instant,
    may_wait: impl Fn(Instant) -> bool,
) -> Answer<'l> {
    let Some((at, line)) = slot(heads, lines, now) else { return Answer::Go(now) };
    let (waits_in, from) = if at > now + AHEAD {
        (line, at)
    } else {
        let queues = lines.iter().map(|line| (line, first(heads, &[line.queue()], now)));
        let longest = queues.max_by_key(|(_, at)| *at);
        match longest.filter(|(_, at)| !has_turn && *at > now + AHEAD) {
            Some((line, at)) => (line, at),
            None => return Answer::Go(at),
        }
    };
    let queue = [if has_turn { waits_in.again() } else { waits_in.queue() }];
    let until = first(heads, &queue, from);
    if may_wait(until) {
        take(heads, &queue, until);
    }
    Answer::Wait(until, waits_in)
}

/// The first instant at which a mail may leave in all of its lines.
#[must_use]
pub fn first(heads: &Heads, lines: &[Line], now: Instant) -> Instant {
    slot(heads, lines, now).map_or(now, |(at, _)| at)
}

/// The same, and the line that keeps it longest.
#[must_use]
fn slot<'l>(heads: &Heads, lines: &'l [Line], now: Instant) -> Option<(Instant, &'l Line)> {
    let micros = |line: &&Line| heads.get(&line.name).copied().unwrap_or(i64::MIN);
    let last = lines.iter().max_by_key(micros)?;
    let millis = micros(&last).saturating_add(999).div_euclid(1000);
    Some((Instant::from_millis(millis.max(now.millis())), last))
}

/// Takes a place in all lines: those behind come later.
pub fn take(heads: &mut Heads, lines: &[Line], at: Instant) {
    let at = at.millis().saturating_mul(1000);
    for line in lines {
        let head = heads.entry(line.name.clone()).or_insert(i64::MIN);
        // Within the millisecond of an instant several may leave.
        *head = (*head).max(at - 999) + line.rate.distance();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate() -> impl Strategy<Value = Rate> {
        (1u32..3_000, prop::sample::select(Per::ALL.to_vec()))
            .prop_map(|(mails, per)| Rate { mails, per })
    }

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
        };
        let names = |domain: &str, workflow: &str| {
            let lines = pacing.lines(domain, workflow);
            lines.iter().map(|line| line.name.to_string()).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(names("googlemail.com", "cold"), "all, provider google, workflow cold");
        assert_eq!(names("acme.example", "warm"), "all, domain acme.example");
        assert!(Pacing::default().lines("a.example", "b").is_empty());
    }

    proptest! {
        /// Whoever asks when: in no stretch of time do more leave than its length has room for, and one.
        #[test]
        fn no_line_is_ever_faster_than_its_rate(
            rates in prop::collection::vec(rate(), 2),
            asks in prop::collection::vec((0i64..4_000, any::<bool>()), 1..120),
        ) {
            let mut heads = Heads::new();
            let mut now = 0;
            let mut left = [Vec::new(), Vec::new()];
            for (pause, both) in asks {
                now += if pause < 3_000 { 0 } else { pause * 10 };
                let lines: Vec<Line> = rates
                    .iter()
                    .enumerate()
                    .filter(|(index, _)| both || *index == 0)
                    .map(|(index, rate)| Line { name: index.to_string().into(), rate: *rate })
                    .collect();
                let (at, _) = slot(&heads, &lines, Instant::from_millis(now)).unwrap();
                prop_assert!(at.millis() >= now);
                take(&mut heads, &lines, at);
                for left in left.iter_mut().take(lines.len()) {
                    left.push(at.millis());
                }
            }
            for (rate, left) in rates.iter().zip(&left) {
                prop_assert!(left.is_sorted());
                for (from, first) in left.iter().enumerate() {
                    for (to, last) in left.iter().enumerate().skip(from) {
                        let room = (last - first + 1) * 1000 / rate.distance() + 1;
                        prop_assert!(i64::try_from(to - from).unwrap() <= room, "{rate}: {left:?}");
                    }
                }
            }
        }
    }
}
