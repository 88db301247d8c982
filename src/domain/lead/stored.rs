//! The stored form of a lead: what the database keeps for us alone, and the way from it to a [`LeadState`]
//! and back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Consent, LeadState, Passage, Passages, SentMail, Stage, Suppression, enrolment::Enrolment,
};
use crate::domain::{
    address::Address,
    country::Country,
    definitions::{Definitions, LiveWorkflow},
    event::Event,
    facts::{Fact, FactIx, fill},
    id::{EnrolmentNo, LeadId, ReleaseId, Rev},
    message::OpenMessage,
    name::Name,
    score::{Booked, MilliPoints},
    time::{Instant, Zone},
    value::Value,
};

/// Who a lead is, as an import or a person wrote it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Profile {
    /// By attribute; plain JSON, read by the live schema's types. Attributes that the schema does not
    /// name are kept.
    #[serde(default)]
    pub attributes: BTreeMap<Name, serde_json::Value>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Name>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub consents: BTreeMap<Name, Consent>,
}

/// What decisions remember of a lead.
///
/// The store keeps it in a form that knows no names of fields: by their order, with none left out. What is
/// read of many leads comes first.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// [`FactPlan::mark`](crate::domain::facts::FactPlan::mark) of the plan that `facts` were folded under.
    pub plan: i64,
    /// By [`FactKey`](crate::domain::facts::FactKey) as text.
    pub facts: BTreeMap<String, Fact>,
    pub segments: BTreeMap<Name, Instant>,
    pub fit: MilliPoints,
    pub fit_rules: BTreeMap<Name, MilliPoints>,
    pub booked: Booked,
    pub withheld: BTreeSet<Name>,
    pub at_the_door: BTreeMap<Name, Instant>,
    pub passages: BTreeMap<Name, Passage>,
    pub sends: Vec<SentMail>,
    pub received: BTreeMap<Name, Instant>,
    pub unsettled: Vec<Event>,
    pub next_enrolment: EnrolmentNo,
    /// Events up to this one are reflected. Kept with the lead's timer.
    #[serde(skip)]
    pub reflected: Rev,
}

/// A lead as the store reads it: a few rows, not yet looked at through definitions.
#[derive(Clone, Debug)]
pub struct LeadRecord {
    pub lead: LeadId,
    pub rev: Rev,
    /// Goes up with each objection; a message made under an older one is not sent.
    pub stop_epoch: i64,
    /// How often deciding it failed in a row.
    pub attempts: i64,
    pub created_at: Instant,
    pub decided_at: Instant,
    /// By which release it was decided then; 0 if never.
    pub decided_under: ReleaseId,
    /// When it was, or is, to be looked at again.
    pub due_at: Instant,
    pub address: Address,
    pub stage: Stage,
    pub stage_since: Instant,
    pub profile: Profile,
    pub memory: Memory,
    /// Active ones, by number.
    pub enrolments: Vec<Enrolment>,
    pub open_message: Option<OpenMessage>,
    pub suppressed: Option<Suppression>,
    /// After `memory.reflected`, by rev.
    pub new_events: Vec<Event>,
}

/// A state, and what of it must first be filled in from the lead's whole history.
#[derive(Debug)]
pub struct Hydrated {
    pub state: LeadState,
    /// The memory was folded under another plan that lacked, or kept less of, these facts.
    /// Fill them with [`LeadState::fill_facts`] before deciding.
    pub missing: Vec<FactIx>,
}

impl LeadRecord {
    /// Looks at the record through definitions.
    #[must_use]
    pub fn hydrate(self, definitions: &Definitions) -> Hydrated {
        let Self { profile, memory, address, .. } = self;
        let schema = &definitions.schema;
        let mut attributes: Vec<Option<Value>> = schema
            .iter()
            .map(|(_, attribute)| {
                let json = profile.attributes.get(&attribute.name)?;
                Value::from_json(attribute.kind, json)
            })
            .collect();
        if let Some(slot) = schema.slot("email") {
            attributes[slot.0] = Some(Value::Text(address.as_str().into()));
        }
        let (zone, country, language) = whereabouts(definitions, &attributes);

        let same_plan = memory.plan == definitions.plan_mark;
        let mut missing = Vec::new();
        let mut known = memory.facts;
        let facts = definitions
            .plan
            .iter()
            .map(|(index, planned)| {
                if !same_plan {
                    missing.push(index);
                }
                known.remove(&*planned.text).unwrap_or_default()
            })
            .collect();

        // What is no longer among the definitions is forgotten.
        let segments =
            definitions.segments.iter().map(|it| memory.segments.get(&it.name).copied()).collect();
        let door = |it: &LiveWorkflow| memory.at_the_door.get(&it.workflow.name).copied();
        let at_the_door = definitions.workflows.iter().map(door).collect();

        let state = LeadState {
            lead: self.lead,
            rev: self.rev,
            created_at: self.created_at,
            decided_at: self.decided_at,
            decided_under: self.decided_under,
            address,
            attributes,
            tags: profile.tags,
            consents: profile.consents,
            zone,
            country,
            language,
            stage: self.stage,
            stage_since: self.stage_since,
            facts,
            fit: memory.fit,
            fit_rules: memory.fit_rules,
            booked: memory.booked,
            withheld: memory.withheld,
            segments,
            at_the_door,
            enrolments: self.enrolments,
            next_enrolment: EnrolmentNo(memory.next_enrolment.0.max(1)),
            passages: Passages::of(&definitions.workflows, memory.passages),
            sends: memory.sends,
            received: memory.received,
            open_message: self.open_message,
            suppressed: self.suppressed,
            new_events: self.new_events,
            unsettled: memory.unsettled,
        };
        Hydrated { state, missing }
    }
}

/// Where a lead with these attributes is, and what it reads.
#[must_use]
pub fn whereabouts(
    definitions: &Definitions,
    attributes: &[Option<Value>],
) -> (Zone, Option<Country>, Name) {
    let text = |name: &str| {
        let value = attributes.get(definitions.schema.slot(name)?.0)?.as_ref();
        value.and_then(|value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    };
    let country = text("country").and_then(|name| Country::parse(name));
    let zone = text("zone")
        .and_then(|name| Zone::named(name).ok())
        .unwrap_or_else(|| definitions.policy.zone_of(country));
    let language = text("language").unwrap_or(&definitions.policy.language).clone();
    (zone, country, language)
}

fn named<'a>(
    names: impl Iterator<Item = &'a Name>,
    slots: &[Option<Instant>],
) -> BTreeMap<Name, Instant> {
    names.zip(slots).filter_map(|(name, since)| Some((name.clone(), (*since)?))).collect()
}

impl LeadState {
    /// Folds a lead's reflected history into the facts that its memory lacks.
    pub fn fill_facts(
        &mut self,
        definitions: &Definitions,
        missing: &[FactIx],
        history: &[Event],
        now: Instant,
    ) {
        fill(&definitions.plan, &mut self.facts, missing, history, now);
    }

    /// Follows its attributes: where the lead is, and what it reads.
    pub fn follow_attributes(&mut self, definitions: &Definitions) {
        let found = whereabouts(definitions, &self.attributes);
        (self.zone, self.country, self.language) = found;
    }

    /// What is to be stored as the lead's memory once `reflected` is.
    #[must_use]
    pub fn memory(&self, definitions: &Definitions, reflected: Rev) -> Memory {
        let facts = definitions
            .plan
            .iter()
            .filter(|(index, _)| self.facts[index.0] != Fact::default())
            .map(|(index, planned)| (planned.text.to_string(), self.facts[index.0].clone()))
            .collect();
        Memory {
            plan: definitions.plan_mark,
            reflected,
            facts,
            fit: self.fit,
            fit_rules: self.fit_rules.clone(),
            booked: self.booked.clone(),
            withheld: self.withheld.clone(),
            segments: named(definitions.segments.iter().map(|it| &it.name), &self.segments),
            at_the_door: named(
                definitions.workflows.iter().map(|it| &it.workflow.name),
                &self.at_the_door,
            ),
            passages: self.passages.by_name(&definitions.workflows),
            sends: self.sends.clone(),
            received: self.received.clone(),
            unsettled: self.unsettled.clone(),
            next_enrolment: self.next_enrolment,
        }
    }

    /// The stored profile with this state's attributes and tags in it. A value that the schema's type
    /// cannot read stays: the type may be changed back.
    #[must_use]
    pub fn profile(&self, definitions: &Definitions, mut stored: Profile) -> Profile {
        for (slot, attribute) in definitions.schema.iter() {
            match &self.attributes[slot.0] {
                _ if attribute.name == "email" => {}
                Some(value) => {
                    stored.attributes.insert(attribute.name.clone(), value.to_json());
                }
                None => {
                    let json = stored.attributes.get(&attribute.name);
                    if json.is_some_and(|json| Value::from_json(attribute.kind, json).is_some()) {
                        stored.attributes.remove(&attribute.name);
                    }
                }
            }
        }
        stored.tags.clone_from(&self.tags);
        stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::{Schema, ValueType};

    fn record(attributes: &[(&str, serde_json::Value)]) -> LeadRecord {
        let attributes =
            attributes.iter().map(|(name, value)| (Name::new(name), value.clone())).collect();
        LeadRecord {
            lead: LeadId(1),
            rev: Rev(0),
            stop_epoch: 0,
            attempts: 0,
            created_at: Instant::DAWN,
            decided_at: Instant::DAWN,
            decided_under: ReleaseId::default(),
            due_at: Instant::NEVER,
            address: Address::parse("ada@example.com").unwrap(),
            stage: Stage::Lead,
            stage_since: Instant::DAWN,
            profile: Profile { attributes, ..Profile::default() },
            memory: Memory::default(),
            enrolments: Vec::new(),
            open_message: None,
            suppressed: None,
            new_events: Vec::new(),
        }
    }

    #[test]
    fn what_the_present_schema_cannot_read_is_not_erased_by_writing_the_rest() {
        let mut schema = Schema::standard();
        schema.declare("budget".into(), ValueType::Number);
        schema.declare("seats".into(), ValueType::Number);
        let definitions = Definitions { schema, ..Definitions::default() };
        let record = record(&[("budget", true.into()), ("seats", 5.into()), ("old", 1.into())]);
        let stored = record.profile.clone();
        let mut state = record.hydrate(&definitions).state;
        state.attributes[definitions.schema.slot("seats").unwrap().0] = None;
        state.tags.insert("vip".into());
        let written = state.profile(&definitions, stored);
        let names: Vec<&str> = written.attributes.keys().map(Name::as_str).collect();
        assert_eq!(names, ["budget", "old"]);
    }

    #[test]
    fn a_zone_is_the_leads_own_or_its_countrys_or_the_policys() {
        let zone = |name: &str| Zone::named(name).unwrap();
        let country = |name: &str| Country::parse(name).unwrap();
        let mut definitions = Definitions { schema: Schema::standard(), ..Definitions::default() };
        definitions.policy.zone = zone("Europe/Rome");
        definitions.policy.zones.insert(country("AU"), zone("Australia/Perth"));
        for (attributes, expected) in [
            (vec![], "Europe/Rome"),
            (vec![("country", "Japan")], "Asia/Tokyo"),
            (vec![("country", "Stati Uniti")], "America/New_York"),
            (vec![("country", "Australia")], "Australia/Perth"),
            (vec![("country", "Atlantis")], "Europe/Rome"),
            (vec![("country", "Japan"), ("zone", "America/Los_Angeles")], "America/Los_Angeles"),
            (vec![("country", "Japan"), ("zone", "Mars/Olympus")], "Asia/Tokyo"),
        ] {
            let values: Vec<_> =
                attributes.iter().map(|(name, it)| (*name, (*it).into())).collect();
            let state = record(&values).hydrate(&definitions).state;
            assert_eq!(state.zone.name(), expected, "{attributes:?}");
        }
    }
}
