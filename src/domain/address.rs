//! E-mail addresses in the one form that is stored, compared and written to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A canonical e-mail address: trimmed, lower case, its domain in A-labels.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

/// Why a text is no address that we would write to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(pub &'static str);

impl Address {
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        // replaced by the full rules
        let text = text.trim().to_lowercase();
        if text.contains('@') { Ok(Self(text)) } else { Err(BadAddress("it has no `@`")) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// In A-labels.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Masked: addresses stay out of logs. Use [`Address::as_str`] to write one.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address(…@{})", self.domain())
    }
}
