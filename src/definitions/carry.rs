//! What leads in flight still need and the folder no longer has: it stays at its last version.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    artefact,
    node::{Data, Node},
};
use crate::domain::{
    artefact::{Artefact, ArtefactKind},
    condition::Named,
};

type Key<'a> = (ArtefactKind, &'a str);

/// The artefacts of the `previous` release that the `pinned` structures name and the `next` release
/// would not have: mails with what they are made of, streams, segments, questions, and campaigns. They belong into the next
/// release.
///
/// People, purposes and attributes are not carried: their files are there or not as a whole, so a
/// structure that names one that is gone is a problem of [`compile`](super::compile).
#[must_use]
pub fn still_needed(
    next: &[Artefact],
    previous: &[Artefact],
    pinned: &[Artefact],
) -> Vec<Artefact> {
    let mut needs = Needs::default();
    for structure in pinned.iter().filter(|found| found.kind == ArtefactKind::Workflow) {
        if let Ok(node) = artefact::to_node(&structure.content) {
            needs.collect(&node, "");
        }
    }
    let there: BTreeSet<Key<'_>> = next.iter().map(key).collect();
    let old: BTreeMap<Key<'_>, &Artefact> = previous
        .iter()
        .map(|found| (key(found), found))
        .filter(|(key, _)| !there.contains(key))
        .collect();
    let mut carried: BTreeMap<Key<'_>, &Artefact> = BTreeMap::new();
    let is_needed =
        |(kind, name): &Key<'_>| *kind == ArtefactKind::Stream && needs.streams.contains(*name);
    carried.extend(old.iter().filter(|(key, _)| is_needed(key)));
    for found in carried.values() {
        if let Ok(node) = artefact::to_node(&found.content) {
            needs.collect(&node, "");
        }
    }
    // A mail of which the next release has any variant was edited; it is not gone.
    let gone = |mail: &str| !there.iter().any(|key| is_mail(*key, mail));
    for mail in needs.mails.iter().filter(|mail| gone(mail)) {
        carried.extend(old.iter().filter(|(key, _)| is_mail(**key, mail)));
    }
    // Layouts, then the partials of both, and files that go with mails: told by their names, which may bring one too many and
    // never misses one.
    use ArtefactKind::{Attachment, Layout, Partial};
    for kind in [Layout, Partial, Partial, Attachment] {
        let texts: Vec<&str> = carried.values().map(|found| found.content.as_str()).collect();
        let named = |name: &str| texts.iter().any(|text| text.contains(name));
        let parts: Vec<_> = old.iter().filter(|((k, name), _)| *k == kind && named(name)).collect();
        carried.extend(parts);
    }
    let mut asked: Vec<String> = needs.segments.into_iter().collect();
    asked.extend(carried.values().flat_map(|found| asked_in_text(&found.content)));
    for name in &needs.campaigns {
        carried
            .extend(old.iter().filter(|(key, _)| **key == (ArtefactKind::Campaign, name.as_str())));
    }
    while let Some(name) = asked.pop() {
        let is_it = |(kind, found): Key<'_>| kind == ArtefactKind::Segment && found == name;
        let Some((key, found)) = old.iter().find(|(key, _)| is_it(**key)) else { continue };
        if carried.insert(*key, found).is_none()
            && let Ok(node) = artefact::to_node(&found.content)
        {
            let mut deeper = Needs::default();
            deeper.collect(&node, "");
            asked.extend(deeper.segments);
        }
    }
    // Those that conditions name; those that mails ask are told by their names, too.
    let texts: Vec<&str> = carried.values().map(|found| found.content.as_str()).collect();
    let asked =
        |name: &str| needs.questions.contains(name) || texts.iter().any(|text| text.contains(name));
    let questions = |(kind, name): &Key<'_>| *kind == ArtefactKind::Question && asked(name);
    carried.extend(old.iter().filter(|(key, _)| questions(key)));
    carried.into_values().cloned().collect()
}

fn key(found: &Artefact) -> Key<'_> {
    (found.kind, &found.name)
}

/// The segments that a template asks for: `in_segment("hot")`
pub(super) fn asked_in_text(text: &str) -> impl Iterator<Item = String> {
    text.split("in_segment(").skip(1).filter_map(|rest| {
        let rest = rest.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
        Some(rest[1..].split_once(quote)?.0.to_owned())
    })
}

/// Whether this is a variant of that mail.
fn is_mail((kind, name): Key<'_>, mail: &str) -> bool {
    kind == ArtefactKind::Mail && name.split_once('.').map_or(name, |(mail, _)| mail) == mail
}

/// What a structure names.
#[derive(Default)]
struct Needs {
    mails: BTreeSet<String>,
    streams: BTreeSet<String>,
    segments: BTreeSet<String>,
    campaigns: BTreeSet<String>,
    questions: BTreeSet<String>,
}

impl Needs {
    /// Walks a tree; `key` is what the node stands under.
    fn collect(&mut self, node: &Node, key: &str) {
        match &node.data {
            Data::Scalar(scalar) => match key {
                // Contents are those of a stream.
                "email" | "template" | "contents" => {
                    self.mails.insert(scalar.text.clone());
                }
                "stream" => {
                    self.streams.insert(scalar.text.clone());
                }
                "campaign" => {
                    self.campaigns.insert(scalar.text.clone());
                }
                "object" => {
                    self.mails.insert(scalar.text.clone());
                    self.questions.insert(scalar.text.clone());
                }
                "segment" => {
                    self.segments.insert(scalar.text.clone());
                }
                _ => {
                    let named = Named::in_source(&scalar.text);
                    self.segments.extend(named.segments);
                    self.questions.extend(named.questions);
                    self.mails.extend(named.mails);
                }
            },
            Data::List(items) => {
                for item in items {
                    self.collect(item, key);
                }
            }
            Data::Map(entries) => {
                for (key, node) in entries {
                    self.collect(node, &key.text);
                }
            }
            Data::Null | Data::Broken => {}
        }
    }
}
