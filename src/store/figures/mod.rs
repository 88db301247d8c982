//! What reports count. Each report reads one state of the database, and indexes wherever there are many rows.

mod funnel;
mod queue;
mod today;
mod upcoming;
mod workflow;

#[cfg(test)]
pub(super) use self::{
    funnel::THAT_MATTER,
    workflow::{BACK, MAILS, PASSED_OVER, STANDINGS},
};

use crate::domain::time::Instant;

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// The reason out of a stored `held`, `[until,"why"]`, whose beginning the statement has cut off up to the
/// comma.
fn why_held(rest: &str) -> String {
    let text = rest.strip_prefix(',').and_then(|rest| rest.strip_suffix(']'));
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| rest.to_owned())
}

pub(super) fn or_never(at: Option<i64>) -> Instant {
    at.map_or(Instant::NEVER, Instant::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_read_whatever_is_in_it() {
        assert_eq!(why_held(",\"a \\\"b\\\", c]\"]"), "a \"b\", c]");
        assert_eq!(why_held("odd"), "odd");
    }
}
