//! `segments:` → named conditions, in an order in which each names only earlier ones.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, conditions::Conditions, read};
use crate::{
    definitions::{
        node::{Data, Node},
        schema,
    },
    domain::{
        condition::{KnownSegment, Named, Scope, Size},
        definitions::Segment,
        name::Name,
    },
};

/// The most segments of a folder.
const MOST: usize = 1_000;

/// What is known of a segment before its condition is compiled.
struct Draft<'a> {
    found: &'a Found<'a>,
    about: &'a str,
    when: Option<&'a Node>,
    names: BTreeSet<String>,
}

impl<'a> Draft<'a> {
    fn source(&self) -> &'a str {
        self.when.and_then(Node::text).unwrap_or("")
    }
}

/// The segments in dependency order with their sizes, and those of them that stand in a cycle (reported).
pub(super) fn order(found: &[Found<'_>]) -> (Vec<KnownSegment>, BTreeSet<Name>) {
    if let Some(first) = found.get(MOST) {
        first.file.error("too-large", first.unit.at, format!("more than {MOST} segments"), None);
        return Default::default();
    }
    let drafts: BTreeMap<&str, Draft<'_>> =
        found.iter().map(|found| (found.unit.name.as_str(), draft(found))).collect();
    // How many others each still waits for, and who waits for it.
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    let mut waiting: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (&name, draft) in &drafts {
        let named = draft.names.iter().map(String::as_str).filter(|n| drafts.contains_key(n));
        missing.insert(name, named.clone().count());
        for named in named {
            waiting.entry(named).or_default().push(name);
        }
    }
    let mut ready: BTreeSet<&str> =
        missing.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    let mut order: Vec<KnownSegment> = Vec::with_capacity(drafts.len());
    let mut sizes: BTreeMap<&str, Size> = BTreeMap::new();
    while let Some(name) = ready.pop_first() {
        missing.remove(name);
        let source = drafts.get(name).map_or("", Draft::source);
        let size = Size::of_source(source, |named| sizes.get(named).copied());
        sizes.insert(name, size);
        order.push(KnownSegment { name: name.into(), size });
        for &next in waiting.get(name).into_iter().flatten() {
            if let Some(count) = missing.get_mut(next) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(next);
                }
            }
        }
    }
    report_circles(&drafts, &missing);
    // Also those that only lead into a circle: their conditions cannot be compiled.
    let cyclic: BTreeSet<Name> = missing.keys().map(|name| Name::from(*name)).collect();
    let of_no_size = |name: &Name| KnownSegment { name: name.clone(), size: Size::default() };
    order.extend(cyclic.iter().map(of_no_size));
    (order, cyclic)
}

/// Each of `stuck` names another of them, so whoever walks from one comes to a circle: those that
/// the walks come to are reported, each once. What is left shows when these are mended.
fn report_circles(drafts: &BTreeMap<&str, Draft<'_>>, stuck: &BTreeMap<&str, usize>) {
    let mut passed: BTreeSet<&str> = BTreeSet::new();
    for &start in stuck.keys() {
        let mut walk: Vec<&str> = Vec::new();
        let mut here = start;
        while passed.insert(here) {
            walk.push(here);
            let names = drafts.get(here).map(|draft| &draft.names).into_iter().flatten();
            let Some(next) = names.map(String::as_str).find(|name| stuck.contains_key(name)) else {
                break;
            };
            here = next;
        }
        let Some(begin) = walk.iter().position(|name| *name == here) else { continue };
        let mut circle = walk.split_off(begin);
        let smallest = (0..circle.len()).min_by_key(|&at| circle[at]).unwrap_or(0);
        circle.rotate_left(smallest);
        let (Some(&name), Some(draft)) =
            (circle.first(), circle.first().and_then(|n| drafts.get(n)))
        else {
            continue;
        };
        circle.truncate(10);
        let path = circle.join(" → ");
        let message = format!(
            "`{name}` asks for itself: {path} → {}",
            if circle.len() < 10 { name } else { "…" }
        );
        let hint = "a segment may name others that do not lead back to it".to_owned();
        draft.found.file.error("cycle", draft.found.unit.at, message, Some(hint));
    }
}

fn draft<'a>(found: &'a Found<'a>) -> Draft<'a> {
    let node = found.node();
    let (about, when) = match &node.data {
        Data::Map(_) => (node.get("about").and_then(Node::text).unwrap_or(""), node.get("when")),
        _ => ("", Some(node)),
    };
    let mut draft = Draft { found, about, when, names: BTreeSet::new() };
    draft.names.extend(Named::in_source(draft.source()).segments);
    draft
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
    for (index, KnownSegment { name, .. }) in conditions.segments.iter().enumerate() {
        let Some(found) = by_name.get(name) else { continue };
        let draft = draft(found);
        let what = format!("segment `{name}`");
        if let Data::Map(_) = found.node().data {
            let fields = read::Fields::open(found.file, found.node(), &what, &schema::SEGMENT);
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
