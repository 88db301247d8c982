//! The rules of all time zones, as one number.

use std::hash::{Hash as _, Hasher as _};

use jiff::{Timestamp, civil::date, tz};

/// A number that changes when the rules of some time zone do, as far as waits reach: what was reckoned by
/// other rules is to be looked at again. Reads the time zone database: a few ten milliseconds.
#[must_use]
pub fn zone_rules_mark() -> i64 {
    let at = |year| date(year, 1, 1).to_zoned(tz::TimeZone::UTC).map(|at| at.timestamp());
    let from = at(2026).unwrap_or(Timestamp::UNIX_EPOCH);
    let until = at(2036).unwrap_or(Timestamp::MAX);
    let mut names: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
    names.sort();
    let mut hasher = siphasher::sip::SipHasher24::new();
    for name in names {
        let Ok(zone) = tz::TimeZone::get(&name) else { continue };
        (&name, zone.to_offset(from).seconds()).hash(&mut hasher);
        for change in zone.following(from).take_while(|change| change.timestamp() < until) {
            (change.timestamp().as_second(), change.offset().seconds()).hash(&mut hasher);
        }
    }
    hasher.finish().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_rules_have_the_same_mark() {
        let mark = zone_rules_mark();
        assert_eq!(mark, zone_rules_mark());
    }
}
