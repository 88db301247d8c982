use jiff::{SignedDuration, civil::DateTime};

use super::*;
use crate::domain::time::{Instant, Zone};

/// What the rule comes to: the first instant at which the clock reads that time or a later one.
fn assert_first(local_time: DateTime, zone: &Zone) {
    let at = resolve(local_time, zone);
    let just_before = Instant::from_millis(at.millis() - 1);
    let told = || format!("{local_time} in {} is {at}", zone.name());
    assert!(local(at, zone) >= local_time, "{}", told());
    assert!(local(just_before, zone) < local_time, "{}", told());
}

/// Every zone that we know, every change of its clock from 2025 to 2037, and the quarters of an
/// hour around it.
#[test]
fn a_local_time_means_the_first_instant_in_every_zone() {
    let (from, to) = (
        super::window_tests::instant("2025-01-01T00:00:00Z").timestamp(),
        super::window_tests::instant("2037-01-01T00:00:00Z").timestamp(),
    );
    let (mut zones, mut changes) = (0, 0);
    for name in jiff::tz::db().available() {
        let Ok(zone) = Zone::named(name.as_str()) else { continue };
        zones += 1;
        for change in zone.tz().following(from).take_while(|change| change.timestamp() < to) {
            changes += 1;
            let clock = zone.tz().to_datetime(change.timestamp());
            for quarter in -12..=12 {
                assert_first(clock + SignedDuration::from_mins(15 * quarter), &zone);
            }
        }
        assert_first(jiff::civil::date(2026, 11, 22).at(9, 0, 0, 0), &zone);
    }
    assert!(zones > 400 && changes > 2000, "{zones} zones, {changes} changes");
}
