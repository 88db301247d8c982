//! `segments:` → named conditions, in an order in which each names only earlier ones.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, conditions::Conditions, read};
use crate::{
    definitions::node::{Data, Node},
    domain::{
        condition::{Condition, Scope},
        definitions::Segment,
        name::Name,
    },
};

/// What is known of a segment before its condition is compiled.
struct Draft<'a> {
    found: &'a Found<'a>,
    about: &'a str,
    when: Option<&'a Node>,
    names: BTreeSet<String>,
}

/// The segments' names in dependency order, and those of them that stand in a cycle (reported).
pub(super) fn order(found: &[Found<'_>]) -> (Vec<Name>, BTreeSet<Name>) {
    let drafts: BTreeMap<&Name, Draft<'_>> =
        found.iter().map(|found| (&found.unit.name, draft(found))).collect();
    let mut order: Vec<Name> = Vec::with_capacity(drafts.len());
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    let mut waiting: Vec<&Name> = drafts.keys().copied().collect();
    loop {
        let ready = |name: &Name| {
            drafts[name].names.iter().all(|named| {
                placed.contains(named.as_str()) || !drafts.contains_key(&Name::from(named.as_str()))
            })
        };
        let (next, rest): (Vec<&Name>, Vec<&Name>) = waiting.iter().partition(|name| ready(name));
        if next.is_empty() {
            break;
        }
        for name in next {
            order.push(name.clone());
            placed.insert(name);
        }
        waiting = rest;
    }
    let mut cyclic = BTreeSet::new();
    for name in waiting {
        // A circle is one mistake: it is told of the first of its names.
        let path = way_back(name, &drafts).filter(|path| path.iter().all(|n| **n >= **name));
        if let Some(path) = path {
            let message = format!("`{name}` asks for itself: {}", path.join(" → "));
            let draft = &drafts[name];
            let hint = "a segment may name others that do not lead back to it".to_owned();
            draft.found.file.error("cycle", draft.found.unit.at, message, Some(hint));
        }
        // Also those that only lead into a cycle: their conditions cannot be compiled.
        cyclic.insert(name.clone());
        order.push(name.clone());
    }
    (order, cyclic)
}

/// The shortest way from a segment back to itself.
fn way_back<'a>(name: &'a str, drafts: &'a BTreeMap<&Name, Draft<'_>>) -> Option<Vec<&'a str>> {
    let mut paths = std::collections::VecDeque::from([vec![name]]);
    let mut seen = BTreeSet::new();
    while let Some(path) = paths.pop_front() {
        let last = path[path.len() - 1];
        let Some(draft) = drafts.get(&Name::from(last)) else { continue };
        for next in &draft.names {
            let mut longer = path.clone();
            longer.push(next);
            if next == name {
                return Some(longer);
            }
            if seen.insert(next.as_str()) {
                paths.push_back(longer);
            }
        }
    }
    None
}

fn draft<'a>(found: &'a Found<'a>) -> Draft<'a> {
    let node = found.node();
    let (about, when) = match &node.data {
        Data::Map(_) => (node.get("about").and_then(Node::text).unwrap_or(""), node.get("when")),
        _ => ("", Some(node)),
    };
    let source = when.and_then(Node::text).unwrap_or("");
    let names = Condition::segments_named(source).into_iter().collect();
    Draft { found, about, when, names }
}

/// Compiles the segments in the order of `conditions.segments`.
pub(super) fn lower(
    found: &[Found<'_>],
    conditions: &Conditions,
    cyclic: &BTreeSet<Name>,
) -> Vec<Segment> {
    let by_name: BTreeMap<&Name, &Found<'_>> =
        found.iter().map(|found| (&found.unit.name, found)).collect();
    let mut segments = Vec::new();
    for (index, name) in conditions.segments.iter().enumerate() {
        let Some(found) = by_name.get(name) else { continue };
        let draft = draft(found);
        let what = format!("segment `{name}`");
        if let Data::Map(_) = found.node().data {
            let fields =
                read::Fields::open(found.file, found.node(), &what, &["about", "when"], &[]);
            if let Some(fields) = fields {
                if let Some(about) = fields.get("about") {
                    read::text(found.file, about, "about");
                }
                fields.need("when", "when: lead_status == \"Not now\"");
            }
        }
        let Some(when) = draft.when.filter(|_| !cyclic.contains(name)) else { continue };
        let condition = conditions.compile_before(found.file, when, &what, Scope::Lead, index);
        if let Some(condition) = condition {
            segments.push(Segment { name: name.clone(), about: draft.about.to_owned(), condition });
        }
    }
    segments
}
