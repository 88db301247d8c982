//! The engine: claim → load → decide → commit, and claim → may_send? → render → hand over → settle.

pub mod answering;
pub mod audience;
pub mod cancelling;
pub mod claims;
mod codes;
pub mod deciding;
pub mod desk;
mod due;
pub mod group;
mod guarding;
mod handing;
pub mod hearing;
pub mod import;
pub mod inbox;
pub mod intake;
pub mod judge;
pub mod live;
pub mod members;
pub mod outcome;
pub mod preparing;
mod recording;
pub mod releasing;
pub mod report;
mod restoring;
pub mod running;
pub mod sending;
pub mod settling;
mod telling;
pub mod tick;
mod traffic;
mod undecided;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

use tokio::sync::Notify;

use crate::{
    clock::Clock,
    config::Config,
    domain::id::ReleaseId,
    mail::{
        dkim::Signers,
        relay::{Breaker, Change, Relay},
    },
    store::{Backlog, Store},
    token::Keyring,
};
use claims::Claims;
use guarding::Watch;
use live::{BeyondUs, Current, Live};
use running::OnTurn;
use settling::Tally;

/// What all parts of the engine share.
pub struct Engine {
    pub store: Store,
    pub clock: Clock,
    pub keyring: Arc<Keyring>,
    pub config: Arc<Config>,
    pub relay: Relay,
    /// What mails are signed with; nothing at first.
    pub signers: Arc<Signers>,
    /// Rung when a lead may be due: an event came, a release went live.
    pub nudge: Arc<Notify>,
    /// Rung when a message may be due.
    pub outbox: Notify,
    /// Told of all that is settled.
    pub on_settled: Box<dyn Fn(&Tally) + Send + Sync>,
    /// Told at each turn of the sending side (`send`) and of what keeps up with releases (`keep-up`).
    pub on_turn: Box<OnTurn>,
    /// Told when the relay goes down and when it works again; it is up at first.
    pub on_relay: Box<dyn Fn(Change) + Send + Sync>,
    /// Set by [`Engine::take_over`].
    pub current: Current,
    /// One at a time: what is live must not go back to an older release.
    taking_over: tokio::sync::Mutex<()>,
    /// What the live definitions lack and no loading of them brings.
    beyond_us: Mutex<BeyondUs>,
    /// What is being sent from here.
    claims: Claims,
    /// Who is due, as far as it was looked up.
    backlog: Mutex<Backlog>,
    /// A sweep may be open.
    sweeping: AtomicBool,
    /// What is known of the relay outlives one round of sending.
    breaker: Mutex<Breaker>,
    /// What guards have counted.
    watch: tokio::sync::Mutex<Watch>,
    /// At which stage the relay failed last and why; `None` since it answered.
    unreachable: Mutex<Option<String>>,
}

impl Engine {
    #[must_use]
    pub fn new(
        store: Store,
        clock: Clock,
        keyring: Arc<Keyring>,
        config: Arc<Config>,
        relay: Relay,
    ) -> Self {
        Self {
            store,
            clock,
            keyring,
            config,
            relay,
            signers: Arc::default(),
            nudge: Arc::new(Notify::new()),
            outbox: Notify::new(),
            on_settled: Box::new(|_| ()),
            on_turn: Box::new(|_, _| ()),
            on_relay: Box::new(|_| ()),
            current: Current::default(),
            taking_over: tokio::sync::Mutex::default(),
            beyond_us: Mutex::default(),
            claims: Claims::default(),
            backlog: Mutex::default(),
            sweeping: AtomicBool::new(false),
            breaker: Mutex::new(Breaker::default()),
            watch: tokio::sync::Mutex::default(),
            unreachable: Mutex::default(),
        }
    }

    /// What is live as far as this engine knows; see [`Engine::take_over`].
    #[must_use]
    pub fn live(&self) -> Option<Arc<Live>> {
        self.current.get()
    }

    fn beyond_us(&self) -> MutexGuard<'_, BeyondUs> {
        self.beyond_us.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the relay cannot be used, if the last mail found so.
    #[must_use]
    pub fn relay_unreachable(&self) -> Option<String> {
        self.unreachable.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[must_use]
    pub fn live_release(&self) -> Option<ReleaseId> {
        self.live().map(|live| live.definitions.release)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("release", &self.live_release()).finish_non_exhaustive()
    }
}
