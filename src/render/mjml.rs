//! A body in MJML, made HTML once, when it is checked. Nothing is read from elsewhere for it.
//!
//! The library takes any element for one that it need not know, so what stands where is checked here.

use std::{collections::HashMap, ops::Range};

use mrml::{
    mj_head::MjHeadChild,
    mj_preview::MjPreview,
    mj_title::MjTitle,
    mjml::Mjml,
    prelude::{parser, render::RenderOptions},
};

use super::{
    marks::Marked,
    markup::{EdgeKind, VOID, edges, is_quiet, masked},
    prepare::{Fault, Prepared},
    tags::Tag,
};
use crate::definitions::meant;

/// Elements inside of each other. The library calls itself for each.
const DEPTH: usize = 100;

/// What an element holds.
#[derive(Clone, Copy, Debug)]
enum Holds {
    These(&'static [&'static str]),
    /// Defaults, for elements of any name.
    Defaults,
    /// Text and HTML.
    Html,
    Nothing,
}
use Holds::{Defaults, Html, Nothing, These};

const CONTENT: Holds = These(&[
    "mj-accordion",
    "mj-button",
    "mj-carousel",
    "mj-divider",
    "mj-image",
    "mj-navbar",
    "mj-raw",
    "mj-social",
    "mj-spacer",
    "mj-table",
    "mj-text",
]);

/// The elements of MJML 4 (documentation.mjml.io), without `mj-include`.
const ELEMENTS: [(&str, Holds); 33] = [
    ("mjml", These(&["mj-head", "mj-body"])),
    (
        "mj-head",
        These(&[
            "mj-attributes",
            "mj-breakpoint",
            "mj-font",
            "mj-preview",
            "mj-raw",
            "mj-style",
            "mj-title",
        ]),
    ),
    ("mj-attributes", Defaults),
    ("mj-all", Nothing),
    ("mj-class", Nothing),
    ("mj-breakpoint", Nothing),
    ("mj-font", Nothing),
    ("mj-preview", Html),
    ("mj-style", Html),
    ("mj-title", Html),
    ("mj-body", These(&["mj-section", "mj-wrapper", "mj-hero", "mj-raw"])),
    ("mj-wrapper", These(&["mj-section", "mj-hero", "mj-raw"])),
    ("mj-section", These(&["mj-column", "mj-group", "mj-raw"])),
    ("mj-group", These(&["mj-column", "mj-raw"])),
    ("mj-column", CONTENT),
    ("mj-hero", CONTENT),
    ("mj-accordion", These(&["mj-accordion-element", "mj-raw"])),
    ("mj-accordion-element", These(&["mj-accordion-title", "mj-accordion-text"])),
    ("mj-accordion-title", Html),
    ("mj-accordion-text", Html),
    ("mj-button", Html),
    ("mj-carousel", These(&["mj-carousel-image"])),
    ("mj-carousel-image", Nothing),
    ("mj-divider", Nothing),
    ("mj-image", Nothing),
    ("mj-navbar", These(&["mj-navbar-link", "mj-raw"])),
    ("mj-navbar-link", Html),
    ("mj-raw", Html),
    ("mj-social", These(&["mj-social-element", "mj-raw"])),
    ("mj-social-element", Html),
    ("mj-spacer", Nothing),
    ("mj-table", Html),
    ("mj-text", Html),
];

/// # Errors
/// All elements that do not stand where they may, or what the library says.
pub(super) fn compile(
    source: &str,
    tags: &[Tag],
    prepared: &mut Prepared,
) -> Result<(), Vec<Fault>> {
    let text = masked(source, tags);
    let gaps = gaps(&text)?;
    // Where only elements stand, `{% if %}` can be nothing but a comment.
    let stands_between = |tag: &Tag| {
        let after = gaps.partition_point(|gap| gap.start <= tag.range.start);
        after.checked_sub(1).is_some_and(|gap| gaps[gap].contains(&tag.range.start))
    };
    let is_comment = |index: usize| is_quiet(source, &tags[index]) && stands_between(&tags[index]);
    let marked = Marked::new(source, tags, is_comment);
    let html = html(&marked.text.text).map_err(|(offset, why)| {
        vec![Fault::at(
            marked.text.source_offset(offset),
            format!("its MJML cannot be read: {why}"),
        )]
    })?;
    let lost = "MJML drops this tag where it stands; move it into <mj-body>";
    marked.restore(&html, prepared).map_err(|offset| vec![Fault::at(offset, lost)])
}

/// Where comments may stand between elements.
fn gaps(text: &str) -> Result<Vec<Range<usize>>, Vec<Fault>> {
    let mut walk = Walk {
        text,
        faults: Vec::new(),
        open: Vec::new(),
        gaps: Vec::new(),
        has_root: false,
        at: 0,
    };
    let mut has_body = false;
    for edge in edges(text) {
        walk.gap(edge.range.start);
        walk.at = edge.range.end;
        has_body |= edge.name == "mj-body";
        let whole = match edge.kind {
            EdgeKind::End => walk.ends(edge.name, edge.range.start),
            EdgeKind::Start | EdgeKind::Closed => {
                let holds = walk.holds(edge.name, edge.range.start);
                let is_left_open = edge.kind == EdgeKind::Start && !VOID.contains(&edge.name);
                if is_left_open {
                    walk.open.push((edge.name, edge.range.start, holds));
                }
                walk.open.len() <= DEPTH || {
                    let why = format!("elements may be {DEPTH} deep");
                    walk.faults.push(Fault::at(edge.range.start, why));
                    false
                }
            }
        };
        // What comes after is no fault of its own.
        if !whole {
            return Err(walk.faults);
        }
    }
    walk.gap(text.len());
    if let Some((name, start, _)) = walk.open.pop() {
        walk.faults.push(Fault::at(start, format!("<{name}> is not closed")));
    } else if !has_body && walk.faults.is_empty() {
        walk.faults.push(Fault::at(0, "a mail in MJML is <mjml> with an <mj-body>"));
    }
    if walk.faults.is_empty() { Ok(walk.gaps) } else { Err(walk.faults) }
}

struct Walk<'a> {
    text: &'a str,
    faults: Vec<Fault>,
    /// With their places.
    open: Vec<(&'a str, usize, Holds)>,
    gaps: Vec<Range<usize>>,
    has_root: bool,
    /// The end of what was read last.
    at: usize,
}

impl Walk<'_> {
    /// What is between two elements.
    fn gap(&mut self, end: usize) {
        if matches!(self.open.last(), Some((_, _, Html))) {
            return;
        }
        let gap = self.at..end;
        let between = &self.text[gap.clone()];
        let said = between.find(|c: char| !c.is_whitespace());
        if let Some(offset) = said.filter(|_| !between.contains("<!--")) {
            let why = "text stands in <mj-text>, and pieces to include in <mj-text> or <mj-raw>";
            self.faults.push(Fault::at(gap.start + offset, why));
        }
        // Elsewhere the library takes no comments.
        if matches!(self.open.last(), Some((_, _, These(names))) if names.contains(&"mj-raw")) {
            self.gaps.push(gap);
        }
    }

    /// What an element holds that may stand here; if it may not, anything.
    fn holds(&mut self, name: &str, start: usize) -> Holds {
        let parent = self.open.last().map(|(name, _, holds)| (*name, *holds));
        let known = ELEMENTS.iter().find(|(known, _)| *known == name).map(|(_, holds)| *holds);
        let is_right = match parent {
            None => name == "mjml" && !self.has_root,
            Some((_, Html)) => !name.starts_with("mj-"),
            Some((_, Defaults)) => known.is_some(),
            Some((_, These(names))) => names.contains(&name),
            Some((_, Nothing)) => false,
        };
        self.has_root = true;
        if is_right {
            return known.unwrap_or(Html);
        }
        let mut fault = Fault::at(start, "");
        let is_ours = name.starts_with("mj");
        (fault.message, fault.hint) = match (known, parent) {
            _ if name == "mj-include" => {
                let hint = "write {% include \"partials/NAME.html\" %} in <mj-text> or <mj-raw>";
                ("<mj-include> would read files".to_owned(), Some(hint.to_owned()))
            }
            (None, _) if is_ours => {
                let names = ELEMENTS.iter().map(|(name, _)| *name);
                (format!("there is no element <{name}>"), meant(name, names))
            }
            (_, None) => {
                (format!("a mail in MJML is one <mjml>, and <{name}> is outside of it"), None)
            }
            (None, Some((parent, _))) => {
                let why = format!(
                    "<{name}> stands in <mj-text>, <mj-table> or <mj-raw>, not in <{parent}>"
                );
                (why, None)
            }
            (Some(_), Some((parent, _))) => {
                let takes = |(place, holds): &(&'static str, Holds)| {
                    matches!(holds, These(names) if names.contains(&name)).then_some(*place)
                };
                let places: Vec<_> = ELEMENTS.iter().filter_map(takes).collect();
                let hint = places.iter().map(|place| format!("<{place}>")).collect::<Vec<_>>();
                let hint =
                    (!hint.is_empty()).then(|| format!("it stands in {}", hint.join(" or ")));
                (format!("<{name}> cannot stand in <{parent}>"), hint)
            }
        };
        self.faults.push(fault);
        known.unwrap_or(Html)
    }

    /// Whether this is the end of what was opened last.
    fn ends(&mut self, name: &str, start: usize) -> bool {
        match self.open.pop() {
            Some((open, _, _)) if open == name => return true,
            Some((open, place, _)) if self.open.iter().any(|(outer, _, _)| *outer == name) => {
                self.faults.push(Fault::at(place, format!("<{open}> is not closed")));
            }
            _ => self.faults.push(Fault::at(start, format!("</{name}> closes nothing"))),
        }
        false
    }
}

/// # Errors
/// Where it cannot be read, and why.
fn html(text: &str) -> Result<String, (usize, String)> {
    let mut page = Mjml::parse(text).map_err(|error| complaint(&error, text))?.element;
    page.attributes.lang.get_or_insert_with(|| "{{ language }}".to_owned());
    // What the front matter says, where the page says nothing else.
    let head = page.children.head.get_or_insert_default();
    if head.title().is_none() {
        head.children.push(MjHeadChild::MjTitle(MjTitle::from("{{ subject }}")));
    }
    if head.preview().is_none() {
        head.children.push(MjHeadChild::MjPreview(MjPreview::from("{{ preheader }}")));
    }
    // Fonts from elsewhere would tell their host who reads; only <mj-font> asks for one.
    let options = RenderOptions { fonts: HashMap::new(), ..RenderOptions::default() };
    page.render(&options).map_err(|error| (0, error.to_string()))
}

fn complaint(error: &parser::Error, text: &str) -> (usize, String) {
    use parser::Error;
    match error {
        Error::UnexpectedElement { position, .. } | Error::UnexpectedToken { position, .. } => {
            (position.start, "this cannot stand here".to_owned())
        }
        Error::MissingAttribute { name, position, .. } => {
            (position.start, format!("it has no `{name}`"))
        }
        Error::InvalidAttribute { position, .. } | Error::InvalidFormat { position, .. } => {
            (position.start, "an attribute is written as name=\"value\"".to_owned())
        }
        Error::ParserError { source, .. } => {
            let place = source.pos();
            let row = usize::try_from(place.row).unwrap_or(1).saturating_sub(1);
            let column = usize::try_from(place.col).unwrap_or(1).saturating_sub(1);
            let start: usize = text.split_inclusive('\n').take(row).map(str::len).sum();
            let line = text[start..].lines().next().unwrap_or_default();
            let offset = line.char_indices().nth(column).map_or(line.len(), |(offset, _)| offset);
            (start + offset, "this is not written as XML is".to_owned())
        }
        other => (0, other.to_string()),
    }
}

#[cfg(test)]
mod tests;
