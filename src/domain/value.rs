//! Typed values of lead attributes and event data, and the schema that gives each attribute a slot.

use std::{collections::HashMap, fmt};

use serde::{Deserialize, Serialize};

use super::{answer::yes_or_no, name::Name, time::Instant};

/// What an attribute may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Free text.
    Text,
    /// A finite number.
    Number,
    /// Yes or no.
    Bool,
    /// An instant; a date without a time means its midnight in UTC.
    Date,
}

impl ValueType {
    pub const ALL: [Self; 4] = [Self::Text, Self::Number, Self::Bool, Self::Date];

    /// The word used in files and messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Date => "date",
        }
    }

    /// Reads a cell of a file as a value of this type; an empty cell is no value.
    ///
    /// # Errors
    /// What is wrong with the text, for the reader of an import report.
    pub fn parse(self, text: &str) -> Result<Option<Value>, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let value = match self {
            Self::Text => Value::Text(text.into()),
            Self::Number => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Value::Number(number),
                _ => return Err(format!("`{text}` is not a number")),
            },
            Self::Bool => match yes_or_no(text) {
                Some(yes) => Value::Bool(yes),
                None => return Err(format!("`{text}` is neither yes nor no")),
            },
            Self::Date => Value::Date(
                parse_date(text)
                    .ok_or_else(|| format!("`{text}` is not a date: write 2027-03-28"))?,
            ),
        };
        Ok(Some(value))
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Reads `2027-03-28` (its midnight in UTC) or an RFC 3339 instant.
#[must_use]
pub fn parse_date(text: &str) -> Option<Instant> {
    if let Ok(instant) = text.parse::<Instant>() {
        return Some(instant);
    }
    let date: jiff::civil::Date = text.parse().ok()?;
    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Instant::from(midnight.timestamp()))
}

/// A value. There is no null: what is missing has no value.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    Text(Name),
    Number(f64),
    Bool(bool),
    Date(Instant),
}

impl Value {
    /// A text of which nobody says what it is: a number, where it reads just as one is printed.
    #[must_use]
    pub fn untyped(text: &str) -> Self {
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number.to_string() == text => Self::Number(number),
            _ => Self::Text(text.into()),
        }
    }

    #[must_use]
    pub const fn kind(&self) -> ValueType {
        match self {
            Self::Text(_) => ValueType::Text,
            Self::Number(_) => ValueType::Number,
            Self::Bool(_) => ValueType::Bool,
            Self::Date(_) => ValueType::Date,
        }
    }

    /// The finite number that it is, or that its text says: files bring texts.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        let number = match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Bool(_) | Self::Date(_) => None,
        };
        number.filter(|number: &f64| number.is_finite())
    }

    /// The plain JSON form, as stored in a profile: a date is its RFC 3339 text.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
            Self::Bool(yes) => (*yes).into(),
            Self::Date(instant) => instant.to_string().into(),
        }
    }

    /// Reads the plain JSON form as a value of `kind`; anything that does not fit is no value.
    #[must_use]
    pub fn from_json(kind: ValueType, json: &serde_json::Value) -> Option<Self> {
        match (kind, json) {
            (ValueType::Text, serde_json::Value::String(text)) => {
                Some(Self::Text(text.as_str().into()))
            }
            (ValueType::Text, serde_json::Value::Number(number)) => {
                Some(Self::Text(number.to_string().into()))
            }
            (ValueType::Number, serde_json::Value::Number(number)) => {
                number.as_f64().map(Self::Number)
            }
            (ValueType::Bool, serde_json::Value::Bool(yes)) => Some(Self::Bool(*yes)),
            (_, serde_json::Value::String(text)) => kind.parse(text).ok().flatten(),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Bool(yes) => yes.fmt(f),
            Self::Date(instant) => instant.fmt(f),
        }
    }
}

/// Which attribute of the schema: an index into a lead's slots.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Slot(pub usize);

/// One declared attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: Name,
    pub kind: ValueType,
}

impl Attribute {
    /// Whether it says who a lead is: each has another.
    #[must_use]
    pub fn says_who(&self) -> bool {
        matches!(self.name.as_str(), "email" | "external_id")
    }
}

/// The declared attributes of a lead: the standard ones, then the folder's own.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    attributes: Vec<Attribute>,
    by_name: HashMap<Name, Slot>,
}

impl Schema {
    /// What every lead may have without being declared; names as CRMs use them.
    pub const STANDARD: [(&'static str, ValueType); 22] = [
        ("first_name", ValueType::Text),
        ("last_name", ValueType::Text),
        ("email", ValueType::Text),
        ("phone", ValueType::Text),
        ("job_title", ValueType::Text),
        ("seniority", ValueType::Text),
        ("buying_role", ValueType::Text),
        ("company", ValueType::Text),
        ("industry", ValueType::Text),
        ("employees", ValueType::Text),
        ("revenue", ValueType::Text),
        ("country", ValueType::Text),
        ("city", ValueType::Text),
        ("zone", ValueType::Text),
        ("language", ValueType::Text),
        ("lead_status", ValueType::Text),
        ("source", ValueType::Text),
        ("campaign", ValueType::Text),
        ("owner", ValueType::Text),
        ("external_id", ValueType::Text),
        ("created_on", ValueType::Date),
        ("later_until", ValueType::Date),
    ];

    /// Until when the lead asked to be left in peace.
    pub const LATER_UNTIL: Slot = Slot(21);

    /// The standard attributes alone.
    #[must_use]
    pub fn standard() -> Self {
        let mut schema = Self::default();
        for (name, kind) in Self::STANDARD {
            schema.declare(name.into(), kind);
        }
        schema
    }

    /// Adds an attribute; a name that is there already keeps its slot and takes the new type.
    pub fn declare(&mut self, name: Name, kind: ValueType) -> Slot {
        if let Some(&slot) = self.by_name.get(&name) {
            self.attributes[slot.0].kind = kind;
            return slot;
        }
        let slot = Slot(self.attributes.len());
        self.by_name.insert(name.clone(), slot);
        self.attributes.push(Attribute { name, kind });
        slot
    }

    #[must_use]
    pub fn slot(&self, name: &str) -> Option<Slot> {
        self.by_name.get(name).copied()
    }

    #[must_use]
    pub fn attribute(&self, slot: Slot) -> &Attribute {
        &self.attributes[slot.0]
    }

    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Attribute)> {
        self.attributes.iter().enumerate().map(|(index, attribute)| (Slot(index), attribute))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.attributes.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }
}
