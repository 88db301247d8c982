//! Making a release, and the sweep that lets every lead see it.

use super::Engine;
use crate::{
    domain::{
        artefact::{Artefact, ArtefactRef},
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

/// Makes the checked artefacts live, and begins the sweep over all leads. Parked messages and leads
/// get another chance: what parked them may be mended.
pub async fn apply(
    store: &Store,
    artefacts: &[Artefact],
    who: &str,
    reason: &str,
    now: Instant,
) -> Result<Applied, StoreError> {
    let mut manifest: Vec<ArtefactRef> = artefacts
        .iter()
        .map(|artefact| ArtefactRef {
            kind: artefact.kind,
            name: artefact.name.clone(),
            version: artefact.version.clone(),
        })
        .collect();
    manifest.sort();
    if let Some(live) = store.live_release().await? {
        let mut known = live.manifest.clone();
        known.sort();
        if known == manifest {
            return Ok(Applied::Unchanged(live));
        }
    }
    let release = store.save_release(artefacts, &manifest, who, reason, now).await?;
    store.begin_sweep(release.id, now).await?;
    store.unpark_messages(now).await?;
    store.unpark_all(now).await?;
    Ok(Applied::New(release))
}

impl Engine {
    /// Wakes the next leads of an unfinished sweep. Returns whether there are more.
    pub async fn sweep(&self, now: Instant) -> Result<bool, StoreError> {
        let progress = self.store.sweep_step(SWEEP, now).await?;
        Ok(!progress.done)
    }
}
