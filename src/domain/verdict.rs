//! Verdicts: what a condition yields, and for how long it holds.

use serde::Serialize;

use super::time::Instant;

/// Three values, as in Kleene's logic: what rests on a missing attribute, or on behaviour that we
/// may not look at, is `Unknown`, and so is its negation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    False,
    Unknown,
    True,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// A value and the first instant at which it could change with no new event.
///
/// For every `t` in `[now, holds_until)` the value is the same, and `holds_until > now`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Verdict {
    pub value: Truth,
    pub holds_until: Instant,
}

impl Verdict {
    #[must_use]
    pub const fn always(value: Truth) -> Self {
        Self { value, holds_until: Instant::NEVER }
    }

    /// Only what is known to be true counts as true.
    #[must_use]
    pub fn is_true(self) -> bool {
        self.value == Truth::True
    }

    #[must_use]
    pub fn negate(self) -> Self {
        let value = match self.value {
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
            Truth::True => Truth::False,
        };
        Self { value, ..self }
    }

    /// False holds as long as the longest of the false parts; else until the first part changes.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.meet(other, Truth::False)
    }

    /// True holds as long as the longest of the true parts; else until the first part changes.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.meet(other, Truth::True)
    }

    /// `decisive` is the value that settles the whole: false for `and`, true for `or`.
    fn meet(self, other: Self, decisive: Truth) -> Self {
        match (self.value == decisive, other.value == decisive) {
            (true, true) => {
                Self { value: decisive, holds_until: self.holds_until.max(other.holds_until) }
            }
            (true, false) => self,
            (false, true) => other,
            (false, false) => Self {
                value: if self.value == Truth::Unknown { self.value } else { other.value },
                holds_until: self.holds_until.min(other.holds_until),
            },
        }
    }
}
