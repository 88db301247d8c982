//! Quiet hours: no window is open in them.

use std::{fmt, str::FromStr};

use super::{
    window::{DAY_MINUTES, Hours, Window},
    window_text::{Clock, WindowError, merge, parse_times},
};

/// Hours of every day, `21:00-08:00`: they may go across midnight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuietHours(Hours);

impl FromStr for QuietHours {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        const EXAMPLE: &str = "write them like `21:00-08:00`";
        let (start, end) = parse_times(text.trim())
            .ok_or_else(|| WindowError(format!("`{text}` are no quiet hours: {EXAMPLE}")))?;
        if start % DAY_MINUTES == end % DAY_MINUTES {
            return Err(WindowError(format!(
                "`{text}` is quiet all day long, so that no mail could ever leave: {EXAMPLE}"
            )));
        }
        let start = start % DAY_MINUTES;
        Ok(Self((start, if end < start { end + DAY_MINUTES } else { end })))
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", Clock(self.0.0), Clock(self.0.1))
    }
}

impl Window {
    /// What is left of it outside of quiet hours. It belongs to the day on which it opened without them, also what is
    /// left after midnight alone.
    #[must_use]
    pub fn without(&self, quiet: QuietHours) -> Self {
        let (start, end) = quiet.0;
        // Those that begin on the day before, on the day, and on the day after.
        let quiet = [0, 1, 2].map(|day| (start + day * DAY_MINUTES, end + day * DAY_MINUTES));
        let mut left = Self::shut();
        for (day, hours) in self.days.iter().enumerate() {
            for &(start, end) in hours {
                // From the midnight before, so that no minute is negative.
                let (mut from, end) = (start + DAY_MINUTES, end + DAY_MINUTES);
                for (quiet_from, quiet_until) in quiet {
                    left.open(day, from, end.min(quiet_from));
                    from = from.max(quiet_until);
                }
                left.open(day, from, end);
            }
        }
        left.days_mut().iter_mut().for_each(merge);
        left
    }

    /// Opens it on a day between these minutes since the midnight a day before, if there is time between them.
    fn open(&mut self, day: usize, from: u16, until: u16) {
        if from < until {
            self.days_mut()[day].push((from - DAY_MINUTES, until - DAY_MINUTES));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Calendar, OwnDay, Place, Whose},
        *,
    };
    use crate::domain::time::{Instant, Zone};

    fn left(window: &str, quiet: &str) -> String {
        Window::parse(window).unwrap().without(quiet.parse().unwrap()).to_string()
    }

    fn instant(text: &str) -> Instant {
        let at: jiff::Timestamp = text.parse().unwrap();
        Instant::from_millis(at.as_millisecond())
    }

    #[test]
    fn what_is_left_of_a_window() {
        for (window, quiet, expected) in [
            ("mon-fri 09:00-17:30", "21:00-08:00", "mon-fri 09:00-17:30"),
            ("mon-fri 06:00-22:00", "21:00-08:00", "mon-fri 08:00-21:00"),
            ("always", "21:00-08:00", "daily 08:00-21:00"),
            ("always", "12:00-14:00", "daily 00:00-12:00, 14:00-24:00"),
            ("fri 20:00-02:00", "21:00-08:00", "fri 20:00-21:00"),
            ("fri 20:00-10:00", "21:00-08:00", "fri 20:00-21:00, 08:00-10:00 the day after"),
            ("sun 20:00-10:00", "21:00-08:00", "sun 20:00-21:00, 08:00-10:00 the day after"),
            ("sun 22:00-02:00", "00:00-08:00", "sun 22:00-24:00"),
            ("sun 22:00-02:00", "08:00-09:00", "sun 22:00-02:00"),
            ("daily 22:00-06:00", "23:00-23:30", "daily 22:00-23:00, 23:30-06:00"),
            ("daily 22:00-06:00", "21:00-08:00", ""),
            ("mon-fri 09:00-17:30", "18:00-24:00", "mon-fri 09:00-17:30"),
        ] {
            assert_eq!(left(window, quiet), expected, "{window} without {quiet}");
        }
    }

    #[test]
    fn what_is_left_after_midnight_is_shut_where_its_evening_was_a_day_off() {
        let also = ["2026-12-04", "2026-11-28"].map(|day| OwnDay::parse(day).unwrap());
        let calendar = Calendar { holidays: Whose::Nobodys, also: also.into() };
        let zone = Zone::named("Europe/Rome").unwrap();
        let place = Place { zone: &zone, days_off: calendar.days_off(None) };
        for quiet in ["22:00-01:00", "12:00-13:00"] {
            let window = Window::parse("fri 20:00-02:00").unwrap().without(quiet.parse().unwrap());
            let is_open = |at: &str| window.is_open(instant(at), place);
            // The friday of the first, and the saturday of the second are days off.
            assert!(!is_open("2026-12-05T01:30:00+01:00"), "{quiet}");
            assert!(is_open("2026-11-28T01:30:00+01:00"), "{quiet}");
            assert!(!is_open("2026-11-28T02:30:00+01:00"), "{quiet}");
        }
        // In their order, though one belongs to the day before.
        let both = Window::parse("fri 20:00-06:00; sat 00:30-01:30").unwrap();
        let left = both.without("23:00-01:00".parse().unwrap());
        let closes = left.closes(instant("2026-11-21T01:10:00+01:00"), place);
        assert_eq!(closes, Some(instant("2026-11-21T06:00:00+01:00")));
        assert_eq!(left.weekdays(), 0b011_0000);
    }

    #[test]
    fn quiet_hours_leave_some() {
        assert_eq!("21:00-8:00".parse::<QuietHours>().unwrap().to_string(), "21:00-08:00");
        for (bad, part) in [
            ("00:00-24:00", "all day long"),
            ("08:00-08:00", "all day long"),
            ("24:00-00:00", "all day long"),
            ("21-8", "write them like"),
            ("mon 21:00-08:00", "write them like"),
            ("", "write them like"),
        ] {
            let error = bad.parse::<QuietHours>().unwrap_err().to_string();
            assert!(error.contains(part), "{bad}: {error}");
        }
    }
}
