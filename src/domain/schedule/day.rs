//! Civil days, for reports.

use jiff::{
    Span,
    civil::{Date, date},
};

use super::{local, resolve};
use crate::domain::time::{Instant, Zone};

/// A civil day, by its distance from the first of 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(pub i64);

const EPOCH: Date = date(1970, 1, 1);

impl Day {
    /// Before all days that are asked about.
    pub const MIN: Self = Self(0);

    #[must_use]
    pub fn at(at: Instant, zone: &Zone) -> Self {
        date_at(at, zone).into()
    }

    /// When it begins in a zone.
    #[must_use]
    pub fn begins(self, zone: &Zone) -> Instant {
        day_begins(self.date(), zone)
    }

    #[must_use]
    pub fn date(self) -> Date {
        let span = Span::new().try_days(self.0);
        span.and_then(|span| EPOCH.checked_add(span)).unwrap_or(Date::MAX)
    }

    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Days from an earlier one to it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// From 0, monday.
    #[must_use]
    pub const fn weekday(self) -> i64 {
        // The first of 1970 was a thursday.
        (self.0 + 3).rem_euclid(7)
    }
}

impl From<Date> for Day {
    fn from(date: Date) -> Self {
        Self(date.duration_since(EPOCH).as_hours() / 24)
    }
}

/// `2026-12-01`.
impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.date().fmt(f)
    }
}

/// Which day it is in a zone.
#[must_use]
pub fn date_at(at: Instant, zone: &Zone) -> Date {
    local(at, zone).date()
}

/// When a day begins in a zone: where the clock leaves midnight out, after the gap.
#[must_use]
pub fn day_begins(date: Date, zone: &Zone) -> Instant {
    resolve(date.at(0, 0, 0, 0), zone)
}

/// `2027-03-28 09:00` on the clock of a zone.
#[must_use]
pub fn local_text(at: Instant, zone: &Zone) -> String {
    if at.is_never() {
        return "never".to_owned();
    }
    local(at, zone).strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_a_number_a_date_and_a_weekday() {
        for (text, weekday) in [("1970-01-01", 3), ("2026-11-23", 0), ("2028-02-29", 1)] {
            let date: Date = text.parse().unwrap();
            let day = Day::from(date);
            assert_eq!(
                (day.to_string().as_str(), day.date(), day.weekday()),
                (text, date, weekday)
            );
            assert_eq!(day.next().date(), date.tomorrow().unwrap());
        }
    }

    #[test]
    fn a_day_begins_where_its_clock_says_so() {
        let rome = Zone::named("Europe/Rome").unwrap();
        let begins = day_begins("2027-03-28".parse().unwrap(), &rome);
        assert_eq!(begins.to_string(), "2027-03-27T23:00:00Z");
        assert_eq!(date_at(begins, &rome).to_string(), "2027-03-28");
        assert_eq!(local_text(begins, &rome), "2027-03-28 00:00");
        // Clocks go from 23:59 to 01:00.
        let beirut = Zone::named("Asia/Beirut").unwrap();
        let begins = day_begins("2027-03-28".parse().unwrap(), &beirut);
        assert_eq!(local_text(begins, &beirut), "2027-03-28 01:00");
    }
}
