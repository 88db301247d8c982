//! The lead of a test.

use std::collections::BTreeMap;

use super::{
    super::{marks, read},
    Known,
};
use crate::{
    definitions::{
        nearest::did_you_mean,
        node::{Data, Node},
        problem::{File, quote},
        schema,
    },
    domain::{
        address::Address,
        case::Persona,
        lead::Stage,
        name::Name,
        value::{Slot, Value},
    },
};

/// A lead as far as it is said, first by the file and then by the case.
#[derive(Default)]
pub(super) struct Draft {
    address: Option<Address>,
    attributes: BTreeMap<Slot, Value>,
    tags: Option<Vec<Name>>,
    consents: Option<Vec<Name>>,
    stage: Option<Stage>,
}

impl Draft {
    /// Takes in what a map says; what it does not say stays. Returns whether all of it is right.
    pub fn read(&mut self, file: &File<'_>, node: &Node, known: &Known<'_>) -> bool {
        let Some(fields) = read::Fields::open(file, node, "`lead`", &schema::LEAD) else {
            return false;
        };
        let mut is_right = true;
        let mut need = |right: bool| is_right &= right;
        if let Some(node) = fields.get("email") {
            self.address = address(file, node);
            need(self.address.is_some());
        }
        if let Some(node) = fields.get("stage") {
            let words = Stage::ALL.map(|stage| (stage.word(), stage));
            self.stage = read::word(file, node, "stage", &words);
            need(self.stage.is_some());
        }
        if let Some(node) = fields.get("tags") {
            let tags = names(file, node, "tags", |_| Ok(()));
            need(tags.is_some());
            self.tags = tags;
        }
        if let Some(node) = fields.get("consents") {
            let purposes = &known.definitions.policy.purposes;
            let consents = names(file, node, "consents", |name| {
                if purposes.contains_key(name) {
                    return Ok(());
                }
                let message = format!("the policy has no purpose `{}`", quote(name));
                Err((message, did_you_mean(name, purposes.keys().map(Name::as_str))))
            });
            need(consents.is_some());
            self.consents = consents;
        }
        if let Some(node) = fields.get("attributes") {
            let values = marks::values(file, node, "attributes", &known.conditions.schema, false);
            need(values.is_some());
            for (slot, value) in values.unwrap_or_default() {
                match value {
                    Some(value) => drop(self.attributes.insert(slot, value)),
                    None => drop(self.attributes.remove(&slot)),
                }
            }
        }
        is_right
    }

    pub fn finish(self, known: &Known<'_>) -> Option<Persona> {
        let all = || known.definitions.policy.purposes.keys().cloned().collect();
        Some(Persona {
            address: match self.address {
                Some(address) => address,
                None => Address::parse("lead@example.com").ok()?,
            },
            attributes: self.attributes.into_iter().collect(),
            tags: self.tags.unwrap_or_default(),
            consents: self.consents.unwrap_or_else(all),
            stage: self.stage.unwrap_or_default(),
        })
    }
}

fn address(file: &File<'_>, node: &Node) -> Option<Address> {
    let written = read::text(file, node, "email")?;
    match Address::parse(written) {
        Ok(address) => Some(address),
        Err(error) => {
            let message = format!("`{}` is no address: {error}", quote(written));
            file.error("bad-address", node.span, message, None);
            None
        }
    }
}

/// A list of names; `[]` has none.
fn names(
    file: &File<'_>,
    node: &Node,
    what: &str,
    check: impl Fn(&str) -> Result<(), (String, Option<String>)>,
) -> Option<Vec<Name>> {
    if matches!(&node.data, Data::List(items) if items.is_empty()) {
        return Some(Vec::new());
    }
    let one = |node: &Node| {
        let name = read::text(file, node, what)?;
        match check(name) {
            Ok(()) => Some(Name::from(name)),
            Err((message, hint)) => {
                file.error("unknown-purpose", node.span, message, hint);
                None
            }
        }
    };
    super::all(read::list(file, node, what)?, one)
}
