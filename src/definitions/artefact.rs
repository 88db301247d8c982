//! Artefacts: each thing defined as canonical text under the hash of its content, and back.
//!
//! The canonical form has the keys in order, scalars as the texts that were written and nothing of
//! comments or layout, so an edit that changes no meaning makes no new version. Where the order in which
//! keys are written has a meaning, it is kept.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{
    node::{Data, Key, Node, Scalar, Style},
    problem::Span,
};
use crate::domain::{
    artefact::{Artefact, ArtefactKind, ArtefactRef},
    name::Name,
    workflow::Version,
};

/// An artefact of a kind that is written in YAML.
pub(super) fn of_node(kind: ArtefactKind, name: &str, file: &str, node: &Node) -> Artefact {
    let content = to_json(node, false).to_string();
    Artefact {
        kind,
        name: name.into(),
        version: version(kind, name, "", &content),
        file: file.into(),
        content,
    }
}

/// A template, a layout, a partial or a file that goes with mails. Its ending says how it is written, so it is hashed as well.
pub(super) fn of_text(kind: ArtefactKind, name: &str, file: &str, text: &str) -> Artefact {
    let ending = file.rsplit('.').next().unwrap_or("");
    Artefact {
        kind,
        name: name.into(),
        version: version(kind, name, ending, text),
        file: file.into(),
        content: text.into(),
    }
}

/// Over kind and name too: two segments with the same condition are two artefacts.
fn version(kind: ArtefactKind, name: &str, ending: &str, content: &str) -> Version {
    let kind = format!("{kind:?}").to_lowercase();
    let mut hash = Sha256::new();
    for part in [kind.as_str(), name, ending, content] {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    Version(Name::from(digits(hash, 16)))
}

/// Of the folder that a release was made of: the same folder, the same digits.
#[must_use]
pub fn fingerprint(manifest: &[ArtefactRef]) -> String {
    let mut hash = Sha256::new();
    for line in manifest.iter().filter(|line| !line.carried) {
        for part in [format!("{:?}", line.kind).as_str(), &line.name, line.version.0.as_str()] {
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    digits(hash, 6)
}

fn digits(hash: Sha256, bytes: usize) -> String {
    let mut digits = String::with_capacity(bytes * 2);
    for byte in hash.finalize().iter().take(bytes) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// The outcomes of a `wait_for`, of which the first that is true is taken, and the arms of a `split`, whose steps
/// are numbered in this order where they repeat.
const IN_WRITTEN_ORDER: [&str; 2] = ["wait_for", "split"];

fn to_json(node: &Node, as_written: bool) -> Value {
    match &node.data {
        Data::Null | Data::Broken => Value::Null,
        Data::Scalar(scalar) => Value::String(scalar.text.clone()),
        Data::List(items) => Value::Array(items.iter().map(|item| to_json(item, false)).collect()),
        Data::Map(entries) => {
            let mut sorted: Vec<&(Key, Node)> = entries.iter().collect();
            if !as_written {
                sorted.sort_by(|a, b| a.0.text.cmp(&b.0.text));
            }
            let entries = sorted.into_iter().map(|(key, node)| {
                (key.text.clone(), to_json(node, IN_WRITTEN_ORDER.contains(&&*key.text)))
            });
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

/// Reads canonical content back; the nodes have no places.
pub(super) fn to_node(content: &str) -> Result<Node, serde_json::Error> {
    serde_json::from_str(content).map(from_json)
}

fn from_json(json: Value) -> Node {
    let stored = |text| Data::Scalar(Scalar { text, style: Style::Stored });
    let data = match json {
        Value::Null => Data::Null,
        Value::String(text) => stored(text),
        Value::Bool(_) | Value::Number(_) => stored(json.to_string()),
        Value::Array(items) => Data::List(items.into_iter().map(from_json).collect()),
        Value::Object(entries) => Data::Map(
            entries
                .into_iter()
                .map(|(text, value)| (Key { text, span: Span::default() }, from_json(value)))
                .collect(),
        ),
    };
    Node { span: Span::default(), data }
}
