//! Identifiers: 64-bit integers made by us, never by the database.

use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

use super::time::Instant;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A lead.
    LeadId
);
id!(
    /// A message: one mail to one lead for one (enrolment, step, visit).
    MessageId
);
id!(
    /// A release: which artefacts are live from an instant on.
    ReleaseId
);
id!(
    /// A lead's revision. Every event and every decision takes the next one, in commit order, so
    /// `(lead, rev)` also names an event.
    Rev
);
id!(
    /// The how-manieth enrolment of its lead, from 1.
    EnrolmentNo
);

/// An identifier in JSON that people's programs read: a text, since many readers take numbers for floats and
/// lose their last digits.
pub fn as_text<T: std::fmt::Display, S: serde::Serializer>(
    id: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

impl ReleaseId {
    /// When it was made: seconds since 2024. A later one has more.
    #[must_use]
    pub fn seconds(self) -> u32 {
        u32::try_from((self.0 >> (IdSource::SEQUENCE_BITS + IdSource::NODE_BITS)) / 1000)
            .unwrap_or_default()
    }
}

impl Rev {
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Makes identifiers that grow with time: 41 bits of milliseconds since 2024, 10 bits of node,
/// 12 bits of sequence. Unique across daemons as far as their nodes differ.
#[derive(Debug)]
pub struct IdSource {
    node: i64,
    last: AtomicI64,
}

impl IdSource {
    const EPOCH: i64 = 1_704_067_200_000; // 2024-01-01T00:00:00Z
    const SEQUENCE_BITS: u32 = 12;
    const NODE_BITS: u32 = 10;

    /// `node` tells daemons apart; its lowest ten bits count.
    #[must_use]
    pub fn new(node: u16) -> Self {
        let node = i64::from(node) & ((1 << Self::NODE_BITS) - 1);
        Self { node, last: AtomicI64::new(0) }
    }

    /// The smallest identifier that is made at `at` or later.
    #[must_use]
    pub fn first_at(at: Instant) -> i64 {
        Self::span(at.millis().saturating_sub(Self::EPOCH).max(0))
    }

    /// By how much identifiers grow in so many milliseconds.
    #[must_use]
    pub const fn span(millis: i64) -> i64 {
        millis.saturating_mul(1 << (Self::NODE_BITS + Self::SEQUENCE_BITS))
    }

    /// When an identifier was made.
    #[must_use]
    pub const fn made_at(id: i64) -> Instant {
        Instant::from_millis(Self::EPOCH + (id >> (Self::NODE_BITS + Self::SEQUENCE_BITS)))
    }

    /// A fresh identifier, larger than each before it from this source, also when `now` steps back.
    pub fn next(&self, now: Instant) -> i64 {
        // `last` counts (millisecond, sequence) pairs; the node is put between them on the way out.
        let floor = (now.millis() - Self::EPOCH).max(1) << Self::SEQUENCE_BITS;
        let previous = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(floor.max(last + 1)))
            .unwrap_or_default();
        let ticket = floor.max(previous + 1);
        let (millis, sequence) =
            (ticket >> Self::SEQUENCE_BITS, ticket & ((1 << Self::SEQUENCE_BITS) - 1));
        (((millis << Self::NODE_BITS) | self.node) << Self::SEQUENCE_BITS) | sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_steps_back() {
        let source = IdSource::new(3);
        let noon = Instant::from_millis(1_800_000_000_000);
        let first = source.next(noon);
        let second = source.next(Instant::from_millis(1_700_000_000_000));
        assert!(first > 0 && second > first);
    }

    #[test]
    fn an_id_tells_when_it_was_made() {
        let noon = Instant::from_millis(1_800_000_000_123);
        let id = IdSource::new(1023).next(noon);
        assert_eq!(IdSource::made_at(id), noon);
        assert!(IdSource::first_at(noon) <= id && id < IdSource::first_at(noon.next()));
        assert!(
            IdSource::first_at(Instant::DAWN) == 0
                && IdSource::first_at(Instant::NEVER) == i64::MAX
        );
    }

    #[test]
    fn more_ids_than_one_millisecond_holds_are_still_distinct() {
        let source = IdSource::new(1023);
        let noon = Instant::from_millis(1_800_000_000_000);
        let ids: std::collections::BTreeSet<i64> = (0..10_000).map(|_| source.next(noon)).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
