//! What is live: the release in the database, compiled, with its mails ready to render.

use std::{collections::BTreeSet, sync::Arc};

use super::Engine;
use crate::{
    definitions::{Problem, compile},
    domain::{artefact::Artefact, definitions::Definitions, name::Name},
    render::{RenderProblem, Renderer},
    store::{Store, StoreError, records::ReleaseRow},
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

/// What a release names.
pub(super) async fn artefacts_of(
    store: &Store,
    release: &ReleaseRow,
) -> Result<Vec<Artefact>, StoreError> {
    let versions: Vec<_> = release.manifest.iter().map(|entry| entry.version.clone()).collect();
    let mut artefacts = store.artefacts(&versions).await?;
    // The same content may stand under another name, too.
    artefacts.retain(|artefact| {
        release.manifest.iter().any(|line| {
            line.kind == artefact.kind
                && line.name == artefact.name
                && line.version == artefact.version
        })
    });
    Ok(artefacts)
}

impl Live {
    /// Loads the live release; `None` if nothing was applied yet.
    pub async fn load(store: &Store) -> Result<Option<Self>, LiveError> {
        let Some(release) = store.live_release().await? else { return Ok(None) };
        let live: BTreeSet<Name> =
            release.manifest.iter().map(|entry| entry.version.0.clone()).collect();
        let artefacts = artefacts_of(store, &release).await?;
        let elders: Vec<_> = store
            .active_versions()
            .await?
            .into_iter()
            .filter(|version| !live.contains(&version.0))
            .collect();
        let pinned = store.artefacts(&elders).await?;
        let definitions = compile(&artefacts, &pinned, release.id, &release.live_since)
            .map_err(LiveError::Definitions)?;
        let renderer = Renderer::new(&definitions).map_err(LiveError::Mails)?;
        Ok(Some(Self { definitions: Arc::new(definitions), renderer }))
    }
}

impl Engine {
    /// Takes over the release in the database if it is another than the one that runs. A release that
    /// cannot be run is an error, and the one that runs goes on. Returns whether anything changed.
    pub async fn take_over(&self) -> Result<bool, LiveError> {
        let stored = self.store.live_release().await?.map(|release| release.id);
        if stored == self.live_release() {
            return Ok(false);
        }
        let Some(live) = Live::load(&self.store).await? else { return Ok(false) };
        tracing::info!(release = %live.definitions.release, "a release is live");
        self.set_live(Arc::new(live));
        self.nudge.notify_one();
        self.outbox.notify_one();
        Ok(true)
    }
}
