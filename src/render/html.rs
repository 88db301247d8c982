//! Reads the HTML of a mail as a browser would, lets each link be changed, and writes it again.

use std::cell::RefCell;

use html5ever::{
    Attribute, LocalName, local_name,
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Doctype, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer,
        TokenizerOpts, states::RawKind,
    },
};

/// A piece of HTML.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Doctype(String),
    Start {
        name: LocalName,
        attributes: Vec<(String, String)>,
        closed: bool,
    },
    End(LocalName),
    /// Decoded, unless it is inside of an element of raw text.
    Text(String),
    Comment(String),
}

/// The pieces of a page, in order.
///
/// # Errors
/// What no mail may hold: the end of a sentence that starts with "its HTML".
pub(super) fn read(page: &str) -> Result<Vec<Node>, String> {
    let sink = Sink::default();
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(page));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let sink = tokenizer.sink;
    if let Some(why) = sink.refused.into_inner() {
        return Err(why);
    }
    Ok(sink.nodes.into_inner())
}

#[derive(Default)]
struct Sink {
    nodes: RefCell<Vec<Node>>,
    refused: RefCell<Option<String>>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut nodes = self.nodes.borrow_mut();
        match token {
            Token::DoctypeToken(doctype) => nodes.push(Node::Doctype(written(&doctype))),
            Token::CommentToken(text) => nodes.push(Node::Comment(text.to_string())),
            Token::CharacterTokens(text) => match nodes.last_mut() {
                Some(Node::Text(before)) => before.push_str(&text),
                _ => nodes.push(Node::Text(text.to_string())),
            },
            Token::TagToken(tag) => {
                drop(nodes);
                return self.tag(tag);
            }
            Token::NullCharacterToken | Token::EOFToken | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

impl Sink {
    fn tag(&self, tag: Tag) -> TokenSinkResult<()> {
        let mut nodes = self.nodes.borrow_mut();
        if tag.kind == TagKind::EndTag {
            nodes.push(Node::End(tag.name));
            return TokenSinkResult::Continue;
        }
        if matches!(
            tag.name,
            local_name!("script")
                | local_name!("iframe")
                | local_name!("object")
                | local_name!("embed")
                | local_name!("base")
                | local_name!("frame")
        ) {
            *self.refused.borrow_mut() =
                Some(format!("has <{}>, which mail programs refuse", tag.name));
        }
        if let Some(handler) =
            tag.attrs.iter().find(|attribute| attribute.name.local.starts_with("on"))
        {
            *self.refused.borrow_mut() =
                Some(format!("has `{}=`, which mail programs refuse", handler.name.local));
        }
        let raw = raw_kind(&tag.name);
        let pair =
            |attribute: Attribute| (attribute.name.local.to_string(), attribute.value.to_string());
        nodes.push(Node::Start {
            name: tag.name,
            attributes: tag.attrs.into_iter().map(pair).collect(),
            closed: tag.self_closing,
        });
        raw.map_or(TokenSinkResult::Continue, TokenSinkResult::RawData)
    }
}

/// How the text of an element is read where it is not markup.
fn raw_kind(name: &LocalName) -> Option<RawKind> {
    match *name {
        local_name!("title") | local_name!("textarea") => Some(RawKind::Rcdata),
        local_name!("style")
        | local_name!("xmp")
        | local_name!("noembed")
        | local_name!("noframes") => Some(RawKind::Rawtext),
        local_name!("script") => Some(RawKind::ScriptData),
        _ => None,
    }
}

/// Elements whose `href` a reader can follow.
pub(super) fn is_link(name: &LocalName) -> bool {
    matches!(*name, local_name!("a") | local_name!("area"))
}

pub(super) fn is_void(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("area")
            | local_name!("br")
            | local_name!("col")
            | local_name!("hr")
            | local_name!("img")
            | local_name!("input")
            | local_name!("link")
            | local_name!("meta")
            | local_name!("source")
            | local_name!("wbr")
            | local_name!("embed")
            | local_name!("base")
            | local_name!("track")
            | local_name!("param")
    )
}

/// How the words of a page are written.
pub(super) trait Pen<'a> {
    /// Text that is markup where it is not escaped.
    fn text(&mut self, text: &'a str, page: &mut String);
    /// The value of an element's attribute, between double quotes.
    fn value(&mut self, element: &'a LocalName, attribute: &str, value: &'a str, page: &mut String);
}

/// As they are.
struct Plain;

impl Pen<'_> for Plain {
    fn text(&mut self, text: &str, page: &mut String) {
        escape(text, page);
    }

    fn value(&mut self, _: &LocalName, _: &str, value: &str, page: &mut String) {
        escape(value, page);
    }
}

/// Writes the pieces as HTML.
pub(super) fn write(nodes: &[Node]) -> String {
    write_by(&mut Plain, nodes)
}

/// Writes the pieces as HTML, their words by a pen.
pub(super) fn write_by<'a>(pen: &mut impl Pen<'a>, nodes: &'a [Node]) -> String {
    let mut page = String::new();
    let mut raw = false;
    for node in nodes {
        match node {
            Node::Doctype(text) => page.push_str(text),
            Node::Comment(text) => {
                page.push_str("<!--");
                page.push_str(text);
                page.push_str("-->");
            }
            Node::Text(text) if raw => page.push_str(text),
            Node::Text(text) => pen.text(text, &mut page),
            Node::End(name) => {
                raw = false;
                page.push_str("</");
                page.push_str(name);
                page.push('>');
            }
            Node::Start { name, attributes, closed } => {
                raw = matches!(raw_kind(name), Some(RawKind::Rawtext | RawKind::ScriptData));
                page.push('<');
                page.push_str(name);
                for (attribute, value) in attributes {
                    page.push(' ');
                    page.push_str(attribute);
                    page.push_str("=\"");
                    pen.value(name, attribute, value, &mut page);
                    page.push('"');
                }
                page.push_str(if *closed { " />" } else { ">" });
            }
        }
    }
    page
}

pub(super) fn escape(text: &str, page: &mut String) {
    escape_only(text, b"&<>\"", page);
}

/// Writes a text with these of its characters, and non-breaking spaces, as entities.
pub(super) fn escape_only(text: &str, special: &[u8], page: &mut String) {
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate() {
        let (entity, length) = match byte {
            b'&' if special.contains(&byte) => ("&amp;", 1),
            b'<' if special.contains(&byte) => ("&lt;", 1),
            b'>' if special.contains(&byte) => ("&gt;", 1),
            b'"' if special.contains(&byte) => ("&quot;", 1),
            0xc2 if text[at..].starts_with('\u{a0}') => ("&nbsp;", 2),
            _ => continue,
        };
        page.push_str(&text[written..at]);
        page.push_str(entity);
        written = at + length;
    }
    page.push_str(&text[written..]);
}

fn written(doctype: &Doctype) -> String {
    let name = doctype.name.as_deref().unwrap_or("html");
    match (doctype.public_id.as_deref(), doctype.system_id.as_deref()) {
        (Some(public), system) => {
            format!("<!DOCTYPE {name} PUBLIC \"{public}\" \"{}\">", system.unwrap_or_default())
        }
        _ => format!("<!DOCTYPE {name}>"),
    }
}
