//! Sending windows on the lead's own clock.

use std::{borrow::Cow, sync::Arc};

use jiff::{
    ToSpan as _,
    civil::{Date, DateTime, date},
};

use super::{DaysOff, Place, local, resolve, resolve_with_gap, weekday};
use crate::domain::time::{Instant, Zone};

/// Minutes of a civil day.
pub(super) const DAY_MINUTES: u16 = 24 * 60;
/// Further than any window's next opening: `check` takes those alone that open in each year.
const HORIZON_DAYS: u16 = 800;

/// Part of a day, in minutes since midnight on its clock; the end is after the start. What is written starts before
/// 24:00 and ends at the same time of the next day at the latest; what quiet hours leave of it may start after.
pub(super) type Hours = (u16, u16);

/// Days of the week and hours of the day: `mon-fri 09:00-17:30`, `fri 20:00-02:00`.
///
/// Hours that go across midnight belong to the day on which they open: they are shut where that is a day
/// off, and open where only the next one is.
///
/// Each stretch is open from the instant that its first local time means to the one that its end
/// means. So what lies in a gap is not open that day, and when the clock is put back the repeated
/// hour is open or closed as a whole, as its last minute was: nothing opens twice.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Window {
    /// From monday; each day's stretches in order, apart from each other.
    pub(super) days: Arc<[Vec<Hours>; 7]>,
}

/// How a window stands at an instant: open until it closes, if it ever does, or closed until it opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Around {
    pub opens: Option<Instant>,
    pub closes: Option<Instant>,
}

/// One time that it is open.
struct Stretch {
    start: Instant,
    end: Instant,
    /// Another may begin where it ends: the clock leaves an hour out there.
    may_go_on: bool,
}

impl Window {
    /// Open at no time.
    pub(super) fn shut() -> Self {
        Self { days: Arc::default() }
    }

    /// Its days, to be changed.
    pub(super) fn days_mut(&mut self) -> &mut [Vec<Hours>; 7] {
        Arc::make_mut(&mut self.days)
    }

    /// Open at all hours.
    #[must_use]
    pub fn always() -> Self {
        Self { days: Arc::new(std::array::from_fn(|_| vec![(0, DAY_MINUTES)])) }
    }

    #[must_use]
    pub fn is_always(&self) -> bool {
        self.days.iter().all(|hours| matches!(hours[..], [(0, DAY_MINUTES)]))
    }

    /// Not at any hour of any day.
    #[must_use]
    pub fn is_never(&self) -> bool {
        self.days.iter().all(Vec::is_empty)
    }

    /// The days of the week on which it opens, a bit each, monday's the lowest.
    #[must_use]
    pub fn weekdays(&self) -> u8 {
        let starts = |(day, hours): (usize, &Vec<Hours>)| {
            let days_on = |(start, _): &Hours| usize::from(*start / DAY_MINUTES);
            hours.iter().fold(0, |days, hours| days | (1 << ((day + days_on(hours)) % 7)))
        };
        self.days.iter().enumerate().map(starts).fold(0, |days, more| days | more)
    }

    /// For how many minutes of a week it is open at most, without days off.
    #[must_use]
    pub fn minutes_a_week(&self) -> u32 {
        self.days.iter().flatten().map(|(start, end)| u32::from(end - start)).sum()
    }

    /// The next times at which it opens after `now`, so many at most.
    #[must_use]
    pub fn openings(&self, now: Instant, place: Place<'_>, most: usize) -> Vec<Instant> {
        let mut from = self.closes(now, place).unwrap_or(now);
        let mut found = Vec::new();
        while found.len() < most {
            let opens = self.next_open(from, place);
            if opens.is_never() {
                break;
            }
            found.push(opens);
            let Some(closes) = self.closes(opens, place) else { break };
            from = closes;
        }
        found
    }

    /// A year in which it opens on no day, if there is one, whatever weekday its dates fall on.
    #[must_use]
    pub fn year_without(&self, days_off: DaysOff<'_>) -> Option<i16> {
        // After 28 years each date has been each weekday.
        (2026..2026 + 28).find(|year| {
            let first = date(*year, 1, 1);
            let mut days = first.series(1.day()).take_while(|day| day.year() == *year);
            days.all(|day| self.on(day, days_off).is_empty())
        })
    }

    #[must_use]
    pub fn is_open<'p>(&self, now: Instant, place: impl Into<Place<'p>>) -> bool {
        self.next_open(now, place) == now
    }

    /// `now` if it is open then, else when it next opens.
    #[must_use]
    pub fn next_open<'p>(&self, now: Instant, place: impl Into<Place<'p>>) -> Instant {
        self.around(now, place).opens.unwrap_or(now)
    }

    /// When it closes, if it is open at `now` and ever closes.
    #[must_use]
    pub fn closes<'p>(&self, now: Instant, place: impl Into<Place<'p>>) -> Option<Instant> {
        self.around(now, place).closes
    }

    /// Both at once: the zone is asked less often.
    #[must_use]
    pub fn around<'p>(&self, now: Instant, place: impl Into<Place<'p>>) -> Around {
        let Place { zone, days_off } = place.into();
        if now.is_never() || (self.is_always() && days_off.is_empty()) {
            return Around { opens: None, closes: None };
        }
        let mut stretches = self.stretches(now, zone, days_off);
        let Some(Stretch { start, end: mut closes, mut may_go_on }) = stretches.next() else {
            return Around { opens: Some(Instant::NEVER), closes: None };
        };
        if start > now {
            return Around { opens: Some(start), closes: None };
        }
        // An hour that a clock leaves out between two open stretches is no closing.
        while may_go_on
            && let Some(next) = stretches.next()
            && next.start <= closes
        {
            (closes, may_go_on) = (next.end, next.may_go_on);
        }
        Around { opens: None, closes: Some(closes) }
    }

    /// The open stretches that end after `now`, in order.
    fn stretches<'a>(
        &'a self,
        now: Instant,
        zone: &'a Zone,
        days_off: DaysOff<'a>,
    ) -> impl Iterator<Item = Stretch> + 'a {
        let clock = local(now, zone);
        // What opened yesterday may be open still.
        let first = clock.date().yesterday().unwrap_or(clock.date());
        self.on_the_calendar(first, days_off).filter_map(move |(start, end)| {
            // What the clock has read already is past: no need to ask the zone.
            if end <= clock {
                return None;
            }
            let (end, may_go_on) = resolve_with_gap(end, zone);
            let start = if start <= clock { Instant::DAWN } else { resolve(start, zone) };
            (end > now && start < end).then_some(Stretch { start, end, may_go_on })
        })
    }

    /// The stretches of the days from `first` on, in order; those that touch, as at midnight, are one.
    fn on_the_calendar<'a>(
        &'a self,
        first: Date,
        days_off: DaysOff<'a>,
    ) -> impl Iterator<Item = (DateTime, DateTime)> + 'a {
        let days = std::iter::successors(Some(first), |date| date.tomorrow().ok());
        let mut stretches = days
            .take(usize::from(HORIZON_DAYS))
            .flat_map(move |date| {
                let hours = self.on(date, days_off);
                (0..hours.len()).map(move |index| (date, hours[index]))
            })
            .filter_map(|(date, (start, end))| Some((at(date, start)?, at(date, end)?)))
            .peekable();
        std::iter::from_fn(move || {
            let (start, mut end) = stretches.next()?;
            while let Some((_, later)) = stretches.next_if(|(start, _)| *start <= end) {
                end = end.max(later);
            }
            Some((start, end))
        })
    }

    /// The hours that open on a date, in order: its own, and what quiet hours have left of those of the day before.
    fn on(&self, date: Date, days_off: DaysOff<'_>) -> Cow<'_, [Hours]> {
        let begins_late = |(start, _): &Hours| *start >= DAY_MINUTES;
        // Those are the last.
        let has_late = |hours: &[Hours]| hours.last().is_some_and(begins_late);
        let written = |date: Date| &self.days[weekday::index(date.weekday())][..];
        let of = |date: Date| {
            let hours = written(date);
            if hours.is_empty() || days_off.contains(date) { &[][..] } else { hours }
        };
        let own = of(date);
        // Its day off is asked for only where it leaves something.
        let before = date.yesterday().ok().filter(|before| has_late(written(*before))).map(of);
        if before.is_none() && !has_late(own) {
            return Cow::Borrowed(own);
        }
        let late = before.unwrap_or_default().iter().filter(|hours| begins_late(hours));
        let late = late.map(|(start, end)| (start - DAY_MINUTES, end - DAY_MINUTES));
        let own = own.iter().filter(|hours| !begins_late(hours)).copied();
        let mut hours: Vec<Hours> = own.chain(late).collect();
        hours.sort_unstable();
        Cow::Owned(hours)
    }
}

fn at(date: Date, minutes: u16) -> Option<DateTime> {
    let date = if minutes < DAY_MINUTES { date } else { date.tomorrow().ok()? };
    let minutes = minutes % DAY_MINUTES;
    let hour = i8::try_from(minutes / 60).ok()?;
    let minute = i8::try_from(minutes % 60).ok()?;
    Some(date.at(hour, minute, 0, 0))
}
