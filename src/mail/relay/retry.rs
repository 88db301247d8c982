//! When a mail that was put off is tried again.

use std::{hash::Hasher, time::Duration};

use siphasher::sip::SipHasher13;

use crate::domain::time::Instant;

/// Minutes after the first, second … try; the last one repeats. Grey-listing lets a mail in after a
/// few minutes; RFC 5321 §4.5.4.1 wants half an hour and more after that.
const MINUTES: [u64; 6] = [5, 15, 30, 60, 120, 240];
const SHORTEST: Duration = Duration::from_mins(1);
/// RFC 5321 §4.5.4.1 says four to five days.
const GIVE_UP_AFTER: Duration = Duration::from_hours(4 * 24);

/// When to try again after `attempt` tries, counted from 1; `None` when it is time to give up.
///
/// The delay grows, and is spread by a fifth to either side by `jitter_seed` (the message's id, so
/// that mails put off together do not come back together). Never sooner than a minute, and never
/// later than four days after the first try.
#[must_use]
pub fn next_try(
    attempt: u32,
    first_tried_at: Instant,
    now: Instant,
    jitter_seed: u64,
) -> Option<Instant> {
    let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let minutes = MINUTES[index.min(MINUTES.len() - 1)];
    let mut hasher = SipHasher13::new();
    hasher.write_u64(jitter_seed);
    hasher.write_u32(attempt);
    let middle = minutes * 60_000;
    let spread = hasher.finish() % (middle * 2 / 5 + 1);
    let delay = Duration::from_millis(middle - middle / 5 + spread).max(SHORTEST);

    let last = first_tried_at + GIVE_UP_AFTER;
    let next = (now + delay).min(last);
    (!next.is_never() && next >= now + SHORTEST).then_some(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 24 * 3600 * 1000;

    #[test]
    fn a_mail_put_off_for_ever_is_tried_some_thirty_times_in_four_days() {
        let first = Instant::from_millis(1_800_000_000_000);
        let (mut now, mut attempt) = (first, 1);
        while let Some(next) = next_try(attempt, first, now, 7) {
            (now, attempt) = (next, attempt + 1);
        }
        assert_eq!(now.since(first), 4 * DAY, "the last try is at the very end");
        assert!((20..40).contains(&attempt), "{attempt} tries");
    }

    #[test]
    fn mails_put_off_together_come_back_apart() {
        let first = Instant::from_millis(1_800_000_000_000);
        let times: std::collections::BTreeSet<_> =
            (0..1000).filter_map(|seed| next_try(1, first, first, seed)).collect();
        assert!(times.len() > 900, "{}", times.len());
    }

    proptest! {
        #[test]
        fn never_sooner_than_a_minute_never_later_than_four_days(
            attempt: u32,
            first in -DAY..i64::MAX,
            later in 0..5 * DAY,
            seed: u64,
        ) {
            let first_at = Instant::from_millis(first);
            let now = Instant::from_millis(first.saturating_add(later));
            if let Some(next) = next_try(attempt, first_at, now, seed) {
                prop_assert!(next.since(now) >= 60_000);
                prop_assert!(next.since(first_at) <= 4 * DAY);
            }
            prop_assert_eq!(
                next_try(attempt, first_at, now, seed),
                next_try(attempt, first_at, now, seed)
            );
        }

        #[test]
        fn no_give_up_before_its_time(
            attempt: u32,
            first in 0..2_000_000_000_000_i64,
            later in 0..4 * DAY - 60_000,
            seed: u64,
        ) {
            let (first_at, now) = (Instant::from_millis(first), Instant::from_millis(first + later));
            prop_assert!(next_try(attempt, first_at, now, seed).is_some());
        }

        #[test]
        fn a_clock_that_stepped_back_does_not_try_at_once(
            attempt: u32, first in 0..2_000_000_000_000_i64, back in 0..100 * DAY, seed: u64,
        ) {
            let (first_at, now) = (Instant::from_millis(first), Instant::from_millis(first - back));
            let next = next_try(attempt, first_at, now, seed);
            prop_assert!(next.is_some_and(|next| next.since(now) >= 60_000));
        }
    }
}
