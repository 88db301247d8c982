//! What is live: the definitions of the last release, and leads looked at through them.

use std::sync::Arc;

use super::failure::Failure;
use crate::{
    domain::{
        definitions::Definitions,
        facts::fold,
        id::LeadId,
        lead::LeadState,
        policy::Tracking,
        score::{MilliPoints, Temperature},
        time::Instant,
    },
    engine::live::{self, LiveError},
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
            Ok(Some(live::Live { definitions, renderer, .. })) => {
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
        Self::load(store).await?.ok_or_else(|| {
            Failure::problems("nothing is live yet").hint("run `nurtured apply` first")
        })
    }

    /// # Errors
    /// When no such purpose is live, with the nearest.
    pub(super) fn expect_purpose(&self, purpose: &str) -> Result<(), Failure> {
        let purposes = &self.definitions.policy.purposes;
        if purposes.contains_key(purpose) {
            return Ok(());
        }
        let names: Vec<&str> = purposes.keys().map(|name| &**name).collect();
        Err(Failure::usage(format!("there is no purpose `{purpose}`")).hint(known(&names)))
    }

    /// # Errors
    /// When no such workflow is live, with those that are.
    pub(super) fn expect_workflow(&self, workflow: &str) -> Result<(), Failure> {
        if self.definitions.workflow(workflow).is_some() {
            return Ok(());
        }
        let names: Vec<&str> =
            self.definitions.workflows.iter().map(|live| &*live.workflow.name).collect();
        Err(Failure::usage(format!("there is no workflow `{workflow}`")).hint(known(&names)))
    }

    /// A lead at `now`, with the events that no decision has seen yet counted in.
    pub(super) async fn state(
        &self,
        store: &Store,
        lead: LeadId,
        now: Instant,
    ) -> Result<Option<LeadState>, Failure> {
        let Some(record) = store.record(lead).await? else { return Ok(None) };
        let hydrated = record.hydrate(&self.definitions);
        let mut state = hydrated.state;
        if !hydrated.missing.is_empty() {
            // Facts that the live definitions ask for and no decision has filled in yet. The batch is
            // dropped: nothing is written.
            let mut batch = store.lock_leads(&[lead]).await?;
            let mut histories = store.history(&mut batch, &[lead]).await?;
            let history = histories.remove(&lead).unwrap_or_default();
            let seen: Vec<_> = history
                .into_iter()
                .filter(|event| !state.new_events.iter().any(|new| new.rev == event.rev))
                .collect();
            state.fill_facts(&self.definitions, &hydrated.missing, &seen, now);
        }
        for event in std::mem::take(&mut state.new_events) {
            fold(&self.definitions.plan, &mut state.facts, &event, now);
        }
        Ok(Some(state))
    }

    /// Whether the lead's behaviour may be looked at.
    pub(super) fn profiled(&self, state: &LeadState) -> bool {
        match &self.definitions.policy.tracking {
            Tracking::Nobody => false,
            Tracking::With(purpose) => state.consent(purpose).is_some(),
            Tracking::Everybody => true,
        }
    }

    /// Engagement and temperature at `now`; `None` where behaviour may not be looked at.
    pub(super) fn engagement(
        &self,
        state: &LeadState,
        now: Instant,
    ) -> Option<(MilliPoints, Temperature)> {
        let scoring = &self.definitions.scoring;
        self.profiled(state).then(|| {
            let engagement = scoring.engagement(&state.facts, now);
            (engagement, scoring.temperature(engagement))
        })
    }
}

fn known(names: &[&str]) -> String {
    if names.is_empty() {
        "there are none".into()
    } else {
        format!("there are: {}", names.join(", "))
    }
}
