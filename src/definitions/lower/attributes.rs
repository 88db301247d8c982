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
        } else if is_reserved(&key.text) {
            let message = format!("`{}` is a word of the condition language", key.text);
            let hint = "give the attribute another name".to_owned();
            file.error("bad-name", key.span, message, Some(hint));
        } else if let Some((_, kind)) = Schema::STANDARD.iter().find(|(name, _)| *name == key.text)
        {
            let message = format!("`{}` is a standard attribute ({kind})", key.text);
            let hint = "delete the line; an attribute of your own takes another name".to_owned();
            file.error("bad-name", key.span, message, Some(hint));
        } else {
            // A type that is wrong is one problem: conditions that ask for the attribute are right.
            let meant = value.text().and_then(type_elsewhere);
            let kind = match meant {
                Some(kind) => {
                    let message =
                        format!("`{}` cannot be `{}`", key.text, value.text().unwrap_or(""));
                    file.error("bad-value", value.span, message, Some(format!("write: {kind}")));
                    Some(kind)
                }
                None => read::word(file, value, &key.text, &words),
            };
            own.push((key.text.as_str(), kind.unwrap_or(ValueType::Text)));
        }
    }
    own.sort_unstable_by_key(|(name, _)| *name);
    for (name, kind) in own {
        schema.declare(name.into(), kind);
    }
    schema
}

/// What other programs call a type of ours.
fn type_elsewhere(word: &str) -> Option<ValueType> {
    Some(match word.to_ascii_lowercase().as_str() {
        "integer" | "int" | "float" | "double" | "decimal" | "numeric" | "money" => {
            ValueType::Number
        }
        "string" | "str" | "varchar" | "enum" => ValueType::Text,
        "boolean" | "yesno" | "flag" | "checkbox" => ValueType::Bool,
        "datetime" | "timestamp" | "time" | "day" => ValueType::Date,
        _ => return None,
    })
}

/// Whether a name means something else in conditions or templates, so that no attribute has it.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// What to do about a name that no attribute has; not every one can be declared.
pub(super) fn hint_for_unknown(name: &str) -> String {
    match name {
        "stage" => "stages are moved by the rules under `stages:` in the scoring file".to_owned(),
        "fit" | "engagement" | "temperature" => {
            format!("{name} comes from the rules of the scoring file")
        }
        "tag" | "tags" => "tags have a step of their own: - tag: vip".to_owned(),
        _ if is_reserved(name) || !is_identifier(name) => {
            "attributes are called by lower-case letters, digits and `_`, and by no word of the \
             condition language"
                .to_owned()
        }
        _ => format!("declare it in an attributes file: attributes: {{ {name}: text }}"),
    }
}

/// Words that mean something else in conditions or templates.
const RESERVED: [&str; 26] = [
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
    "answered",
    "happened",
    "lead",
];
