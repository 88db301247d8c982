//! Who works here: persons and teams.

use std::collections::BTreeMap;

use super::{
    address::Address,
    name::Name,
    value::{Schema, Value},
};

/// Who works here: persons and teams.
#[derive(Clone, Debug, Default)]
pub struct People {
    pub persons: BTreeMap<Name, Person>,
    pub teams: BTreeMap<Name, Vec<Name>>,
}

#[derive(Clone, Debug)]
pub struct Person {
    /// As written in a `To:` header.
    pub name: String,
    pub address: Address,
    /// The language of mails to this person.
    pub language: Option<Name>,
}

impl People {
    /// Whom an owner is, as a CRM writes it: by their name in the file, else by their address, else by
    /// their own name where nobody else has it.
    #[must_use]
    pub fn find(&self, written: &str) -> Option<(&Name, &Person)> {
        let written = written.trim();
        if let Some(person) = self.persons.get_key_value(written) {
            return Some(person);
        }
        if written.contains('@') {
            let address = Address::parse(written).ok()?;
            return self.persons.iter().find(|(_, person)| person.address == address);
        }
        let named =
            |(_, person): &(&Name, &Person)| person.name.to_lowercase() == written.to_lowercase();
        let mut named = self.persons.iter().filter(named);
        named.next().filter(|_| named.next().is_none())
    }

    /// Who owns a lead with these attributes, if it is one of us.
    #[must_use]
    pub fn owner(&self, schema: &Schema, attributes: &[Option<Value>]) -> Option<(&Name, &Person)> {
        match attributes.get(schema.slot("owner")?.0)?.as_ref()? {
            Value::Text(owner) => self.find(owner),
            _ => None,
        }
    }

    /// The persons behind a person's or a team's name, in the order of the file.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Vec<(&Name, &Person)> {
        if let Some(person) = self.persons.get_key_value(name) {
            return vec![person];
        }
        let team = self.teams.get(name).map_or(&[][..], Vec::as_slice);
        let mut persons: Vec<(&Name, &Person)> = Vec::with_capacity(team.len());
        for member in team {
            let person = self.persons.get_key_value(member);
            // Nobody gets the same notice twice.
            persons
                .extend(person.filter(|(name, _)| persons.iter().all(|(known, _)| known != name)));
        }
        persons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_known_by_a_name_or_an_address() {
        let person = |name: &str, address: &str| Person {
            name: name.into(),
            address: Address::parse(address).unwrap(),
            language: None,
        };
        let persons = BTreeMap::from([
            (Name::new("ada"), person("Ada Rossi", "ada@example.com")),
            (Name::new("ben"), person("Ben Weber", "ben@example.com")),
            (Name::new("ben2"), person("Ben Weber", "bw@example.com")),
        ]);
        let people = People { persons, teams: BTreeMap::new() };
        let found = |written| people.find(written).map(|(name, _)| name.as_str());
        for ada in ["ada", " ada ", "Ada@Example.com", "ada rossi", "Ada Rossi"] {
            assert_eq!(found(ada), Some("ada"), "{ada}");
        }
        assert_eq!(found("bw@example.com"), Some("ben2"));
        for nobody in ["", "rep_7", "Ben Weber", "eve@example.com", "@"] {
            assert_eq!(found(nobody), None, "{nobody}");
        }
    }
}
