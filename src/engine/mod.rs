//! The engine: claim → load → decide → commit, and claim → may_send? → render → hand over → settle.

pub mod answering;
pub mod audience;
pub mod calling;
pub mod cancelling;
pub mod claims;
mod codes;
pub mod deciding;
mod departures;
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
mod lobby;
pub mod members;
pub mod outcome;
mod outlets;
pub mod planning;
pub mod preparing;
pub mod proposing;
mod recording;
pub mod rehearsal;
pub mod releasing;
pub mod report;
mod restoring;
mod ringing;
pub mod running;
pub mod sending;
pub mod settling;
mod telling;
mod throttling;
pub mod tick;
mod traffic;
mod turns;
mod undecided;
mod warming;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

use tokio::sync::{Notify, Semaphore};

use crate::{
    clock::Clock,
    config::Config,
    domain::{fleet::Fleet, id::ReleaseId, name::Name},
    mail::{
        dkim::Signers,
        relay::{Change, Relay},
    },
    store::{Backlog, Store},
    token::Keyring,
};
use claims::Claims;
use departures::Departures;
use guarding::Watch;
use live::{BeyondUs, Current, Live};
pub use outlets::Outlet;
use ringing::Bell;
use running::OnTurn;
use settling::Tally;
use throttling::Throttles;
use warming::Warming;

/// Told which relay it is, and what became of it.
pub type OnRelay = dyn Fn(&Name, Change) + Send + Sync;

/// Told of which workflow ticks were missed, and how many.
pub type OnMissed = dyn Fn(&Name, u64) + Send + Sync;

/// Told which target was called, and what came of it.
pub type OnCalled = dyn Fn(&Name, &'static str) + Send + Sync;

/// What all parts of the engine share.
pub struct Engine {
    pub store: Store,
    pub clock: Clock,
    pub keyring: Arc<Keyring>,
    pub config: Arc<Config>,
    /// The relays that mails are handed to.
    pub outlets: Vec<Arc<Outlet>>,
    /// The same, as mails are shared out among them.
    pub fleet: Fleet,
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
    /// Told when a relay goes down and when it works again; it is up at first.
    pub on_relay: Box<OnRelay>,
    /// Told of which workflow ticks were missed, and how many.
    pub on_missed: Box<OnMissed>,
    /// Told what came of a call to another system: the target, and `answered`, `failed` or `given_up`.
    pub on_called: Box<OnCalled>,
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
    /// How much the servers take from us.
    throttles: Throttles,
    /// When mails left.
    departures: Departures,
    /// For mails that are ready or on their way.
    room: Arc<Semaphore>,
    /// How far relays are that warm up.
    ramps: Warming,
    /// A sweep may be open.
    sweeping: AtomicBool,
    /// When the clocks of workflows tick.
    bell: tokio::sync::Mutex<Bell>,
    /// What guards have counted.
    watch: tokio::sync::Mutex<Watch>,
}

impl Engine {
    #[must_use]
    pub fn new(
        store: Store,
        clock: Clock,
        keyring: Arc<Keyring>,
        config: Arc<Config>,
        relays: Vec<Relay>,
    ) -> Self {
        let outlet = |relay: Relay| {
            let sender = config.sender_by(relay.name());
            Arc::new(Outlet::new(relay, sender))
        };
        let outlets: Vec<_> = relays.into_iter().map(outlet).collect();
        let fleet = Fleet::new(outlets.iter().map(|it| config.berth(&it.name)).collect());
        Self {
            outlets,
            fleet,
            store,
            clock,
            keyring,
            config,
            signers: Arc::default(),
            nudge: Arc::new(Notify::new()),
            outbox: Notify::new(),
            on_settled: Box::new(|_| ()),
            on_turn: Box::new(|_, _| ()),
            on_relay: Box::new(|_, _| ()),
            on_missed: Box::new(|_, _| ()),
            on_called: Box::new(|_, _| ()),
            current: Current::default(),
            taking_over: tokio::sync::Mutex::default(),
            beyond_us: Mutex::default(),
            claims: Claims::default(),
            backlog: Mutex::default(),
            throttles: Throttles::default(),
            departures: Departures::default(),
            room: Arc::new(Semaphore::new(sending::ROOM as usize)),
            ramps: Warming::default(),
            sweeping: AtomicBool::new(false),
            bell: tokio::sync::Mutex::default(),
            watch: tokio::sync::Mutex::default(),
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
