//! `attributes:` → the schema of leads.

use super::read;
use crate::{
    definitions::{
        names::is_identifier,
        node::Node,
        problem::{File, quote},
    },
    domain::value::{Schema, ValueType},
};

/// The most attributes of its own that a folder may declare.
const MOST: usize = 200;

/// The standard attributes and the folder's own, by name, so that the order of the file is nothing.
pub(super) fn schema(found: Option<(&File<'_>, &Node)>) -> Schema {
    let mut schema = Schema::standard();
    let Some((file, node)) = found else { return schema };
    let Some(entries) = read::map(file, node, "`attributes`") else { return schema };
    if entries.len() > MOST {
        let message = format!("more than {MOST} attributes");
        file.error("too-large", node.span, message, None);
        return schema;
    }
    let words = ValueType::ALL.map(|kind| (kind.word(), kind));
    let mut own = Vec::new();
    for (key, value) in entries {
        if !is_identifier(&key.text) {
            let message = format!("`{}` cannot be the name of an attribute", quote(&key.text));
            let hint = "lower-case letters, digits and `_`, as in `contract_end`";
            file.error("bad-name", key.span, message, Some(hint.to_owned()));
        } else if RESERVED.contains(&key.text.as_str()) {
            let message = format!("`{}` is a word of the condition language", key.text);
            let hint = "give the attribute another name".to_owned();
            file.error("bad-name", key.span, message, Some(hint));
        } else if let Some((_, kind)) = Schema::STANDARD.iter().find(|(name, _)| *name == key.text)
        {
            let message = format!("`{}` is a standard attribute ({kind})", key.text);
            let hint = "delete the line; an attribute of your own takes another name".to_owned();
            file.error("bad-name", key.span, message, Some(hint));
        } else if let Some(kind) = read::word(file, value, &key.text, &words) {
            own.push((key.text.as_str(), kind));
        }
    }
    own.sort_unstable_by_key(|(name, _)| *name);
    for (name, kind) in own {
        schema.declare(name.into(), kind);
    }
    schema
}

/// Words that mean something else in conditions or templates.
const RESERVED: [&str; 25] = [
    "and",
    "or",
    "not",
    "in",
    "true",
    "false",
    "null",
    "now",
    "date",
    "has",
    "entry",
    "stage",
    "fit",
    "engagement",
    "temperature",
    "tag",
    "tags",
    "in_segment",
    "clicked",
    "opened",
    "visited",
    "submitted",
    "replied",
    "happened",
    "lead",
];
