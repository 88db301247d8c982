//! How a wait is written: `3d`, `2 weeks`, `36h`, `2 business days`, `until tuesday 09:00`.

use std::{fmt, str::FromStr, time::Duration};

use jiff::{Span, civil::Time};

use super::{wait::WaitSpec, weekday};

/// What is wrong with a wait, and how to write it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WaitError(pub String);

const EXAMPLE: &str = "write it like `3d`, `2 weeks`, `1mo`, `36h`, `90m`, `2 business days` or `until tuesday 09:00`";
const LONGEST: Duration = Duration::from_hours(24 * 366 * 5);

impl WaitSpec {
    /// # Errors
    /// What is wrong with the text, and how to write it.
    pub fn parse(text: &str) -> Result<Self, WaitError> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let wait = match words[..] {
            [] => return Err(WaitError(format!("the wait is empty: {EXAMPLE}"))),
            ["until", ref moment @ ..] => parse_until(text, moment)?,
            [count, "business", "day" | "days"] => parse_business_days(text, count)?,
            _ => parse_span(text, &lower)?,
        };
        if wait.approximate() > LONGEST {
            return Err(WaitError(format!("`{text}` is longer than five years")));
        }
        Ok(wait)
    }
}

fn parse_until(text: &str, moment: &[&str]) -> Result<WaitSpec, WaitError> {
    let bad = || {
        WaitError(format!(
            "`{text}` names no moment: write `until 09:00`, `until tuesday` or `until tuesday 09:00`"
        ))
    };
    let (day, time) = match *moment {
        [word] if word.contains(':') => (None, Some(word)),
        [day] => (Some(weekday::parse(day).ok_or_else(bad)?), None),
        [day, time] => (Some(weekday::parse(day).ok_or_else(bad)?), Some(time)),
        _ => return Err(bad()),
    };
    let minutes = time.map_or(Some(0), weekday::parse_minutes).ok_or_else(bad)?;
    if minutes == 24 * 60 {
        return Err(WaitError(format!("`{text}`: write `00:00` of the day after")));
    }
    let hour = i8::try_from(minutes / 60).map_err(|_| bad())?;
    let minute = i8::try_from(minutes % 60).map_err(|_| bad())?;
    let time = Time::new(hour, minute, 0, 0).map_err(|_| bad())?;
    Ok(WaitSpec::Until { day, time })
}

fn parse_business_days(text: &str, count: &str) -> Result<WaitSpec, WaitError> {
    if count.starts_with('-') {
        return Err(negative(text));
    }
    match count.parse::<u16>() {
        Ok(0) => Err(zero(text)),
        Ok(days) => Ok(WaitSpec::BusinessDays(days)),
        Err(_) => Err(WaitError(format!("`{text}`: write a whole number, as `2 business days`"))),
    }
}

fn parse_span(text: &str, lower: &str) -> Result<WaitSpec, WaitError> {
    if lower.contains("business") {
        return Err(WaitError(format!(
            "`{text}`: write business days alone, as `2 business days`"
        )));
    }
    if !lower.is_empty() && lower.bytes().all(|b| b.is_ascii_digit()) {
        return Err(WaitError(format!(
            "`{text}` has no unit: write `{text}d` for days, `{text}h` for hours"
        )));
    }
    // ISO 8601 tells M from m, and its letters are upper case.
    let span: Span = text
        .parse()
        .or_else(|_| lower.parse())
        .map_err(|_| WaitError(format!("`{text}` is no wait: {EXAMPLE}")))?;
    if span.is_negative() {
        return Err(negative(text));
    }
    if span.is_zero() {
        return Err(zero(text));
    }
    let too_long = || WaitError(format!("`{text}` is longer than five years"));
    let months = i32::from(span.get_years()) * 12 + span.get_months();
    let days = span.get_weeks() * 7 + span.get_days();
    let seconds = i64::from(span.get_hours())
        .checked_mul(60)
        .and_then(|minutes| minutes.checked_add(span.get_minutes()))
        .and_then(|minutes| minutes.checked_mul(60))
        .and_then(|seconds| seconds.checked_add(span.get_seconds()))
        .ok_or_else(too_long)?;
    if span.get_milliseconds() != 0 || span.get_microseconds() != 0 || span.get_nanoseconds() != 0 {
        return Err(WaitError(format!("`{text}` has fractions of a second: {EXAMPLE}")));
    }
    match (months == 0 && days == 0, seconds) {
        (false, 0) => Ok(WaitSpec::Civil {
            months: u16::try_from(months).map_err(|_| too_long())?,
            days: u16::try_from(days).map_err(|_| too_long())?,
        }),
        (true, seconds) => {
            Ok(WaitSpec::Exact(Duration::from_secs(seconds.try_into().map_err(|_| too_long())?)))
        }
        (false, _) => Err(WaitError(format!(
            "`{text}` mixes days, which keep the local time, with hours, which do not: \
             write days alone (`2d`) or hours alone (`36h`)"
        ))),
    }
}

fn negative(text: &str) -> WaitError {
    WaitError(format!("`{text}` lies in the past: {EXAMPLE}"))
}

fn zero(text: &str) -> WaitError {
    WaitError(format!("`{text}` is no time at all: {EXAMPLE}"))
}

impl FromStr for WaitSpec {
    type Err = WaitError;

    fn from_str(text: &str) -> Result<Self, WaitError> {
        Self::parse(text)
    }
}

/// The canonical text: waits that are equal print the same, and it parses back to the same.
impl fmt::Display for WaitSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Civil { months: 0, days } => write!(f, "{days}d"),
            Self::Civil { months, days: 0 } => write!(f, "{months}mo"),
            Self::Civil { months, days } => write!(f, "{months}mo{days}d"),
            Self::Exact(duration) => {
                let seconds = duration.as_secs();
                for (amount, unit) in
                    [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")]
                {
                    if amount > 0 {
                        write!(f, "{amount}{unit}")?;
                    }
                }
                Ok(())
            }
            Self::BusinessDays(1) => f.write_str("1 business day"),
            Self::BusinessDays(days) => write!(f, "{days} business days"),
            Self::Until { day, time } => {
                f.write_str("until")?;
                if let Some(day) = day {
                    write!(f, " {}", weekday::name(*day))?;
                }
                if day.is_none() || *time != Time::midnight() {
                    write!(f, " {:02}:{:02}", time.hour(), time.minute())?;
                }
                Ok(())
            }
        }
    }
}
