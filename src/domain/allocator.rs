//! The allocator: what is shared between leads is granted here, in one order, outside of decisions.

use super::decision::{Grants, Want};

/// Grants wants in order of (instant, priority, lead). A refusal comes with a future slot, never a retry.
///
/// Nothing shared is limited yet, so every want is granted; caps of accounts, rates and ramps are
/// counted here once policy can name them.
#[derive(Debug, Default)]
pub struct Allocator;

impl Allocator {
    /// Answers the wants of one lead's decision. Returns whether it refused any that was not refused
    /// before: then the lead is to be decided again.
    pub fn grant(&mut self, _wants: &[Want], _grants: &mut Grants) -> bool {
        false
    }
}
