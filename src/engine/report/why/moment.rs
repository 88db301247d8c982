//! A lead at an instant: its past until then, and how a decision in that moment would leave it.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    domain::{
        account::account_of,
        definitions::Definitions,
        lead::LeadState,
        name::Name,
        pause::{Pause, Scope},
        time::Instant,
    },
    engine::{
        deciding::look,
        rehearsal::{Again, Chronicle, Gap, Settled},
    },
    store::{Store, StoreError, records::Past},
};

/// A lead at an instant.
#[derive(Debug)]
pub struct Moment<'p> {
    pub past: &'p Past,
    pub chronicle: &'p Chronicle,
    pub at: Instant,
    /// By what is live at it.
    pub definitions: Arc<Definitions>,
    /// After a decision in that moment, which nobody has written.
    pub state: LeadState,
    /// When the lead is looked at again by itself.
    pub wake_at: Instant,
    /// What is paused that concerns the lead.
    pub pauses: Vec<Pause>,
    /// No engine has come to it yet: where it stands is foretold.
    pub is_undecided: bool,
}

/// Why there is nothing to tell.
#[derive(Debug, thiserror::Error)]
pub enum NoMoment {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("nothing was live on {0}")]
    NothingLive(Instant),
    #[error("{0} is still to come")]
    ToCome(Instant),
    #[error("the lead was not known yet on {0}")]
    NotKnown(Instant),
    #[error("what was on {0} cannot be told: the lead's history is not kept from the beginning")]
    HistoryCut(Instant),
    #[error("the lead cannot be decided by this binary")]
    Undecidable,
}

impl<'p> Moment<'p> {
    /// `at`: not in the future; else it is now, and the lead as the database has it.
    ///
    /// # Errors
    /// When the database cannot be read, or nothing is known of that instant.
    pub async fn of(
        store: &Store,
        (past, chronicle): (&'p Past, &'p Chronicle),
        live: &Arc<Definitions>,
        at: Option<Instant>,
        now: Instant,
    ) -> Result<Self, NoMoment> {
        let when = at.unwrap_or(now);
        // A rehearsal is ahead of the clock.
        if when > now && store.last_act().await?.is_none_or(|last| when > last) {
            return Err(NoMoment::ToCome(when));
        }
        let known = past.events.first().map_or(past.record.created_at, |event| event.recorded_at);
        if when < known {
            return Err(NoMoment::NotKnown(when));
        }
        let mut pauses = store.pauses().await?;
        let company = account_of(&past.record.profile, &past.record.address);
        pauses.retain(|pause| {
            pause.since <= when
                && match &pause.scope {
                    Scope::Lead(lead) => *lead == past.record.lead,
                    Scope::Account(account) => Some(account) == company.as_ref(),
                    Scope::All | Scope::Workflow(_) | Scope::Relay(_) => true,
                }
        });
        let (is_behind, settled) = if at.is_some() {
            if Gap::of(past) == Some(Gap::HistoryCut) {
                return Err(NoMoment::HistoryCut(when));
            }
            if chronicle.at(when).is_none() {
                return Err(NoMoment::NothingLive(when));
            }
            let again = Again::new(chronicle, past).ok_or(NoMoment::NothingLive(when))?;
            let is_behind = again.is_behind(when) || past.record.due_at <= when;
            (is_behind, again.settled(when).ok_or(NoMoment::Undecidable)?)
        } else {
            let (state, _, _) = look(live, past.record.clone(), &past.events, now);
            let workflows: BTreeSet<Name> = pauses
                .iter()
                .filter_map(|pause| match &pause.scope {
                    Scope::Workflow(name) => Some(name.clone()),
                    _ => None,
                })
                .collect();
            let is_of_lead = |it: &&Pause| matches!(it.scope, Scope::Lead(_) | Scope::Account(_));
            let lead = pauses.iter().find(is_of_lead).map(Pause::holds);
            let is_due = past.record.decided_under < live.release || past.record.due_at <= now;
            (is_due, Settled::now(live, state, (&workflows, lead.as_ref()), now))
        };
        let Settled { definitions, state, wake_at, .. } = settled;
        let is_undecided = is_behind && !past.is_parked;
        Ok(Self { past, chronicle, at: when, definitions, state, wake_at, pauses, is_undecided })
    }
}
