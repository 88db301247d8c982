//! Schedules: at which instants the clock of a zone ticks, by a cron expression.

use std::{fmt, str::FromStr as _, time::Duration};

use croner::Cron;
use jiff::civil::DateTime;

use super::{resolve, resolve::reached};
use crate::domain::time::{Instant, Zone};

/// A cron expression of five fields: minute, hour, day of the month, month, day of the week.
///
/// It says times of a clock, and each of them ticks once, at the instant that it [means](resolve): all that a change of the
/// clock leaves out at one instant, after the gap; one that comes twice at the first.
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
        let next = self.cron.find_next_occurrence(&reached(after, zone), false).ok()?;
        Some(resolve(next, zone)).filter(|at| !at.is_never())
    }

    /// Of the ticks from this one on and until now: only the last one is made up for, if it is no older than `late`.
    #[must_use]
    pub fn come(&self, from: Instant, now: Instant, late: Duration, zone: &Zone) -> Come {
        let mut come = Come::default();
        let mut before = None;
        for found in self.back_from(now, zone).take_while(|found| *found >= from) {
            if come.missed.len() == Self::MOST {
                break;
            }
            if before.replace(found) == Some(found) {
                continue;
            }
            if come == Come::default() && found + late >= now {
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

    /// The instants of the times that it says, from now back; those in a gap of the clock are the same one.
    fn back_from(&self, now: Instant, zone: &Zone) -> impl Iterator<Item = Instant> {
        let before =
            |read: &DateTime, inclusive| self.cron.find_previous_occurrence(read, inclusive).ok();
        let last = before(&reached(now, zone), true);
        std::iter::successors(last, move |read| before(read, false)).map(|read| resolve(read, zone))
    }
}

impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::window_tests::{any_instant, any_zone},
        *,
    };
    use crate::domain::schedule::local;

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
    fn with_several_hours_or_minutes_it_is_the_same() {
        for several in ["30 2,14 * * *", "30 2-2,14 * * sun", "*/30 2 * * *"] {
            let next = |after: &str| next(several, after, "Europe/Rome");
            assert_eq!(next("2027-03-28T00:59"), "2027-03-28T01:00:00Z", "{several}");
            assert!(next("2027-03-28T01:00").as_str() >= "2027-03-28T12:30:00Z", "{several}");
            assert_eq!(next("2027-10-31T00:15"), "2027-10-31T00:30:00Z", "{several}");
            assert!(next("2027-10-31T00:30").as_str() >= "2027-10-31T13:30:00Z", "{several}");
        }
        // The hour that comes twice is gone through once.
        let half_hourly = "*/30 * * * *";
        assert_eq!(next(half_hourly, "2027-03-28T00:30", "Europe/Rome"), "2027-03-28T01:00:00Z");
        assert_eq!(next(half_hourly, "2027-03-28T01:00", "Europe/Rome"), "2027-03-28T01:30:00Z");
        assert_eq!(next(half_hourly, "2027-10-31T00:30", "Europe/Rome"), "2027-10-31T02:00:00Z");
    }

    /// What the rule comes to, minute by minute: it ticks where the clock first reads, or jumps over, what is said.
    fn by_the_clock(ticks: &Ticks, from: Instant, minutes: i64, zone: &Zone) -> Vec<Instant> {
        let at = |minute: i64| Instant::from_millis(from.millis() + minute * 60_000);
        let mut read = (-1500..=0).map(|minute| local(at(minute), zone)).max().unwrap();
        let mut found = Vec::new();
        for minute in 1..=minutes {
            let (before, now) = (read, local(at(minute), zone));
            while read < now {
                read += jiff::SignedDuration::from_mins(1);
                if ticks.cron.is_time_matching(&read).unwrap() && found.last() != Some(&at(minute))
                {
                    found.push(at(minute));
                }
            }
            assert_eq!(read, now.max(before), "clocks change on whole minutes");
        }
        found
    }

    fn any_ticks() -> impl Strategy<Value = Ticks> {
        let minute = prop::sample::select(&["0", "30", "*/30", "15,45", "*", "7"][..]);
        let hour = prop::sample::select(&["*", "2", "2,14", "0", "*/2", "1-3", "23,0"][..]);
        let day = prop::sample::select(&["* * *", "* * sun", "28-31 * *", "* 3,10 *"][..]);
        (minute, hour, day).prop_map(|(minute, hour, day)| ticks(&format!("{minute} {hour} {day}")))
    }

    proptest! {
        #[test]
        fn each_time_that_is_said_ticks_once_whatever_the_clock_does(
            ticks in any_ticks(), zone in any_zone(), from in any_instant(),
        ) {
            const MINUTES: i64 = 4 * 24 * 60;
            let until = Instant::from_millis(from.millis() + MINUTES * 60_000);
            let expected = by_the_clock(&ticks, from, MINUTES, &zone);
            let next = |after: &Instant| ticks.next_after(*after, &zone);
            let found: Vec<Instant> = std::iter::successors(next(&from), next)
                .take_while(|tick| *tick <= until)
                .collect();
            prop_assert!(found.is_sorted_by(|one, other| one < other));
            prop_assert_eq!(&found, &expected);
            let mut come = ticks.come(from.next(), until, Duration::MAX, &zone);
            come.missed.extend(come.run);
            let last = expected.len().saturating_sub(Ticks::MOST + 1);
            if expected.is_empty() {
                prop_assert_eq!(come.run, Some(from.next()), "it was told as one");
            } else {
                prop_assert_eq!(&come.missed[..], &expected[last..]);
            }
        }

        #[test]
        fn through_a_year_no_tick_is_lost_and_none_comes_twice(
            ticks in any_ticks(), zone in any_zone(),
        ) {
            let (from, until) = (at("2027-01-01T00:00"), at("2028-01-01T00:00"));
            let next = |after: &Instant| ticks.next_after(*after, &zone);
            let found: Vec<Instant> = std::iter::successors(next(&from), next)
                .take_while(|tick| *tick <= until)
                .collect();
            prop_assert!(found.is_sorted_by(|one, other| one < other));
            let (first, last) = (reached(from, &zone), reached(until, &zone));
            let said = ticks.cron.iter_after(first).take_while(|said| *said <= last);
            let mut expected: Vec<Instant> = said.map(|said| resolve(said, &zone)).collect();
            expected.dedup();
            prop_assert_eq!(found, expected);
        }
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
