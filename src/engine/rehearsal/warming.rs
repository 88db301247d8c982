//! Relays that warm up in a rehearsal: each day it is reckoned how many mails more they may take, as the engine does.

use std::collections::BTreeMap;

use serde::Serialize;

use super::timeline::as_text;
use crate::domain::{
    fleet::Fleet,
    id::LeadId,
    name::Name,
    policy::Policy,
    ramp::{Figures, Ramps, Standing, all_receivers, receivers_of},
    schedule::Day,
    time::Instant,
};

/// How far a relay is with the mails to a provider, or to all others, on a day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DayOfRamp {
    #[serde(serialize_with = "as_text")]
    pub day: Day,
    pub relay: Name,
    pub receivers: Name,
    /// How many mails it takes.
    pub takes: u32,
    /// How many it was given.
    pub mails: u64,
    pub held: Option<String>,
}

/// The warm-ups of a rehearsal.
#[derive(Debug, Default)]
pub(super) struct Warming {
    known: BTreeMap<(Name, Name), Standing>,
    /// What came of the mails since the day of each standing.
    figures: BTreeMap<(Name, Name), Figures>,
    /// When the present day is over.
    until: Option<Instant>,
    today: Option<Day>,
    told: Vec<DayOfRamp>,
}

impl Warming {
    pub fn new(known: BTreeMap<(Name, Name), Standing>) -> Self {
        Self { known, ..Self::default() }
    }

    pub fn told(&self) -> &[DayOfRamp] {
        &self.told
    }

    /// Takes ramps to the day of an instant; `None`: they are there already.
    pub fn follow(&mut self, fleet: &Fleet, policy: &Policy, now: Instant) -> Option<Ramps> {
        if self.until.is_some_and(|until| now < until) || fleet.warming().next().is_none() {
            return None;
        }
        let today = Day::at(now, &policy.zone);
        self.tell(fleet);
        for (relay, warm_up) in fleet.warming().filter(|(_, warm_up)| warm_up.first <= today) {
            for receivers in all_receivers(policy) {
                let key = (relay.clone(), receivers);
                let is = match self.known.get(&key).filter(|was| was.begun == warm_up.first) {
                    None => Standing::new(warm_up.first, today),
                    Some(was) if was.day >= today || warm_up.ramp.mails(was.step).is_none() => {
                        continue;
                    }
                    Some(was) => {
                        let figures = self.figures.remove(&key).unwrap_or_default();
                        was.on(today, &warm_up.ramp, &figures).0
                    }
                };
                self.known.insert(key, is);
            }
        }
        (self.until, self.today) = (Some(today.next().begins(&policy.zone)), Some(today));
        Some(Ramps::new(self.known.clone()))
    }

    /// Notes the day that is over.
    pub fn tell(&mut self, fleet: &Fleet) {
        let Some(day) = self.today.take() else { return };
        for (relay, warm_up) in fleet.warming() {
            let of_it = self.known.iter().filter(|((known, _), _)| known == relay);
            for ((_, receivers), standing) in of_it {
                let Some(takes) = warm_up.ramp.mails(standing.step) else { continue };
                let key = (relay.clone(), receivers.clone());
                let mails = self.figures.get(&key).map_or(0, |figures| figures.tried);
                self.told.push(DayOfRamp {
                    day,
                    relay: relay.clone(),
                    receivers: receivers.clone(),
                    takes,
                    mails,
                    held: standing.held.clone(),
                });
            }
        }
    }

    /// A mail to a lead is handed over.
    pub fn count(
        &mut self,
        (fleet, policy): (&Fleet, &Policy),
        lead: LeadId,
        domain: &str,
        is_refused: bool,
    ) {
        let Some(relay) = fleet.relay_of(lead).filter(|relay| relay.warm_up.is_some()) else {
            return;
        };
        let key = (relay.name.clone(), receivers_of(policy, domain));
        let figures = self.figures.entry(key).or_default();
        figures.tried += 1;
        figures.bounced += u64::from(is_refused);
    }
}
