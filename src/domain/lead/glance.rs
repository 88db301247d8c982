//! A glance at a stored lead: what some conditions look at, and nothing else of it.
//!
//! Deciding needs all that is remembered of a lead; to count who is in a segment a few facts and
//! attributes will do, of very many leads.

mod parts;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use parts::{FactsOf, ProfileOf, SegmentsOf};
use serde::{Deserialize as _, Deserializer as _};

use super::{Consent, Memory, Stage, Unreadable, packed};
use crate::domain::{
    condition::{Reads, View, Worked},
    definitions::{Definitions, SegmentIx},
    event::Event,
    facts::{Fact, FactIx, FactKey, FactPlan, fill},
    name::Name,
    policy::Tracking,
    time::Instant,
    value::{Slot, Value, ValueType},
    verdict::{Truth, Verdict},
};

/// The columns of a lead that conditions look at.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'r> {
    /// `None` unless [`Glance::needs_standing`].
    pub standing: Option<Standing<'r>>,
    /// JSON; empty unless [`Glance::needs_profile`].
    pub profile: &'r [u8],
    pub memory: &'r [u8],
}

/// Where a lead stands, and who it is.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'r> {
    pub stage: Stage,
    pub since: Instant,
    pub address: &'r str,
}

/// Which facts of a lead are still to be looked up in its history: from fewer to more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Missing {
    /// Those that the plan before lacks.
    Since,
    /// All: it was folded under yet another plan, or never decided.
    Everything,
}

impl Missing {
    pub const ALL: [Self; 2] = [Self::Since, Self::Everything];
}

/// Looks at one stored lead after the other.
#[derive(Debug)]
pub struct Glance<'d> {
    definitions: &'d Definitions,
    needs_standing: bool,
    needs_profile: bool,
    needs_tags: bool,
    needs_consents: bool,
    slots: Vec<(&'d str, Slot, ValueType)>,
    email: Option<Slot>,
    /// In the order of their texts.
    facts: Vec<(&'d str, FactIx)>,
    /// Those that are asked for.
    segments: Vec<(&'d str, SegmentIx)>,
    /// The mark of the plan before.
    before: Option<i64>,
    /// What that lacks.
    since: Vec<FactIx>,
    everything: Vec<FactIx>,
    /// The segments that are asked for and those that they name, each after those that it names.
    in_order: Vec<SegmentIx>,
    /// By index of the segment, as far as they are in that order: how it stands with the lead.
    verdicts: Vec<Cell<Option<Verdict>>>,
    /// The lead that was looked at last.
    lead: Seen,
}

/// What was seen of a lead.
#[derive(Debug)]
struct Seen {
    stage: Stage,
    stage_since: Instant,
    attributes: Vec<Option<Value>>,
    tags: BTreeSet<Name>,
    consents: BTreeMap<Name, Consent>,
    facts: Vec<Fact>,
    missing: Option<Missing>,
    /// By index of the segment: whether it was in when it was decided last.
    was_in: Vec<bool>,
}

impl<'d> Glance<'d> {
    /// At what these segments look at. `before`: the plan under which most leads were folded, if that is another.
    #[must_use]
    pub fn new(
        definitions: &'d Definitions,
        segments: &[SegmentIx],
        before: Option<&FactPlan>,
    ) -> Self {
        let mut reads = Reads::default();
        for segment in segments {
            reads.add_segment(*segment, &definitions.segments, &definitions.scoring);
        }
        let attribute = |slot: &Slot| {
            let attribute = definitions.schema.attribute(*slot);
            (attribute.name.as_str(), *slot, attribute.kind)
        };
        let email = definitions.schema.slot("email").filter(|slot| reads.attributes.contains(slot));
        let own = reads.attributes.iter().filter(|slot| Some(**slot) != email);
        let slots: Vec<_> = own.map(attribute).collect();
        let mut facts: Vec<(&str, FactIx)> =
            reads.facts.iter().map(|&fact| (&*definitions.plan.fact(fact).text, fact)).collect();
        facts.sort_unstable();
        let lacks = |plan: &FactPlan| {
            let has = |fact: &FactIx| {
                let wanted = definitions.plan.fact(*fact);
                plan.find(&wanted.key).is_some_and(|known| plan.fact(known).ring >= wanted.ring)
            };
            reads.facts.iter().copied().filter(|fact| !has(fact)).collect()
        };
        let needs_consents =
            reads.behaviour && matches!(definitions.policy.tracking, Tracking::With(_));
        let name = |segment: &SegmentIx| definitions.segments[segment.0].name.as_str();
        Self {
            definitions,
            needs_standing: reads.stage || email.is_some(),
            needs_profile: reads.tags || needs_consents || !slots.is_empty(),
            needs_tags: reads.tags,
            needs_consents,
            slots,
            email,
            facts,
            segments: segments.iter().map(|segment| (name(segment), *segment)).collect(),
            before: before.map(FactPlan::mark),
            since: before.map(lacks).unwrap_or_default(),
            everything: reads.facts.iter().copied().collect(),
            in_order: reads.segments.iter().copied().collect(),
            verdicts: vec![Cell::new(None); definitions.segments.len()],
            lead: Seen {
                stage: Stage::Lead,
                stage_since: Instant::DAWN,
                attributes: vec![None; definitions.schema.len()],
                tags: BTreeSet::new(),
                consents: BTreeMap::new(),
                facts: vec![Fact::default(); definitions.plan.len()],
                missing: None,
                was_in: vec![false; definitions.segments.len()],
            },
        }
    }

    /// Whether anything is looked at of where leads stand.
    #[must_use]
    pub fn needs_standing(&self) -> bool {
        self.needs_standing
    }

    /// Whether profiles are looked at.
    #[must_use]
    pub fn needs_profile(&self) -> bool {
        self.needs_profile
    }

    /// What to look up of leads who miss this.
    pub fn keys(&self, missing: Missing) -> impl Iterator<Item = &FactKey> {
        let plan = &self.definitions.plan;
        self.which(missing).iter().map(|&fact| &plan.fact(fact).key)
    }

    fn which(&self, missing: Missing) -> &[FactIx] {
        match missing {
            Missing::Since => &self.since,
            Missing::Everything => &self.everything,
        }
    }

    /// Looks at a lead. Returns what is missing of it, if the answer hangs on that: most segments ask for more
    /// than one thing, and the others may settle it.
    pub fn look(
        &mut self,
        stored: &Stored<'_>,
        now: Instant,
    ) -> Result<Option<Missing>, Unreadable> {
        if let Some(standing) = &stored.standing {
            self.lead.stage = standing.stage;
            self.lead.stage_since = standing.since;
            if let Some(email) = self.email {
                self.lead.attributes[email.0] = Some(Value::Text(standing.address.into()));
            }
        }
        self.lead.was_in.fill(false);
        for (_, fact) in &self.facts {
            self.lead.facts[fact.0] = Fact::default();
        }
        if self.needs_profile {
            self.look_at_profile(stored)?;
        }
        let plan = self.look_at_memory(stored.memory)?;
        let missing = if plan == self.definitions.plan_mark {
            None
        } else if Some(plan) == self.before {
            Some(Missing::Since)
        } else {
            Some(Missing::Everything)
        };
        self.lead.missing = missing.filter(|missing| !self.which(*missing).is_empty());
        self.work_out(now);
        let is_open = |(_, segment): &(_, SegmentIx)| self.value(*segment) == Truth::Unknown;
        Ok(self.lead.missing.filter(|_| self.segments.iter().any(is_open)))
    }

    /// How it stands with each segment at an instant.
    fn work_out(&self, now: Instant) {
        self.verdicts.iter().for_each(|verdict| verdict.set(None));
        let worked = Worked::default();
        let view = View { worked: Some(&worked), ..self.view(now) };
        for segment in &self.in_order {
            let verdict = self.definitions.segments[segment.0].condition.verdict(&view);
            self.verdicts[segment.0].set(Some(verdict));
        }
    }

    fn look_at_profile(&mut self, stored: &Stored<'_>) -> Result<(), Unreadable> {
        for (_, slot, _) in &self.slots {
            self.lead.attributes[slot.0] = None;
        }
        self.lead.tags.clear();
        self.lead.consents.clear();
        let mut json = serde_json::Deserializer::from_slice(stored.profile);
        json.deserialize_map(ProfileOf(self)).map_err(|_| Unreadable("profile"))
    }

    /// Returns the mark of the plan that it was folded under.
    fn look_at_memory(&mut self, stored: &[u8]) -> Result<i64, Unreadable> {
        let Some(packed) = packed::in_order(stored) else {
            return Ok(self.take(Memory::unpack(stored)?));
        };
        let mut fields = postcard::Deserializer::from_bytes(packed);
        let mut read = || {
            let plan = i64::deserialize(&mut fields)?;
            let wanted = &self.facts;
            fields.deserialize_map(FactsOf { wanted, facts: &mut self.lead.facts })?;
            fields.deserialize_map(SegmentsOf(&self.segments, &mut self.lead.was_in))?;
            Ok::<i64, postcard::Error>(plan)
        };
        read().map_err(|_| Unreadable("memory"))
    }

    fn take(&mut self, mut memory: Memory) -> i64 {
        for (text, fact) in &self.facts {
            self.lead.facts[fact.0] = memory.facts.remove(*text).unwrap_or_default();
        }
        for (name, segment) in &self.segments {
            self.lead.was_in[segment.0] = memory.segments.contains_key(*name);
        }
        memory.plan
    }

    /// Fills in what is missing of the lead that was looked at last, from its history.
    pub fn fill(&mut self, history: &[Event], now: Instant) {
        let Some(missing) = self.lead.missing.take() else { return };
        let missing = match missing {
            Missing::Since => &self.since,
            Missing::Everything => &self.everything,
        };
        fill(&self.definitions.plan, &mut self.lead.facts, missing, history, now);
        self.work_out(now);
    }

    /// The lead that was looked at last, as segments look at it. What is missing and not filled in is unknown.
    fn view(&self, now: Instant) -> View<'_> {
        let Self { definitions, lead, .. } = self;
        View {
            now,
            since: Instant::DAWN,
            entry: None,
            attributes: &lead.attributes,
            tags: &lead.tags,
            stage: lead.stage,
            stage_since: lead.stage_since,
            facts: &lead.facts,
            profiled: definitions.policy.tracking.allows(&lead.consents),
            scoring: &definitions.scoring,
            segments: &definitions.segments,
            known_segments: &self.verdicts,
            worked: None,
            missing: lead.missing.map_or(&[], |missing| self.which(missing)),
        }
    }

    /// Whether the lead that was looked at last is in a segment that is asked for.
    #[must_use]
    pub fn value(&self, segment: SegmentIx) -> Truth {
        self.verdicts[segment.0].get().map_or(Truth::Unknown, |verdict| verdict.value)
    }

    /// Whether the lead that was looked at last was in a segment when it was decided last.
    #[must_use]
    pub fn was_in(&self, segment: SegmentIx) -> bool {
        self.lead.was_in[segment.0]
    }
}
