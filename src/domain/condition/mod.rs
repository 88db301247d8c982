//! Conditions: typed expressions over a lead and its events, true or false at an instant.

mod view;

use std::sync::Arc;

pub use view::View;

use super::verdict::Verdict;

/// A checked condition.
#[derive(Clone, Debug)]
pub struct Condition {
    source: Arc<str>,
}

impl Condition {
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    #[must_use]
    pub fn verdict(&self, _view: &View<'_>) -> Verdict {
        todo!()
    }
}
