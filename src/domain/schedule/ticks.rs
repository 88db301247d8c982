//! Schedules: at which instants the clock of a zone ticks, by a cron expression.

use std::{fmt, str::FromStr as _, time::Duration};

use croner::Cron;

use crate::domain::time::{Instant, Zone};

/// A cron expression of five fields: minute, hour, day of the month, month, day of the week.
///
/// A time that the clock leaves out ticks once, after the gap; one that comes twice, at the first.
#[derive(Clone, Debug)]
pub struct Ticks {
    text: String,
    cron: Cron,
}

/// What is to be done of the ticks that have come.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Come {
    /// The last one, unless that is too long ago.
    pub run: Option<Instant>,
    /// In their order; of very many, the last.
    pub missed: Vec<Instant>,
}

const EXAMPLE: &str = "write minute, hour, day of the month, month, day of the week: `0 9 1 * *` is nine \
                       o'clock on the first of each month, `30 8 * * mon` half past eight each monday";

impl Ticks {
    /// The most missed ticks that are told.
    const MOST: usize = 1000;

    /// # Errors
    /// What is wrong with the text, and how to write it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != 5 {
            return Err(format!("`{text}` is not five fields: {EXAMPLE}"));
        }
        let text = fields.join(" ");
        let cron = Cron::from_str(&text)
            .map_err(|error| format!("`{text}` is no schedule ({error}): {EXAMPLE}"))?;
        let ticks = Self { text, cron };
        if ticks.next_after(Instant::DAWN, &Zone::utc()).is_none() {
            return Err(format!("`{}` never comes: there is no such day", ticks.text));
        }
        Ok(ticks)
    }

    /// The first tick after an instant.
    #[must_use]
    pub fn next_after(&self, after: Instant, zone: &Zone) -> Option<Instant> {
        let after = after.timestamp().to_zoned(zone.tz().clone());
        let next = self.cron.find_next_occurrence(&after, false).ok()?;
        Some(next.timestamp().into())
    }

    /// Of the ticks from this one on and until now: only the last one is made up for, if it is no older than `late`.
    #[must_use]
    pub fn come(&self, from: Instant, now: Instant, late: Duration, zone: &Zone) -> Come {
        let mut come = Come::default();
        let mut until = now;
        while come.missed.len() < Self::MOST {
            let last = until.timestamp().to_zoned(zone.tz().clone());
            let Ok(found) = self.cron.find_previous_occurrence(&last, true) else { break };
            let found = Instant::from(found.timestamp());
            if found < from || found > until {
                break;
            }
            // It counts in whole minutes.
            until = found - Duration::from_mins(1);
            if come.run.is_none() && come.missed.is_empty() && found + late >= now {
                come.run = Some(found);
            } else {
                come.missed.push(found);
            }
        }
        if come == Come::default() && from <= now {
            // It was told as one.
            if from + late >= now { come.run = Some(from) } else { come.missed.push(from) }
        }
        come.missed.reverse();
        come
    }
}

impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        format!("{text}:00Z").parse().unwrap()
    }

    fn ticks(text: &str) -> Ticks {
        Ticks::parse(text).unwrap()
    }

    fn next(text: &str, after: &str, zone: &str) -> String {
        let zone = Zone::named(zone).unwrap();
        ticks(text).next_after(at(after), &zone).unwrap().to_string()
    }

    #[test]
    fn on_the_clock_of_its_zone() {
        let monthly = "0 9 1 * *";
        assert_eq!(next(monthly, "2027-03-24T09:00", "Europe/Rome"), "2027-04-01T07:00:00Z");
        assert_eq!(next(monthly, "2027-04-01T07:00", "Europe/Rome"), "2027-05-01T07:00:00Z");
        assert_eq!(next(monthly, "2027-03-24T09:00", "Asia/Tokyo"), "2027-04-01T00:00:00Z");
        assert_eq!(next("30 8 * * mon", "2027-03-24T09:00", "UTC"), "2027-03-29T08:30:00Z");
    }

    #[test]
    fn an_hour_that_is_left_out_is_after_the_gap_and_one_that_comes_twice_ticks_once() {
        let daily = "30 2 * * *";
        assert_eq!(next(daily, "2027-03-27T12:00", "Europe/Rome"), "2027-03-28T01:00:00Z");
        assert_eq!(next(daily, "2027-10-30T12:00", "Europe/Rome"), "2027-10-31T00:30:00Z");
        assert_eq!(next(daily, "2027-10-31T00:30", "Europe/Rome"), "2027-11-01T01:30:00Z");
        assert_eq!(next("0 0 * * *", "2027-04-29T12:00", "Africa/Cairo"), "2027-04-29T22:00:00Z");
    }

    #[test]
    fn of_missed_ticks_the_last_one_is_made_up_for_if_it_is_young_enough() {
        let (hourly, late) = (ticks("0 * * * *"), Duration::from_mins(90));
        let come = |now: &str| hourly.come(at("2027-03-24T10:00"), at(now), late, &Zone::utc());
        let [ten, eleven, twelve] =
            ["10", "11", "12"].map(|hour| at(&format!("2027-03-24T{hour}:00")));
        assert_eq!(come("2027-03-24T12:40"), Come { run: Some(twelve), missed: vec![ten, eleven] });
        assert_eq!(come("2027-03-24T10:00"), Come { run: Some(ten), missed: vec![] });
        assert_eq!(come("2027-03-24T09:59"), Come::default());
        let rome = Zone::named("Europe/Rome").unwrap();
        for moved in ["2027-03-28T01:00", "2027-10-31T00:30"] {
            let come = ticks("30 2 * * *").come(at(moved), at(moved), late, &rome);
            assert_eq!(come, Come { run: Some(at(moved)), missed: vec![] });
        }
        let daily = ticks("0 9 * * *");
        let come = daily.come(at("2027-03-22T09:00"), at("2027-03-23T11:00"), late, &Zone::utc());
        let missed = vec![at("2027-03-22T09:00"), at("2027-03-23T09:00")];
        assert_eq!(come, Come { run: None, missed });
        let long = hourly.come(Instant::DAWN, at("2027-03-24T12:00"), late, &Zone::utc());
        assert_eq!((long.run, long.missed.len()), (Some(twelve), Ticks::MOST));
    }

    #[test]
    fn five_fields_that_come_at_some_time() {
        for bad in
            ["", "0 9 * *", "0 0 9 * * *", "@weekly", "61 9 * * *", "0 9 31 2 *", "x y z a b"]
        {
            assert!(Ticks::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(ticks(" 0  9 1 * * ").to_string(), "0 9 1 * *");
        assert!(ticks("0 9 29 2 mon#1").next_after(at("2027-01-01T00:00"), &Zone::utc()).is_some());
    }
}
