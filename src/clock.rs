//! The only place that reads the wall clock and the system's randomness.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::domain::time::Instant;

/// Where `now` comes from: the system, or a driver (a rehearsal, a test).
#[derive(Clone, Debug)]
pub enum Clock {
    System,
    Driven(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still until it is moved.
    #[must_use]
    pub fn driven(at: Instant) -> Self {
        Self::Driven(Arc::new(AtomicI64::new(at.millis())))
    }

    #[must_use]
    pub fn now(&self) -> Instant {
        match self {
            #[allow(clippy::disallowed_methods)] // here, and nowhere else
            Self::System => Instant::from(jiff::Timestamp::now()),
            Self::Driven(millis) => Instant::from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Moves a driven clock; the system's stays as it is.
    pub fn set(&self, at: Instant) {
        if let Self::Driven(millis) = self {
            millis.store(at.millis(), Ordering::SeqCst);
        }
    }
}

/// Unseeded random bytes: keys, tokens of claims, jitter, nodes.
#[must_use]
pub fn random_u64() -> u64 {
    #[allow(clippy::disallowed_methods)] // here, and nowhere else
    rand::random()
}

/// A fresh secret key, from the system's secure generator.
#[must_use]
pub fn random_key() -> [u8; 32] {
    #[allow(clippy::disallowed_methods)] // here, and nowhere else
    rand::random()
}
