//! What was live when: releases, compiled.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    definitions::compile,
    domain::{
        artefact::{Artefact, ArtefactKind},
        definitions::Definitions,
        id::ReleaseId,
        name::Name,
        time::Instant,
        workflow::Version,
    },
    engine::{live::LiveError, releasing::listed},
    store::{Store, records::ReleaseRow},
};

/// The releases of a database, the first one first.
#[derive(Debug)]
pub struct Chronicle {
    releases: Vec<Chapter>,
}

#[derive(Debug)]
struct Chapter {
    row: ReleaseRow,
    definitions: Arc<Definitions>,
}

impl Chronicle {
    /// All releases, compiled by this binary as when they were live.
    ///
    /// # Errors
    /// When the database cannot be read, or a release of it not be understood any more.
    pub async fn of(store: &Store) -> Result<Self, LiveError> {
        let mut rows = store.releases(i64::MAX).await?;
        rows.reverse();
        let mut chronicle = Self { releases: Vec::with_capacity(rows.len()) };
        let mut elders = BTreeMap::new();
        for row in rows {
            let artefacts = listed(store, &row).await?;
            let definitions = Arc::new(compiled(&artefacts, &elders, &row)?);
            for found in artefacts.into_iter().filter(|it| it.kind == ArtefactKind::Workflow) {
                elders.insert((found.name.clone(), found.version.clone()), found);
            }
            chronicle.releases.push(Chapter { row, definitions });
        }
        Ok(chronicle)
    }

    /// As if a release had been of these artefacts.
    ///
    /// # Errors
    /// When they cannot be compiled.
    pub fn instead(
        mut self,
        release: ReleaseId,
        artefacts: &[Artefact],
    ) -> Result<Self, LiveError> {
        for chapter in self.releases.iter_mut().filter(|it| it.row.id == release) {
            chapter.definitions = Arc::new(compiled(artefacts, &BTreeMap::new(), &chapter.row)?);
        }
        Ok(self)
    }

    /// What was live at an instant; `None` before the first release.
    #[must_use]
    pub fn at(&self, at: Instant) -> Option<&Arc<Definitions>> {
        let place = self.releases.partition_point(|chapter| chapter.row.at <= at);
        Some(&self.releases.get(place.checked_sub(1)?)?.definitions)
    }

    /// When something else went live next after an instant.
    #[must_use]
    pub fn next_after(&self, at: Instant) -> Option<Instant> {
        let place = self.releases.partition_point(|chapter| chapter.row.at <= at);
        self.releases.get(place).map(|chapter| chapter.row.at)
    }

    /// When the first release after one was made.
    #[must_use]
    pub fn made_after(&self, release: ReleaseId) -> Option<Instant> {
        let place = self.releases.partition_point(|chapter| chapter.row.id <= release);
        self.releases.get(place).map(|chapter| chapter.row.at)
    }

    /// The releases, the first one first.
    pub fn releases(&self) -> impl Iterator<Item = ReleaseId> {
        self.releases.iter().map(|chapter| chapter.row.id)
    }

    /// When the first one was made.
    #[must_use]
    pub fn begin(&self) -> Option<Instant> {
        self.releases.first().map(|chapter| chapter.row.at)
    }
}

/// A release with the structures of all before it that leads may still have been on. One that cannot be read beside
/// it is left out: nobody was on it.
fn compiled(
    artefacts: &[Artefact],
    elders: &BTreeMap<(Name, Version), Artefact>,
    row: &ReleaseRow,
) -> Result<Definitions, LiveError> {
    let own: BTreeSet<_> = artefacts.iter().map(|artefact| &artefact.version).collect();
    let elders: Vec<Artefact> =
        elders.values().filter(|elder| !own.contains(&elder.version)).cloned().collect();
    let with = |elders: &[Artefact]| compile(artefacts, elders, row.id, &row.live_since);
    if let Ok(definitions) = with(&elders) {
        return Ok(definitions);
    }
    let is_read = |elder: &&Artefact| with(std::slice::from_ref(*elder)).is_ok();
    let readable: Vec<Artefact> = elders.iter().filter(is_read).cloned().collect();
    with(&readable).or_else(|_| with(&[])).map_err(LiveError::Definitions)
}
