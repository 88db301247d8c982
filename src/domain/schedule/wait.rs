//! Waits: spans, business days, until a weekday or an hour.

use std::time::Duration;

use jiff::{
    Span, ToSpan,
    civil::{Date, DateTime, Time, Weekday},
};

use super::{DaysOff, Place, local, resolve, weekday};
use crate::domain::{
    lead::{CivilDue, Due},
    time::{Instant, Zone},
};

const DAY: Duration = Duration::from_hours(24);

/// How long a `wait` or an `up_to` is.
///
/// Days, weeks and months are civil: they end at the same local time, so `1d` over a change of the
/// clock is 23 or 25 hours. Hours and less are exact: `24h` is 24 hours.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum WaitSpec {
    /// Months, then days, on the calendar; a month's end is kept (31 January + 1 month is the last
    /// of February).
    Civil { months: u16, days: u16 },
    /// So much time, whatever clocks do.
    Exact(Duration),
    /// Mondays to fridays that are not off, counted from the day after the local date, at the same
    /// local time.
    BusinessDays(u16),
    /// The next time the clock reads so, after arrival; on that weekday if one is named.
    Until { day: Option<Weekday>, time: Time },
}

impl WaitSpec {
    /// When a wait that begins at `from` is over, on the clock and calendar of a place. Always after
    /// `from`.
    #[must_use]
    pub fn due<'p>(&self, from: Instant, place: impl Into<Place<'p>>) -> Due {
        let Place { zone, days_off } = place.into();
        if let Self::Exact(duration) = self {
            return Due { at: from + *duration, civil: None };
        }
        let Some((local, at)) = self.civil_due(from, zone, days_off) else {
            return Due { at: Instant::NEVER, civil: None };
        };
        Due { at, civil: Some(CivilDue { local, zone: zone.name().to_owned() }) }
    }

    /// The instant that a stored civil due time means now, by the rules of its zone as they are
    /// known today. A zone that is known no more is read as UTC. `likely` is a zone that it may be.
    #[must_use]
    pub fn rearm(civil: &CivilDue, likely: &Zone) -> Instant {
        if civil.zone == likely.name() {
            return resolve(civil.local, likely);
        }
        resolve(civil.local, &Zone::named(&civil.zone).unwrap_or_else(|_| Zone::utc()))
    }

    /// The longest it can last, but for a change of the clock and days off.
    #[must_use]
    pub fn approximate(&self) -> Duration {
        match *self {
            Self::Civil { months, days } => {
                let (years, months) = (u32::from(months / 12), u32::from(months % 12));
                DAY * (years * 366 + months * 31 + u32::from(days))
            }
            Self::Exact(duration) => duration,
            Self::BusinessDays(days) => {
                let (weeks, rest) = (u32::from(days / 5), u32::from(days % 5));
                DAY * (weeks * 7 + if rest == 0 { 0 } else { rest + 2 })
            }
            Self::Until { day: Some(_), .. } => DAY * 7,
            Self::Until { day: None, .. } => DAY,
        }
    }

    /// The local time at which it is over, and its instant; `None` beyond the calendar.
    fn civil_due(
        &self,
        from: Instant,
        zone: &Zone,
        days_off: DaysOff<'_>,
    ) -> Option<(DateTime, Instant)> {
        let arrived = local(from, zone);
        let due = match *self {
            Self::Exact(_) => return None,
            Self::Civil { months, days } => {
                let span = Span::new().try_months(months).ok()?.try_days(days).ok()?;
                arrived.checked_add(span).ok()?
            }
            Self::BusinessDays(days) => business_days_from(arrived.date(), days, false, days_off)?
                .to_datetime(arrived.time()),
            Self::Until { day, time } => {
                return arrived
                    .date()
                    .series(1.day())
                    .filter(|date| day.is_none_or(|day| date.weekday() == day))
                    .map(|date| date.to_datetime(time))
                    .map(|due| (due, resolve(due, zone)))
                    .find(|(_, at)| *at > from);
            }
        };
        Some((due, resolve(due, zone)))
    }
}

/// So many mondays to fridays that are not off, after or before a date, which is not counted itself.
pub(super) fn business_days_from(
    date: Date,
    days: u16,
    back: bool,
    days_off: DaysOff<'_>,
) -> Option<Date> {
    date.series(if back { (-1).day() } else { 1.day() })
        .skip(1)
        .filter(|date| weekday::index(date.weekday()) < 5 && !days_off.contains(*date))
        .nth(usize::from(days).checked_sub(1)?)
}
