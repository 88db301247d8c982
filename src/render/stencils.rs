//! Stencils: what the tags of a mail decide, worked out once for all mails that have the same tags.
//!
//! Mails of one template differ in their words and addresses. Which styles an element gets, and how deep a page
//! is nested, depends on neither. So a page is written with a numbered mark for each of them, the styles
//! are written into that page, and the next mail with the same tags only has its words put in.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use css_inline::CSSInliner;
use html5ever::{LocalName, local_name};

use super::{
    html::{self, Node, Pen, escape_only},
    styles, text,
};

/// Around the number of what is left out. Characters for private use, of which no mail program knows a picture.
const MARK: (char, char) = ('\u{f0000}', '\u{f0001}');

/// Bytes of pages and stencils to be kept. A mail whose tags hold a lead's value has a stencil of its own.
const KEPT: usize = 8_000_000;

/// The stencils of a set of templates, as they come up.
pub(super) struct Stencils {
    inliner: CSSInliner<'static>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// By their page with marks.
    stencils: HashMap<String, Arc<Stencil>>,
    bytes: usize,
}

/// A page as it leaves, with holes in it.
struct Stencil(Vec<Piece>);

enum Piece {
    Fixed(String),
    /// The filling of this number.
    Hole(usize),
}

#[derive(Clone, Copy)]
enum Filling<'a> {
    Words(&'a str),
    Address(&'a str),
}

impl Stencils {
    pub fn new() -> Self {
        Self { inliner: styles::inliner(), known: Mutex::default() }
    }

    /// The page with the styles in its elements, which may be laid out as text, too.
    ///
    /// # Errors
    /// The end of a sentence that starts with "its HTML".
    pub fn page(&self, nodes: &[Node]) -> Result<String, String> {
        let (page, fillings) = cut(nodes);
        let known = self.known().stencils.get(&page).cloned();
        let stencil = match known {
            Some(stencil) => stencil,
            None => self.keep(page, |page| {
                text::may_be_laid_out(nodes)?;
                let inlined = styles::inlined(&self.inliner, nodes, page)?;
                Ok(Stencil::of(&inlined, fillings.len()))
            })?,
        };
        stencil.filled(&fillings)
    }

    fn keep(
        &self,
        page: String,
        make: impl FnOnce(&str) -> Result<Stencil, String>,
    ) -> Result<Arc<Stencil>, String> {
        let stencil = Arc::new(make(&page)?);
        let bytes = page.len() + stencil.bytes();
        let mut known = self.known();
        if known.bytes + bytes > KEPT {
            *known = Known::default();
        }
        known.bytes += bytes;
        known.stencils.insert(page, Arc::clone(&stencil));
        Ok(stencil)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stencil {
    fn of(page: &str, fillings: usize) -> Self {
        let (mut pieces, mut fixed) = (Vec::new(), String::new());
        let mut rest = page;
        while let Some((before, after)) = rest.split_once(MARK.0) {
            fixed.push_str(before);
            rest = after;
            let hole = after.split_once(MARK.1).and_then(|(number, after)| {
                let number = number.parse().ok().filter(|number| *number < fillings)?;
                Some((number, after))
            });
            if let Some((number, after)) = hole {
                pieces.extend([Piece::Fixed(std::mem::take(&mut fixed)), Piece::Hole(number)]);
                rest = after;
            } else {
                fixed.push(MARK.0);
            }
        }
        fixed.push_str(rest);
        pieces.push(Piece::Fixed(fixed));
        Self(pieces)
    }

    fn bytes(&self) -> usize {
        let bytes = |piece: &Piece| match piece {
            Piece::Fixed(text) => text.len(),
            Piece::Hole(_) => 0,
        };
        self.0.iter().map(|piece| bytes(piece) + size_of::<Piece>()).sum()
    }

    fn filled(&self, fillings: &[Filling<'_>]) -> Result<String, String> {
        let mut page = String::with_capacity(self.bytes() + 64 * fillings.len());
        for piece in &self.0 {
            match piece {
                Piece::Fixed(text) => page.push_str(text),
                Piece::Hole(number) => match fillings[*number] {
                    Filling::Words(words) => {
                        escape_only(words, b"&<>", &mut page);
                    }
                    Filling::Address(address) => {
                        escape_only(address, b"&\"", &mut page);
                    }
                },
            }
            styles::within_bounds(page.len())?;
        }
        Ok(page)
    }
}

/// The page with marks, and what they stand for.
fn cut(nodes: &[Node]) -> (String, Vec<Filling<'_>>) {
    let mut cut = Cut { fillings: Vec::new(), words: true, addresses: true };
    let mut css = false;
    for node in nodes {
        match node {
            Node::Start { name, .. } if holds_raw_text(name) => {
                (cut.words, cut.addresses) = (false, false);
            }
            Node::Text(style) if css => cut.addresses &= !asks_for_addresses(style),
            _ => {}
        }
        css = matches!(node, Node::Start { name, .. } if *name == local_name!("style"));
    }
    let page = html::write_by(&mut cut, nodes);
    if page.matches(MARK.0).count() == cut.fillings.len() {
        return (page, cut.fillings);
    }
    // Somebody else wrote what looks like a mark.
    let mut whole = Cut { fillings: Vec::new(), words: false, addresses: false };
    (html::write_by(&mut whole, nodes), whole.fillings)
}

/// To the parser that builds trees, though the one that reads pieces sees tags and entities in there.
fn holds_raw_text(name: &LocalName) -> bool {
    matches!(*name, local_name!("noscript") | local_name!("plaintext"))
}

/// Whether a style goes by what an address is: `a[href^="https:"]`.
fn asks_for_addresses(style: &str) -> bool {
    style.split('[').skip(1).any(|part| {
        let asked = part.split(']').next().unwrap_or_default().to_ascii_lowercase();
        asked.contains("href") || asked.contains("src") || asked.contains('\\')
    })
}

/// Leaves out the words and the addresses, and counts what it left out.
struct Cut<'a> {
    fillings: Vec<Filling<'a>>,
    words: bool,
    addresses: bool,
}

impl<'a> Cut<'a> {
    fn leave_out(&mut self, filling: Filling<'a>, page: &mut String) {
        page.push(MARK.0);
        page.push_str(&self.fillings.len().to_string());
        page.push(MARK.1);
        self.fillings.push(filling);
    }
}

impl<'a> Pen<'a> for Cut<'a> {
    fn text(&mut self, text: &'a str, page: &mut String) {
        // Blanks at the edges have a say in how a page is read.
        let words = text.trim_matches(|c: char| c.is_ascii_whitespace());
        if !self.words || words.is_empty() || words.contains(['\r', '\0']) {
            return html::escape(text, page);
        }
        let start = text.len() - text.trim_start_matches(|c: char| c.is_ascii_whitespace()).len();
        page.push_str(&text[..start]);
        self.leave_out(Filling::Words(words), page);
        page.push_str(&text[start + words.len()..]);
    }

    fn value(
        &mut self,
        element: &'a LocalName,
        attribute: &str,
        value: &'a str,
        page: &mut String,
    ) {
        let is_address = (html::is_link(element) && attribute == "href" && !value.starts_with('#'))
            || (*element == local_name!("img") && attribute == "src");
        if self.addresses && is_address && !value.contains(['\r', '\0']) {
            self.leave_out(Filling::Address(value), page);
        } else {
            html::escape(value, page);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STYLE: &str = "<style>p { margin: 0 } .a { color: red } td > b { color: blue } p:empty { width: 1px } \
                         a[href^=\"https:\"] { color: green } @media (max-width: 9px) { p { width: 2px } }</style>";

    /// Words and addresses of a page, in its order.
    fn pieces() -> impl Strategy<Value = Vec<(&'static str, bool)>> {
        let names = [
            "<p>",
            "</p>",
            "<p class=a>",
            "<b>",
            "</b>",
            "<table>",
            "<tr>",
            "<td>",
            "</table>",
            "<br>",
            "<ul><li>",
            "</ul>",
            "<pre>",
            "<svg><title>",
            "</title></svg>",
            "<select><option>",
            "</select>",
            "<!-- c -->",
            "<textarea>",
            "</textarea>",
            "<noscript>",
            "</noscript>",
            "<title>",
            "</title>",
        ];
        let piece = prop_oneof![
            6 => prop::sample::select(names.to_vec()).prop_map(|tag| (tag, false)),
            4 => Just(("", true)),
            2 => prop::sample::select(vec![" ", "\n"]).prop_map(|blank| (blank, false)),
        ];
        prop::collection::vec(piece, 0..20)
    }

    fn words() -> impl Strategy<Value = Vec<String>> {
        let word = prop_oneof![
            3 => "[a-z&<>\"' \u{a0}àß\\n]{1,12}",
            1 => Just("\u{f0000}0\u{f0001}".to_owned()),
            1 => Just("\u{f0000}".to_owned()),
            1 => Just("a\rb".to_owned()),
        ];
        prop::collection::vec(word, 20)
    }

    fn page(pieces: &[(&str, bool)], words: &[String], linked: bool, style: &str) -> Vec<Node> {
        let mut page = format!("<html><head>{style}</head><body>");
        let mut words = words.iter();
        for (tag, is_word) in pieces {
            page.push_str(tag);
            let Some(word) = words.next().filter(|_| *is_word) else { continue };
            let mut escaped = String::new();
            html::escape(word, &mut escaped);
            if linked {
                page.push_str("<a href=\"https://www.example.com/?");
                page.push_str(&escaped);
                page.push_str("\">");
            }
            page.push_str(&escaped);
            if linked {
                page.push_str("</a>");
            }
        }
        html::read(&(page + "<p>end</p></body></html>")).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Whatever the words, and whoever's page was the first with these tags.
        #[test]
        fn a_filled_stencil_is_the_page_with_styles(
            pieces in pieces(), first in words(), second in words(), linked: bool, styled in 0..3_usize,
        ) {
            let style = ["", STYLE, "<style>p { margin: 0 } [class=a] { color: red }</style>"][styled];
            let stencils = Stencils::new();
            for words in [first, second] {
                let nodes = page(&pieces, &words, linked, style);
                let whole = styles::inlined(&stencils.inliner, &nodes, &html::write(&nodes));
                prop_assert_eq!(stencils.page(&nodes), whole);
            }
        }
    }

    #[test]
    fn mails_with_the_same_tags_share_a_stencil_and_others_do_not() {
        let stencils = Stencils::new();
        let kept = || stencils.known().stencils.len();
        let mail = |body: &str| {
            let nodes = html::read(&format!("<style>p {{ margin: 0 }}</style>{body}")).unwrap();
            stencils.page(&nodes).unwrap()
        };
        let ada =
            mail("<p>Ada <a href=https://e.example/ada>go</a><img src=https://e.example/1.gif>");
        let bob = mail(
            "<p>Bob & Co <a href=https://e.example/bob>come</a><img src=https://e.example/2.gif>",
        );
        assert_eq!(kept(), 1);
        assert_eq!(
            bob,
            ada.replace("Ada", "Bob &amp; Co")
                .replace("ada", "bob")
                .replace("go<", "come<")
                .replace("1.gif", "2.gif")
        );
        mail(
            "<p>Ada <a href=https://e.example/ada>go</a><img alt=Ada src=https://e.example/1.gif>",
        );
        mail("<p>Ada <a href=https://e.example/ada>go</a> <img src=https://e.example/1.gif>");
        assert_eq!(kept(), 3);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let stencils = Stencils::new();
        let long = "x".repeat(300_000);
        for number in 0..40 {
            let nodes = html::read(&format!("<p title=\"{number}{long}\">x")).unwrap();
            stencils.page(&nodes).unwrap();
            assert!(stencils.known().bytes <= KEPT);
        }
    }
}
