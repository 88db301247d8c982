//! Definitions: everything in the campaign folder that is live, checked as a whole and compiled.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    condition::Condition,
    facts::FactPlan,
    id::ReleaseId,
    name::Name,
    policy::{People, Policy},
    score::Scoring,
    template::Templates,
    time::Instant,
    value::Schema,
    workflow::{Version, Workflow},
};

/// What [`decide`](super::decide::decide) goes by.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    pub release: ReleaseId,
    pub schema: Schema,
    pub plan: FactPlan,
    /// [`FactPlan::mark`], computed once.
    pub plan_mark: i64,
    /// In an order in which each names only earlier ones.
    pub segments: Vec<Segment>,
    pub scoring: Scoring,
    pub policy: Policy,
    pub people: People,
    /// Those that leads can enter, the largest priority first, then by name.
    pub workflows: Vec<LiveWorkflow>,
    /// Every structure that an active enrolment may be pinned to, the live ones included.
    pub structures: HashMap<Version, Arc<Workflow>>,
    pub templates: Templates,
}

/// A named condition.
#[derive(Clone, Debug)]
pub struct Segment {
    pub name: Name,
    pub about: String,
    pub condition: Condition,
}

/// Which segment: an index into [`Definitions::segments`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct SegmentIx(pub usize);

/// Since when a workflow of a name has been live without a break, whatever its versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Since {
    pub at: Instant,
    /// Engines take a release over some time after `at`: what tells whether a lead was decided with
    /// the workflow live is this, not a clock.
    pub release: ReleaseId,
}

/// A workflow that leads can enter.
#[derive(Clone, Debug)]
pub struct LiveWorkflow {
    pub workflow: Arc<Workflow>,
    /// Since when a workflow of this name has been live.
    pub live_since: Instant,
    /// The release that brought it: [`Since::release`].
    pub since_release: ReleaseId,
}

impl Definitions {
    #[must_use]
    pub fn workflow(&self, name: &str) -> Option<&LiveWorkflow> {
        self.workflows.iter().find(|live| live.workflow.name == *name)
    }

    #[must_use]
    pub fn segment(&self, name: &str) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.name == *name)
    }
}
