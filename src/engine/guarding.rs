//! The watch over bounces and complaints: what has too many is paused, and stays so until somebody resumes it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use super::Engine;
use crate::{
    domain::{
        guard::{Alarm, Counts, Guards},
        id::MessageId,
        name::Name,
        pause::Scope,
        time::Instant,
    },
    store::{Ill, Store, StoreError, Taken},
};

/// How often it is looked.
pub(super) const EVERY: Duration = Duration::from_secs(15);
/// What was taken is counted by these; one that is over for as long is not counted again.
const PART: Duration = Duration::from_hours(1);
/// What is recorded may be seen so much later.
const LATE: Duration = Duration::from_mins(10);

/// What was counted, so that what is over is read once.
#[derive(Debug, Default)]
pub struct Watch {
    looked_at: Option<Instant>,
    /// By the beginning of the part.
    parts: BTreeMap<Instant, Vec<Taken>>,
    /// What was heard of each mail: that it bounced, that it was called spam.
    ill: HashMap<MessageId, (Ill, [bool; 2])>,
    /// Up to when that was read.
    heard: Option<Instant>,
}

impl Watch {
    /// Whether it is time to look again.
    fn is_due(&self, now: Instant) -> bool {
        // A clock that went back keeps nobody waiting.
        self.looked_at.is_none_or(|at| now < at || now >= at + EVERY)
    }

    /// What is to be paused by now, of what is not.
    async fn look(
        &mut self,
        store: &Store,
        guards: &Guards,
        now: Instant,
    ) -> Result<Vec<Alarm>, StoreError> {
        let begin = part_of(now - guards.within);
        self.read(store, begin, now).await?;
        let (resumed, paused) = (store.resumed().await?, store.pauses().await?);
        let kinds = self.parts.values().flatten().map(|it| (&it.workflow, &it.relay));
        let ill = self.ill.values().map(|(ill, _)| (&ill.workflow, &ill.relay));
        let scopes: BTreeSet<Scope> = kinds.chain(ill).flat_map(|it| scopes(it.0, it.1)).collect();
        let mut alarms = Vec::new();
        for scope in scopes.into_iter().filter(|scope| paused.iter().all(|it| it.scope != *scope)) {
            let resumed = resumed.get(&scope).copied();
            let since = resumed.map_or(begin, |at| at.max(begin));
            let counts = self.count(store, &scope, since, now).await?;
            if let Some(reason) = guards.verdict(counts, since) {
                alarms.push(Alarm { scope, reason, resumed });
            }
        }
        Ok(alarms)
    }

    /// Brings it up to now.
    async fn read(
        &mut self,
        store: &Store,
        begin: Instant,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.parts.retain(|at, _| *at >= begin && *at <= now);
        // A longer span than before begins anew.
        if self.heard.is_some_and(|heard| heard > now) || !self.parts.contains_key(&begin) {
            *self = Self { looked_at: self.looked_at, ..Self::default() };
        }
        let mut at = begin;
        while at <= now {
            let is_over = at + PART + LATE <= self.heard.unwrap_or(Instant::DAWN);
            if !is_over {
                self.parts.insert(at, store.taken(at, at + PART).await?);
            }
            at = at + PART;
        }
        let from = self.heard.map_or(begin, |heard| heard - LATE);
        for found in store.ill(from).await? {
            let which = usize::from(!found.is_bounce);
            self.ill.entry(found.message).or_insert((found, [false; 2])).1[which] = true;
        }
        self.ill.retain(|_, (ill, _)| ill.at >= begin);
        self.heard = Some(now);
        Ok(())
    }

    /// Mails from an instant on.
    async fn count(
        &self,
        store: &Store,
        scope: &Scope,
        since: Instant,
        now: Instant,
    ) -> Result<Counts, StoreError> {
        let is_meant = |workflow: &Name, relay: &Name| scopes(workflow, relay).contains(scope);
        let mut counts = Counts::default();
        let mut add = |taken: &[Taken]| {
            let meant = taken.iter().filter(|it| is_meant(&it.workflow, &it.relay));
            counts.mails += meant.map(|it| it.mails).sum::<u64>();
        };
        let whole = if part_of(since) == since { since } else { part_of(since) + PART };
        self.parts.range(whole..).for_each(|(_, taken)| add(taken));
        if whole > since {
            add(&store.taken(since, whole.min(now.next())).await?);
        }
        for (ill, heard) in self.ill.values() {
            if ill.at >= since && is_meant(&ill.workflow, &ill.relay) {
                let [bounced, complained] = heard.map(u64::from);
                counts.add(Counts { mails: u64::from(ill.is_refused), bounced, complained });
            }
        }
        Ok(counts)
    }
}

/// What guards may pause for such mails.
fn scopes(workflow: &Name, relay: &Name) -> Vec<Scope> {
    let relay = (!relay.is_empty()).then(|| Scope::Relay(relay.clone()));
    relay.into_iter().chain([Scope::Workflow(workflow.clone())]).collect()
}

fn part_of(at: Instant) -> Instant {
    let part = i64::try_from(PART.as_millis()).unwrap_or(1);
    Instant::from_millis(at.millis().div_euclid(part) * part)
}

impl Engine {
    /// Pauses the workflows and relays whose mails bounce, or are called spam, more than the policy lets them. Each
    /// is told of once, whichever daemon finds it.
    pub async fn guard(&self, now: Instant) -> Result<(), StoreError> {
        let Some(live) = self.live() else { return Ok(()) };
        let guards = &live.definitions.policy.guards;
        if guards.counts_nothing() || !self.store.heeds_pauses() {
            return Ok(());
        }
        let mut watch = self.watch.lock().await;
        if !watch.is_due(now) {
            return Ok(());
        }
        for alarm in watch.look(&self.store, guards, now).await? {
            if self.store.pause_for(&alarm, now).await? {
                let (what, resume) = (alarm.scope.said(), alarm.scope.argument());
                tracing::error!(
                    reason = alarm.reason,
                    "a guard has paused {what}; `nurtured resume {resume}` takes it up"
                );
                self.begin_sweeping();
                self.nudge.notify_one();
            }
        }
        watch.looked_at = Some(now);
        Ok(())
    }
}
