//! A lead as a file describes it, for trying conditions.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Deserialize;

use super::failure::Failure;
use crate::domain::{
    definitions::Definitions,
    event::{Event, EventData, EventKind, Judgement},
    facts::{Fact, fold},
    id::Rev,
    lead::{Entry, Stage},
    name::Name,
    time::Instant,
    value::{Value, parse_date},
};

/// What `eval --context` reads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Situation {
    #[serde(default)]
    attributes: BTreeMap<Name, serde_json::Value>,
    #[serde(default)]
    pub tags: BTreeSet<Name>,
    #[serde(default)]
    pub stage: Stage,
    #[serde(default, deserialize_with = "moment_or_none")]
    pub stage_since: Option<Instant>,
    /// Whether behaviour may be looked at.
    #[serde(default = "yes")]
    pub profiled: bool,
    #[serde(default)]
    events: Vec<Happened>,
    /// The event that an enrolment was entered by: the condition is then read as inside of a workflow.
    pub entry: Option<Happened>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Happened {
    #[serde(deserialize_with = "moment")]
    at: Instant,
    kind: String,
    object: Option<Name>,
    #[serde(default)]
    judgement: Judgement,
    #[serde(default, deserialize_with = "moment_or_none")]
    settles_at: Option<Instant>,
    #[serde(default)]
    data: BTreeMap<Name, serde_json::Value>,
}

/// A situation through definitions.
pub(super) struct Seen {
    pub attributes: Vec<Option<Value>>,
    pub facts: Vec<Fact>,
    pub entry: Option<Entry>,
}

fn yes() -> bool {
    true
}

fn moment<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_date(&text).ok_or_else(|| {
        serde::de::Error::custom(format!("`{text}` is no instant: write 2027-03-28T09:00:00Z"))
    })
}

fn moment_or_none<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Instant>, D::Error> {
    moment(deserializer).map(Some)
}

impl Situation {
    pub(super) fn load(file: &Path) -> Result<Self, Failure> {
        let text =
            std::fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::problems(format!(
                "{}:{}:{}: {error}",
                file.display(),
                error.line(),
                error.column()
            ))
        })
    }

    /// # Errors
    /// What the definitions do not know, or know as something else.
    pub(super) fn through(&self, definitions: &Definitions, at: Instant) -> Result<Seen, Failure> {
        let schema = &definitions.schema;
        let mut attributes = vec![None; schema.len()];
        for (name, json) in &self.attributes {
            let slot = schema.slot(name).ok_or_else(|| {
                Failure::problems(format!("there is no attribute `{name}`"))
                    .hint("declare it under `attributes:` in the campaign folder")
            })?;
            let kind = schema.attribute(slot).kind;
            if json.is_null() {
                continue;
            }
            let value = Value::from_json(kind, json)
                .ok_or_else(|| Failure::problems(format!("{name} is {kind}, {json} is not")))?;
            attributes[slot.0] = Some(value);
        }
        let mut facts = vec![Fact::default(); definitions.plan.len()];
        for (number, happened) in (1..).zip(&self.events) {
            let event = happened.event(Rev(number))?;
            if event.occurred_at <= at {
                fold(&definitions.plan, &mut facts, &event, at);
            }
        }
        let entry = self.entry.as_ref().map(|entry| entry.event(Rev(0))).transpose()?;
        Ok(Seen { attributes, facts, entry: entry.as_ref().map(Entry::from) })
    }
}

impl Happened {
    fn event(&self, rev: Rev) -> Result<Event, Failure> {
        let mut data = EventData::new();
        for (key, json) in &self.data {
            let value = match json {
                serde_json::Value::Bool(yes) => Value::Bool(*yes),
                serde_json::Value::Number(number) => {
                    Value::Number(number.as_f64().unwrap_or_default())
                }
                serde_json::Value::String(text) => Value::Text(text.as_str().into()),
                _ => {
                    return Err(Failure::problems(format!(
                        "{key} is neither text nor number nor yes or no"
                    )));
                }
            };
            data.insert(key.clone(), value);
        }
        Ok(Event {
            rev,
            kind: EventKind::parse(&self.kind).map_err(Failure::problems)?,
            object: self.object.clone(),
            occurred_at: self.at,
            recorded_at: self.at,
            judgement: self.judgement,
            settles_at: self.settles_at,
            message: None,
            about: None,
            revises: None,
            data,
        })
    }
}
