//! What is live: the release in the database, compiled, with its mails ready to render.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock, atomic::Ordering},
};

use super::{
    Engine,
    releasing::{listed, listed_of, pinned},
};
use crate::{
    definitions::{Problem, compile},
    domain::{
        artefact::{Artefact, ArtefactKind},
        definitions::Definitions,
        id::ReleaseId,
        message::MessageKind,
        schedule::zone_rules_mark,
        workflow::Version,
    },
    render::{RenderProblem, Renderer},
    store::{Batch, Store, StoreError, records::MessageRow},
};

/// Definitions and their renderer, which belong together.
#[derive(Debug)]
pub struct Live {
    pub definitions: Arc<Definitions>,
    pub renderer: Renderer,
}

/// Why what is in the database cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the live release does not compile under this binary: {}", list(.0))]
    Definitions(Vec<Problem>),
    #[error("the live release has mails that this binary cannot render: {}", list_mails(.0))]
    Mails(Vec<RenderProblem>),
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<_> = problems
        .iter()
        .map(|problem| format!("{}:{}: {}", problem.file, problem.line, problem.message))
        .collect();
    lines.join("; ")
}

fn list_mails(problems: &[RenderProblem]) -> String {
    let lines: Vec<_> = problems
        .iter()
        .map(|problem| format!("{}:{}: {}", problem.file, problem.line, problem.message))
        .collect();
    lines.join("; ")
}

impl Live {
    /// Loads the live release; `None` if nothing was applied yet.
    pub async fn load(store: &Store) -> Result<Option<Self>, LiveError> {
        let Some(release) = store.live_release().await? else { return Ok(None) };
        let artefacts = listed(store, &release).await?;
        let pinned = pinned(store, &artefacts).await?;
        // Until this release is taken over everywhere, leads may still enter what was live before it. If
        // that cannot be read beside this release, no lead was on it when the release was made.
        let mut elders = pinned.clone();
        if let Some(before) = store.release_before(release.id).await? {
            let is_workflow = |kind| kind == ArtefactKind::Workflow;
            let before = listed_of(store, &before, is_workflow).await?.into_iter();
            elders.extend(before.filter(|found| {
                let is = |other: &Artefact| other.version == found.version;
                !artefacts.iter().any(is) && !pinned.iter().any(is)
            }));
        }
        let with =
            |pinned: &[Artefact]| compile(&artefacts, pinned, release.id, &release.live_since);
        let definitions = with(&elders)
            .or_else(|problems| if elders == pinned { Err(problems) } else { with(&pinned) })
            .map_err(LiveError::Definitions)?;
        let renderer = Renderer::new(&definitions).map_err(LiveError::Mails)?;
        Ok(Some(Self { definitions: Arc::new(definitions), renderer }))
    }
}

/// What is live as far as this process knows: the same for all who hold it.
#[derive(Clone, Debug, Default)]
pub struct Current(Arc<RwLock<Option<Arc<Live>>>>);

impl Current {
    /// `None` before the first release.
    #[must_use]
    pub fn get(&self) -> Option<Arc<Live>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, live: Arc<Live>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(live);
    }
}

/// What is not tried at every turn: a release in the database that cannot be run, and versions of
/// workflows that leads are on and that are not stored.
#[derive(Debug, Default)]
pub(super) struct BeyondUs {
    release: Option<ReleaseId>,
    versions: HashSet<Version>,
}

impl Engine {
    /// Takes over the release in the database if it is another than the one that runs, and a sweep that
    /// another process has begun. A release that cannot be run is an error, and the one that runs goes
    /// on. Returns whether another one runs now.
    pub async fn take_over(&self) -> Result<bool, LiveError> {
        let _one_at_a_time = self.taking_over.lock().await;
        if self.store.has_open_sweep().await? {
            self.begin_sweeping();
        }
        let stored = self.store.live_release().await?.map(|release| release.id);
        if stored == self.live_release() {
            return Ok(false);
        }
        let live = match Live::load(&self.store).await {
            Ok(Some(live)) => live,
            Ok(None) => return Ok(false),
            Err(error) => {
                if !matches!(error, LiveError::Store(_)) {
                    self.beyond_us().release = stored;
                }
                return Err(error);
            }
        };
        tracing::info!(release = %live.definitions.release, "a release is live");
        *self.beyond_us() = BeyondUs::default();
        self.current.set(Arc::new(live));
        self.begin_sweeping();
        self.outbox.notify_waiters();
        Ok(true)
    }

    /// Where the rules of time zones are others than those that leads were decided by, all are decided
    /// again: a wait until a local time may be over at another instant.
    pub async fn follow_zone_rules(&self) -> Result<(), StoreError> {
        if self.store.note_zone_rules(zone_rules_mark()).await? {
            tracing::info!("the rules of time zones have changed; all leads are looked at again");
            self.begin_sweeping();
        }
        Ok(())
    }

    pub(super) fn begin_sweeping(&self) {
        self.sweeping.store(true, Ordering::SeqCst);
        self.nudge.notify_one();
    }

    /// Whether a batch must not be decided by `live`: its transaction sees another release, which may
    /// be taken over.
    pub(super) fn is_behind(&self, live: &Live, batch: &Batch) -> bool {
        batch.release.is_some_and(|release| {
            release != live.definitions.release && self.beyond_us().release != Some(release)
        })
    }

    /// What to decide by after [`Engine::is_behind`]: the newest release that can be run.
    pub(super) async fn catch_up(&self, live: &Arc<Live>) -> Result<Arc<Live>, StoreError> {
        match self.take_over().await {
            Ok(_) => {}
            Err(LiveError::Store(error)) => return Err(error),
            Err(error) => tracing::error!(%error, "the release that runs goes on"),
        }
        Ok(self.live().unwrap_or_else(|| Arc::clone(live)))
    }

    /// What to send these messages by: another engine may have taken over a newer release, and reserved
    /// them by that.
    pub(super) async fn that_knows(
        &self,
        live: &Arc<Live>,
        messages: &[MessageRow],
    ) -> Result<Arc<Live>, StoreError> {
        let structures = &live.definitions.structures;
        if messages.iter().all(|message| structures.contains_key(&message.version)) {
            return Ok(Arc::clone(live));
        }
        let newest = self.catch_up(live).await?;
        // A notice may be of an enrolment that has ended, whose structure nobody needs any more.
        let to_leads = messages.iter().filter(|message| message.kind == MessageKind::Marketing);
        let fuller = self.with_structures(&newest, to_leads.map(|message| &message.version)).await;
        Ok(fuller.unwrap_or(newest))
    }

    /// The live definitions with these structures, where `live` lacks one: a lead may have entered an
    /// earlier version while a release was taken over. `None`: `live` will do.
    pub(super) async fn with_structures(
        &self,
        live: &Live,
        versions: impl Iterator<Item = &Version>,
    ) -> Option<Arc<Live>> {
        let structures = &live.definitions.structures;
        let lacking: Vec<Version> = {
            let beyond_us = self.beyond_us();
            versions
                .filter(|version| {
                    !structures.contains_key(*version) && !beyond_us.versions.contains(*version)
                })
                .cloned()
                .collect()
        };
        if lacking.is_empty() {
            return None;
        }
        let _one_at_a_time = self.taking_over.lock().await;
        let loaded = match Live::load(&self.store).await {
            Ok(loaded) => {
                loaded.filter(|loaded| loaded.definitions.release == live.definitions.release)
            }
            Err(error) => {
                tracing::error!(%error, "leads are on structures that cannot be loaded");
                None
            }
        };
        let loaded = loaded.map(Arc::new);
        let known = |version: &Version| {
            loaded.as_ref().is_some_and(|live| live.definitions.structures.contains_key(version))
        };
        for version in lacking.iter().filter(|version| !known(version)) {
            if self.beyond_us().versions.insert(version.clone()) {
                tracing::error!(version = %version.0, "leads are on a structure that is not known");
            }
        }
        if let Some(loaded) = &loaded
            && self.live_release() == Some(loaded.definitions.release)
        {
            self.current.set(Arc::clone(loaded));
        }
        loaded
    }
}
