//! Instants that are told by a date of the lead: so many days before a contract ends, each year on a birthday.

use std::fmt;

use jiff::{
    Span,
    civil::{Date, Time},
};

use super::{Shift, WaitSpec, dated::parse_hour, local, resolve};
use crate::domain::time::{Instant, Zone};

const DAY_MILLIS: i64 = 86_400_000;

/// When something is done that goes by a date of the lead, on the lead's own clock.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Occasion {
    /// Whole days and months before or after the date.
    shift: Option<Shift>,
    time: Time,
    /// Each year from the date on; of a 29 February, in other years on the last day of February.
    yearly: bool,
}

/// One time that an [`Occasion`] comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Coming {
    /// On the lead's calendar: the same one does not come twice, wherever the lead's clock is moved to.
    pub day: Date,
    pub at: Instant,
}

impl Coming {
    /// The day's midnight in UTC: by this it is remembered.
    #[must_use]
    pub fn mark(&self) -> Instant {
        resolve(self.day.to_datetime(Time::midnight()), &Zone::utc())
    }
}

impl Occasion {
    /// On the date itself, at an hour.
    #[must_use]
    pub fn new(shift: Option<Shift>, time: Time, yearly: bool) -> Self {
        Self { shift, time, yearly }
    }

    /// `-60d`, `2 weeks`: before the date, or after it.
    ///
    /// # Errors
    /// What is wrong with the text, and how to write it.
    pub fn parse_shift(text: &str) -> Result<Shift, String> {
        const EXAMPLE: &str = "write days, weeks, months or years, before the date with a minus: \
                               `-60d`, `2 weeks`, `-1mo`";
        let (back, length) = match text.trim().strip_prefix(['-', '−', '–']) {
            Some(rest) => (true, rest),
            None => (false, text.trim().trim_start_matches('+')),
        };
        let by = WaitSpec::parse(length.trim())
            .map_err(|_| format!("`{text}` is no time before or after a date: {EXAMPLE}"))?;
        match by {
            WaitSpec::Civil { .. } => Ok(Shift { back, by }),
            _ => Err(format!("`{text}` is not whole days: {EXAMPLE}")),
        }
    }

    /// `09:00`
    ///
    /// # Errors
    /// What is wrong with the text, and how to write it.
    pub fn parse_time(text: &str) -> Result<Time, String> {
        parse_hour(text, text.trim()).map_err(|_| {
            format!("`{text}` is no hour of the day: write it in quotes, as \"09:30\"")
        })
    }

    /// The first time that it comes after an instant, for a lead whose attribute says `date`.
    #[must_use]
    pub fn first_after(&self, date: Instant, after: Instant, zone: &Zone) -> Option<Coming> {
        self.around(date, after, zone).find(|coming| coming.at > after)
    }

    /// The last time that it came, `now` included.
    #[must_use]
    pub fn last_until(&self, date: Instant, now: Instant, zone: &Zone) -> Option<Coming> {
        self.around(date, now, zone).take_while(|coming| coming.at <= now).last()
    }

    /// Those next to an instant, in their order.
    fn around(
        &self,
        date: Instant,
        at: Instant,
        zone: &Zone,
    ) -> impl Iterator<Item = Coming> + use<'_> {
        let zone = zone.clone();
        let date = day_of(date, &zone);
        let first = self.moved(date).unwrap_or(date);
        let years = i32::from(local(at, &zone).year()) - i32::from(first.year());
        let years = if self.yearly { (years - 2).max(0)..=(years + 2).max(0) } else { 0..=0 };
        years.filter_map(move |years| {
            let day = self.moved(in_year(date, years)?)?;
            Some(Coming { day, at: resolve(day.to_datetime(self.time), &zone) })
        })
    }

    /// `None` beyond the calendar.
    fn moved(&self, date: Date) -> Option<Date> {
        let Some(Shift { back, by: WaitSpec::Civil { months, days } }) = self.shift else {
            return Some(date);
        };
        let span = Span::new().try_months(months).ok()?.try_days(days).ok()?;
        date.checked_add(if back { -span } else { span }).ok()
    }
}

/// The day that an attribute says: of a date without a time that very one, else that on the lead's clock.
fn day_of(date: Instant, zone: &Zone) -> Date {
    let has_time = date.millis().rem_euclid(DAY_MILLIS) != 0;
    let utc = Zone::utc();
    local(date, if has_time { zone } else { &utc }).date()
}

/// So many years later: the last of February for its 29th where there is none.
fn in_year(date: Date, years: i32) -> Option<Date> {
    date.checked_add(Span::new().try_years(years).ok()?).ok()
}

/// The canonical text.
impl fmt::Display for Occasion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Shift { back, by }) = &self.shift {
            write!(f, "{}{by} ", if *back { '-' } else { '+' })?;
        }
        write!(f, "{:02}:{:02}", self.time.hour(), self.time.minute())?;
        f.write_str(if self.yearly { " yearly" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn occasion(shift: &str, time: &str, yearly: bool) -> Occasion {
        let shift = (!shift.is_empty()).then(|| Occasion::parse_shift(shift).unwrap());
        Occasion::new(shift, Occasion::parse_time(time).unwrap(), yearly)
    }

    fn zone(name: &str) -> Zone {
        Zone::named(name).unwrap()
    }

    /// When it comes from 2020 on, up to three times.
    fn comes(occasion: &Occasion, date: &str, zone: &Zone) -> Vec<String> {
        let date = crate::domain::value::parse_date(date).unwrap();
        let mut after = at("2020-01-01T00:00:00Z");
        let mut found = Vec::new();
        while let Some(coming) = occasion.first_after(date, after, zone).filter(|_| found.len() < 3)
        {
            assert_eq!(occasion.last_until(date, coming.at, zone), Some(coming));
            after = coming.at;
            found.push(after.to_string());
        }
        found
    }

    #[test]
    fn before_and_after_a_date_at_the_leads_own_hour() {
        let (rome, tokyo) = (zone("Europe/Rome"), zone("Asia/Tokyo"));
        let before = occasion("-60d", "09:00", false);
        assert_eq!(comes(&before, "2027-05-31", &rome), ["2027-04-01T07:00:00Z"]);
        assert_eq!(comes(&before, "2027-05-31", &tokyo), ["2027-04-01T00:00:00Z"]);
        // 20:00 UTC is the next day in Tokyo.
        let same = occasion("", "09:00", false);
        assert_eq!(comes(&same, "2027-05-31T20:00:00Z", &rome), ["2027-05-31T07:00:00Z"]);
        assert_eq!(comes(&same, "2027-05-31T20:00:00Z", &tokyo), ["2027-06-01T00:00:00Z"]);
        let month = occasion("1 month", "18:30", false);
        assert_eq!(comes(&month, "2027-01-31", &rome), ["2027-02-28T17:30:00Z"]);
        assert_eq!(
            before.first_after(at("2019-01-01T00:00:00Z"), at("2020-01-01T00:00:00Z"), &rome),
            None
        );
    }

    #[test]
    fn each_year_on_that_day_from_the_date_on() {
        let rome = zone("Europe/Rome");
        let yearly = occasion("", "09:00", true);
        let leap = ["2026-02-28T08:00:00Z", "2027-02-28T08:00:00Z", "2028-02-29T08:00:00Z"];
        let found: Vec<String> = [2026, 2027, 2028]
            .map(|year| at(&format!("{year}-01-01T00:00:00Z")))
            .map(|after| yearly.first_after(at("1988-02-29T00:00:00Z"), after, &rome).unwrap().at)
            .map(|at| at.to_string())
            .to_vec();
        assert_eq!(found, leap);
        let renewal = comes(&occasion("-1mo", "09:00", true), "2027-01-15", &rome);
        assert_eq!(
            renewal,
            ["2026-12-15T08:00:00Z", "2027-12-15T08:00:00Z", "2028-12-15T08:00:00Z"],
            "none before that of the date itself"
        );
        let far = occasion("-2y", "09:00", true);
        assert_eq!(comes(&far, "2027-01-15", &rome)[0], "2025-01-15T08:00:00Z");
    }

    #[test]
    fn an_hour_that_the_clock_leaves_out_is_after_the_gap_and_one_that_comes_twice_the_first() {
        let rome = zone("Europe/Rome");
        let early = occasion("", "02:30", false);
        assert_eq!(comes(&early, "2027-03-28", &rome), ["2027-03-28T01:00:00Z"]);
        assert_eq!(comes(&early, "2027-10-31", &rome), ["2027-10-31T00:30:00Z"]);
    }

    #[test]
    fn only_whole_days_and_hours_of_a_day() {
        for bad in ["", "36h", "soon", "2 business days", "until tuesday", "0d"] {
            assert!(Occasion::parse_shift(bad).is_err(), "{bad}");
        }
        for bad in ["", "25:00", "9", "morning"] {
            assert!(Occasion::parse_time(bad).is_err(), "{bad}");
        }
        assert_eq!(occasion("- 2 weeks", "09:05", true).to_string(), "-14d 09:05 yearly");
    }
}
