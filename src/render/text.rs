//! The plain-text part, made from the same pieces as the HTML.

use html5ever::{LocalName, local_name};

use super::html::{Node, is_void, write};

/// Columns; what mail programs that show plain text expect (RFC 3676 §4.2).
const WIDTH: usize = 76;

/// The mail as plain text, links as numbered notes at its end.
///
/// # Errors
/// When the HTML cannot be laid out as text.
pub(super) fn plain(nodes: &[Node]) -> Result<String, String> {
    let page = write(&flat(nodes));
    let text = html2text::config::plain()
        .link_footnotes(true)
        .no_link_wrapping()
        .allow_width_overflow()
        .string_from_read(page.as_bytes(), WIDTH)
        .map_err(|error| format!("cannot be made plain text: {error}"))?;
    Ok(tidy(&text))
}

/// Without what is not shown; tables are layout, so each cell is a block of its own.
fn flat(nodes: &[Node]) -> Vec<Node> {
    let mut kept = Vec::with_capacity(nodes.len());
    let mut hidden: Option<(LocalName, usize)> = None;
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
            Node::Start { name, .. } if is_table(name) => {
                let name = local_name!("div");
                kept.push(Node::Start { name, attributes: Vec::new(), closed: false });
            }
            Node::End(name) if is_table(name) => kept.push(Node::End(local_name!("div"))),
            Node::Comment(_) | Node::Doctype(_) => {}
            other => kept.push(other.clone()),
        }
    }
    kept
}

fn is_table(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("table")
            | local_name!("thead")
            | local_name!("tbody")
            | local_name!("tfoot")
            | local_name!("tr")
            | local_name!("td")
            | local_name!("th")
            | local_name!("center")
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

/// No blanks at the ends of lines, no two empty lines in a row, one line break at the end.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut empty = 1;
    for line in text.lines() {
        let line = line.trim_end_matches([' ', '\t', '\u{a0}']);
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            tidy.push_str(&line.replace('\u{a0}', " "));
            tidy.push('\n');
        }
    }
    let length = tidy.trim_end().len();
    tidy.truncate(length);
    tidy.push('\n');
    tidy
}
