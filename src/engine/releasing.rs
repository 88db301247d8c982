//! Making a release, and the sweep that lets every lead see it.

use super::{Engine, live::artefacts_of};
use crate::{
    definitions::{is_left_over, still_needed},
    domain::{
        artefact::{Artefact, ArtefactKind, ArtefactRef},
        time::Instant,
    },
    store::{Store, StoreError, records::ReleaseRow},
};

/// Leads woken in one step of a sweep: a few milliseconds of the writing connection.
const SWEEP: i64 = 2_000;

/// What `apply` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// These artefacts are live already.
    Unchanged(ReleaseRow),
    New(ReleaseRow),
}

/// A folder's artefacts, and what leads in flight still need and the folder no longer has: that stays at
/// its last version.
///
/// # Errors
/// Only of the store.
pub async fn with_needs(
    store: &Store,
    artefacts: &[Artefact],
) -> Result<Vec<Artefact>, StoreError> {
    let mut all = artefacts.to_vec();
    let Some(live) = store.live_release().await? else { return Ok(all) };
    let mut elders = store.active_versions().await?;
    // Until an engine takes the new release over, leads still enter the structures of this one.
    let structures = live.manifest.iter().filter(|line| line.kind == ArtefactKind::Workflow);
    elders.extend(structures.map(|line| line.version.clone()));
    elders.retain(|version| !artefacts.iter().any(|artefact| artefact.version == *version));
    let pinned = store.artefacts(&elders).await?;
    all.extend(still_needed(artefacts, &artefacts_of(store, &live).await?, &pinned));
    Ok(all)
}

/// Makes the checked artefacts of a folder live, with what leads in flight need beside them, and begins the sweep over all leads. Parked messages and leads
/// get another chance: what parked them may be mended.
pub async fn apply(
    store: &Store,
    artefacts: &[Artefact],
    who: &str,
    reason: &str,
    now: Instant,
) -> Result<Applied, StoreError> {
    let folder = manifest_of(artefacts);
    if let Some(live) = store.live_release().await?
        && folder.iter().all(|line| live.manifest.contains(line))
        && live.manifest.iter().all(|line| folder.contains(line) || is_left_over(line, artefacts))
    {
        return Ok(Applied::Unchanged(live));
    }
    let artefacts = with_needs(store, artefacts).await?;
    let manifest = manifest_of(&artefacts);
    let release = store.save_release(&artefacts, &manifest, who, reason, now).await?;
    store.begin_sweep(release.id, now).await?;
    store.unpark_messages(now).await?;
    store.unpark_all(now).await?;
    Ok(Applied::New(release))
}

fn manifest_of(artefacts: &[Artefact]) -> Vec<ArtefactRef> {
    let mut manifest: Vec<ArtefactRef> = artefacts
        .iter()
        .map(|artefact| ArtefactRef {
            kind: artefact.kind,
            name: artefact.name.clone(),
            version: artefact.version.clone(),
        })
        .collect();
    manifest.sort();
    manifest.dedup();
    manifest
}

impl Engine {
    /// Wakes the next leads of an unfinished sweep. Returns whether there are more.
    pub async fn sweep(&self, now: Instant) -> Result<bool, StoreError> {
        let progress = self.store.sweep_step(SWEEP, now).await?;
        Ok(!progress.done)
    }
}
