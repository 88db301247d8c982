//! What is live: the release in the database, compiled, with its mails ready to render.

use std::sync::{Arc, atomic::Ordering};

use super::{
    Engine,
    releasing::{listed, pinned},
};
use crate::{
    definitions::{Problem, compile},
    domain::definitions::Definitions,
    render::{RenderProblem, Renderer},
    store::{Store, StoreError},
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
        let stored = self.store.live_release().await?;
        if stored.as_ref().map(|release| release.id) == self.live_release() {
            return Ok(false);
        }
        let Some(live) = Live::load(&self.store).await? else { return Ok(false) };
        tracing::info!(release = %live.definitions.release, "a release is live");
        let applied_at = stored.map_or(0, |release| release.at.millis());
        self.set_live(Arc::new(live));
        self.applied_at.store(applied_at, Ordering::SeqCst);
        self.sweeping.store(true, Ordering::SeqCst);
        self.nudge.notify_one();
        self.outbox.notify_one();
        Ok(true)
    }
}
