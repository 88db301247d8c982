//! How a window is written: `mon-thu 09:00-12:00, 14:00-17:30; fri 09:00-12:00`.

use std::{fmt, str::FromStr};

use super::{
    weekday::{self, WEEK},
    window::{DAY_MINUTES, Hours, Window},
};

/// What is wrong with a window, and how to write it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WindowError(pub String);

const EXAMPLE: &str = "write it like `mon-fri 09:00-17:30` or `daily 08:00-20:00`";

impl Window {
    /// Reads days and hours. Days: `mon-fri`, `mon,wed`, `daily`, `weekdays`, `weekends`; hours:
    /// `09:00-12:00, 14:00-17:30`, `22:00-02:00` into the next day, `24:00` as an end; several of both
    /// apart by `;`. `always` is open at all hours.
    ///
    /// # Errors
    /// What is wrong with the text, and how to write it.
    pub fn parse(text: &str) -> Result<Self, WindowError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(WindowError(format!("the window is empty: {EXAMPLE}")));
        }
        if text.eq_ignore_ascii_case("always") {
            return Ok(Self::always());
        }
        let mut window = Self::shut();
        for group in text.split(';') {
            window.add(group.trim())?;
        }
        window.days_mut().iter_mut().for_each(merge);
        Ok(window)
    }

    fn add(&mut self, group: &str) -> Result<(), WindowError> {
        let digit = group.find(|c: char| c.is_ascii_digit()).ok_or_else(|| {
            WindowError(format!("`{group}` says no hours: {EXAMPLE}, or `always`"))
        })?;
        let (days, hours) = group.split_at(digit);
        let days = parse_days(days.trim())?;
        for part in hours.split(',') {
            let hours = parse_hours(part.trim())?;
            for day in &days {
                self.days_mut()[*day].push(hours);
            }
        }
        Ok(())
    }
}

fn parse_days(text: &str) -> Result<Vec<usize>, WindowError> {
    if text.is_empty() {
        return Err(WindowError(format!("it does not say on which days: {EXAMPLE}")));
    }
    let mut days = Vec::new();
    for part in text.split(',').map(str::trim) {
        match part.to_ascii_lowercase().as_str() {
            "daily" => days.extend(0..7),
            "weekdays" => days.extend(0..5),
            "weekends" => days.extend(5..7),
            part => match part.split_once('-') {
                Some((first, last)) => {
                    let (first, last) = (parse_day(first)?, parse_day(last)?);
                    let length = (last + 7 - first) % 7;
                    days.extend((first..=first + length).map(|day| day % 7));
                }
                None => days.push(parse_day(part)?),
            },
        }
    }
    Ok(days)
}

fn parse_day(text: &str) -> Result<usize, WindowError> {
    weekday::parse(text).map(weekday::index).ok_or_else(|| {
        WindowError(format!(
            "`{}` is no day of the week: use mon, tue, wed, thu, fri, sat, sun, `mon-fri` or `daily`",
            text.trim()
        ))
    })
}

/// An end before the start is on the next day.
fn parse_hours(text: &str) -> Result<Hours, WindowError> {
    let (start, end) = parse_times(text).ok_or_else(|| {
        WindowError(format!("`{text}` are no hours: write them like `09:00-17:30`"))
    })?;
    if start % DAY_MINUTES == end % DAY_MINUTES && (start, end) != (0, DAY_MINUTES) {
        return Err(WindowError(format!(
            "`{text}` is never open: its end must be another time than its start, the whole day is \
             `00:00-24:00`"
        )));
    }
    if start == DAY_MINUTES {
        return Err(WindowError(format!(
            "`{text}` begins when the day is over: write `00:00` and the day after"
        )));
    }
    Ok((start, if end < start { end + DAY_MINUTES } else { end }))
}

/// Both times of `09:00-17:30`, in minutes since midnight.
pub(super) fn parse_times(text: &str) -> Option<Hours> {
    let (start, end) = text.split_once('-')?;
    Some((weekday::parse_minutes(start)?, weekday::parse_minutes(end)?))
}

/// Sorts stretches and joins those that touch.
pub(super) fn merge(hours: &mut Vec<Hours>) {
    hours.sort_unstable();
    let mut merged: Vec<Hours> = Vec::with_capacity(hours.len());
    for (start, end) in hours.drain(..) {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    *hours = merged;
}

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        Self::parse(text)
    }
}

/// The canonical text: windows that are equal print the same, and it parses back to the same, but for what quiet hours
/// have left after midnight.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_always() {
            return f.write_str("always");
        }
        let mut separator = "";
        for (day, hours) in self.days.iter().enumerate() {
            if hours.is_empty() || self.days[..day].contains(hours) {
                continue;
            }
            write!(f, "{separator}{} ", DaysLike(self, hours))?;
            separator = "; ";
            for (i, (start, end)) in hours.iter().enumerate() {
                let comma = if i == 0 { "" } else { ", " };
                write!(f, "{comma}{}-{}", Clock(*start), Clock(*end))?;
                if *start >= DAY_MINUTES {
                    f.write_str(" the day after")?;
                }
            }
        }
        Ok(())
    }
}

/// The days that have the same hours: `daily`, `mon-fri`, `mon,wed`.
struct DaysLike<'a>(&'a Window, &'a Vec<Hours>);

impl fmt::Display for DaysLike<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let like = |day: usize| self.0.days.get(day) == Some(self.1);
        if (0..7).all(like) {
            return f.write_str("daily");
        }
        let (mut day, mut comma) = (0, "");
        while day < 7 {
            if !like(day) {
                day += 1;
                continue;
            }
            let last = (day..7).take_while(|day| like(*day)).last().unwrap_or(day);
            write!(f, "{comma}{}", weekday::short(WEEK[day]))?;
            if last > day {
                let joint = if last == day + 1 { "," } else { "-" };
                write!(f, "{joint}{}", weekday::short(WEEK[last]))?;
            }
            comma = ",";
            day = last + 1;
        }
        Ok(())
    }
}

/// Minutes since midnight as `HH:MM`; an end on the next day as its clock reads.
pub(super) struct Clock(pub(super) u16);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = if self.0 > DAY_MINUTES { self.0 - DAY_MINUTES } else { self.0 };
        write!(f, "{:02}:{:02}", minutes / 60, minutes % 60)
    }
}
