//! Lines that mails stand in: who may leave when, and who has to wait for a turn.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::{
    super::{
        name::Name,
        schedule::{Day, Place, Window},
        time::Instant,
    },
    Days, Rate,
};

/// One line: its name, and how many it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub name: Name,
    pub takes: Takes,
}

/// How many mails a line takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Takes {
    /// Evenly.
    Rate(Rate),
    Days(Days),
}

/// Where lines begin: of a rate, in microseconds since 1970, when the next may leave at the earliest; of days, which
/// of them is full, or how far ([`Days`]). It never goes back.
pub type Heads = BTreeMap<Name, i64>;

/// The hours of a mail that asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opening<'a> {
    /// When its present hours end.
    pub closes: Option<Instant>,
    /// When they begin again. `None`: at any time.
    pub window: Option<(&'a Window, Place<'a>)>,
}

impl Opening<'_> {
    /// The first instant from then on that is within them.
    fn from(&self, at: Instant) -> Instant {
        self.window.map_or(at, |(window, place)| window.next_open(at, place))
    }
}

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
    /// To ask again then, as there is no turn within its hours.
    Full(Instant, &'l Line),
}

impl Line {
    #[must_use]
    pub fn rate(name: impl Into<Name>, rate: Rate) -> Self {
        Self { name: name.into(), takes: Takes::Rate(rate) }
    }

    /// The line of so many a day, and beside it one that spreads them, so that no opening of a window bursts.
    #[must_use]
    pub fn of_days(name: &str, days: Days) -> [Self; 2] {
        let spread = Self::rate(format!("{name}, spread"), Rate::spreading(days.mails()));
        [Self { name: name.into(), takes: Takes::Days(days) }, spread]
    }

    /// From one mail to the next; nothing where so many a day are taken.
    #[must_use]
    pub fn distance(&self) -> Duration {
        match self.takes {
            Takes::Rate(rate) => rate.between(),
            Takes::Days(_) => Duration::ZERO,
        }
    }

    /// Of a line that takes so many a day: the day of an instant.
    #[must_use]
    pub fn day_of(&self, at: Instant) -> Option<Day> {
        match &self.takes {
            Takes::Days(days) => Some(days.day_of(at)),
            Takes::Rate(_) => None,
        }
    }

    /// The line of those who wait until it is their turn to stand in this one; of another rate it is another.
    fn queue(&self) -> Self {
        Self { name: format!("queue {self}").into(), takes: self.takes.ahead() }
    }

    /// The line of those whose turn has come while this one was taken.
    fn again(&self) -> Self {
        Self { name: format!("again {self}").into(), takes: self.takes.ahead() }
    }

    /// Itself, and those that lead to it.
    #[must_use]
    pub fn names(&self) -> [Name; 3] {
        [self.name.clone(), self.queue().name, self.again().name]
    }

    fn first(&self, heads: &Heads, from: Instant) -> Instant {
        let head = heads.get(&self.name).copied().unwrap_or(i64::MIN);
        match &self.takes {
            Takes::Rate(_) => {
                let millis = head.saturating_add(999).div_euclid(1000);
                Instant::from_millis(millis.max(from.millis()))
            }
            Takes::Days(days) => days.first(head, from),
        }
    }

    /// Of days: the first at which a newcomer may come, behind those who were told theirs.
    fn first_untold(&self, heads: &Heads, from: Instant) -> Option<Instant> {
        match &self.takes {
            Takes::Days(days) if days.tells_of(from) => Some(self.queue().first(heads, from)),
            _ => None,
        }
    }

    fn take(&self, heads: &mut Heads, at: Instant) {
        let head = heads.entry(self.name.clone()).or_insert(i64::MIN);
        *head = match &self.takes {
            // Within the millisecond of an instant several may leave.
            Takes::Rate(rate) => {
                (*head).max(at.millis().saturating_mul(1000) - 999) + rate.distance()
            }
            Takes::Days(days) => days.after(*head, at),
        };
    }
}

impl Takes {
    fn ahead(&self) -> Self {
        match self {
            Self::Rate(rate) => Self::Rate(*rate),
            Self::Days(days) => Self::Days(days.ahead()),
        }
    }
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => rate.fmt(f),
            Self::Days(days) => days.fmt(f),
        }
    }
}

/// `provider google takes 300 per hour`.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} takes {}", self.name, self.takes)
    }
}

/// Asks the lines of a mail. Mails themselves are lined up within [`AHEAD`] alone; who has to wait longer is told
/// a turn, at the pace of the line, so that all come back one by one, and goes before newcomers then. A turn is
/// taken, if it is within the hours of the mail; a place to leave is [taken](take) by whoever does.
///
/// Of a line of days the turn is the first opening on a day that has room, and whoever is to leave today, or has a
/// turn in another line today, counts as told this day.
pub fn ask<'l>(
    heads: &mut Heads,
    lines: &'l [Line],
    has_turn: bool,
    opening: Opening<'_>,
    now: Instant,
) -> Answer<'l> {
    let Some((at, line)) = slot(heads, lines, now) else { return Answer::Go(now) };
    let untold = lines.iter().filter(|_| !has_turn);
    let untold = untold.filter_map(|line| Some((line.first_untold(heads, now)?, line)));
    let (at, line) =
        untold.fold((at, line), |last, next| if next.0 > last.0 { next } else { last });
    let (waits_in, from) = if at > now + AHEAD {
        (line, at)
    } else {
        let queues = lines.iter().map(|line| (line, line.queue().first(heads, now)));
        let is_rate = |(line, _): &(&Line, Instant)| matches!(line.takes, Takes::Rate(_));
        let longest = queues.filter(is_rate).max_by_key(|(_, at)| *at);
        match longest.filter(|(_, at)| !has_turn && *at > now + AHEAD) {
            Some((line, at)) => (line, at),
            None => return Answer::Go(at),
        }
    };
    let queue = if has_turn { waits_in.again() } else { waits_in.queue() };
    let slot = queue.first(heads, from);
    let Takes::Rate(_) = waits_in.takes else {
        return tell_day(heads, waits_in, &queue, opening, slot);
    };
    if let Some(closes) = opening.closes.filter(|closes| slot >= *closes) {
        let opens = opening.from(closes);
        // Today is full for it; others may leave later today, and are not to wait for the day that it is told.
        let of_days = lines.iter().find(|line| matches!(line.takes, Takes::Days(_)));
        return match of_days {
            None => Answer::Full(opens, waits_in),
            Some(line) => {
                let again = line.again();
                let slot = again.first(heads, opens);
                tell_day(heads, line, &again, opening, slot)
            }
        };
    }
    queue.take(heads, slot);
    if !has_turn {
        plan(heads, lines, slot);
    }
    Answer::Wait(slot, waits_in)
}

/// Tells a mail its first opening on the day of `slot`, if there is one on that day.
fn tell_day<'l>(
    heads: &mut Heads,
    line: &'l Line,
    queue: &Line,
    opening: Opening<'_>,
    slot: Instant,
) -> Answer<'l> {
    let opens = opening.from(slot);
    if let Takes::Days(days) = &line.takes
        && days.day_of(opens) != days.day_of(slot)
    {
        return Answer::Full(opens, line);
    }
    queue.take(heads, opens);
    Answer::Wait(opens, line)
}

/// The first instant at which a mail may leave in all of its lines.
#[must_use]
pub fn first(heads: &Heads, lines: &[Line], now: Instant) -> Instant {
    slot(heads, lines, now).map_or(now, |(at, _)| at)
}

/// The same, and the line that keeps it longest.
#[must_use]
pub(super) fn slot<'l>(
    heads: &Heads,
    lines: &'l [Line],
    now: Instant,
) -> Option<(Instant, &'l Line)> {
    lines.iter().map(|line| (line.first(heads, now), line)).max_by_key(|(at, _)| *at)
}

/// Takes a place in all lines: those behind come later.
pub fn take(heads: &mut Heads, lines: &[Line], at: Instant) {
    for line in lines {
        line.take(heads, at);
    }
}

/// Counts a mail that was told no day among those of the day on which it leaves.
pub fn plan(heads: &mut Heads, lines: &[Line], at: Instant) {
    for line in lines {
        if let Takes::Days(days) = &line.takes {
            let head = heads.entry(line.queue().name).or_insert(0);
            *head = days.after_newcomer(*head, at);
        }
    }
}
