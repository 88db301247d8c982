//! Lists as one JSON parameter, and stored texts back as types.

use std::fmt::Display;

use serde::{Serialize, de::DeserializeOwned};

use super::{Result, StoreError};
use crate::domain::{id::LeadId, lead::Memory, name::Name};

/// The rows of a statement as the JSON array that `each` takes apart.
///
/// # Errors
/// [`StoreError::Unstorable`], naming the first row with a NUL in a text: PostgreSQL stores none and
/// SQLite would cut the text there.
pub fn json<T: Serialize>(table: &'static str, rows: &[T]) -> Result<String> {
    let text = encode(rows)?;
    if has_nul(&text) {
        for row in rows {
            if has_nul(&encode(row)?) {
                let row = serde_json::to_value(row).unwrap_or_default();
                let key = row.get("lead").or_else(|| row.get("id")).map(ToString::to_string);
                return Err(StoreError::Unstorable { table, key: key.unwrap_or_default() });
            }
        }
    }
    Ok(text)
}

/// Leads' ids as a JSON array, in order.
pub fn ids(leads: impl IntoIterator<Item = i64>) -> String {
    let mut text = String::from("[");
    for lead in leads {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&lead.to_string());
    }
    text.push(']');
    text
}

/// The long columns of a statement's rows, one behind the other in a parameter of their own. Within the JSON
/// of the rows each would be escaped, parsed and unescaped again: most of the work of writing a lead.
#[derive(Debug, Default)]
pub struct Texts(Vec<u8>);

/// Where one is: its first byte, from 1, and how many bytes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place(usize, usize);

impl Texts {
    /// Adds what is kept as JSON text.
    pub fn add<T: Serialize>(&mut self, value: &T) -> Result<Place> {
        let start = self.0.len();
        serde_json::to_writer(&mut self.0, value).map_err(|error| cannot_store(&error))?;
        Ok(Place(start + 1, self.0.len() - start))
    }

    /// Adds what is remembered of a lead.
    pub fn add_memory(&mut self, memory: &Memory) -> Result<Place> {
        let start = self.0.len();
        self.0 = memory
            .pack(std::mem::take(&mut self.0))
            .map_err(|error| StoreError::Other(format!("cannot store: {error}")))?;
        Ok(Place(start + 1, self.0.len() - start))
    }

    #[cfg(test)]
    pub fn get(&self, Place(first, length): Place) -> &[u8] {
        &self.0[first - 1..][..length]
    }

    /// All of them, to be bound.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn cannot_store(error: &serde_json::Error) -> StoreError {
    StoreError::Other(format!("cannot store: {error}"))
}

/// What is kept as JSON text within a row. A NUL in there is an escape, and harmless.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| cannot_store(&error))
}

pub fn decode<T: DeserializeOwned>(
    text: &str,
    table: &'static str,
    column: &'static str,
    key: impl Display,
) -> Result<T> {
    serde_json::from_str(text).map_err(|_| StoreError::corrupt(table, column, key))
}

/// Whether a JSON text says `\u0000` itself, not as a part of a string that holds JSON.
fn has_nul(json: &str) -> bool {
    json.match_indices("\\u0000").any(|(place, _)| {
        json[..place].bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 0
    })
}

/// For texts that are checked before they are made part of a batch.
pub fn storable(text: &str) -> bool {
    !text.contains('\0')
}

pub fn lead_key(lead: i64) -> String {
    format!("lead {}", LeadId(lead))
}

/// A name, unless it is empty.
pub fn some_name(text: Option<String>) -> Option<Name> {
    text.map(Name::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_of_its_own_is_seen_and_one_inside_of_json_text_is_not() {
        assert!(has_nul(&encode("a\0b").unwrap()));
        assert!(!has_nul(&encode(&encode("a\0b").unwrap()).unwrap()));
        assert!(!has_nul(&encode("\\u0000").unwrap()));
        assert!(has_nul(&encode("\\\0").unwrap()));
    }
}
