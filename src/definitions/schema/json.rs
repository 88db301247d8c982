//! The language as JSON Schema (draft 2020-12), for editors that complete and check YAML.

use serde_json::{Map as Object, Value, json};

use super::{FILES, Form, Key, MAIL, Map, Missing, OUTCOMES, STEPS, TESTS};

/// The schema of a file under `workflows/`.
#[must_use]
pub fn folder() -> Value {
    let kinds: Vec<Value> = FILES
        .iter()
        .map(|kind| match kind.form {
            // A workflow's own key stands among the others.
            Form::Map(map) if map.key(kind.key).is_some() => described(of_map(map), kind.about),
            form => object(&[(kind.key, described(of(form), kind.about))], &[kind.key]),
        })
        .collect();
    let mut outcomes = of_map(&OUTCOMES);
    outcomes["additionalProperties"] = of(Form::Steps);
    let others = [outcomes, json!({ "const": "stop" })];
    let steps: Vec<Value> = STEPS.iter().map(of_map).chain(others).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A file of a nurtured campaign folder",
        "oneOf": kinds,
        "$defs": { "steps": { "type": "array", "minItems": 1, "items": { "oneOf": steps } } },
    })
}

/// The schema of the front matter of a mail.
#[must_use]
pub fn mail() -> Value {
    of_document(&MAIL)
}

/// The schema of a file of tests.
#[must_use]
pub fn tests() -> Value {
    of_document(&TESTS)
}

fn of_document(map: &Map) -> Value {
    let mut schema = of_map(map);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = map.title.into();
    schema
}

fn of_map(map: &Map) -> Value {
    let properties: Vec<(&str, Value)> =
        map.keys.iter().map(|key| (key.name, described(of(key.form), key.about))).collect();
    let is_needed = |key: &&Key| key.missing == Missing::Refused;
    let needed: Vec<&str> = map.keys.iter().filter(is_needed).map(|key| key.name).collect();
    object(&properties, &needed)
}

/// An object that has no other keys.
fn object(properties: &[(&str, Value)], needed: &[&str]) -> Value {
    let properties: Object<String, Value> =
        properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": false,
    })
}

fn described(mut schema: Value, about: &str) -> Value {
    schema["description"] = about.into();
    schema
}

/// YAML reads some texts as other types where ours takes them as written: `no`, `2027`.
fn text() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

fn of(form: Form) -> Value {
    match form {
        Form::Nothing => json!({ "type": "null" }),
        Form::Text | Form::Country => text(),
        Form::Label => {
            let by_language = json!({ "type": "object", "additionalProperties": text() });
            json!({ "anyOf": [text(), by_language] })
        }
        Form::Condition => json!({ "type": ["string", "boolean"] }),
        Form::Name(_)
        | Form::Wait
        | Form::Date
        | Form::Deadline
        | Form::LocalTime
        | Form::DayAndHour
        | Form::Moment
        | Form::Length
        | Form::Rate
        | Form::Limit
        | Form::AtMost
        | Form::Mails
        | Form::Window
        | Form::Hours
        | Form::Day
        | Form::Zone
        | Form::Language
        | Form::Address
        | Form::Event
        | Form::EventQuestion => json!({ "type": "string" }),
        Form::WordOr(words, other) => {
            json!({ "type": "string", "examples": words, "$comment": other })
        }
        Form::YesNo => json!({ "enum": ["yes", "no", true, false] }),
        Form::Number => json!({ "type": "number" }),
        Form::Whole(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Form::OneOf(words) => json!({ "enum": words() }),
        Form::Some(form) => {
            json!({ "anyOf": [of(*form), { "type": "array", "minItems": 1, "items": of(*form) }] })
        }
        Form::Any(form) => {
            json!({ "anyOf": [of(*form), { "type": "array", "items": of(*form) }] })
        }
        Form::List(form) => json!({ "type": "array", "items": of(*form) }),
        Form::Map(map) => of_map(map),
        Form::Named(form) | Form::ByCountry(form) => {
            json!({ "type": "object", "additionalProperties": of(*form) })
        }
        Form::Values => {
            let value = json!({ "anyOf": [text(), { "type": "null" }] });
            json!({ "type": "object", "additionalProperties": value })
        }
        Form::Either(forms) => {
            json!({ "anyOf": forms.iter().map(|form| of(*form)).collect::<Vec<_>>() })
        }
        Form::Steps => json!({ "$ref": "#/$defs/steps" }),
    }
}
