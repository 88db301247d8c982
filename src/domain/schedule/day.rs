//! Civil days, for reports.

use jiff::civil::Date;

use super::{local, resolve};
use crate::domain::time::{Instant, Zone};

/// Which day it is in a zone.
#[must_use]
pub fn date_at(at: Instant, zone: &Zone) -> Date {
    local(at, zone).date()
}

/// When a day begins in a zone: where the clock leaves midnight out, after the gap.
#[must_use]
pub fn day_begins(date: Date, zone: &Zone) -> Instant {
    resolve(date.at(0, 0, 0, 0), zone)
}

/// `2027-03-28 09:00` on the clock of a zone.
#[must_use]
pub fn local_text(at: Instant, zone: &Zone) -> String {
    if at.is_never() {
        return "never".to_owned();
    }
    local(at, zone).strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_where_its_clock_says_so() {
        let rome = Zone::named("Europe/Rome").unwrap();
        let begins = day_begins("2027-03-28".parse().unwrap(), &rome);
        assert_eq!(begins.to_string(), "2027-03-27T23:00:00Z");
        assert_eq!(date_at(begins, &rome).to_string(), "2027-03-28");
        assert_eq!(local_text(begins, &rome), "2027-03-28 00:00");
        // Clocks go from 23:59 to 01:00.
        let beirut = Zone::named("Asia/Beirut").unwrap();
        let begins = day_begins("2027-03-28".parse().unwrap(), &beirut);
        assert_eq!(local_text(begins, &beirut), "2027-03-28 01:00");
    }
}
