//! Names of weekdays.

use jiff::civil::Weekday;

/// In the order of ISO 8601.
pub(super) const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

const NAMES: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// From monday, 0.
pub(super) fn index(day: Weekday) -> usize {
    usize::from(day.to_monday_zero_offset().unsigned_abs())
}

pub(super) fn name(day: Weekday) -> &'static str {
    NAMES[index(day)]
}

/// `mon`.
pub(super) fn short(day: Weekday) -> &'static str {
    &name(day)[..3]
}

/// Reads `mon`, `tues`, `monday` in any case: three letters of the name or more.
#[must_use]
pub fn parse(text: &str) -> Option<Weekday> {
    let text = text.trim().to_ascii_lowercase();
    let found = NAMES.iter().position(|name| text.len() >= 3 && name.starts_with(&text))?;
    Some(WEEK[found])
}

/// Reads `HH:MM` or `H:MM` as minutes since midnight; `24:00` is the end of the day.
#[must_use]
pub fn parse_minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !(1..=2).contains(&hours.len()) || minutes.len() != 2 || !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60 && hours * 60 + minutes <= 24 * 60).then_some(hours * 60 + minutes)
}
