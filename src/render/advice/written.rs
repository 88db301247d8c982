//! Links and pictures, where they are written.

use html5ever::local_name;

use super::{
    super::{
        html::{Node, is_link},
        lint::{MASK, nodes, target},
        source::{Part, Source},
    },
    warning,
};
use crate::definitions::Problem;

/// Letters and digits beside pictures. With fewer a mail says nothing while pictures are not shown.
const LEAST_TEXT: usize = 100;

pub(super) fn advice(source: &Source) -> Vec<Problem> {
    let nodes = nodes(source).unwrap_or_default();
    let mut advice = Vec::new();
    let mut say = |rule, address: &str, message: String, hint: &str| {
        let offset = target(&source.text, address).unwrap_or(0);
        advice.push(warning(rule, source.problem(offset, message, Some(hint.to_owned()))));
    };
    let (mut first_picture, mut letters) = (None, 0);
    // The address of the link that is open, and its words.
    let mut link: Option<(&str, String)> = None;
    for node in &nodes {
        match node {
            Node::Start { name, attributes, .. } => {
                let value = |key: &str| {
                    let found = attributes.iter().find(|(name, _)| name == key);
                    found.map(|(_, value)| value.as_str())
                };
                let address = match *name {
                    local_name!("img") => value("src"),
                    _ if is_link(name) => value("href"),
                    _ => None,
                };
                let Some(address) = address else { continue };
                if address.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://")) {
                    let message =
                        format!("`{address}` is not https: who is on the way reads along");
                    say("mail-http", address, message, "write https://");
                }
                if *name == local_name!("img") {
                    if value("alt").is_none() {
                        let message =
                            "this picture has no `alt`, which is read while it is not shown";
                        let hint = "say in a few words what it shows, or alt=\"\" if it is dress";
                        say("mail-alt", address, message.to_owned(), hint);
                    }
                    first_picture = first_picture.or(Some(address));
                } else if *name == local_name!("a") {
                    link = Some((address, String::new()));
                }
            }
            Node::Text(text) => {
                letters += text.chars().filter(|c| c.is_alphanumeric()).count();
                if let Some((_, words)) = &mut link {
                    words.push_str(text);
                }
            }
            Node::End(name) if *name == local_name!("a") => {
                if let Some((address, words)) = link.take()
                    && let Some((said, meant)) = two_houses(words.trim(), address)
                {
                    let message = format!(
                        "this link reads `{said}` and leads to `{meant}`, as those of swindlers do"
                    );
                    say("mail-link-text", address, message, "say in words where it leads");
                }
            }
            Node::End(_) | Node::Comment(_) | Node::Doctype(_) => {}
        }
    }
    if let (Part::Body, Some(address)) = (source.part, first_picture)
        && letters < LEAST_TEXT
    {
        let message =
            "this mail is nearly all pictures, which many mail programs do not show at first";
        say("mail-images", address, message.to_owned(), "say in text what it is about");
    }
    advice
}

/// The domain that a link's words name, and the one that it leads to, where these are not of one owner.
fn two_houses(words: &str, address: &str) -> Option<(String, String)> {
    let is_address = !words.contains(char::is_whitespace) && words.contains('.');
    if !is_address || words.contains('@') || words.contains(MASK) || address.contains(MASK) {
        return None;
    }
    let full = if words.contains("://") { words.to_owned() } else { format!("https://{words}") };
    let host = |address: &str| {
        let url = url::Url::parse(address).ok()?;
        url.domain().map(str::to_ascii_lowercase)
    };
    let (said, meant) = (host(&full)?, host(address)?);
    // `e.g.` and `Node.js` are no domains.
    psl::suffix(said.as_bytes()).filter(psl::Suffix::is_known)?;
    let house = psl::domain_str(&said)?;
    (psl::domain_str(&meant) != Some(house)).then(|| (said.clone(), meant))
}
