//! "Later": how long a lead asks to be left in peace, and until which day that is on its own calendar.

use std::fmt;

use jiff::civil::Time;

use super::{local, resolve, wait::WaitSpec};
use crate::domain::time::{Instant, Zone};

/// So many days, weeks or months.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Later(WaitSpec);

const DAY_MILLIS: i64 = 86_400_000;
/// Who asks for longer means "never", and there is a link for that.
const MOST_DAYS: u64 = 732;

impl Later {
    /// What the page of preferences offers.
    pub const OFFERED: [&'static str; 3] = ["1mo", "3mo", "6mo"];

    /// # Errors
    /// What is wrong with the text, and how to write it.
    pub fn parse(text: &str) -> Result<Self, String> {
        const EXAMPLE: &str = "write it like `3mo`, `2 weeks` or `10d`, at most two years";
        let wait = WaitSpec::parse(text).map_err(|_| format!("`{text}` is no time: {EXAMPLE}"))?;
        match wait {
            WaitSpec::Civil { .. } if wait.approximate().as_secs() / 86_400 <= MOST_DAYS => {
                Ok(Self(wait))
            }
            WaitSpec::Civil { .. } => Err(format!("`{text}` is too long: {EXAMPLE}")),
            _ => Err(format!("`{text}` is not whole days: {EXAMPLE}")),
        }
    }

    /// The day from which the lead may be written to again, as a date without a time: its midnight in
    /// UTC.
    #[must_use]
    pub fn until(&self, asked_at: Instant, zone: &Zone) -> Instant {
        let due = self.0.due(asked_at, zone);
        let day = local(due.at, zone).date().to_datetime(Time::midnight());
        resolve(day, &Zone::utc())
    }

    /// Months and days, one of them not 0.
    #[must_use]
    pub const fn months_and_days(&self) -> (u16, u16) {
        match self.0 {
            WaitSpec::Civil { months, days } => (months, days),
            _ => (0, 0),
        }
    }
}

/// The canonical text: it parses back to the same.
impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When the quiet is over that an attribute says: the beginning of its day on the clock of `zone`, if it
/// is a date without a time; else that very instant.
#[must_use]
pub fn end_of_quiet(until: Instant, zone: &Zone) -> Instant {
    if until.millis().rem_euclid(DAY_MILLIS) != 0 {
        return until;
    }
    resolve(local(until, &Zone::utc()), zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn whole_days_up_to_two_years() {
        for (text, printed) in
            [("3mo", "3mo"), ("2 weeks", "14d"), ("10d", "10d"), ("2y", "24mo"), ("1 month", "1mo")]
        {
            assert_eq!(Later::parse(text).unwrap().to_string(), printed);
        }
        for bad in [
            "",
            "soon",
            "36h",
            "0d",
            "-3d",
            "3y",
            "until tuesday",
            "2 business days",
            "1mo 3h",
            "99999d",
        ] {
            assert!(Later::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_day_is_that_of_the_leads_own_calendar() {
        let (rome, auckland) =
            (Zone::named("Europe/Rome").unwrap(), Zone::named("Pacific/Auckland").unwrap());
        let later = Later::parse("3mo").unwrap();
        // 30 November, late: in Auckland it is December already.
        let asked = at("2026-11-30T20:00:00Z");
        assert_eq!(later.until(asked, &rome), at("2027-02-28T00:00:00Z"));
        assert_eq!(later.until(asked, &auckland), at("2027-03-01T00:00:00Z"));
        assert_eq!(end_of_quiet(at("2027-02-28T00:00:00Z"), &rome), at("2027-02-27T23:00:00Z"));
        // The clock goes forward on 28 March, at two in the morning; midnight is there.
        assert_eq!(end_of_quiet(at("2027-03-29T00:00:00Z"), &rome), at("2027-03-28T22:00:00Z"));
        assert_eq!(end_of_quiet(at("2027-03-29T08:30:00Z"), &rome), at("2027-03-29T08:30:00Z"));
    }
}
