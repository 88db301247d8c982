//! What people ask of a campaign: how far leads have come, what was sent, what came of it, what is due.
//!
//! Computed from counts of the store; nothing is written. Commands print it.

pub mod budget;
pub mod funnel;
pub mod idle;
pub mod ramps;
mod structures;
pub mod today;
pub mod why;
pub mod why_not;
pub mod workflow;

use serde::{Serialize, Serializer};

use crate::domain::time::Instant;

/// So many, for one reason.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Reason {
    pub reason: String,
    pub number: u64,
}

/// Adds to the number of a reason.
fn add_reason(reasons: &mut Vec<Reason>, reason: &str, number: u64) {
    match reasons.iter_mut().find(|known| known.reason == reason) {
        Some(known) => known.number += number,
        None => reasons.push(Reason { reason: reason.to_owned(), number }),
    }
    reasons.sort_by(|one, other| (other.number, &one.reason).cmp(&(one.number, &other.reason)));
}

/// RFC 3339; `null` for never and for the beginning of time.
#[allow(clippy::trivially_copy_pass_by_ref)] // serde's way
fn as_time<S: Serializer>(at: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    if at.is_never() || *at == Instant::DAWN {
        return serializer.serialize_none();
    }
    serializer.collect_str(at)
}

#[allow(clippy::ref_option)] // serde's way
fn as_some_time<S: Serializer>(at: &Option<Instant>, serializer: S) -> Result<S::Ok, S::Error> {
    as_time(&at.unwrap_or(Instant::NEVER), serializer)
}

/// A part of a whole, as a fraction with four digits; `None` of nothing.
#[allow(clippy::cast_precision_loss)] // far below 2^52
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 10_000.0).round() / 10_000.0)
}
