//! Instants that are told by a date of a campaign: `starts - 21d, 09:30`, `starts - 1h`.

use std::fmt;

use jiff::{
    Span,
    civil::{DateTime, Time},
};

use super::{DaysOff, Place, WaitSpec, resolve, wait::business_days_from, weekday};
use crate::domain::{
    lead::{CivilDue, Due},
    name::Name,
    time::{Instant, Zone},
};

/// A date of the campaign, moved by some time, and perhaps an hour of its own.
///
/// Without an hour it is one instant for everybody: days are counted on the clock of the campaign's
/// zone, hours are exact. With an hour, the day alone is the campaign's: the hour is on the reader's
/// own clock.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DateExpr {
    pub date: Name,
    pub shift: Option<Shift>,
    pub time: Option<Time>,
}

/// Later by a time, or earlier.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Shift {
    pub back: bool,
    pub by: WaitSpec,
}

/// By when: after some time, or on a date of the campaign.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Deadline {
    After(WaitSpec),
    On(DateExpr),
}

/// What is wrong with a date, and how to write it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DateError(pub String);

const EXAMPLE: &str = "write it like `starts`, `starts - 21d, 09:30` or `starts - 1h`";

impl DateExpr {
    /// # Errors
    /// What is wrong with the text, and how to write it.
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (date, rest) = text.split_at(end.unwrap_or(text.len()));
        if !date.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(DateError(format!("`{text}` names no date of the campaign: {EXAMPLE}")));
        }
        let (shift, time) = hour_of(rest.trim());
        let time = time.map(|written| parse_hour(text, written)).transpose()?;
        let shift = parse_shift(text, shift)?;
        let exact = |shift: &Shift| matches!(shift.by, WaitSpec::Exact(_));
        if time.is_some() && shift.as_ref().is_some_and(exact) {
            return Err(DateError(format!(
                "`{text}` has an hour of its own and is moved by hours: count in days, as in \
                 `{date} - 2d, 09:30`, or leave the hour out"
            )));
        }
        Ok(Self { date: date.into(), shift, time })
    }

    /// When it comes for a reader, where the date is `anchor` on the clock and calendar of `place`.
    #[must_use]
    pub fn due<'p>(&self, anchor: DateTime, place: impl Into<Place<'p>>, reader: &Zone) -> Due {
        let Place { zone, days_off } = place.into();
        if let Some(Shift { back, by: WaitSpec::Exact(duration) }) = self.shift {
            let at = resolve(anchor, zone);
            let at = if back { at - duration } else { at + duration };
            return Due { at, civil: None };
        }
        let Some(moved) = self.moved(anchor, days_off) else {
            return Due { at: Instant::NEVER, civil: None };
        };
        let (local, zone) = match self.time {
            Some(time) => (moved.date().to_datetime(time), reader),
            None => (moved, zone),
        };
        let at = resolve(local, zone);
        Due { at, civil: Some(CivilDue { local, zone: zone.name().to_owned() }) }
    }

    /// By days and months, on the calendar; `None` beyond it.
    fn moved(&self, anchor: DateTime, days_off: DaysOff<'_>) -> Option<DateTime> {
        let Some(Shift { back, by }) = &self.shift else { return Some(anchor) };
        match *by {
            WaitSpec::Civil { months, days } => {
                let span = Span::new().try_months(months).ok()?.try_days(days).ok()?;
                anchor.checked_add(if *back { -span } else { span }).ok()
            }
            WaitSpec::BusinessDays(days) => {
                business_days_from(anchor.date(), days, *back, days_off)
                    .map(|date| date.to_datetime(anchor.time()))
            }
            WaitSpec::Exact(_) | WaitSpec::Until { .. } => None,
        }
    }
}

/// What follows the date, parted into its shift and its hour. The comma may be left out: between braces
/// it would end the value.
fn hour_of(rest: &str) -> (&str, Option<&str>) {
    let (before, last) = rest.rsplit_once([',', ' ']).unwrap_or(("", rest));
    if last.contains(':') {
        (before.trim_end_matches([',', ' ']).trim(), Some(last))
    } else {
        (rest, None)
    }
}

pub(super) fn parse_hour(text: &str, written: &str) -> Result<Time, DateError> {
    let bad = || DateError(format!("`{text}`: `{written}` is no hour of the day: write `09:30`"));
    let minutes = weekday::parse_minutes(written).filter(|&m| m < 24 * 60).ok_or_else(bad)?;
    let (hour, minute) = (i8::try_from(minutes / 60), i8::try_from(minutes % 60));
    Time::new(hour.map_err(|_| bad())?, minute.map_err(|_| bad())?, 0, 0).map_err(|_| bad())
}

fn parse_shift(text: &str, written: &str) -> Result<Option<Shift>, DateError> {
    if written.is_empty() {
        return Ok(None);
    }
    let bad = || DateError(format!("`{text}` is no date: {EXAMPLE}"));
    let sign = written.chars().next().ok_or_else(bad)?;
    let back = match sign {
        '-' | '−' | '–' => true,
        '+' => false,
        _ => return Err(bad()),
    };
    let by = written[sign.len_utf8()..].trim();
    let by = WaitSpec::parse(by).map_err(|error| DateError(error.to_string()))?;
    if matches!(by, WaitSpec::Until { .. }) {
        return Err(bad());
    }
    Ok(Some(Shift { back, by }))
}

/// The canonical text: it parses back to the same.
impl fmt::Display for DateExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.date)?;
        if let Some(Shift { back, by }) = &self.shift {
            write!(f, " {} {by}", if *back { '-' } else { '+' })?;
        }
        if let Some(time) = self.time {
            write!(f, ", {:02}:{:02}", time.hour(), time.minute())?;
        }
        Ok(())
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(wait) => wait.fmt(f),
            Self::On(date) => date.fmt(f),
        }
    }
}

impl Deadline {
    /// `2d`, or `starts - 1h`.
    ///
    /// # Errors
    /// What is wrong with the text, and how to write it.
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let text = text.trim();
        match WaitSpec::parse(text) {
            Ok(wait) => Ok(Self::After(wait)),
            Err(_) if text.starts_with(|c: char| c.is_ascii_lowercase()) => {
                DateExpr::parse(text).map(Self::On)
            }
            Err(error) => Err(DateError(error.to_string())),
        }
    }
}
