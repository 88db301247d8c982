//! What of a file came before.

use std::{
    collections::HashSet,
    hash::{Hash, Hasher},
};

use siphasher::sip::SipHasher24;

pub(super) fn hash(what: impl Hash) -> u64 {
    let mut hasher = SipHasher24::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// What came before, as hashes, as many as memory is spent on.
#[derive(Default)]
pub(super) struct Seen {
    hashes: HashSet<u64>,
    full: bool,
}

impl Seen {
    pub(super) const LIMIT: usize = 1_000_000;

    pub(super) fn is_new(&mut self, what: impl Hash) -> bool {
        let hash = hash(what);
        if self.hashes.len() < Self::LIMIT {
            return self.hashes.insert(hash);
        }
        let is_new = !self.hashes.contains(&hash);
        self.full |= is_new;
        is_new
    }

    pub(super) fn has(&self, what: impl Hash) -> bool {
        self.hashes.contains(&hash(what))
    }

    /// What the reader of a report should know, if there was more than could be remembered.
    pub(super) fn note(&self) -> Option<String> {
        self.full.then(|| {
            format!(
                "beyond {} rows a dry run does not look for duplicates within the file",
                Self::LIMIT
            )
        })
    }
}
