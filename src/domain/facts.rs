//! Facts: what conditions may ask about a lead's events, folded as the events come.
//!
//! A lead's state never holds "all events". Definitions compile to a [`FactPlan`]: for each
//! (event kind, object filter) that some condition or scoring rule names, the first instant, the
//! count, and a ring of the last hits, as many as the largest threshold needs.

use std::{
    collections::HashMap,
    fmt,
    hash::{Hash as _, Hasher as _},
};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{
    event::{Event, EventKind, Judgement},
    id::Rev,
    name::Name,
    time::Instant,
};

/// Which events a fact is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FactKey {
    pub kind: EventKind,
    pub filter: ObjectFilter,
}

/// Which objects of a kind count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ObjectFilter {
    Any,
    Exactly(Name),
    /// Written `"/docs/*"`.
    StartsWith(Name),
}

impl ObjectFilter {
    /// Reads the argument of an event question: none, a name, or a name that ends in `*`.
    #[must_use]
    pub fn parse(text: Option<&str>) -> Self {
        match text {
            None => Self::Any,
            Some(text) => match text.strip_suffix('*') {
                Some(prefix) => Self::StartsWith(prefix.into()),
                None => Self::Exactly(text.into()),
            },
        }
    }

    #[must_use]
    pub fn admits(&self, object: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(name) => object == Some(name),
            Self::StartsWith(prefix) => object.is_some_and(|o| o.starts_with(prefix.as_str())),
        }
    }
}

/// The stored form, `kind`, `kind object` or `kind prefix*`.
impl fmt::Display for FactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.filter {
            ObjectFilter::Any => write!(f, "{}", self.kind),
            ObjectFilter::Exactly(name) => write!(f, "{} {name}", self.kind),
            ObjectFilter::StartsWith(prefix) => write!(f, "{} {prefix}*", self.kind),
        }
    }
}

/// Which fact of the plan: an index into a lead's facts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct FactIx(pub usize);

/// One kept fact: its key and how many of the last hits are remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFact {
    pub key: FactKey,
    /// The key's stored form.
    pub text: Box<str>,
    /// At least 1, at most [`FactPlan::MAX_RING`].
    pub ring: usize,
}

/// What a decision may look at, compiled from everything that asks.
#[derive(Clone, Debug, Default)]
pub struct FactPlan {
    facts: Vec<PlannedFact>,
    by_key: HashMap<FactKey, FactIx>,
    by_kind: HashMap<EventKind, Vec<FactIx>>,
}

impl FactPlan {
    /// The largest `.times(n)`, and the largest `cap / points` of a scoring rule.
    pub const MAX_RING: usize = 32;

    /// Asks for a fact with at least `ring` remembered hits; the same key is kept once.
    pub fn ask(&mut self, key: FactKey, ring: usize) -> FactIx {
        let ring = ring.clamp(1, Self::MAX_RING);
        if let Some(&index) = self.by_key.get(&key) {
            let planned = &mut self.facts[index.0];
            planned.ring = planned.ring.max(ring);
            return index;
        }
        let index = FactIx(self.facts.len());
        self.by_key.insert(key.clone(), index);
        self.by_kind.entry(key.kind.clone()).or_default().push(index);
        self.facts.push(PlannedFact { text: key.to_string().into(), key, ring });
        index
    }

    #[must_use]
    pub fn fact(&self, index: FactIx) -> &PlannedFact {
        &self.facts[index.0]
    }

    pub fn iter(&self) -> impl Iterator<Item = (FactIx, &PlannedFact)> {
        self.facts.iter().enumerate().map(|(index, fact)| (FactIx(index), fact))
    }

    #[must_use]
    pub fn find(&self, key: &FactKey) -> Option<FactIx> {
        self.by_key.get(key).copied()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// A number that changes when the set of kept facts does: a lead whose memory was folded under
    /// another plan has facts to fill in.
    #[must_use]
    pub fn mark(&self) -> i64 {
        let mut keys: Vec<(&str, usize)> =
            self.facts.iter().map(|fact| (&*fact.text, fact.ring)).collect();
        keys.sort_unstable();
        let mut hasher = siphasher::sip::SipHasher24::new();
        keys.hash(&mut hasher);
        hasher.finish().cast_signed()
    }

    /// The facts that an event belongs to.
    pub fn matching<'a>(
        &'a self,
        kind: &EventKind,
        object: Option<&'a str>,
    ) -> impl Iterator<Item = FactIx> + 'a {
        self.by_kind
            .get(kind)
            .into_iter()
            .flatten()
            .copied()
            .filter(move |index| self.facts[index.0].key.filter.admits(object))
    }
}

/// One remembered hit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "StoredHit", into = "StoredHit")]
pub struct Hit {
    /// When it happened.
    pub at: Instant,
    /// From when on it counts: later than `at` while its judgement is unsure.
    pub counts_from: Instant,
    /// The event.
    pub rev: Rev,
}

/// When, the event, and how many milliseconds later it counts: there are many in a lead's memory.
type StoredHit = (Instant, Rev, i64);

impl From<StoredHit> for Hit {
    fn from((at, rev, delay): StoredHit) -> Self {
        Self { at, counts_from: Instant::from_millis(at.millis().saturating_add(delay)), rev }
    }
}

impl From<Hit> for StoredHit {
    fn from(hit: Hit) -> Self {
        (hit.at, hit.rev, hit.counts_from.since(hit.at))
    }
}

/// What is remembered for one key.
#[derive(PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Fact {
    /// The earliest hit ever.
    #[serde(rename = "f", default)]
    pub first: Option<Instant>,
    /// How many ever, settled or not; machine hits are not among them.
    #[serde(rename = "n", default)]
    pub count: u32,
    /// The last hits, oldest first. Most facts need few: these lie within, so that a lead's facts are
    /// copied and read in one go.
    #[serde(rename = "h", default)]
    pub ring: SmallVec<[Hit; 4]>,
}

impl Clone for Fact {
    fn clone(&self) -> Self {
        // Hits are copied as bytes, which the derived form would not do.
        Self { first: self.first, count: self.count, ring: SmallVec::from_slice(&self.ring) }
    }
}

impl Fact {
    /// The hits that count at `now` and happened at `since` or later, newest first.
    pub fn counted(&self, since: Instant, now: Instant) -> impl Iterator<Item = &Hit> {
        self.ring.iter().rev().filter(move |hit| hit.counts_from <= now && hit.at >= since)
    }

    /// The first instant after `now` at which a hit that happened at `since` or later begins to count.
    #[must_use]
    pub fn next_settling(&self, since: Instant, now: Instant) -> Instant {
        self.ring
            .iter()
            .filter(|hit| hit.counts_from > now && hit.at >= since)
            .map(|hit| hit.counts_from)
            .min()
            .unwrap_or(Instant::NEVER)
    }

    fn add(&mut self, hit: Hit, ring: usize, now: Instant) {
        if self.ring.iter().any(|known| known.rev == hit.rev) {
            return;
        }
        self.first = Some(self.first.map_or(hit.at, |first| first.min(hit.at)));
        self.count = self.count.saturating_add(1);
        let place = self.ring.partition_point(|known| (known.at, known.rev) <= (hit.at, hit.rev));
        self.ring.insert(place, hit);
        // Hits that do not count yet must not push out ones that do: a condition could turn false
        // with no new event. They have their own room beside the settled ones.
        while self.ring.iter().filter(|known| known.counts_from <= now).count() > ring
            || self.ring.len() > ring + FactPlan::MAX_RING
        {
            self.ring.remove(0);
        }
    }

    fn withdraw(&mut self, rev: Rev) -> Option<Hit> {
        let place = self.ring.iter().position(|hit| hit.rev == rev)?;
        self.count = self.count.saturating_sub(1);
        Some(self.ring.remove(place))
    }
}

/// Folds one event into a lead's facts, which are in the order of `plan`. Returns whether any changed.
pub fn fold(plan: &FactPlan, facts: &mut [Fact], event: &Event, now: Instant) -> bool {
    if let Some(target) = event.revises {
        return revise(plan, facts, event, target, now);
    }
    let Some(counts_from) = event.counts_from() else { return false };
    let hit = Hit { at: event.occurred_at, counts_from, rev: event.rev };
    let mut changed = false;
    for index in plan.matching(&event.kind, event.fact_object().as_deref()) {
        facts[index.0].add(hit, plan.fact(index).ring, now);
        changed = true;
    }
    changed
}

/// Folds a lead's events as far as they are known, in their order. Each is judged as it was at last: a hit
/// that was taken for a human's for a while pushes no other out of a ring.
pub fn fold_history(plan: &FactPlan, facts: &mut [Fact], history: &[Event], now: Instant) {
    let revised = history.iter().filter_map(|event| Some((event.revises?, event.judgement)));
    let revised: HashMap<Rev, Judgement> = revised.collect();
    for event in history.iter().filter(|event| event.revises.is_none()) {
        match revised.get(&event.rev) {
            Some(&judgement) => {
                fold(plan, facts, &Event { judgement, ..event.clone() }, now);
            }
            None => {
                fold(plan, facts, event, now);
            }
        }
    }
}

/// Fills in facts from a lead's history. One whose events are no longer kept stays as remembered.
pub fn fill(
    plan: &FactPlan,
    facts: &mut [Fact],
    missing: &[FactIx],
    history: &[Event],
    now: Instant,
) {
    let mut fresh = vec![Fact::default(); plan.len()];
    fold_history(plan, &mut fresh, history, now);
    for fact in missing {
        if fresh[fact.0].count >= facts[fact.0].count {
            facts[fact.0] = std::mem::take(&mut fresh[fact.0]);
        }
    }
}

/// A revision carries the kind, object and instant of the hit it judges anew in its own fields
/// `data.kind`, `object` and `occurred_at`, so it can be folded without looking the hit up.
fn revise(plan: &FactPlan, facts: &mut [Fact], event: &Event, target: Rev, now: Instant) -> bool {
    let mut changed = false;
    for fact in facts.iter_mut() {
        changed |= fact.withdraw(target).is_some();
    }
    let kind = event.data.get("kind").and_then(|kind| EventKind::parse(&kind.to_string()).ok());
    if let (Some(kind), Judgement::Human) = (kind, event.judgement) {
        let hit = Hit { at: event.occurred_at, counts_from: event.occurred_at, rev: target };
        for index in plan.matching(&kind, event.object.as_deref()) {
            facts[index.0].add(hit, plan.fact(index).ring, now);
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::EventData;

    fn event(rev: i64, at: i64, judgement: Judgement) -> Event {
        Event {
            rev: Rev(rev),
            kind: EventKind::MAIL_CLICKED,
            object: None,
            occurred_at: Instant::from_millis(at),
            recorded_at: Instant::from_millis(at),
            judgement,
            settles_at: Some(Instant::from_millis(at + 20)),
            message: None,
            about: None,
            revises: None,
            data: EventData::new(),
        }
    }

    #[test]
    fn a_history_is_folded_by_what_its_events_were_judged_at_last() {
        let mut plan = FactPlan::default();
        let key = FactKey { kind: EventKind::MAIL_CLICKED, filter: ObjectFilter::Any };
        let clicked = plan.ask(key, 1);
        let human = event(1, 100, Judgement::Human);
        let machine = event(2, 200, Judgement::Unsure);
        let revision = Event {
            kind: EventKind::JUDGEMENT_REVISED,
            revises: Some(Rev(2)),
            judgement: Judgement::Machine,
            data: [("kind".into(), crate::domain::value::Value::Text("mail.clicked".into()))]
                .into(),
            ..event(3, 200, Judgement::Machine)
        };
        let history = [human, machine, revision];
        let now = Instant::from_millis(1000);
        let mut facts = vec![Fact::default()];
        fold_history(&plan, &mut facts, &history, now);
        let revs: Vec<Rev> = facts[clicked.0].ring.iter().map(|hit| hit.rev).collect();
        assert_eq!((revs, facts[clicked.0].count), (vec![Rev(1)], 1));
        // As when each came at its time.
        let mut as_they_came = vec![Fact::default()];
        for (event, at) in history.iter().zip([100, 210, 215]) {
            fold(&plan, &mut as_they_came, event, Instant::from_millis(at));
        }
        assert_eq!(as_they_came[clicked.0].ring, facts[clicked.0].ring);
    }
}
