//! What the files of a folder name, in steps, conditions, house rules, mails and tests.

use std::collections::BTreeSet;

use super::House;
use crate::{
    definitions::{
        carry::asked_in_text,
        node::{Data, Node},
    },
    domain::{artefact::ArtefactKind, condition::Named as InCondition},
};

/// Each as it is written; of mails also those that end in `*`.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub mails: BTreeSet<String>,
    pub segments: BTreeSet<String>,
    pub streams: BTreeSet<String>,
}

impl Named {
    pub fn in_house(house: &House<'_>) -> Self {
        let mut named = Self::default();
        for node in house.units.iter().filter_map(|unit| unit.node.as_ref()).chain(&house.tests) {
            named.collect(node, "");
        }
        for kind in [ArtefactKind::Mail, ArtefactKind::Layout, ArtefactKind::Partial] {
            for unit in house.units(kind) {
                named.segments.extend(asked_in_text(house.file(unit).text));
            }
        }
        named
    }

    /// Whether a mail is named, or is one of those that are named by their beginning.
    pub fn has_mail(&self, name: &str) -> bool {
        let begins = |named: &String| {
            named.strip_suffix('*').is_some_and(|beginning| name.starts_with(beginning))
        };
        self.mails.contains(name) || self.mails.iter().any(begins)
    }

    /// Walks a tree; `key` is what the node stands under.
    fn collect(&mut self, node: &Node, key: &str) {
        match &node.data {
            Data::Scalar(scalar) => {
                let text = &scalar.text;
                match key {
                    "about" => {}
                    "segment" => drop(self.segments.insert(text.clone())),
                    "stream" => drop(self.streams.insert(text.clone())),
                    _ => {
                        let found = InCondition::in_source(text);
                        self.segments.extend(found.segments);
                        self.mails.extend(found.mails);
                        // Whatever a step, a stream or a test means to do with it.
                        self.mails.insert(text.clone());
                    }
                }
            }
            Data::List(items) => items.iter().for_each(|item| self.collect(item, key)),
            Data::Map(entries) => {
                entries.iter().for_each(|(key, node)| self.collect(node, &key.text));
            }
            Data::Null | Data::Broken => {}
        }
    }
}
