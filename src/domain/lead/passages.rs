//! Re-entry history: in which workflows a lead has been.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{definitions::LiveWorkflow, name::Name, time::Instant};

/// What is remembered of a lead's former enrolments in one workflow.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Passage {
    /// How often it entered.
    #[serde(rename = "n")]
    pub times: u32,
    #[serde(rename = "e")]
    pub entered_at: Instant,
    /// `None` while it is inside.
    #[serde(rename = "x", default)]
    pub ended_at: Option<Instant>,
}

/// A lead's passages through all workflows. Those that are live are asked for at every decision, so they
/// are looked up by name once, when the lead is loaded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Passages {
    /// By index of the live workflow. May be shorter than there are workflows.
    live: Vec<Option<Passage>>,
    others: BTreeMap<Name, Passage>,
}

/// No workflow's name has such a character in it.
fn keyed(workflow: &str, key: &str) -> String {
    format!("{workflow}\u{1f}{key}")
}

impl Passages {
    /// How many keys of a workflow are remembered that are over.
    pub const KEYS: usize = 50;

    #[must_use]
    pub fn of(workflows: &[LiveWorkflow], mut by_name: BTreeMap<Name, Passage>) -> Self {
        let live = workflows.iter().map(|it| by_name.remove(&it.workflow.name)).collect();
        Self { live, others: by_name }
    }

    #[must_use]
    pub fn by_name(&self, workflows: &[LiveWorkflow]) -> BTreeMap<Name, Passage> {
        let names = workflows.iter().map(|it| &it.workflow.name);
        let live = names.zip(&self.live);
        let live = live.filter_map(|(name, passage)| Some((name.clone(), passage.clone()?)));
        self.others.clone().into_iter().chain(live).collect()
    }

    /// Through a live workflow.
    #[must_use]
    pub fn get(&self, live: usize) -> Option<&Passage> {
        self.live.get(live)?.as_ref()
    }

    /// One more through a live workflow begins.
    pub fn begin(&mut self, live: usize, now: Instant) {
        if self.live.len() <= live {
            self.live.resize(live + 1, None);
        }
        let times = self.live[live].as_ref().map_or(0, |passage| passage.times);
        self.live[live] = Some(Passage { times: times + 1, entered_at: now, ended_at: None });
    }

    /// Through a workflow that a lead is in once for each key.
    #[must_use]
    pub fn of_key(&self, workflow: &str, key: &str) -> Option<&Passage> {
        self.others.get(&*keyed(workflow, key))
    }

    /// One more for this key begins. Of those for which it is not `inside` any more only the last are remembered, also of those
    /// whose end nobody told by the same key: the version that it ended in may have another, or be gone.
    pub fn begin_key(&mut self, workflow: &str, key: &str, inside: &[Name], now: Instant) {
        let times = self.of_key(workflow, key).map_or(0, |passage| passage.times);
        let passage = Passage { times: times + 1, entered_at: now, ended_at: None };
        self.others.insert(keyed(workflow, key).into(), passage);
        let all = keyed(workflow, "");
        let is_over = |of: &str| of != key && !inside.iter().any(|it| **it == *of);
        let over =
            self.others.iter().filter(|(name, _)| name.strip_prefix(&*all).is_some_and(is_over));
        let mut over: Vec<_> =
            over.map(|(name, it)| (it.ended_at.unwrap_or(it.entered_at), name.clone())).collect();
        over.sort_unstable();
        let room = over.len().saturating_sub(Self::KEYS);
        for (_, name) in over.drain(..room) {
            self.others.remove(&name);
        }
    }

    /// That for this key ends.
    pub fn end_key(&mut self, workflow: &str, key: &str, now: Instant) {
        if let Some(passage) = self.others.get_mut(&*keyed(workflow, key)) {
            passage.ended_at = Some(now);
        }
    }

    /// The one through this workflow, which may be live no more, ends.
    pub fn end(&mut self, live: Option<usize>, workflow: &Name, now: Instant) {
        let passage = match live {
            Some(live) => self.live.get_mut(live).and_then(Option::as_mut),
            None => self.others.get_mut(workflow),
        };
        if let Some(passage) = passage {
            passage.ended_at = Some(now);
        }
    }
}
