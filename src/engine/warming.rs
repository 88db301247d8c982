//! Relays that warm up: once a day it is reckoned how many mails more each may take.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, PoisonError, RwLock},
};

use super::Engine;
use crate::{
    domain::{
        name::Name,
        policy::Policy,
        ramp::{Figures, News, Ramps, Standing, WarmUp, all_receivers, receivers_of},
        schedule::Day,
        throttle::Level,
        time::Instant,
    },
    store::{DayFigure, StoreError},
};

/// How far relays are that warm up, as all daemons have written it.
#[derive(Debug, Default)]
pub(super) struct Warming(RwLock<Arc<Ramps>>);

impl Warming {
    pub fn now(&self) -> Arc<Ramps> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn learn(&self, ramps: Ramps) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if **known != ramps {
            *known = Arc::new(ramps);
        }
    }
}

impl Engine {
    /// Takes in how far relays are that warm up, and takes them to today. Of several daemons one does it; the others
    /// take over what it found.
    pub(super) async fn follow_ramps(&self, now: Instant) -> Result<(), StoreError> {
        let Some(live) = self.live().filter(|_| self.fleet.warming().next().is_some()) else {
            return Ok(());
        };
        let policy = &live.definitions.policy;
        let today = Day::at(now, &policy.zone);
        let mut known: BTreeMap<_, _> = self.store.ramps().await?.into_iter().collect();
        let mut is_other = false;
        for (relay, warm_up) in self.fleet.warming().filter(|(_, warm_up)| warm_up.first <= today) {
            let mut days: BTreeMap<Day, BTreeMap<Name, Figures>> = BTreeMap::new();
            for receivers in all_receivers(policy) {
                let key = (relay.clone(), receivers);
                let was = known.get(&key);
                let (is, told) = match was.filter(|was| was.begun == warm_up.first) {
                    None => (Standing::new(warm_up.first, today), None),
                    Some(was) if was.day >= today || is_over(was, warm_up) => continue,
                    Some(was) => {
                        let day = match days.entry(was.day) {
                            Entry::Occupied(known) => known.into_mut(),
                            Entry::Vacant(unknown) => unknown
                                .insert(self.figures_since(relay, policy, was.day, today).await?),
                        };
                        let figures = day.get(&key.1).copied().unwrap_or_default();
                        let (is, news) = was.on(today, &warm_up.ramp, &figures);
                        (is, Some((was, news, figures)))
                    }
                };
                if !self.store.move_ramp((relay, &key.1), was, &is).await? {
                    is_other = true;
                    continue;
                }
                if let Some((was, news, figures)) = told {
                    tell((relay, &key.1), (was, &is), &news, warm_up, &figures);
                }
                known.insert(key, is);
            }
        }
        if is_other {
            known = self.store.ramps().await?.into_iter().collect();
        }
        self.ramps.learn(Ramps::new(known));
        Ok(())
    }

    /// What came of the mails by a relay since a day, by their receivers.
    async fn figures_since(
        &self,
        relay: &Name,
        policy: &Policy,
        since: Day,
        today: Day,
    ) -> Result<BTreeMap<Name, Figures>, StoreError> {
        let (from, until) = (since.begins(&policy.zone), today.begins(&policy.zone));
        let mut all: BTreeMap<Name, Figures> = BTreeMap::new();
        for found in self.store.day_of_relay(relay, from, until).await? {
            let figures = all.entry(receivers_of(policy, &found.domain)).or_default();
            match found.what {
                DayFigure::Bounced => figures.bounced += found.number,
                DayFigure::Complained => figures.complained += found.number,
                tried => {
                    figures.tried += found.number;
                    match tried {
                        DayFigure::Deferred => figures.deferred += found.number,
                        DayFigure::Refused => figures.bounced += found.number,
                        _ => {}
                    }
                }
            }
        }
        let throttles = self.store.throttles().await?;
        for (stretch, level, _) in throttles.iter().filter(|(stretch, ..)| stretch.relay == *relay)
        {
            // One without a receiver is of all mail by the relay. Of the others' many domains one that is slow holds
            // nobody else.
            let of_all = stretch.receiver.is_empty().then(|| all_receivers(policy).collect());
            let one = || vec![stretch.receiver.clone()];
            for receivers in of_all.unwrap_or_else(one) {
                let is_known = policy.pacing.providers.iter().any(|it| it.name == receivers);
                if is_known || stretch.receiver.is_empty() {
                    let figures = all.entry(receivers).or_default();
                    figures.level = figures.level.max(Some::<Level>(*level));
                }
            }
        }
        Ok(all)
    }
}

fn is_over(standing: &Standing, warm_up: &WarmUp) -> bool {
    warm_up.ramp.mails(standing.step).is_none()
}

fn tell(
    (relay, receivers): (&Name, &Name),
    (was, is): (&Standing, &Standing),
    news: &News,
    warm_up: &WarmUp,
    figures: &Figures,
) {
    let mails =
        warm_up.ramp.mails(is.step).map_or("no limit".to_owned(), |mails| mails.to_string());
    let was_held = was.held.is_some();
    match news {
        News::Stays => {}
        News::Up => {
            tracing::info!(%relay, %receivers, a_day = mails, %figures, "the warm-up goes a step up");
        }
        News::Resumed(why) => {
            tracing::info!(%relay, %receivers, a_day = mails, why, "the warm-up is taken up again");
        }
        News::Held(why) if was_held => {
            tracing::info!(%relay, %receivers, a_day = mails, why, %figures, "the warm-up is still held");
        }
        News::Held(why) => {
            tracing::warn!(%relay, %receivers, a_day = mails, why, %figures, "the warm-up is held at its step");
        }
        News::Down(why) => {
            tracing::warn!(%relay, %receivers, a_day = mails, why, %figures, "the warm-up goes a step down");
        }
    }
}
