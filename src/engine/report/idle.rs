//! Why nothing is being sent: the causes that apply, the one that stops most first, and when something will
//! happen next.

mod causes;
mod paused;
mod reasons;

pub(in crate::engine) use reasons::about;
use std::collections::BTreeMap;

use serde::Serialize;

use super::as_some_time;
use crate::{
    domain::{
        definitions::Definitions,
        name::Name,
        pause::{Pause, Scope},
        time::Instant,
    },
    store::{
        Down, Route, Store, StoreError,
        records::{Inside, Parked, Queue},
    },
};

/// What the database does not tell.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Around {
    /// Whether an engine is at work; `None`: it cannot be told from here.
    pub engine: Option<bool>,
    /// `[delivery] only_to` is set.
    pub only_to: bool,
    /// What the campaign folder says and what is live does not.
    pub not_applied: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct IdleReport {
    /// Marketing mails that could leave this very moment, as nothing that is known holds them back.
    pub free: u64,
    /// When something will happen, if nothing comes in and nobody does anything; `null`: never.
    #[serde(serialize_with = "as_some_time")]
    pub next_at: Option<Instant>,
    pub causes: Vec<Cause>,
}

/// One reason why mails do not leave.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Cause {
    /// In one word, for scripts.
    pub cause: &'static str,
    /// Leads or mails that it keeps; 0 where it keeps everything.
    pub number: u64,
    pub says: String,
    /// What to do about it, where somebody has to.
    pub advice: Option<String>,
    /// When it ends by itself, for the first of them.
    #[serde(serialize_with = "as_some_time")]
    pub until: Option<Instant>,
    /// And for the last.
    #[serde(serialize_with = "as_some_time")]
    pub last_until: Option<Instant>,
    /// It keeps nothing yet, only what is to come.
    #[serde(skip)]
    pub to_come: bool,
}

/// All that is looked at.
pub(super) struct Look<'a> {
    pub definitions: Option<&'a Definitions>,
    pub around: &'a Around,
    pub now: Instant,
    pub leads: u64,
    pub due: u64,
    pub parked_leads: u64,
    /// Leads who stand still until somebody says what became of a mail.
    pub waits_for_word: u64,
    pub inside: Vec<Inside>,
    pub queues: Vec<Queue>,
    pub parked: Vec<Parked>,
    pub pauses: Vec<Pause>,
    pub relays_down: Vec<Down>,
    /// Who has left a workflow, and why others were not let in; looked up only where nobody is inside.
    pub ended: BTreeMap<Name, u64>,
    pub refusals: Vec<(String, u64)>,
}

impl Look<'_> {
    pub fn is_paused(&self, workflow: &str) -> bool {
        self.pauses.iter().any(|pause| match &pause.scope {
            Scope::All => true,
            Scope::Workflow(name) => *name == *workflow,
            Scope::Lead(_) | Scope::Account(_) | Scope::Relay(_) => false,
        })
    }
}

impl Look<'_> {
    fn is_relay_paused(&self, relay: &str) -> bool {
        self.pauses
            .iter()
            .any(|pause| matches!(&pause.scope, Scope::Relay(name) if *name == *relay))
    }

    /// Nothing goes by it for now.
    fn is_out_of_service(&self, relay: &str) -> bool {
        self.is_relay_paused(relay) || self.relays_down.iter().any(|down| down.relay == *relay)
    }
}

/// Reasons that are told of each kind.
const REASONS: i64 = 5;

/// Looks at everything that could hold mail back.
pub async fn idle_report(
    store: &Store,
    definitions: Option<&Definitions>,
    around: &Around,
    now: Instant,
) -> Result<IdleReport, StoreError> {
    let census = store.census(now).await?;
    let inside = store.standing().await?;
    let (ended, refusals) = if inside.is_empty() {
        (store.ended().await?, store.refusals(REASONS).await?)
    } else {
        <_>::default()
    };
    let waits_for_word = store.doubts().await?.iter().filter(|doubt| doubt.waits).count();
    let waits_for_word = u64::try_from(waits_for_word).unwrap_or(u64::MAX);
    let look = Look {
        definitions,
        around,
        now,
        leads: census.leads,
        due: census.due,
        parked_leads: census.parked_leads,
        waits_for_word,
        queues: store.queues().await?,
        parked: store.parked(REASONS).await?,
        pauses: store.pauses().await?,
        relays_down: store.relays_down().await?,
        inside,
        ended,
        refusals,
    };
    let free = look
        .queues
        .iter()
        .filter(|queue| queue.state == "reserved" && queue.reason.is_empty() && queue.due_at <= now)
        .filter(|queue| !look.is_paused(&queue.workflow) && !look.is_out_of_service(&queue.via))
        .map(|queue| queue.number)
        .sum();
    let is_stopped = definitions.is_none() || around.engine == Some(false);
    let waiting = store.waiting_relays().await?.into_iter();
    let of = waiting.filter(|relay| !look.is_out_of_service(relay)).collect();
    let route = Route { by: Name::new(""), of };
    let mut next = store.next_wake_at().await?.min(store.next_due_by(&route).await?);
    // Those that are down are asked again.
    for down in look.relays_down.iter().filter(|down| !look.is_relay_paused(&down.relay)) {
        let due = store.next_due_by(&Route::own(&down.relay)).await?;
        next = next.min(due.max(down.probe_at));
    }
    let next_at = (!is_stopped && !next.is_never()).then(|| next.max(now));
    Ok(IdleReport { free, next_at, causes: look.causes() })
}
