//! Sending windows on the lead's own clock.

use jiff::civil::{Date, DateTime, Time};

use super::{local, resolve, resolve_with_gap, weekday};
use crate::domain::time::{Instant, Zone};

/// Minutes of a civil day.
pub(super) const DAY_MINUTES: u16 = 24 * 60;
/// Further than any window's next opening: one whose only hour falls into a gap waits a week more.
const HORIZON_DAYS: u16 = 60;

/// Part of a day, in minutes since midnight on the clock; `start < end <= 24:00`.
pub(super) type Hours = (u16, u16);

/// Days of the week and hours of the day: `mon-fri 09:00-17:30`.
///
/// Each stretch is open from the instant that its first local time means to the one that its end
/// means. So what lies in a gap is not open that day, and when the clock is put back the repeated
/// hour is open or closed as a whole, as its last minute was: nothing opens twice.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Window {
    /// From monday; each day's stretches in order, apart from each other.
    pub(super) days: [Vec<Hours>; 7],
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
    /// Another may begin where it ends: it ends at midnight or where the clock leaves an hour out, or is not
    /// the last of its day.
    may_go_on: bool,
}

impl Window {
    /// Open at all hours.
    #[must_use]
    pub fn always() -> Self {
        Self { days: std::array::from_fn(|_| vec![(0, DAY_MINUTES)]) }
    }

    #[must_use]
    pub fn is_always(&self) -> bool {
        self.days.iter().all(|hours| matches!(hours[..], [(0, DAY_MINUTES)]))
    }

    #[must_use]
    pub fn is_open(&self, now: Instant, zone: &Zone) -> bool {
        self.next_open(now, zone) == now
    }

    /// `now` if it is open then, else when it next opens.
    #[must_use]
    pub fn next_open(&self, now: Instant, zone: &Zone) -> Instant {
        self.around(now, zone).opens.unwrap_or(now)
    }

    /// When it closes, if it is open at `now` and ever closes.
    #[must_use]
    pub fn closes(&self, now: Instant, zone: &Zone) -> Option<Instant> {
        self.around(now, zone).closes
    }

    /// Both at once: the zone is asked less often.
    #[must_use]
    pub fn around(&self, now: Instant, zone: &Zone) -> Around {
        if now.is_never() || self.is_always() {
            return Around { opens: None, closes: None };
        }
        let mut stretches = self.stretches(now, zone);
        let Some(Stretch { start, end: mut closes, mut may_go_on }) = stretches.next() else {
            return Around { opens: Some(Instant::NEVER), closes: None };
        };
        if start > now {
            return Around { opens: Some(start), closes: None };
        }
        // Midnight between two open stretches is no closing, nor is an hour that a clock leaves out.
        while may_go_on
            && let Some(next) = stretches.next()
            && next.start <= closes
        {
            (closes, may_go_on) = (next.end, next.may_go_on);
        }
        Around { opens: None, closes: Some(closes) }
    }

    /// The open stretches that end after `now`, in order.
    fn stretches<'a>(&'a self, now: Instant, zone: &'a Zone) -> impl Iterator<Item = Stretch> + 'a {
        let clock = local(now, zone);
        // A clock put back at midnight repeats an hour of the day before.
        let first = clock.date().yesterday().unwrap_or(clock.date());
        std::iter::successors(Some(first), |date| date.tomorrow().ok())
            .take(usize::from(HORIZON_DAYS))
            .flat_map(move |date| {
                let hours = self.on(date);
                hours.iter().enumerate().map(move |(index, &(start, end))| {
                    let may_go_on = end == DAY_MINUTES || index + 1 < hours.len();
                    (date, start, end, may_go_on)
                })
            })
            .filter_map(move |(date, start, end, may_go_on)| {
                let end = at(date, end)?;
                // What the clock has read already is past: no need to ask the zone.
                if end <= clock {
                    return None;
                }
                let (end, in_gap) = resolve_with_gap(end, zone);
                let start = at(date, start)?;
                let start = if start <= clock { Instant::DAWN } else { resolve(start, zone) };
                (end > now && start < end).then_some(Stretch {
                    start,
                    end,
                    may_go_on: may_go_on || in_gap,
                })
            })
    }

    fn on(&self, date: Date) -> &[Hours] {
        &self.days[weekday::index(date.weekday())]
    }
}

fn at(date: Date, minutes: u16) -> Option<DateTime> {
    if minutes == DAY_MINUTES {
        return Some(date.tomorrow().ok()?.to_datetime(Time::midnight()));
    }
    let hour = i8::try_from(minutes / 60).ok()?;
    let minute = i8::try_from(minutes % 60).ok()?;
    Some(date.at(hour, minute, 0, 0))
}
