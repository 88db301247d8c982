//! Units: the things that files define, before they are understood. From files or from the store.

use std::collections::HashMap;

use super::{
    artefact,
    names::{is_language, is_slug, is_slug_path, slug_hint},
    nearest::did_you_mean,
    node::{Data, Key, Node},
    problem::{File, Span, quote},
    schema::FILES,
    yaml,
};
use crate::domain::{
    artefact::{Artefact, ArtefactKind},
    name::Name,
    workflow::{ALL, Version},
};

/// One thing defined, of one kind, under one name.
#[derive(Debug)]
pub(super) struct Unit {
    pub kind: ArtefactKind,
    pub name: Name,
    /// Where the name is written.
    pub at: Span,
    pub version: Version,
    /// Index of its file.
    pub file: usize,
    /// What follows the top-level key, or the whole map of a workflow. `None`: a template.
    pub node: Option<Node>,
    /// Part of the release, not only needed by those in flight.
    pub live: bool,
}

/// What a file's top-level key says that it holds.
const KINDS: [&str; FILES.len()] = {
    let mut keys = [""; FILES.len()];
    let mut place = 0;
    while place < keys.len() {
        keys[place] = FILES[place].key;
        place += 1;
    }
    keys
};
const LATER: [&str; 2] = ["pages", "calendar"];

/// Sorts files into units; what cannot be sorted is reported. The artefacts are in the same order.
pub(super) fn of_files(files: &[File<'_>]) -> (Vec<Unit>, Vec<Artefact>) {
    let mut sorter =
        Sorter { files, units: Vec::new(), artefacts: Vec::new(), known: HashMap::new() };
    for (index, file) in files.iter().enumerate() {
        if file.path.starts_with("templates/") {
            sorter.template(index, file);
        } else if let Some(root) = yaml::parse(file, Span::new(0, file.text.len())) {
            sorter.yaml(index, file, &root);
        }
    }
    (sorter.units, sorter.artefacts)
}

struct Sorter<'a> {
    files: &'a [File<'a>],
    units: Vec<Unit>,
    artefacts: Vec<Artefact>,
    known: HashMap<(ArtefactKind, Name), (usize, Span)>,
}

impl Sorter<'_> {
    fn yaml(&mut self, index: usize, file: &File<'_>, root: &Node) {
        let Data::Map(entries) = &root.data else {
            if root.data != Data::Broken {
                let message = format!("a file is a map of keys; this is {}", root.what());
                let hint = format!("begin with one of: {}", KINDS.join(", "));
                file.error("wrong-type", root.span, message, Some(hint));
            }
            return;
        };
        let tops: Vec<_> = entries.iter().filter(|(key, _)| KINDS.contains(&&*key.text)).collect();
        let Some((top, value)) = tops.first() else {
            if let Some((key, _)) = entries.iter().find(|(key, _)| LATER.contains(&&*key.text)) {
                let message = format!("`{}` files are not built yet", key.text);
                file.error("not-built", key.span, message, None);
            } else {
                let (at, written) = entries
                    .first()
                    .map_or((root.span, ""), |(key, _)| (key.span, key.text.as_str()));
                let message = "no top-level key says what this file holds";
                file.error("unknown-file", at, message, did_you_mean(written, KINDS));
            }
            return;
        };
        if !matches!(top.text.as_str(), "workflow" | "campaign") {
            for (key, _) in entries.iter().filter(|(key, _)| key.text != top.text) {
                let message = format!(
                    "a `{}` file holds nothing else; `{}` goes into a file of its own",
                    top.text,
                    quote(&key.text)
                );
                file.error("unknown-key", key.span, message, None);
            }
        }
        match top.text.as_str() {
            "workflow" => {
                if let Some(name) = Self::name(file, value, "a workflow") {
                    if name == ALL {
                        let message =
                            "no workflow can be called `all`: `pause all` is for every one";
                        let hint = "give it another name".to_owned();
                        file.error("bad-name", value.span, message, Some(hint));
                    }
                    self.add(ArtefactKind::Workflow, name, value.span, index, root.clone());
                }
            }
            "campaign" => {
                if let Some(name) = Self::name(file, value, "a campaign") {
                    self.add(ArtefactKind::Campaign, name, value.span, index, root.clone());
                }
            }
            "segments" => self.named(ArtefactKind::Segment, index, file, top, value),
            "streams" => self.named(ArtefactKind::Stream, index, file, top, value),
            "questions" => self.named(ArtefactKind::Question, index, file, top, value),
            "scoring" => self.add(ArtefactKind::Scoring, "scoring", top.span, index, value.clone()),
            "policy" => self.add(ArtefactKind::Policy, "policy", top.span, index, value.clone()),
            "people" => self.add(ArtefactKind::People, "people", top.span, index, value.clone()),
            _ => self.add(ArtefactKind::Attributes, "attributes", top.span, index, value.clone()),
        }
    }

    /// What is written, also where it is no good name: what else is wrong with the thing is said as well.
    fn name<'n>(file: &File<'_>, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.data {
            Data::Broken => None,
            Data::Scalar(scalar) => {
                if !is_slug(&scalar.text) {
                    bad_name(file, node.span, &scalar.text, what);
                }
                Some(&scalar.text)
            }
            _ => {
                let message = format!("{what} needs a name; this is {}", node.what());
                file.error("bad-name", node.span, message, None);
                None
            }
        }
    }

    /// Each entry of a map is a thing of its own.
    fn named(
        &mut self,
        kind: ArtefactKind,
        index: usize,
        file: &File<'_>,
        top: &Key,
        value: &Node,
    ) {
        let (what, things, example) = match kind {
            ArtefactKind::Question => {
                ("a question", "questions", "topic: { title: …, answers: { pricing: Prices } }")
            }
            ArtefactKind::Stream => {
                ("a stream", "mails", "useful: { contents: [cold/industry-report] }")
            }
            _ => ("a segment", "conditions", "cold-prospects: lead_status == \"Not now\""),
        };
        match &value.data {
            Data::Map(entries) => {
                for (key, node) in entries {
                    if !is_slug(&key.text) {
                        bad_name(file, key.span, &key.text, what);
                    }
                    self.add(kind, &key.text, key.span, index, node.clone());
                }
            }
            Data::Broken => {}
            _ => {
                let message = format!(
                    "`{}` is a map of names to {things}; this is {}",
                    top.text,
                    value.what()
                );
                file.error("wrong-type", value.span, message, Some(format!("write: {example}")));
            }
        }
    }

    fn template(&mut self, index: usize, file: &File<'_>) {
        let path = file.path.strip_prefix("templates/").unwrap_or(file.path);
        let (stem, ending) = path.rsplit_once('.').unwrap_or((path, ""));
        let refuse = |message: &str, hint: &str| {
            file.error("bad-name", Span::default(), message, Some(hint.to_owned()));
        };
        if stem.starts_with("files/") {
            self.add_text(ArtefactKind::Attachment, path, index);
            return;
        }
        if let Some(name) = stem.strip_prefix("layouts/") {
            if ending == "html" && is_slug(name) {
                self.add_text(ArtefactKind::Layout, name, index);
            } else {
                refuse("this is no layout", "layouts are `templates/layouts/NAME.html`");
            }
            return;
        }
        if stem.starts_with("partials/") {
            if is_slug_path(stem) {
                self.add_text(ArtefactKind::Partial, path, index);
            } else {
                refuse("this is no partial", "partials are `templates/partials/NAME.html`");
            }
            return;
        }
        let (name, language) = stem.split_once('.').map_or((stem, None), |(n, l)| (n, Some(l)));
        if !matches!(ending, "md" | "html" | "mjml") {
            refuse("a mail is Markdown, HTML or MJML", "name it NAME.md, NAME.html or NAME.mjml");
        } else if !is_slug_path(name) {
            refuse("this name cannot be used", "use lower-case letters, digits, `-` and `_`");
        } else if language.is_some_and(|language| !is_language(language)) {
            refuse(
                &format!("`{}` is no language", quote(language.unwrap_or(""))),
                "a variant is NAME.LANGUAGE.md with a language as `it` or `pt-BR`",
            );
        } else {
            self.add_text(ArtefactKind::Mail, stem, index);
        }
    }

    fn add(&mut self, kind: ArtefactKind, name: &str, at: Span, file: usize, node: Node) {
        let artefact = artefact::of_node(kind, name, self.files[file].path, &node);
        self.push(artefact, at, file, Some(node));
    }

    fn add_text(&mut self, kind: ArtefactKind, name: &str, file: usize) {
        let found = &self.files[file];
        let artefact = artefact::of_text(kind, name, found.path, found.text);
        self.push(artefact, Span::default(), file, None);
    }

    /// Keeps the first of two with the same name.
    fn push(&mut self, artefact: Artefact, at: Span, file: usize, node: Option<Node>) {
        let (kind, name) = (artefact.kind, artefact.name.clone());
        if let Some(&(first, span)) = self.known.get(&(kind, name.clone())) {
            let first = &self.files[first];
            let place = format!("{}:{}", first.path, first.line_of(span.start));
            let message = match kind {
                ArtefactKind::Workflow
                | ArtefactKind::Campaign
                | ArtefactKind::Segment
                | ArtefactKind::Question
                | ArtefactKind::Stream
                | ArtefactKind::Mail => {
                    format!("`{name}` is there already, in {place}")
                }
                _ => format!("there is a `{name}` file already: {place}"),
            };
            let hint = match kind {
                ArtefactKind::Workflow
                | ArtefactKind::Campaign
                | ArtefactKind::Segment
                | ArtefactKind::Question
                | ArtefactKind::Stream => "give it another name",
                ArtefactKind::Mail => "keep one of them",
                _ => "put both into one file",
            };
            self.files[file].error("duplicate-name", at, message, Some(hint.to_owned()));
            return;
        }
        self.known.insert((kind, name.clone()), (file, at));
        let version = artefact.version.clone();
        self.units.push(Unit { kind, name, at, version, file, node, live: true });
        self.artefacts.push(artefact);
    }
}

fn bad_name(file: &File<'_>, at: Span, written: &str, what: &str) {
    let message = format!("`{}` cannot be the name of {what}", quote(written));
    file.error("bad-name", at, message, Some(slug_hint(written)));
}

/// Kinds that are kept as the text that they are.
pub(super) const fn is_text(kind: ArtefactKind) -> bool {
    use ArtefactKind::{Attachment, Layout, Mail, Partial};

    matches!(kind, Mail | Layout | Partial | Attachment)
}

/// Reads stored artefacts as units; `files[n]` belongs to the `n`-th of `live`, then of `pinned`.
pub(super) fn of_artefacts(
    live: &[Artefact],
    pinned: &[Artefact],
    files: &[File<'_>],
) -> Vec<Unit> {
    let all =
        live.iter().map(|found| (found, true)).chain(pinned.iter().map(|found| (found, false)));
    let mut units: Vec<Unit> = Vec::new();
    for (index, (found, is_live)) in all.enumerate() {
        let node = if is_text(found.kind) {
            None
        } else {
            match artefact::to_node(&found.content) {
                Ok(node) => Some(node),
                Err(error) => {
                    let message = format!(
                        "`{}` is stored in a form that cannot be read: {error}",
                        found.name
                    );
                    files[index].error("stored", Span::default(), message, None);
                    continue;
                }
            }
        };
        units.push(Unit {
            kind: found.kind,
            name: found.name.clone(),
            at: Span::default(),
            version: found.version.clone(),
            file: index,
            node,
            live: is_live,
        });
    }
    units
}
