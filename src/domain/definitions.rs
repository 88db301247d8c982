//! Definitions: everything in the campaign folder that is live, checked as a whole and compiled.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    hash::{Hash as _, Hasher as _},
    ops::Deref,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    campaign::Campaign,
    condition::{Condition, Named},
    facts::FactPlan,
    id::ReleaseId,
    name::Name,
    people::{People, Person},
    policy::Policy,
    question::Questions,
    score::Scoring,
    template::Templates,
    time::Instant,
    value::{Schema, Value},
    workflow::{Enter, StepKind, Version, Workflow},
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
    pub campaigns: BTreeMap<Name, Campaign>,
    pub questions: Questions,
    /// The contents of each stream, in their order.
    pub streams: BTreeMap<Name, Vec<Name>>,
    pub workflows: LiveWorkflows,
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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct SegmentIx(pub usize);

/// Since when a workflow of a name has been live without a break, whatever its versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Since {
    pub at: Instant,
    /// Engines take a release over some time after `at`: what tells whether a lead was decided with
    /// the workflow live is this, not a clock.
    pub release: ReleaseId,
    #[serde(default)]
    pub door: Door,
}

/// Since when leads come in by the condition by which they do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Door {
    /// [`Definitions::door_mark`]
    pub mark: i64,
    pub at: Instant,
    pub release: ReleaseId,
}

/// A workflow that leads can enter.
#[derive(Clone, Debug)]
pub struct LiveWorkflow {
    pub workflow: Arc<Workflow>,
    pub since: Since,
}

/// Those that leads can enter, the largest priority first, then by name.
#[derive(Clone, Debug, Default)]
pub struct LiveWorkflows {
    in_order: Vec<LiveWorkflow>,
    places: HashMap<Name, usize>,
}

impl LiveWorkflows {
    /// Where the one of a name stands in the order.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }
}

impl From<Vec<LiveWorkflow>> for LiveWorkflows {
    fn from(mut workflows: Vec<LiveWorkflow>) -> Self {
        workflows.sort_by_key(|live| (Reverse(live.workflow.priority), live.workflow.name.clone()));
        let name = |(place, live): (usize, &LiveWorkflow)| (live.workflow.name.clone(), place);
        Self { places: workflows.iter().enumerate().map(name).collect(), in_order: workflows }
    }
}

impl Deref for LiveWorkflows {
    type Target = [LiveWorkflow];

    fn deref(&self) -> &[LiveWorkflow] {
        &self.in_order
    }
}

impl Definitions {
    #[must_use]
    pub fn workflow(&self, name: &str) -> Option<&LiveWorkflow> {
        self.workflows.place(name).map(|place| &self.workflows[place])
    }

    /// The structure of a version; where that is not known any more, the live one of its name.
    #[must_use]
    pub fn structure(&self, version: &Version, name: &str) -> Option<&Workflow> {
        let live = || self.workflow(name).map(|live| &*live.workflow);
        self.structures.get(version).map(AsRef::as_ref).or_else(live)
    }

    /// A number that changes when the condition does by which leads enter a workflow: its text, that of
    /// the segments that it names, the scoring if it asks for scores; and when its instants are others. 0 if
    /// they enter by an event or by hand.
    #[must_use]
    pub fn door_mark(&self, workflow: &Workflow) -> i64 {
        let Some((condition, way)) = workflow.enter.door(&self.policy) else { return 0 };
        let mut sources: Vec<&str> = condition.into_iter().map(Condition::source).collect();
        let mut named: Vec<String> = Vec::new();
        let mut next = 0;
        while let Some(source) = sources.get(next) {
            next += 1;
            for name in Named::in_source(source).segments {
                if let Some(segment) = self.segment(&name)
                    && !named.contains(&name)
                {
                    sources.push(segment.condition.source());
                    named.push(name);
                }
            }
        }
        let mut hasher = siphasher::sip::SipHasher24::new();
        (&sources, &named).hash(&mut hasher);
        if !way.is_empty() {
            way.hash(&mut hasher);
        }
        if condition.is_some_and(|condition| condition.asks_for_scores(&self.segments)) {
            self.scoring.mark(&self.plan).hash(&mut hasher);
        }
        hasher.finish().cast_signed()
    }

    /// The mails that a step may send to a lead.
    #[must_use]
    pub fn mails_of<'a>(&'a self, step: &'a StepKind) -> &'a [Name] {
        match step {
            StepKind::Email { template, .. } => std::slice::from_ref(template),
            StepKind::Stream(stream) => {
                self.streams.get(&stream.name).map(Vec::as_slice).unwrap_or_default()
            }
            _ => &[],
        }
    }

    /// When the clock of a workflow that has one ticks for the first time after an instant; of what was before
    /// it went live nothing comes.
    #[must_use]
    pub fn next_tick(&self, live: &LiveWorkflow, after: Instant) -> Option<Instant> {
        let Enter::Schedule(ticking) = &live.workflow.enter else { return None };
        ticking.ticks.next_after(after.max(live.since.door.at), ticking.zone(&self.policy))
    }

    /// Who owns a lead with these attributes, if it is one of us.
    #[must_use]
    pub fn owner(&self, attributes: &[Option<Value>]) -> Option<(&Name, &Person)> {
        self.people.owner(&self.schema, attributes)
    }

    #[must_use]
    pub fn segment(&self, name: &str) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.name == *name)
    }

    /// A segment without a name, to ask leads by: no file has it.
    pub fn ask(&mut self, condition: Condition) -> SegmentIx {
        self.segments.push(Segment { name: Name::default(), about: String::new(), condition });
        SegmentIx(self.segments.len() - 1)
    }
}
