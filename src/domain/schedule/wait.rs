//! Waits: spans, business days, until a weekday or an hour.

use crate::domain::{
    lead::Due,
    time::{Instant, Zone},
};

/// How long a `wait` or an `up_to` is.
#[derive(Clone, PartialEq, Debug)]
pub enum WaitSpec {}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WaitError(pub String);

impl WaitSpec {
    /// # Errors
    /// What is wrong with the text, and how to write it.
    pub fn parse(_text: &str) -> Result<Self, WaitError> {
        todo!()
    }

    /// When a wait that begins at `from` is over, on the clock of `zone`.
    #[must_use]
    pub fn due(&self, _from: Instant, _zone: &Zone) -> Due {
        todo!()
    }
}
