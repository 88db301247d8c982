//! Durations as they are written: `14d`, `2h`, `1h30m`.

use std::fmt;

const UNITS: [(&str, i64); 5] =
    [("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];

/// The longest: a hundred years.
const LONGEST: i64 = 36_525 * 86_400_000;

/// Reads one or more numbers with their units, as `1h30m`, into milliseconds.
///
/// # Errors
/// What is wrong, for the reader of a report.
pub fn parse(text: &str) -> Result<i64, String> {
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let letters = after.len() - after.trim_start_matches(char::is_alphabetic).len();
        let (unit, after) = after.split_at(letters);
        if number.is_empty() || unit.is_empty() {
            return Err(format!("`{text}` is not a duration: write it like 30d, 2h or 1h30m"));
        }
        let Some(&(_, millis)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(match unit {
                "mo" | "month" | "months" | "M" | "y" | "year" | "years" => {
                    format!("`{text}`: months and years differ in length; count days, like 30d")
                }
                _ => format!(
                    "`{unit}` is not a unit of time: w (weeks), d (days), h (hours), m (minutes), s (seconds)"
                ),
            });
        };
        total = number
            .parse::<i64>()
            .ok()
            .and_then(|number| number.checked_mul(millis))
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= LONGEST)
            .ok_or_else(|| format!("`{text}` is longer than a hundred years"))?;
        rest = after;
    }
    if text.is_empty() {
        return Err("a duration is missing: write it like 30d, 2h or 1h30m".to_owned());
    }
    Ok(total)
}

/// Prints milliseconds so that [`parse`] reads them again; what is below a second is left out.
pub(super) struct Written(pub i64);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if rest < 1000 {
            return f.write_str("0s");
        }
        for (unit, millis) in &UNITS[1..] {
            let millis = millis.unsigned_abs();
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_printed() {
        for (text, millis, printed) in [
            ("14d", 14 * 86_400_000, "14d"),
            ("2w", 14 * 86_400_000, "14d"),
            ("1h30m", 5_400_000, "1h30m"),
            ("90s", 90_000, "1m30s"),
            ("0s", 0, "0s"),
        ] {
            assert_eq!(parse(text), Ok(millis));
            assert_eq!(Written(millis).to_string(), printed);
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "missing"),
            ("d", "not a duration"),
            ("30", "not a duration"),
            ("30 d", "not a duration"),
            ("1.5h", "not a duration"),
            ("-3d", "not a duration"),
            ("3mo", "months"),
            ("3days", "not a unit"),
            ("99999999999999999999d", "hundred years"),
            ("40000d", "hundred years"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains(reason), "{text}: {problem}");
        }
    }
}
