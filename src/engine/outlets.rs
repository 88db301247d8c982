//! The relays of this engine: which of them are in service, and whose mails each of them hands over.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::Engine;
use crate::{
    config::Sender,
    domain::{name::Name, time::Instant},
    mail::relay::{Breaker, Change, Permit, Relay},
    store::{Down, Probing, Route, StoreError},
};

/// How many mails are given another relay in one go.
const ASTRAY: i64 = 1_000;
/// And how often in one turn.
const ROUNDS: u32 = 100;

/// When another mail may find out how a relay is, where the one before was not handed over.
const PROBED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A relay, and what is known of it. That outlives one round of sending.
#[derive(Debug)]
pub struct Outlet {
    pub name: Name,
    pub relay: Relay,
    /// Who its mails are from; `None` without a `[sender]`.
    pub sender: Option<Sender>,
    breaker: Mutex<Breaker>,
    /// At which stage it failed last and why; `None` since it answered.
    unreachable: Mutex<Option<String>>,
    is_paused: AtomicBool,
}

impl Outlet {
    pub(super) fn new(relay: Relay, sender: Option<Sender>) -> Self {
        Self {
            name: Name::new(relay.name()),
            relay,
            sender,
            breaker: Mutex::default(),
            unreachable: Mutex::default(),
            is_paused: AtomicBool::new(false),
        }
    }

    pub(super) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody is at the other end: what was sent in the meantime of a backup is lived through again.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self.relay, Relay::Lost(_))
    }

    /// Why it cannot be used, if its last mail found so.
    #[must_use]
    pub fn unreachable(&self) -> Option<String> {
        self.unreachable.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_unreachable(&self, trouble: Option<String>) {
        *self.unreachable.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// When it is asked again, if it is down.
    pub(super) fn asked_again_at(&self) -> Instant {
        self.breaker().probe_at().unwrap_or(Instant::DAWN)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::SeqCst)
    }

    /// Returns whether that is news.
    pub(super) fn pause(&self) -> bool {
        !self.is_paused.swap(true, Ordering::SeqCst)
    }

    /// Paused, or down. One that is to be asked again needs a mail to be asked by.
    fn is_out_of_service(&self, now: Instant) -> bool {
        self.is_paused() || now < self.asked_again_at()
    }
}

impl Engine {
    /// The relay of a name.
    #[must_use]
    pub fn outlet(&self, name: &str) -> Option<&Outlet> {
        self.outlets.iter().find(|outlet| outlet.name == *name).map(AsRef::as_ref)
    }

    /// The first relay that cannot be used, if its last mail found so, and why.
    #[must_use]
    pub fn relay_unreachable(&self) -> Option<(&Name, String)> {
        self.outlets.iter().find_map(|outlet| Some((&outlet.name, outlet.unreachable()?)))
    }

    /// The mails that a relay hands over: its own, and as long as another of the same sender is out of service,
    /// also that one's.
    pub(super) fn route(&self, outlet: &Outlet, now: Instant) -> Route {
        let kin = self.fleet.kin_of(&outlet.name).filter_map(|kin| self.outlet(&kin.name));
        let absent = kin.filter(|kin| kin.is_out_of_service(now)).map(|kin| kin.name.clone());
        let mut route = Route::own(&outlet.name);
        route.of.extend(absent);
        route
    }

    /// May mails be handed to a relay now? Of a relay that is down one of all daemons finds out now and then.
    pub(super) async fn permit(&self, outlet: &Outlet, now: Instant) -> Result<Permit, StoreError> {
        if outlet.is_paused() {
            return Ok(Permit::NotBefore(Instant::NEVER));
        }
        let is_asked_again = outlet.breaker().probe_at().is_some_and(|at| now >= at);
        if is_asked_again {
            // Not without a mail: it would be waited for another interval.
            let due = self.store.next_due_by(&Route::own(&outlet.name)).await?;
            if due > now {
                return Ok(Permit::NotBefore(due));
            }
        }
        let (permit, interval) = {
            let mut breaker = outlet.breaker();
            (breaker.permit(now), breaker.interval())
        };
        if permit != Permit::Probe {
            return Ok(permit);
        }
        Ok(match self.store.probe(&outlet.name, now, now + interval).await? {
            Probing::Us => Permit::Probe,
            Probing::NotBefore(at) => {
                outlet.breaker().learn(Some(at));
                Permit::NotBefore(at)
            }
            Probing::Nobody => {
                outlet.breaker().learn(None);
                Permit::Go
            }
        })
    }

    /// What was to find out whether a relay is up again was not handed over: another may.
    pub(super) async fn probe_again(
        &self,
        outlet: &Outlet,
        now: Instant,
    ) -> Result<(), StoreError> {
        // Not at once: behind it there may be very many of its kind.
        let at = now + PROBED_AGAIN_AFTER;
        outlet.breaker().learn(Some(at));
        self.store.probe_again(&outlet.name, at).await
    }

    /// Writes down for all daemons that a relay is down, or up again.
    pub(super) async fn tell_of(&self, outlet: &Outlet, now: Instant) {
        let probe_at = outlet.breaker().probe_at();
        let relay = outlet.name.clone();
        let written = match probe_at {
            Some(probe_at) => self.store.relay_is_down(&Down { relay, since: now, probe_at }).await,
            None => self.store.relay_is_up(&relay).await,
        };
        if let Err(error) = written {
            tracing::warn!(relay = %outlet.name, %error, "others could not be told how the relay is");
        }
    }

    /// Takes in what others have found out of the relays, or said of them, and sees to mails whose relay is not
    /// there any more.
    ///
    /// # Errors
    /// When the database cannot be asked: what was known stays so.
    pub async fn follow_relays(&self) -> Result<(), StoreError> {
        let (down, paused) = (self.store.relays_down().await?, self.store.paused_relays().await?);
        for outlet in &self.outlets {
            let probe_at = down.iter().find(|down| down.relay == outlet.name).map(|it| it.probe_at);
            let was_open = outlet.breaker().is_open();
            outlet.breaker().learn(probe_at);
            let is_paused = paused.contains(&outlet.name);
            let was_paused = outlet.is_paused.swap(is_paused, Ordering::SeqCst);
            if (was_open, was_paused) != (probe_at.is_some(), is_paused) {
                let can_be_used = !is_paused && probe_at.is_none();
                if can_be_used {
                    outlet.set_unreachable(None);
                }
                (self.on_relay)(&outlet.name, if can_be_used { Change::Up } else { Change::Down });
            }
        }
        let now = self.clock.now();
        self.follow_throttles(now).await?;
        self.follow_ramps(now).await?;
        self.gather_the_astray().await
    }

    /// Gives mails to a relay that is there: theirs was renamed or taken away, or they are from before there were
    /// several.
    async fn gather_the_astray(&self) -> Result<(), StoreError> {
        let known: Vec<&Name> = self.fleet.names().collect();
        for _ in 0..ROUNDS {
            let astray = self.store.astray(&known, ASTRAY).await?;
            let assigned = astray.iter().filter_map(|mail| {
                let relay = self.fleet.relay_for(mail.kind, mail.lead)?;
                Some((mail.message, relay.name.clone()))
            });
            let mails: Vec<_> = assigned.collect();
            if mails.is_empty() {
                return Ok(());
            }
            self.store.assign_relays(&mails).await?;
        }
        // The next turn goes on; it has no end where another daemon has other relays.
        tracing::warn!(
            "many mails wait for relays that are not configured here: is it so on every daemon?"
        );
        Ok(())
    }
}
