//! Webhooks: what another system is told of a lead.

use serde_json::{Map, Value as Json, json};

use super::{
    event::StepRef,
    lead::LeadState,
    name::Name,
    value::{Schema, Slot, Value},
    workflow::Workflow,
};

/// A `webhook` step.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Named in `nurtured.toml`, which has its URL and its secret.
    pub target: Name,
    /// What is told beside who the lead is, as it is written.
    pub data: Vec<(Name, Value)>,
    /// What is told of the lead.
    pub attributes: Vec<Slot>,
    pub on_failure: OnFailure,
}

/// What becomes of a call that was not answered in a day, and of its lead meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnFailure {
    /// The lead goes on at once; the call is over.
    #[default]
    Skip,
    /// The lead waits for the answer; the call is parked.
    Hold,
    /// The lead goes on at once; the call is parked.
    Retry,
}

impl OnFailure {
    pub const WORDS: [(&str, Self); 3] =
        [("skip", Self::Skip), ("hold", Self::Hold), ("retry", Self::Retry)];

    /// Whether it waits for somebody to mend what was wrong.
    #[must_use]
    pub const fn parks(self) -> bool {
        matches!(self, Self::Hold | Self::Retry)
    }

    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, it)| *it == self).map_or("skip", |(word, _)| word)
    }
}

/// A call to make: one for each visit of a step.
#[derive(Clone, PartialEq, Debug)]
pub struct NewCall {
    pub about: StepRef,
    pub workflow: Name,
    pub target: Name,
    /// See [`OnFailure::parks`].
    pub parks: bool,
    /// What is told: the same at each try.
    pub told: Map<String, Json>,
}

/// What a step tells of a lead.
#[must_use]
pub fn told(
    step: &Webhook,
    workflow: &Workflow,
    about: &StepRef,
    state: &LeadState,
    attributes: &[Option<Value>],
    schema: &Schema,
) -> Map<String, Json> {
    let of_lead: Map<String, Json> = step
        .attributes
        .iter()
        .map(|slot| {
            let value = attributes[slot.0].as_ref().map_or(Json::Null, Value::to_json);
            (schema.attribute(*slot).name.to_string(), value)
        })
        .collect();
    let data: Map<String, Json> =
        step.data.iter().map(|(key, value)| (key.to_string(), value.to_json())).collect();
    let parts = [
        ("lead", json!({ "id": state.lead.to_string(), "email": state.address.as_str() })),
        ("attributes", Json::Object(of_lead)),
        ("data", Json::Object(data)),
        ("workflow", json!(workflow.name.as_str())),
        ("step", json!(about.step.as_str())),
        ("campaign", json!(workflow.campaign.as_deref())),
    ];
    parts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
