//! What differs between what is live and a folder, before anybody is looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::domain::{
    artefact::{Artefact, ArtefactKind},
    name::Name,
    workflow::{Step, Workflow},
};

/// What becomes of something that is defined.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Added,
    Changed,
    Removed,
    /// Of a workflow: it is as it was, and people in it are concerned by something else.
    Unchanged,
}

impl What {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What becomes of a step, by its id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepWhat {
    Added,
    Changed,
    /// It is the same, and comes earlier or later.
    Moved,
    Removed,
}

impl StepWhat {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::Removed => "removed",
        }
    }
}

/// An artefact that differs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Difference {
    pub kind: ArtefactKind,
    pub name: Name,
    pub what: What,
}

/// The artefacts that differ, by kind and name.
#[must_use]
pub fn differences(before: &[Artefact], after: &[Artefact]) -> Vec<Difference> {
    type Key<'a> = (ArtefactKind, &'a Name);
    fn by_key(artefacts: &[Artefact]) -> BTreeMap<Key<'_>, &Artefact> {
        artefacts.iter().map(|found| ((found.kind, &found.name), found)).collect()
    }
    let (old, new) = (by_key(before), by_key(after));
    let keys: BTreeSet<Key<'_>> = old.keys().chain(new.keys()).copied().collect();
    let difference = |key: Key<'_>| {
        let what = match (old.get(&key), new.get(&key)) {
            (None, _) => What::Added,
            (_, None) => What::Removed,
            (Some(old), Some(new)) if old.version == new.version => return None,
            _ => What::Changed,
        };
        Some(Difference { kind: key.0, name: key.1.clone(), what })
    };
    keys.into_iter().filter_map(difference).collect()
}

/// The keys of two YAML artefacts whose values differ.
#[must_use]
pub fn parts(before: &Artefact, after: &Artefact) -> BTreeSet<String> {
    let read = |found: &Artefact| -> serde_json::Map<String, serde_json::Value> {
        serde_json::from_str(&found.content).unwrap_or_default()
    };
    let (before, after) = (read(before), read(after));
    let keys = before.keys().chain(after.keys());
    keys.filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}

/// The steps that differ, those of the new version in their order, then those that are gone. Both were
/// compiled together.
#[must_use]
pub fn steps(before: &Workflow, after: &Workflow) -> Vec<(Name, StepWhat)> {
    let old: Vec<&Step> = before.steps.iter().collect();
    let place = |id: &Name| old.iter().position(|step| step.id == *id);
    let kept: Vec<usize> = after.steps.iter().filter_map(|step| place(&step.id)).collect();
    let in_order = longest_rise(&kept);
    let mut found = Vec::new();
    for step in after.steps.iter() {
        match place(&step.id) {
            None => found.push((step.id.clone(), StepWhat::Added)),
            Some(at) if written(old[at]) != written(step) => {
                found.push((step.id.clone(), StepWhat::Changed));
            }
            Some(at) if !in_order.contains(&at) => {
                found.push((step.id.clone(), StepWhat::Moved));
            }
            Some(_) => {}
        }
    }
    let gone = old.iter().filter(|step| after.steps.find(&step.id).is_none());
    found.extend(gone.map(|step| (step.id.clone(), StepWhat::Removed)));
    found
}

/// What a step does, wherever it leads.
fn written(step: &Step) -> String {
    let mut kind = step.kind.clone();
    for branch in kind.branches_mut() {
        *branch = None;
    }
    format!("{kind:?}")
}

/// The members of a longest rising part of a list: these have kept their order, the others were moved.
fn longest_rise(places: &[usize]) -> BTreeSet<usize> {
    let mut best: Vec<(usize, Option<usize>)> = Vec::with_capacity(places.len());
    for (index, place) in places.iter().enumerate() {
        let before = (0..index).filter(|&at| places[at] < *place).max_by_key(|&at| best[at].0);
        best.push((before.map_or(1, |at| best[at].0 + 1), before));
    }
    let mut at = (0..places.len()).max_by_key(|&at| best[at].0);
    let mut rise = BTreeSet::new();
    while let Some(index) = at {
        rise.insert(places[index]);
        at = best[index].1;
    }
    rise
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_moved_is_what_left_the_order_of_most() {
        let kept = |places: &[usize]| longest_rise(places).into_iter().collect::<Vec<_>>();
        assert_eq!(kept(&[0, 1, 2]), [0, 1, 2]);
        assert_eq!(kept(&[2, 0, 1]), [0, 1]);
        assert_eq!(kept(&[]), Vec::<usize>::new());
    }
}
