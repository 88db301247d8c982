//! What is live: the definitions of the last release, and leads looked at through them.

use std::sync::Arc;

use super::failure::Failure;
use crate::{
    domain::{
        definitions::Definitions,
        facts::{Fact, fold, fold_history},
        id::LeadId,
        lead::LeadState,
        score::{MilliPoints, Temperature},
        time::Instant,
    },
    engine::{
        deciding::look,
        live::{self, LiveError},
        preparing::standing,
    },
    render::Renderer,
    store::Store,
};

/// The last release, compiled, for commands.
#[derive(Debug)]
pub(super) struct Live {
    pub definitions: Arc<Definitions>,
    pub renderer: Renderer,
}

impl Live {
    /// `None` before the first release.
    pub(super) async fn load(store: &Store) -> Result<Option<Self>, Failure> {
        match live::Live::load(store).await {
            Ok(None) => Ok(None),
            Ok(Some(live::Live { definitions, renderer })) => {
                Ok(Some(Self { definitions, renderer }))
            }
            Err(LiveError::Store(error)) => Err(error.into()),
            Err(error) => {
                Err(Failure::problems(error).hint("run `nurtured check`, then `nurtured apply`"))
            }
        }
    }

    /// The last release, which there must be.
    pub(super) async fn expect(store: &Store) -> Result<Self, Failure> {
        Self::load(store).await?.ok_or_else(Self::nothing)
    }

    pub(super) fn nothing() -> Failure {
        Failure::problems("nothing is live yet").hint("run `nurtured apply` first")
    }

    /// # Errors
    /// When no such purpose is live, with those that are.
    pub(super) fn expect_purpose(&self, purpose: &str) -> Result<(), Failure> {
        let purposes = &self.definitions.policy.purposes;
        if purposes.contains_key(purpose) {
            return Ok(());
        }
        Err(Failure::unknown(format!("purpose `{purpose}`"), purposes.keys()))
    }

    /// # Errors
    /// When no such workflow is live, with those that are.
    pub(super) fn expect_workflow(&self, workflow: &str) -> Result<(), Failure> {
        if self.definitions.workflow(workflow).is_some() {
            return Ok(());
        }
        let names = self.definitions.workflows.iter().map(|live| &live.workflow.name);
        Err(Failure::unknown(format!("workflow `{workflow}`"), names))
    }

    /// A lead at `now`, with the events that no decision has seen yet counted in.
    pub(super) async fn state(
        &self,
        store: &Store,
        lead: LeadId,
        now: Instant,
    ) -> Result<Option<LeadState>, Failure> {
        state_at(&self.definitions, store, lead, now).await
    }

    /// Engagement and temperature at `now`; `None` where behaviour may not be looked at.
    pub(super) fn engagement(
        &self,
        state: &LeadState,
        now: Instant,
    ) -> Option<(MilliPoints, Temperature)> {
        let standing = standing(&self.definitions, state, now);
        standing.engagement.zip(standing.temperature)
    }
}

/// A lead through definitions at `at`, with the events that no decision has seen yet counted in; at an
/// instant in the past, only those that had happened.
pub(super) async fn state_at(
    definitions: &Definitions,
    store: &Store,
    lead: LeadId,
    at: Instant,
) -> Result<Option<LeadState>, Failure> {
    // The batch is dropped: nothing is written.
    let mut batch = store.lock_leads(&[lead]).await?;
    let mut histories = store.history(&mut batch, &[lead]).await?;
    drop(batch);
    let Some(record) = store.record(lead).await? else { return Ok(None) };
    let mut history = histories.remove(&lead).unwrap_or_default();
    let is_past = history.iter().any(|event| event.occurred_at > at);
    let (mut state, _, _) = look(definitions, record, &history, at);
    let new_events = std::mem::take(&mut state.new_events);
    if is_past {
        history.retain(|event| event.occurred_at <= at);
        state.facts.fill(Fact::default());
        fold_history(&definitions.plan, &mut state.facts, &history, at);
    } else {
        for event in &new_events {
            fold(&definitions.plan, &mut state.facts, event, at);
        }
    }
    Ok(Some(state))
}
