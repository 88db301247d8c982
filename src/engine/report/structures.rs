//! The structures of earlier versions: who has ended in one has gone its way.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use crate::{
    definitions::compile,
    domain::{
        artefact::{Artefact, ArtefactKind},
        definitions::Definitions,
        lead::Turn,
        name::Name,
        workflow::{Version, Workflow},
    },
    engine::releasing::listed,
    store::{Store, StoreError},
};

/// Structures of workflows by their versions.
#[derive(Debug, Default)]
pub struct Structures(HashMap<Version, Arc<Workflow>>);

impl Structures {
    pub fn iter(&self) -> impl Iterator<Item = &Workflow> {
        let mut all: Vec<&Workflow> = self.0.values().map(AsRef::as_ref).collect();
        all.sort_by_key(|structure| &structure.version);
        all.into_iter()
    }

    /// The steps on the way to `last`, which is all that is known where the structure is not.
    pub fn way(&self, version: &Version, turns: &[Turn], last: &Name) -> Vec<Name> {
        let way = self.0.get(version).and_then(|structure| {
            let way = structure.steps.way(turns, last)?;
            Some(way.into_iter().map(|at| structure.steps.get(at).id.clone()).collect())
        });
        way.unwrap_or_else(|| vec![last.clone()])
    }
}

/// These versions' structures. One that cannot be read any more beside what is live, as what it names is
/// gone, is not among them.
pub async fn structures(
    store: &Store,
    definitions: &Definitions,
    versions: BTreeSet<&Version>,
) -> Result<Structures, StoreError> {
    let mut known: HashMap<Version, Arc<Workflow>> = HashMap::new();
    let mut missing = Vec::new();
    for version in versions {
        match definitions.structures.get(version) {
            Some(structure) => drop(known.insert(version.clone(), Arc::clone(structure))),
            None => missing.push(version.clone()),
        }
    }
    if missing.is_empty() {
        return Ok(Structures(known));
    }
    let Some(release) = store.live_release().await? else { return Ok(Structures(known)) };
    let live = listed(store, &release).await?;
    let mut elders = store.artefacts(&missing).await?;
    elders.retain(|artefact| artefact.kind == ArtefactKind::Workflow);
    let read = |elders: &[Artefact]| compile(&live, elders, release.id, &release.live_since);
    let compiled = match read(&elders) {
        Ok(all) => vec![all],
        Err(_) => elders.chunks(1).filter_map(|elder| read(elder).ok()).collect(),
    };
    for version in missing {
        let found = compiled.iter().find_map(|one| one.structures.get(&version));
        known.extend(found.map(|structure| (version, Arc::clone(structure))));
    }
    Ok(Structures(known))
}
