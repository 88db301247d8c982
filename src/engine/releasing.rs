//! Making a release, and the sweep that lets every lead see it.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use super::{
    Engine,
    audience::{self, Audience},
    proposing::{Proposal, is_live, propose},
};
use crate::{
    definitions::{FolderError, Problem, check, read_folder},
    domain::{
        artefact::{Artefact, ArtefactKind},
        definitions::Definitions,
        time::Instant,
    },
    render::Renderer,
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

/// Why nothing was applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("the campaign folder has problems: {}", list(.0))]
    Problems(Vec<Problem>),
    /// Leads are on structures that could not be read any more beside these definitions, or whose mails
    /// would be parked.
    #[error("leads are on earlier versions of workflows that would no longer work: {}", list(.0))]
    Elders(Vec<Problem>),
    /// Leads are at steps that are gone, and no file says where they come to.
    #[error("leads would be lost: {}", list(.0))]
    People(Vec<Problem>),
    /// Nobody has said that so many are meant.
    #[error("{}: `policy.guards.audience` lets in {most} unasked, and nothing was applied", some(.over))]
    Audience { over: Vec<Audience>, most: u32 },
}

fn some(over: &[Audience]) -> String {
    let each: Vec<String> = over.iter().map(ToString::to_string).collect();
    each.join("; ")
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<_> = problems
        .iter()
        .map(|problem| format!("{}:{}: {}", problem.file, problem.line, problem.message))
        .collect();
    lines.join("; ")
}

/// Makes a folder's checked artefacts live, and begins the sweep over all leads. Parked messages and
/// leads get another chance, also where just this is live already: what parked them may be mended.
///
/// What leads in flight still need and the folder no longer has stays at its last version. That alone
/// makes no difference between a release and the folder; anything else that was deleted does.
pub async fn apply(
    store: &Store,
    folder: &[Artefact],
    who: &str,
    reason: &str,
    now: Instant,
) -> Result<Applied, ApplyError> {
    if let Some(live) = store.live_release().await?
        && is_live(&live, folder)
    {
        // What parked a mail may be mended in its lead, with the files as they were.
        store.try_parked_again(now).await?;
        return Ok(Applied::Unchanged(live));
    }
    let proposal = propose(store, folder, now).await?;
    let lost = proposal.problems();
    if !lost.is_empty() {
        return Err(ApplyError::People(lost));
    }
    let Proposal { artefacts, manifest, doors, .. } = proposal;
    let release = store.save_release(&artefacts, &manifest, &doors, who, reason, now).await?;
    Ok(Applied::New(release))
}

/// Refuses definitions by which more leads would come in at once than their policy lets in unasked, or than `most`
/// where somebody has said that so many are meant.
pub async fn expect_small(
    store: &Store,
    definitions: &Arc<Definitions>,
    most: Option<u64>,
    now: Instant,
) -> Result<(), ApplyError> {
    let over = audience::over(store, definitions, most, now).await?;
    match definitions.policy.guards.audience {
        Some(most) if !over.is_empty() => Err(ApplyError::Audience { over, most }),
        _ => Ok(()),
    }
}

/// Checks a campaign folder and makes it live.
pub async fn apply_folder(
    store: &Store,
    folder: &Path,
    who: &str,
    reason: &str,
    now: Instant,
) -> Result<Applied, ApplyError> {
    let checked = check(&read_folder(folder)?);
    let Some(definitions) = checked.definitions else {
        return Err(ApplyError::Problems(checked.problems));
    };
    if let Err(problems) = Renderer::for_release(&definitions) {
        return Err(ApplyError::Problems(problems.into_iter().map(Into::into).collect()));
    }
    expect_small(store, &Arc::new(definitions), None, now).await?;
    apply(store, &checked.artefacts, who, reason, now).await
}

/// The artefacts of the folder that a release was made of.
pub async fn folder_of(store: &Store, release: &ReleaseRow) -> Result<Vec<Artefact>, StoreError> {
    let mut folder = listed(store, release).await?;
    folder.retain(|found| {
        release
            .manifest
            .iter()
            .any(|line| !line.carried && line.kind == found.kind && line.version == found.version)
    });
    Ok(folder)
}

/// The artefacts of a release. The same content may be stored under another name, too.
pub(super) async fn listed(
    store: &Store,
    release: &ReleaseRow,
) -> Result<Vec<Artefact>, StoreError> {
    listed_of(store, release, |_| true).await
}

/// Those of them that are of some kinds.
pub(super) async fn listed_of(
    store: &Store,
    release: &ReleaseRow,
    is_wanted: impl Fn(ArtefactKind) -> bool,
) -> Result<Vec<Artefact>, StoreError> {
    let lines = || release.manifest.iter().filter(|line| is_wanted(line.kind));
    let versions: BTreeSet<_> = lines().map(|line| line.version.clone()).collect();
    let versions: Vec<_> = versions.into_iter().collect();
    let mut artefacts = store.artefacts(&versions).await?;
    artefacts.retain(|artefact| {
        lines().any(|line| {
            line.kind == artefact.kind
                && line.name == artefact.name
                && line.version == artefact.version
        })
    });
    Ok(artefacts)
}

/// Structures that active enrolments are pinned to and that are not among `artefacts`.
pub(super) async fn pinned(
    store: &Store,
    artefacts: &[Artefact],
) -> Result<Vec<Artefact>, StoreError> {
    let mut elders = store.active_versions().await?;
    elders.retain(|version| !artefacts.iter().any(|artefact| artefact.version == *version));
    store.artefacts(&elders).await
}

impl Engine {
    /// Wakes the next leads of an unfinished sweep. Returns whether there are more.
    ///
    /// Asks the database only while a sweep may be open: since a release was taken over, until its
    /// sweep is seen to be done.
    pub async fn sweep(&self, now: Instant) -> Result<bool, StoreError> {
        // Lowered before the look, so that a release that is taken over meanwhile is not overlooked.
        if !self.sweeping.swap(false, Ordering::SeqCst) {
            return Ok(false);
        }
        let progress = self.store.sweep_step(SWEEP, now).await;
        if !progress.as_ref().is_ok_and(|progress| progress.done) {
            self.sweeping.store(true, Ordering::SeqCst);
        }
        Ok(!progress?.done)
    }
}
