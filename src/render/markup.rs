//! The elements of a source as its author wrote them, with their places; browsers' parsers have none.

use std::ops::Range;

use super::tags::{Tag, TagKind, statement};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EdgeKind {
    Start,
    /// `<br/>`
    Closed,
    End,
}

/// Where an element starts or ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Edge<'a> {
    pub kind: EdgeKind,
    pub name: &'a str,
    /// Its bytes, brackets included.
    pub range: Range<usize>,
}

/// Elements that have no end (HTML Standard, 13.1.2).
pub(super) const VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

/// Tags that print nothing.
pub(super) fn is_quiet(source: &str, tag: &Tag) -> bool {
    match tag.kind {
        TagKind::Comment => true,
        TagKind::Statement => statement(&source[tag.range.clone()]) != Some("include"),
        TagKind::Print | TagKind::Raw => false,
    }
}

/// The source with a letter for each byte of a tag, or a blank where it prints nothing: no `<` in it is
/// markup, and all that is left stands where it stood.
pub(super) fn masked(source: &str, tags: &[Tag]) -> String {
    let mut text = String::with_capacity(source.len());
    let mut at = 0;
    for tag in tags {
        text.push_str(&source[at..tag.range.start]);
        let blank = if is_quiet(source, tag) { " " } else { "z" };
        text.push_str(&blank.repeat(tag.range.len()));
        at = tag.range.end;
    }
    text.push_str(&source[at..]);
    text
}

/// The starts and ends in order; comments, doctypes and what is in `<style>` apart.
pub(super) fn edges(text: &str) -> Vec<Edge<'_>> {
    let mut edges = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('<').map(|offset| at + offset) {
        let rest = &text[open..];
        if rest.starts_with("<!--") {
            at = rest.find("-->").map_or(text.len(), |end| open + end + 3);
            continue;
        }
        let is_end = rest.starts_with("</");
        let name_at = open + if is_end { 2 } else { 1 };
        let name = &text[name_at..];
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            at = open + 1;
            continue;
        }
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '>' | '<');
        let name = &name[..name.find(ends).unwrap_or(name.len())];
        let end = close(text, name_at + name.len());
        let kind = match is_end {
            true => EdgeKind::End,
            false if text[..end].ends_with("/>") => EdgeKind::Closed,
            false => EdgeKind::Start,
        };
        edges.push(Edge { kind, name, range: open..end });
        at = end;
        if name.eq_ignore_ascii_case("style") && kind == EdgeKind::Start {
            at = text[end..].find("</").map_or(text.len(), |offset| end + offset);
        }
    }
    edges
}

/// Where the `>` after `from` ends that stands in no quotes.
fn close(text: &str, from: usize) -> usize {
    let mut quote = None;
    for (offset, byte) in text.as_bytes()[from..].iter().enumerate() {
        match (quote, byte) {
            (Some(mark), _) if mark == *byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'>') => return from + offset + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{super::tags::tags, *};

    fn read(source: &str) -> Vec<(EdgeKind, String)> {
        let text = masked(source, &tags(source).unwrap());
        assert_eq!(text.len(), source.len());
        edges(&text).into_iter().map(|edge| (edge.kind, source[edge.range].to_owned())).collect()
    }

    #[test]
    fn elements_are_found_where_they_stand_and_nothing_else_is() {
        let source = "<!DOCTYPE html><a href='>'>é</A >{% if a < b %}<br/>{{ \"<p>\" }}<!-- <i> -->1 < 2\
                      <style>a > b {} </i></style><b";
        use EdgeKind::{Closed, End, Start};
        let read = read(source);
        let read: Vec<_> = read.iter().map(|(kind, text)| (*kind, text.as_str())).collect();
        assert_eq!(
            read,
            [
                (Start, "<a href='>'>"),
                (End, "</A >"),
                (Closed, "<br/>"),
                (Start, "<style>"),
                (End, "</i>"),
                (End, "</style>"),
                (Start, "<b"),
            ]
        );
    }
}
