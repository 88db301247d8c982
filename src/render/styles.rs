//! Writing the styles of a page into its elements, within bounds.

use std::io;

use css_inline::CSSInliner;
use html5ever::local_name;

use super::{html::Node, tree};

/// Bytes of a mail's HTML when styles are written into its elements.
const INLINED: usize = 1_000_000;
/// Elements times bytes of style: what matching them costs at most, in time and in memory.
const MATCHES: usize = 20_000_000;
/// What parts of a style can be nested by; its parser calls itself for each.
const NESTED: usize = 500;

/// Reads nothing from elsewhere, and leaves what is for some screens alone.
pub(super) fn inliner() -> CSSInliner<'static> {
    CSSInliner::options().load_remote_stylesheets(false).keep_at_rules(true).cache(None).build()
}

/// The page of these nodes, which does not name its charset.
///
/// # Errors
/// The end of a sentence that starts with "its HTML".
pub(super) fn inlined(
    inliner: &CSSInliner<'_>,
    nodes: &[Node],
    page: &str,
) -> Result<String, String> {
    let elements = tree::elements(page)?;
    let (mut bytes, mut nested) = (0, 0);
    for pair in nodes.windows(2) {
        if let [Node::Start { name, .. }, Node::Text(style)] = pair
            && *name == local_name!("style")
        {
            bytes += style.len();
            nested += style.bytes().filter(|byte| matches!(byte, b'(' | b'@')).count();
        }
    }
    if bytes.saturating_mul(elements) > MATCHES {
        return Err(format!("has {elements} elements, too many for styles of {bytes} bytes"));
    }
    if nested > NESTED {
        return Err(format!("has more than {NESTED} brackets and @-rules in its styles"));
    }
    let mut inlined = Inlined { bytes: Vec::new(), is_full: false };
    if let Err(error) = inliner.inline_to(page, &mut inlined) {
        within_bounds(if inlined.is_full { usize::MAX } else { 0 })?;
        return Err(format!("has styles that cannot be inlined: {error}"));
    }
    // The inliner writes whole characters only. What stays of the styles it puts first into the head.
    let page = String::from_utf8_lossy(&inlined.bytes);
    Ok(page.replacen("<head>", "<head><meta charset=\"utf-8\">", 1))
}

/// # Errors
/// For a page of more bytes than a mail may have by its styles.
pub(super) fn within_bounds(bytes: usize) -> Result<(), String> {
    if bytes > INLINED {
        return Err(format!("grew over {INLINED} bytes by its styles"));
    }
    Ok(())
}

/// Mail is sent in UTF-8, and a page says so in its first 1024 bytes (HTML Standard, 4.2.5.4): ahead of
/// its styles, whatever stands where in the author's head.
pub(super) fn names_charset(node: &Node) -> bool {
    matches!(node, Node::Start { name, attributes, .. } if *name == local_name!("meta")
        && attributes.iter().any(|(name, value)| name == "charset"
            || (name == "http-equiv" && value.eq_ignore_ascii_case("content-type"))))
}

struct Inlined {
    bytes: Vec<u8>,
    is_full: bool,
}

impl io::Write for Inlined {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_full |= self.bytes.len() + bytes.len() > INLINED;
        if self.is_full {
            return Err(io::Error::other("it is full"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
