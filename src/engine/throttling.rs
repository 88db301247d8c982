//! How much the servers take from us: heard from what becomes of mails, and obeyed by those that follow.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Engine, Outlet};
use crate::{
    domain::{
        name::Name,
        pace::Line,
        pause::Scope,
        throttle::{Change, Level, Stretch, Throttle, Word},
        time::Instant,
    },
    mail::relay::Delivery,
    store::{By, GUARD, StoreError},
};

/// After so long without a change, what a server said once means nothing any more.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);

/// What is known of each stretch on which not all is well.
#[derive(Debug, Default)]
pub(super) struct Throttles(Mutex<BTreeMap<Stretch, Throttle>>);

/// How slowly mail goes to a receiver, and all of a relay; `None`: as fast as it may.
#[derive(Clone, Copy, Debug, Default)]
pub struct Levels([Option<Level>; 2]);

impl Levels {
    /// The lines that slow mail by a relay down, to a receiver.
    pub(super) fn lines(self, relay: &Name, receiver: &str) -> Vec<Line> {
        let slowed = [receiver, ""].into_iter().zip(self.0).filter_map(|(receiver, level)| {
            let stretch = Stretch { relay: relay.clone(), receiver: receiver.into() };
            Some(stretch.line(level?))
        });
        slowed.collect()
    }

    pub(super) fn is_slower_than(self, other: Self) -> bool {
        self.0.iter().zip(other.0).any(|(level, known)| *level > known)
    }
}

impl Throttles {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Stretch, Throttle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All is well everywhere.
    pub fn is_idle(&self) -> bool {
        self.lock().is_empty()
    }

    /// How slowly mail by a relay goes, to a receiver and over all.
    pub fn levels(&self, relay: &Name, receiver: &str) -> Levels {
        let throttles = self.lock();
        if throttles.is_empty() {
            return Levels::default();
        }
        let level = |receiver: &str| {
            let stretch = Stretch { relay: relay.clone(), receiver: receiver.into() };
            throttles.get(&stretch)?.slowed.map(|(level, _)| level)
        };
        Levels([level(receiver), level("")])
    }

    /// Takes over what all daemons have written.
    fn learn(&self, mut known: BTreeMap<Stretch, (Level, Instant)>) {
        let mut throttles = self.lock();
        for (stretch, throttle) in &mut *throttles {
            throttle.learn(known.remove(stretch));
        }
        let news = known.into_iter();
        throttles.extend(news.map(|(stretch, (level, at))| (stretch, Throttle::at(level, at))));
        throttles.retain(|_, throttle| !throttle.is_idle());
    }
}

impl Engine {
    /// Takes in what a delivery says of how much is taken from us. That a mail is refused again is no news.
    pub(super) async fn hear(
        &self,
        outlet: &Outlet,
        receiver: &Name,
        delivery: &Delivery,
        is_first: bool,
        now: Instant,
    ) {
        let heard = delivery.heard().filter(|heard| is_first || heard.word != Word::NotFromUs);
        let Some(heard) = heard else { return };
        let is_trouble = heard.word != Word::Taken;
        if !is_trouble && self.throttles.is_idle() {
            return;
        }
        let all = Stretch { relay: outlet.name.clone(), receiver: Name::new("") };
        let one = Stretch { receiver: receiver.clone(), ..all.clone() };
        let stretches = match (heard.of_all, is_trouble) {
            (true, _) => vec![all],
            (false, true) => vec![one],
            (false, false) => vec![one, all],
        };
        for stretch in stretches {
            let (was, change) = {
                let mut throttles = self.throttles.lock();
                if !is_trouble && !throttles.contains_key(&stretch) {
                    continue;
                }
                let throttle = throttles.entry(stretch.clone()).or_default();
                let was = throttle.slowed.map(|(level, _)| level);
                let change = throttle.hear(heard.word, now);
                if throttle.is_idle() {
                    throttles.remove(&stretch);
                }
                (was, change)
            };
            let written = match change {
                None => Ok(()),
                Some(Change::Level(level)) => self.throttle(&stretch, was, level, now).await,
                Some(Change::Pause) => self.pause_relay(outlet, &stretch, now).await,
            };
            if let Err(error) = written {
                tracing::warn!(%error, "how much is taken from us could not be written down");
            }
        }
    }

    async fn throttle(
        &self,
        stretch: &Stretch,
        was: Option<Level>,
        level: Option<Level>,
        now: Instant,
    ) -> Result<(), StoreError> {
        match level {
            Some(level) if was.is_none_or(|was| level > was) => {
                tracing::warn!(%stretch, rate = %level.rate(), "mail is put off there, and goes more slowly");
            }
            Some(level) => {
                tracing::info!(%stretch, rate = %level.rate(), "mail is taken there, and goes faster again");
            }
            None => tracing::info!(%stretch, "mail goes there as fast as before"),
        }
        self.store.throttle(stretch, was, level, now).await
    }

    async fn pause_relay(
        &self,
        outlet: &Outlet,
        stretch: &Stretch,
        now: Instant,
    ) -> Result<(), StoreError> {
        // Once, and not for each mail that was on its way.
        if outlet.pause() {
            (self.on_relay)(&outlet.name, crate::mail::relay::Change::Down);
            tracing::error!(
                %stretch,
                "three mails in a row were refused for who we are: the relay is paused. `nurtured doctor` looks at \
                 SPF, DKIM and DMARC; `nurtured resume --relay {}` takes it up again",
                outlet.name
            );
        }
        let because = format!("three mails in a row were refused for who we are, {stretch}");
        let by = By { who: GUARD, because: Some(&because) };
        self.store.pause(&Scope::Relay(outlet.name.clone()), by, now).await
    }

    pub(super) async fn follow_throttles(&self, now: Instant) -> Result<(), StoreError> {
        let known = self.store.throttles().await?.into_iter();
        let mut known: BTreeMap<Stretch, (Level, Instant)> =
            known.map(|(stretch, level, since)| (stretch, (level, since))).collect();
        let before = now - FORGOTTEN_AFTER;
        let all = known.len();
        // Nothing was taken or put off there since.
        known.retain(|_, (_, since)| *since >= before);
        if known.len() < all {
            self.store.forget_throttles(before).await?;
        }
        self.throttles.learn(known);
        Ok(())
    }
}
