//! What an edit of a workflow's structure does to those who are in flight in another version of it.

use std::collections::BTreeMap;

use super::{
    name::Name,
    workflow::{StepIx, Workflow},
};

/// Said by the version that is live, of all who are in another one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum OnChange {
    /// They go on in the version that they entered.
    #[default]
    Pin,
    /// They move to this one: who is at a step that it has stays at it; of the others this says where they
    /// come to. `None` is the end.
    Migrate(BTreeMap<Name, Option<StepIx>>),
    /// They finish what they are at, and leave.
    Drain,
    /// They leave now.
    Cancel,
}

impl OnChange {
    pub const WORDS: [&str; 4] = ["pin", "migrate", "drain", "cancel"];

    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::Migrate(_) => "migrate",
            Self::Drain => "drain",
            Self::Cancel => "cancel",
        }
    }
}

/// Where somebody comes to who moves from a step of another version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Landing {
    /// The step is still there.
    Same(StepIx),
    Other(StepIx),
    End,
}

impl Workflow {
    /// Where somebody comes to who moves to this version from a step of another one. `None`: the step is
    /// gone, and nothing says where to; they stay where they are.
    #[must_use]
    pub fn landing(&self, step: &str) -> Option<Landing> {
        if let Some(same) = self.steps.find(step) {
            return Some(Landing::Same(same));
        }
        let OnChange::Migrate(map) = &self.on_change else { return None };
        Some(map.get(step)?.map_or(Landing::End, Landing::Other))
    }
}
