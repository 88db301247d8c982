//! The plain-text part, made from the same pieces as the HTML.

use std::{collections::HashMap, fmt::Write as _};

use html5ever::{LocalName, local_name};

use super::{
    html::{Node, is_void, write},
    paragraphs::Paragraphs,
    tree,
};

/// Whether a page with these tags is small enough to be laid out as text.
///
/// # Errors
/// The end of a sentence that starts with "its HTML".
pub(super) fn may_be_laid_out(nodes: &[Node]) -> Result<(), String> {
    tree::elements(&write(&flat(nodes).0)).map(drop)
}

/// The mail as plain text, links as numbered notes at its end. Its tags [may be laid out](may_be_laid_out).
///
/// # Errors
/// The end of a sentence that starts with "its HTML".
pub(super) fn plain(nodes: &[Node], paragraphs: &Paragraphs) -> Result<String, String> {
    let (nodes, addresses) = flat(nodes);
    let mut text = paragraphs.laid_out(&nodes)?;
    for (index, address) in addresses.iter().enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        let _ = writeln!(text, "{gap}[{}] {address}", index + 1);
    }
    Ok(text)
}

/// Without what is not shown, and with a number for each address that a link leads to. Tables are
/// layout, so each cell is a block of its own.
fn flat(nodes: &[Node]) -> (Vec<Node>, Vec<String>) {
    let (mut kept, mut addresses) = (Vec::with_capacity(nodes.len()), Vec::<String>::new());
    let mut hidden: Option<(LocalName, usize)> = None;
    let (mut link, mut numbers) = (None, HashMap::<&String, usize>::new());
    for node in nodes {
        if let Some((name, depth)) = &mut hidden {
            match node {
                Node::Start { name: inner, closed: false, .. } if inner == name => *depth += 1,
                Node::End(inner) if inner == name => *depth -= 1,
                _ => {}
            }
            if *depth == 0 {
                hidden = None;
            }
            continue;
        }
        match node {
            Node::Start { name, attributes, closed } if is_hidden(name, attributes) => {
                if !closed && !is_void(name) {
                    hidden = Some((name.clone(), 1));
                }
            }
            Node::Start { name, attributes, .. } if *name == local_name!("a") => {
                let href = attributes.iter().find(|(key, _)| key == "href").map(|(_, href)| href);
                link = href.filter(|href| !href.starts_with('#'));
            }
            Node::End(name) if *name == local_name!("a") => {
                if let Some(href) = link.take() {
                    let next = addresses.len() + 1;
                    let number = *numbers.entry(href).or_insert(next);
                    if number == next {
                        addresses.push(href.clone());
                    }
                    kept.push(Node::Text(format!("\u{a0}[{number}]")));
                }
            }
            Node::Start { name, .. } if is_block(name) => {
                let name = local_name!("div");
                kept.push(Node::Start { name, attributes: Vec::new(), closed: false });
            }
            Node::Start { name, .. } if is_heading(name) => {
                kept.push(Node::Start {
                    name: local_name!("p"),
                    attributes: Vec::new(),
                    closed: false,
                });
            }
            Node::End(name) if is_block(name) => kept.push(Node::End(local_name!("div"))),
            Node::End(name) if is_heading(name) => kept.push(Node::End(local_name!("p"))),
            Node::Comment(_) | Node::Doctype(_) => {}
            Node::Start { name, .. } | Node::End(name) if is_dress(name) => {}
            Node::Start { name, attributes, closed } => {
                let said = attributes.iter().filter(|(key, _)| is_read(key)).cloned();
                let (name, closed) = (name.clone(), *closed);
                kept.push(Node::Start { name, attributes: said.collect(), closed });
            }
            other => kept.push(other.clone()),
        }
    }
    (kept, addresses)
}

fn is_block(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("table") | local_name!("td") | local_name!("th") | local_name!("center")
    )
}

/// What only changes the looks of words, or is about cells alone; what is left out here need not be read again.
fn is_dress(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("a")
            | local_name!("b")
            | local_name!("em")
            | local_name!("font")
            | local_name!("i")
            | local_name!("small")
            | local_name!("span")
            | local_name!("strong")
            | local_name!("u")
            | local_name!("meta")
            | local_name!("thead")
            | local_name!("tbody")
            | local_name!("tfoot")
            | local_name!("tr")
    )
}

/// Attributes that have a say in the text: those of pictures, and the first number of a list.
fn is_read(attribute: &str) -> bool {
    matches!(attribute, "alt" | "src" | "start")
}

/// Plain text has no sizes, and `#` is for programmers.
fn is_heading(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("h1")
            | local_name!("h2")
            | local_name!("h3")
            | local_name!("h4")
            | local_name!("h5")
            | local_name!("h6")
    )
}

fn is_hidden(name: &LocalName, attributes: &[(String, String)]) -> bool {
    let has =
        |wanted: &str| attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    let unseen = |style: &String| {
        let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
        style.to_ascii_lowercase().contains("display:none")
    };
    matches!(*name, local_name!("style") | local_name!("title"))
        || has("style").is_some_and(unseen)
        || has("hidden").is_some()
        || (*name == local_name!("img") && has("alt").is_none_or(|alt| alt.trim().is_empty()))
}
