//! Elements that are not closed, or closed and not open. A browser's parser mends them, each in its own way.

use std::collections::BTreeSet;

use pulldown_cmark::{Event, Options, Parser};

use super::{
    super::{
        markup::{EdgeKind, VOID, edges, masked},
        prepare::Form,
        source::{Part, Source},
        tags::{Word, statement, words},
    },
    warning,
};
use crate::{definitions::Problem, render::problem::RenderProblem};

/// Elements whose end may be left out (HTML Standard, 13.1.2.4).
const END_OPTIONAL: [&str; 15] = [
    "body", "colgroup", "dd", "dt", "head", "html", "li", "option", "p", "tbody", "td", "tfoot",
    "th", "thead", "tr",
];

/// Pieces that open what others close, by the names by which they are included.
pub(super) fn halves<'s>(sources: impl Iterator<Item = &'s Source>) -> BTreeSet<String> {
    let pieces = sources.filter(|source| source.part == Part::Partial);
    pieces.filter(|it| faults(it).is_none_or(|it| !it.is_empty())).map(Source::tera_name).collect()
}

pub(super) fn advice(source: &Source, halves: &BTreeSet<String>) -> Vec<Problem> {
    let includes_half = || {
        source.tags().into_iter().any(|tag| {
            let text = &source.text[tag.range];
            statement(text) == Some("include")
                && words(text)
                    .any(|(_, word)| matches!(word, Word::Text(name) if halves.contains(name)))
        })
    };
    // Of MJML each element was checked.
    if source.part == Part::Partial || source.form == Form::Mjml || includes_half() {
        return Vec::new();
    }
    faults(source)
        .unwrap_or_default()
        .into_iter()
        .map(|fault| warning("mail-html", fault))
        .collect()
}

/// `None`: it is opened in one branch of an `if` and closed in another, so that reading does not tell.
fn faults(source: &Source) -> Option<Vec<RenderProblem>> {
    let mut text = masked(&source.text, &source.tags());
    if source.form == Form::Markdown {
        text = html_alone(&text);
    }
    let mut branches = Branches::of(source);
    let mut faults = Vec::new();
    let mut open: Vec<(String, usize, usize)> = Vec::new();
    let fault = |offset, message| {
        let hint = "mail programs guess where it ends, each otherwise".to_owned();
        source.problem(offset, message, Some(hint))
    };
    for edge in edges(&text) {
        let (name, start) = (edge.name.to_ascii_lowercase(), edge.range.start);
        let branch = branches.at(start);
        if VOID.contains(&name.as_str()) || edge.kind == EdgeKind::Closed {
            continue;
        }
        if edge.kind == EdgeKind::Start {
            open.push((name, start, branch));
            continue;
        }
        let Some(place) = open.iter().rposition(|(open, ..)| *open == name) else {
            if branch != Branches::NONE {
                return None;
            }
            if !END_OPTIONAL.contains(&name.as_str()) {
                faults.push(fault(start, format!("</{name}> closes nothing")));
            }
            continue;
        };
        let left: Vec<_> = open.drain(place..).collect();
        if left.iter().any(|(.., opened)| *opened != branch) {
            return None;
        }
        faults.extend(left.iter().skip(1).filter_map(|it| unclosed(it, fault)));
    }
    if open.iter().any(|(.., branch)| *branch != Branches::NONE) {
        return None;
    }
    faults.extend(open.iter().filter_map(|it| unclosed(it, fault)));
    Some(faults)
}

fn unclosed<T>(
    (name, start, _): &(String, usize, usize),
    fault: impl Fn(usize, String) -> T,
) -> Option<T> {
    let is_fault = !END_OPTIONAL.contains(&name.as_str());
    is_fault.then(|| fault(*start, format!("<{name}> is not closed")))
}

/// Markdown with blanks in place of all that is not HTML, each byte where it stood.
fn html_alone(text: &str) -> String {
    let mut kept = vec![b' '; text.len()];
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        if matches!(event, Event::Html(_) | Event::InlineHtml(_)) {
            kept[range.clone()].copy_from_slice(&text.as_bytes()[range]);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Which branch of the statements around it a place is in, going forward.
struct Branches {
    /// Where each branch begins or the statement ends, and which is in force from there.
    turns: Vec<(usize, usize)>,
    next: usize,
    branch: usize,
}

impl Branches {
    /// No statement is around it.
    const NONE: usize = 0;

    fn of(source: &Source) -> Self {
        let (mut around, mut turns, mut count) = (vec![Self::NONE], Vec::new(), Self::NONE);
        for tag in source.tags() {
            let word = statement(&source.text[tag.range.clone()]);
            if matches!(word, Some("endif" | "endfor" | "elif" | "else")) {
                around.pop();
            }
            if matches!(word, Some("if" | "for" | "elif" | "else")) {
                count += 1;
                around.push(count);
            }
            turns.push((tag.range.start, around.last().copied().unwrap_or(Self::NONE)));
        }
        Self { turns, next: 0, branch: Self::NONE }
    }

    fn at(&mut self, offset: usize) -> usize {
        while let Some((_, branch)) = self.turns.get(self.next).filter(|(at, _)| *at <= offset) {
            self.branch = *branch;
            self.next += 1;
        }
        self.branch
    }
}
