//! When a holiday is: a date, so many days after Easter, the last monday of May; and what if that is a
//! sunday.

use std::collections::BTreeSet;

use jiff::{
    ToSpan as _,
    civil::{Date, Weekday, date},
};

/// A holiday of a country.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    day: Day,
    moved: Moved,
    /// The first year of it, as far as 2026 and later tell.
    since: i16,
    /// In years that this divides.
    every: i16,
}

#[derive(Clone, Copy, Debug)]
enum Day {
    Fixed(i8, i8),
    /// So many days after Easter Sunday.
    Easter(i16),
    /// The first, second … of a month; the last is -1.
    Nth(i8, Weekday, i8),
    /// The first on a date or after it.
    From(Weekday, i8, i8),
    /// Ireland, Saint Brigid: the first monday of February, or the 1st if that is a friday.
    Brigid,
    /// The day of the equinox in Japan, by the usual formula (1980 to 2099): its month, and the instant of
    /// 1980 in days.
    Equinox(i8, f64),
}

/// What happens to a holiday that a weekend swallows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Moved {
    No,
    /// On a saturday or sunday, the next day that is neither that nor a holiday is one, too.
    ToWeekday,
    /// On a sunday, the next day that is no holiday is one, too.
    PastSunday,
    /// The nearest weekday is one, too: the friday before a saturday, the monday after a sunday.
    ToNearest,
    /// On a sunday it is lost.
    Lost,
    /// On a sunday it is on the day before.
    Before,
}

impl Rule {
    const fn new(day: Day) -> Self {
        Self { day, moved: Moved::No, since: i16::MIN, every: 1 }
    }

    pub const fn to_weekday(self) -> Self {
        Self { moved: Moved::ToWeekday, ..self }
    }

    pub const fn past_sunday(self) -> Self {
        Self { moved: Moved::PastSunday, ..self }
    }

    pub const fn to_nearest(self) -> Self {
        Self { moved: Moved::ToNearest, ..self }
    }

    pub const fn lost_on_sunday(self) -> Self {
        Self { moved: Moved::Lost, ..self }
    }

    pub const fn before_sunday(self) -> Self {
        Self { moved: Moved::Before, ..self }
    }

    pub const fn since(self, since: i16) -> Self {
        Self { since, ..self }
    }

    pub const fn every(self, every: i16) -> Self {
        Self { every, ..self }
    }

    /// Its own day in a year; `None` if it has none, then.
    fn day(&self, year: i16) -> Option<Date> {
        if year < self.since || year % self.every != 0 {
            return None;
        }
        let day = self.day.of(year)?;
        match self.moved {
            Moved::Lost if day.weekday() == Weekday::Sunday => None,
            Moved::Before if day.weekday() == Weekday::Sunday => day.yesterday().ok(),
            _ => Some(day),
        }
    }

    /// The day that stands for it where it falls on a weekend, of those that are `free`.
    fn stand_in(&self, day: Date, free: impl Fn(Date) -> bool) -> Option<Date> {
        let weekend = |day: Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let mut after = day.series(1.day()).skip(1);
        match (self.moved, day.weekday()) {
            (Moved::ToWeekday, _) if weekend(day) => after.find(|day| !weekend(*day) && free(*day)),
            (Moved::PastSunday, Weekday::Sunday) => after.find(|day| free(*day)),
            (Moved::ToNearest, Weekday::Saturday) => day.yesterday().ok(),
            (Moved::ToNearest, Weekday::Sunday) => after.next(),
            _ => None,
        }
    }
}

/// The first of January is `on(1, 1)`.
pub(super) const fn on(month: i8, day: i8) -> Rule {
    Rule::new(Day::Fixed(month, day))
}

/// Good Friday is `easter(-2)`.
pub(super) const fn easter(days: i16) -> Rule {
    Rule::new(Day::Easter(days))
}

/// The last monday of May is `nth(-1, Weekday::Monday, 5)`.
pub(super) const fn nth(nth: i8, weekday: Weekday, month: i8) -> Rule {
    Rule::new(Day::Nth(nth, weekday, month))
}

/// The first saturday from the 20th of June on is `from(Weekday::Saturday, 6, 20)`.
pub(super) const fn from(weekday: Weekday, month: i8, day: i8) -> Rule {
    Rule::new(Day::From(weekday, month, day))
}

pub(super) const BRIGID: Rule = Rule::new(Day::Brigid);
pub(super) const SPRING_EQUINOX: Rule = Rule::new(Day::Equinox(3, 20.8431));
pub(super) const AUTUMN_EQUINOX: Rule = Rule::new(Day::Equinox(9, 23.2488));

impl Day {
    fn of(self, year: i16) -> Option<Date> {
        match self {
            Self::Fixed(month, day) => Date::new(year, month, day).ok(),
            Self::Easter(days) => easter_sunday(year).checked_add(days.days()).ok(),
            Self::Nth(nth, weekday, month) => {
                Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok()
            }
            Self::From(weekday, month, day) => {
                Date::new(year, month, day).ok()?.yesterday().ok()?.nth_weekday(1, weekday).ok()
            }
            Self::Brigid => {
                let first = Date::new(year, 2, 1).ok()?;
                let friday = first.weekday() == Weekday::Friday;
                let monday = first.nth_weekday_of_month(1, Weekday::Monday).ok()?;
                Some(if friday { first } else { monday })
            }
            Self::Equinox(month, of_1980) => {
                let years = year - 1980;
                let leap_days = f64::from(years.div_euclid(4));
                let day = (of_1980 + 0.242_194 * f64::from(years) - leap_days).floor();
                #[allow(clippy::cast_possible_truncation)] // 19 to 24
                Date::new(year, month, day as i8).ok()
            }
        }
    }
}

/// Of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8).
fn easter_sunday(year: i16) -> Date {
    let year_i = i32::from(year);
    let (golden, century, of_century) = (year_i % 19, year_i / 100, year_i % 100);
    let shift = (8 * century + 13) / 25;
    let epact = (19 * golden + century - century / 4 - shift + 15) % 30;
    let weekday =
        (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4).rem_euclid(7);
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * late + 114;
    let (month, day) = (days / 31, days % 31 + 1);
    let small = |number: i32| i8::try_from(number).unwrap_or(1);
    date(year, small(month), small(day))
}

/// The holidays of a year, and those next to it that belong to its neighbours.
pub(super) fn days(rules: &[Rule], year: i16) -> BTreeSet<Date> {
    let mut own: Vec<(Date, &Rule)> = (year - 1..=year + 1)
        .flat_map(|year| rules.iter().filter_map(move |rule| Some((rule.day(year)?, rule))))
        .collect();
    own.sort_by_key(|(day, _)| *day);
    let mut days: BTreeSet<Date> = own.iter().map(|(day, _)| *day).collect();
    for (day, rule) in own {
        let stand_in = rule.stand_in(day, |day| !days.contains(&day));
        days.extend(stand_in);
    }
    days
}
