//! The stored parts of a lead, read for what is wanted of them and passed over elsewhere.

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

use super::{Glance, Seen};
use crate::domain::{
    definitions::SegmentIx,
    facts::{Fact, FactIx},
    time::Instant,
    value::{Slot, Value, ValueType},
};

/// The parts of a profile.
pub(super) struct ProfileOf<'g, 'd>(pub &'g mut Glance<'d>);

impl<'de> Visitor<'de> for ProfileOf<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a profile")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        let Glance { lead, slots, needs_tags, needs_consents, .. } = self.0;
        enum Part {
            Attributes,
            Tags,
            Consents,
            Other,
        }
        let part = |name: &str| match name {
            "attributes" if !slots.is_empty() => Part::Attributes,
            "tags" if *needs_tags => Part::Tags,
            "consents" if *needs_consents => Part::Consents,
            _ => Part::Other,
        };
        while let Some(part) = parts.next_key_seed(Key(part))? {
            match part {
                Part::Attributes => parts.next_value_seed(AttributesOf { slots, lead })?,
                Part::Tags => lead.tags = parts.next_value()?,
                Part::Consents => lead.consents = parts.next_value()?,
                Part::Other => drop(parts.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// What a key stands for, without keeping its text.
struct Key<F>(F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for Key<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Key<F> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }
}

struct AttributesOf<'g, 'd> {
    slots: &'g [(&'d str, Slot, ValueType)],
    lead: &'g mut Seen,
}

impl<'de> DeserializeSeed<'de> for AttributesOf<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AttributesOf<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut attributes: A) -> Result<(), A::Error> {
        let slot = |name: &str| self.slots.iter().find(|(known, ..)| *known == name);
        while let Some(slot) = attributes.next_key_seed(Key(slot))? {
            if let Some(&(_, slot, kind)) = slot {
                let json: serde_json::Value = attributes.next_value()?;
                self.lead.attributes[slot.0] = Value::from_json(kind, &json);
            } else {
                attributes.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The facts of a memory; those that are wanted are kept.
pub(super) struct FactsOf<'g, 'd> {
    /// In the order of their texts.
    pub wanted: &'g [(&'d str, FactIx)],
    pub facts: &'g mut [Fact],
}

impl<'de> Visitor<'de> for FactsOf<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("facts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut known: A) -> Result<(), A::Error> {
        let wanted = |text: &str| {
            let place = self.wanted.binary_search_by_key(&text, |(wanted, _)| wanted).ok()?;
            Some(self.wanted[place].1)
        };
        while let Some(wanted) = known.next_key_seed(Key(wanted))? {
            let fact: Fact = known.next_value()?;
            if let Some(wanted) = wanted {
                self.facts[wanted.0] = fact;
            }
        }
        Ok(())
    }
}

pub(super) struct SegmentsOf<'g, 'd>(pub &'g [(&'d str, SegmentIx)], pub &'g mut [bool]);

impl<'de> Visitor<'de> for SegmentsOf<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("segments")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut known: A) -> Result<(), A::Error> {
        let segment = |name: &str| self.0.iter().find(|(wanted, _)| *wanted == name);
        while let Some(segment) = known.next_key_seed(Key(segment))? {
            known.next_value::<Instant>()?;
            if let Some((_, segment)) = segment {
                self.1[segment.0] = true;
            }
        }
        Ok(())
    }
}
