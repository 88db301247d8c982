//! YAML to [`Node`]: the one module that knows the YAML library, with budgets and duplicate keys.
//!
//! It goes by serde-saphyr's event parser rather than by serde: serde would guess at scalars (`no`,
//! `1_000`, `007`), stop at the first type error and lose the places of keys.

use std::collections::{HashMap, HashSet};

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle};

use super::{
    node::{Data, Key, Node, Scalar, Style},
    problem::{File, Span, quote},
    traps,
};

/// The largest file that is read, in bytes.
pub(super) const LARGEST: usize = 1_000_000;
/// Nodes of one file, with aliases written out.
const NODES: usize = 50_000;
/// Bytes of text of one file, with aliases written out.
const TEXT: usize = 2 * LARGEST;
/// Lists and maps inside of each other.
const DEPTH: usize = 64;

/// Reads `file.text[within]`, which holds one YAML document, and reports what is wrong with it.
/// `None` if nothing of it can be used.
pub(super) fn parse(file: &File<'_>, within: Span) -> Option<Node> {
    let yaml = file.text.get(within.start..within.end).unwrap_or("");
    if yaml.len() > LARGEST {
        file.error("too-large", within_first_line(within), "the file is larger than 1 MB", None);
        return None;
    }
    let options = granit_parser::options! {
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
        disallow_directives: true,
        emit_comments: false,
    };
    let mut builder = Builder::new(file);
    // Up to here the parser found nothing wrong.
    let mut well = within.start;
    for event in Parser::new_from_str_with_options(yaml, options) {
        match event {
            Ok((event, span)) => {
                let range = span.byte_range().unwrap_or(0..0);
                let at = Span::new(within.start + range.start, within.start + range.end);
                well = at.end;
                let tagged = matches!(
                    &event,
                    Event::Scalar(_, _, _, Some(_))
                        | Event::SequenceStart(_, _, Some(_))
                        | Event::MappingStart(_, _, Some(_))
                );
                if tagged {
                    let range = span.tag_span().and_then(|tag| tag.byte_range()).unwrap_or(range);
                    let tag = Span::new(within.start + range.start, within.start + range.end);
                    traps::tag(file, tag);
                }
                if builder.take(event, at).is_err() {
                    return None;
                }
            }
            Err(error) => {
                let at = within.start + error.marker().byte_offset().unwrap_or(0);
                let trap = traps::explain(file, &error, Span::new(well.min(at), at));
                file.error(trap.rule, trap.at, trap.message, trap.hint);
                return None;
            }
        }
    }
    let root = builder.root;
    if root.is_none() {
        file.error("empty-file", within_first_line(within), "the file is empty", None);
    }
    root
}

const fn within_first_line(within: Span) -> Span {
    Span::new(within.start, within.start)
}

/// Reported already; reading cannot go on.
struct Stop;

/// A list or a map that is being read.
struct Frame {
    span: Span,
    anchor: usize,
    /// Of the whole below it, for aliases.
    size: Size,
    /// A tag was refused.
    broken: bool,
    kind: FrameKind,
}

enum FrameKind {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, seen: HashSet<String>, awaits: Awaits },
}

/// What comes next in a map.
enum Awaits {
    Key,
    /// The value of this key; of none, if the key was refused.
    Value(Option<Key>),
}

#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    text: usize,
}

struct Builder<'a> {
    file: &'a File<'a>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, (Node, Size)>,
    spent: Size,
    documents: usize,
    root: Option<Node>,
}

impl<'a> Builder<'a> {
    fn new(file: &'a File<'a>) -> Self {
        Self {
            file,
            stack: Vec::new(),
            anchors: HashMap::new(),
            spent: Size::default(),
            documents: 0,
            root: None,
        }
    }

    fn take(&mut self, event: Event<'_>, at: Span) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let hint = "put what follows `---` into a file of its own".to_owned();
                    self.file.error("yaml-documents", at, "one file is one document", Some(hint));
                    return Err(Stop);
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let size = Size { nodes: 1, text: text.len() };
                let broken = tag.is_some();
                let data = if broken { Data::Broken } else { scalar(&text, style) };
                self.value(Node { span: at, data }, size, anchor)?;
            }
            Event::Alias(anchor) => {
                if let Some((node, size)) = self.anchors.get(&anchor) {
                    let (size, node) = (*size, Node { span: at, data: node.data.clone() });
                    self.value(node, size, 0)?;
                } else {
                    self.file.error("yaml-alias", at, "this alias stands inside of itself", None);
                    return Err(Stop);
                }
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(FrameKind::List(Vec::new()), at, anchor, tag.is_some());
            }
            Event::MappingStart(_, anchor, tag) => {
                let kind = FrameKind::Map {
                    entries: Vec::new(),
                    seen: HashSet::new(),
                    awaits: Awaits::Key,
                };
                self.open(kind, at, anchor, tag.is_some());
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at)?,
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, kind: FrameKind, span: Span, anchor: usize, broken: bool) {
        self.stack.push(Frame { span, anchor, size: Size { nodes: 1, text: 0 }, broken, kind });
    }

    fn close(&mut self, at: Span) -> Result<(), Stop> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let data = match frame.kind {
            _ if frame.broken => Data::Broken,
            FrameKind::List(items) => Data::List(items),
            FrameKind::Map { entries, .. } => Data::Map(entries),
        };
        let span = Span::new(frame.span.start, at.end.max(frame.span.end));
        // Its parts are paid for already.
        self.spent.nodes -= frame.size.nodes - 1;
        self.spent.text -= frame.size.text;
        self.value(Node { span, data }, frame.size, frame.anchor)
    }

    /// A finished node: an item, a key, a value, or the whole.
    fn value(&mut self, node: Node, size: Size, anchor: usize) -> Result<(), Stop> {
        self.spent.nodes += size.nodes;
        self.spent.text += size.text;
        if self.spent.nodes > NODES || self.spent.text > TEXT {
            let message = format!(
                "the file holds more than {NODES} nodes or {TEXT} bytes once its aliases are \
                 written out"
            );
            self.file.error("too-large", node.span, message, None);
            return Err(Stop);
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let file = self.file;
        let Some(frame) = self.stack.last_mut() else {
            self.root.get_or_insert(node);
            return Ok(());
        };
        frame.size.nodes += size.nodes;
        frame.size.text += size.text;
        match &mut frame.kind {
            FrameKind::List(items) => items.push(node),
            FrameKind::Map { entries, seen, awaits } => {
                match std::mem::replace(awaits, Awaits::Key) {
                    Awaits::Key => *awaits = Awaits::Value(as_key(file, node)),
                    Awaits::Value(None) => {}
                    Awaits::Value(Some(key)) => {
                        if seen.insert(key.text.clone()) {
                            entries.push((key, node));
                        } else {
                            duplicate(file, &key, entries);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Data {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    };
    if style == Style::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Data::Null;
    }
    Data::Scalar(Scalar { text: text.to_owned(), style })
}

fn as_key(file: &File<'_>, node: Node) -> Option<Key> {
    match node.data {
        Data::Scalar(Scalar { text, .. }) if text == "<<" => {
            let message = "merge keys (`<<`) are no part of this language";
            file.error("yaml-merge", node.span, message, Some("write the keys out".to_owned()));
            None
        }
        Data::Scalar(Scalar { text, .. }) => Some(Key { text, span: node.span }),
        Data::Null => {
            file.error("yaml-key", node.span, "a key is missing before the colon", None);
            None
        }
        Data::Broken => None,
        Data::List(_) | Data::Map(_) => {
            let message = format!("a key must be a word; this is {}", node.what());
            let hint = "quote the value if it begins with `{` or `[`".to_owned();
            file.error("yaml-key", node.span, message, Some(hint));
            None
        }
    }
}

fn duplicate(file: &File<'_>, key: &Key, entries: &[(Key, Node)]) {
    let first = entries.iter().find(|(known, _)| known.text == key.text);
    let line = first.map_or(1, |(known, _)| file.line_of(known.span.start));
    let message = format!("`{}` is written twice; first on line {line}", quote(&key.text));
    file.error("duplicate-key", key.span, message, Some("keep one of the two".to_owned()));
}
