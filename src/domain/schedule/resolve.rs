//! From local time to instants and back: the one place where gaps and folds are decided.

use jiff::{civil::DateTime, tz::AmbiguousOffset};

use crate::domain::time::{Instant, Zone};

/// What the clock of `zone` reads at `at`.
#[must_use]
pub fn local(at: Instant, zone: &Zone) -> DateTime {
    zone.tz().to_datetime(at.timestamp())
}

/// The latest time that the clock of `zone` has read until `at`: while it goes through an hour for the second time, the end of
/// that hour. What is no later than this means `at` or an instant before, all else one after it.
pub(super) fn reached(at: Instant, zone: &Zone) -> DateTime {
    let read = local(at, zone);
    let last_change = zone.tz().preceding(at.next().timestamp()).next();
    let before = last_change.map(|change| Instant::from(change.timestamp()).millis() - 1);
    before.map_or(read, |before| read.max(local(Instant::from_millis(before), zone)))
}

/// The instant that a local time means: in a gap the first instant after it, in a fold the first
/// of the two. Never decreases as `local` grows. A local time beyond the calendar is never.
#[must_use]
pub fn resolve(local: DateTime, zone: &Zone) -> Instant {
    resolve_with_gap(local, zone).0
}

/// Also whether it lies in a gap.
pub(super) fn resolve_with_gap(local: DateTime, zone: &Zone) -> (Instant, bool) {
    let tz = zone.tz();
    let ambiguous = tz.to_ambiguous_timestamp(local);
    let gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let Ok(earlier) = ambiguous.earlier() else { return (Instant::NEVER, gap) };
    if !gap {
        return (earlier.into(), false);
    }
    // In a gap `earlier` lies before the change of the clock, which is the instant we want.
    let after = tz
        .following(earlier)
        .find(|change| tz.to_datetime(change.timestamp()) > local)
        .map_or(Instant::NEVER, |change| change.timestamp().into());
    (after, true)
}
