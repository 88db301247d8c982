//! Sending windows on the lead's own clock.

use crate::domain::time::{Instant, Zone};

/// Days of the week and hours of the day: `mon-fri 09:00-17:30`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WindowError(pub String);

impl std::fmt::Display for Window {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl Window {
    /// Open at all hours.
    #[must_use]
    pub fn always() -> Self {
        Self {}
    }

    /// # Errors
    /// What is wrong with the text, and how to write it.
    pub fn parse(_text: &str) -> Result<Self, WindowError> {
        todo!()
    }

    /// `now` if it is open then, else when it next opens.
    #[must_use]
    pub fn next_open(&self, _now: Instant, _zone: &Zone) -> Instant {
        todo!()
    }
}
