//! Paragraphs: of a mail's plain text, only what was not seen before is laid out.
//!
//! Mails of one template differ in a greeting and a sentence or two. How the lines of a paragraph break depends
//! on nothing outside of it, as long as nothing around it is indented. So a page is laid out with a mark for each
//! of its paragraphs, each paragraph by itself, and both are kept for the mails that come after.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use html5ever::{LocalName, local_name};

use super::html::{Node, is_void, write};

/// Columns; what mail programs that show plain text expect (RFC 3676 §4.2).
const WIDTH: usize = 76;

/// In the place of a paragraph. A character for private use, of which no mail program knows a picture.
const MARK: char = '\u{f0002}';

/// Bytes of pages, paragraphs and their lines to be kept.
const KEPT: usize = 4_000_000;
/// About what it takes to keep a short one, beside its text.
const EACH: usize = 100;

/// What was laid out for a set of templates.
#[derive(Default)]
pub(super) struct Paragraphs(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// The lines of pages with marks, or of paragraphs, by their HTML.
    lines: HashMap<String, Arc<str>>,
    bytes: usize,
}

impl Paragraphs {
    /// The page as lines of text.
    ///
    /// # Errors
    /// The end of a sentence that starts with "its HTML".
    pub fn laid_out(&self, nodes: &[Node]) -> Result<String, String> {
        let (frame, paragraphs) = taken_apart(nodes);
        self.put_together(frame, paragraphs)?.map_or_else(|| lines(&write(nodes)), Ok)
    }

    /// `None` if somebody else wrote what looks like a mark, or a paragraph is not lines of its own.
    fn put_together(
        &self,
        frame: String,
        paragraphs: Vec<String>,
    ) -> Result<Option<String>, String> {
        let frame = self.lines(frame)?;
        let mut text = String::with_capacity(2 * frame.len());
        let mut paragraphs = paragraphs.into_iter();
        for line in frame.split_inclusive('\n') {
            if !line.contains(MARK) {
                text.push_str(line);
                continue;
            }
            let Some(paragraph) = paragraphs.next() else { return Ok(None) };
            let paragraph = self.lines(paragraph)?;
            if line.strip_prefix(MARK) != Some("\n")
                || paragraph.trim().is_empty()
                || paragraph.contains(MARK)
            {
                return Ok(None);
            }
            text.push_str(&paragraph);
        }
        Ok(paragraphs.next().is_none().then_some(text))
    }

    fn lines(&self, mut page: String) -> Result<Arc<str>, String> {
        if let Some(lines) = self.known().lines.get(&page) {
            return Ok(Arc::clone(lines));
        }
        let lines: Arc<str> = lines(&page)?.into();
        page.shrink_to_fit();
        let bytes = page.len() + lines.len() + EACH;
        let mut known = self.known();
        if known.bytes + bytes > KEPT {
            *known = Known::default();
        }
        if bytes <= KEPT && known.lines.insert(page, Arc::clone(&lines)).is_none() {
            known.bytes += bytes;
        }
        Ok(lines)
    }

    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.known().lines.len()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The page with marks for its paragraphs, and these.
fn taken_apart(nodes: &[Node]) -> (String, Vec<String>) {
    let (mut frame, mut paragraphs) = (String::new(), Vec::new());
    // The elements that are open, as long as they are closed in their order.
    let mut open = Some(Vec::<&LocalName>::new());
    let (mut written, mut at) = (0, 0);
    while at < nodes.len() {
        let is_plain = |open: &Vec<&LocalName>| open.iter().all(|name| changes_nothing(name));
        if open.as_ref().is_some_and(is_plain)
            && let Some(length) = length_of_paragraph(&nodes[at..])
        {
            let end = at + length - 1;
            frame.push_str(&write(&nodes[written..=at]));
            frame.push(MARK);
            paragraphs.push(write(&nodes[at..=end]));
            (written, at) = (end, end + 1);
            continue;
        }
        match &nodes[at] {
            Node::Start { name, .. } if !is_void(name) => {
                if let Some(open) = &mut open {
                    open.push(name);
                }
            }
            Node::End(name) => {
                open = open.filter(|open| open.last() == Some(&name));
                if let Some(open) = &mut open {
                    open.pop();
                }
            }
            _ => {}
        }
        at += 1;
    }
    frame.push_str(&write(&nodes[written..]));
    (frame, paragraphs)
}

/// A page, or a part of one, as lines of text.
///
/// # Errors
/// The end of a sentence that starts with "its HTML".
fn lines(page: &str) -> Result<String, String> {
    let text = html2text::config::plain_no_decorate()
        .allow_width_overflow()
        .string_from_read(page.as_bytes(), WIDTH)
        .map_err(|error| format!("cannot be made plain text: {error}"))?;
    Ok(tidy(&text))
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

/// Elements around a paragraph that leave it all of a line.
fn changes_nothing(name: &LocalName) -> bool {
    matches!(*name, local_name!("html") | local_name!("body") | local_name!("div"))
}

/// How many pieces the paragraph takes that begins here, if one does: words from the first to the last.
fn length_of_paragraph(nodes: &[Node]) -> Option<usize> {
    let (Node::Start { name, .. }, rest) = nodes.split_first()? else { return None };
    if !matches!(*name, local_name!("p") | local_name!("div")) {
        return None;
    }
    let is_inside = |node: &&Node| match node {
        Node::Text(_) => true,
        Node::Start { name, .. } => matches!(*name, local_name!("br") | local_name!("img")),
        _ => false,
    };
    let inside = &rest[..rest.iter().take_while(is_inside).count()];
    let ends = matches!(rest.get(inside.len()), Some(Node::End(end)) if end == name);
    let begins_with_words = |node: Option<&Node>| matches!(node, Some(Node::Text(text)) if text.trim_ascii_start().starts_with(|c| !is_blank(c)));
    let ends_with_words = |node: Option<&Node>| matches!(node, Some(Node::Text(text)) if text.trim_ascii_end().ends_with(|c| !is_blank(c)));
    let is_something =
        |node: &&Node| !matches!(node, Node::Text(text) if text.trim_ascii().is_empty());
    let (first, last) = (inside.iter().find(is_something), inside.iter().rfind(is_something));
    (ends && begins_with_words(first) && ends_with_words(last)).then_some(inside.len() + 2)
}

/// Also what has no width, as some characters have.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::render::html;

    fn pages() -> impl Strategy<Value = Vec<&'static str>> {
        let pieces = [
            "<p>",
            "</p>",
            "<p>",
            "</p>",
            "<div>",
            "</div>",
            "<div>",
            "</div>",
            "<br>",
            "<hr>",
            "<ul><li>",
            "</li></ul>",
            "<ol><li>",
            "</ol>",
            "<pre>",
            "</pre>",
            "<blockquote>",
            "</blockquote>",
            "<code>",
            "</code>",
            "<h1>",
            "</h1>",
            "<section>",
            "</section>",
            "<img alt=\"a picture\" src=\"x\">",
            "<img alt=\" \" src=\"x\">",
            "<select><option>",
            "</select>",
            "<textarea>",
            "</textarea>",
            "<body>",
            "</body>",
            "<head>",
            "</head>",
            "<del>",
            "</del>",
            "<center>",
        ];
        let words = [
            " ",
            "\n",
            "a",
            "Words, and more of them.",
            " more",
            "&nbsp;",
            "&nbsp;b",
            "\u{200b}",
            "\u{ad}",
            "\u{301}",
            "A sentence that is quite a lot longer than what one line of seventy-six columns of a mail has room for.",
            "b\tc\u{2028}d",
            "\u{f0002}",
            "世界世界世界世界世界世界世界世界世界世界世界世界世界世界世界世界世界世界世界世界世界",
            "\u{1}",
            "averyveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryverylongwordthatfitsnowhere",
        ];
        let wellformed = [
            "<p>One.</p>",
            "<div>Two.</div>",
            "<div><p>Three.</p></div>",
            "<p> Four<br> five </p>",
            "<p>Six<br></p>",
            "<p></p>",
        ];
        let piece = prop_oneof![
            4 => prop::sample::select(pieces.to_vec()),
            4 => prop::sample::select(words.to_vec()),
            2 => prop::sample::select(wellformed.to_vec()),
        ];
        prop::collection::vec(piece, 0..24)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        /// Also where another page was there before it, with the same paragraphs or the same marks.
        #[test]
        fn a_page_that_is_put_together_is_the_page_laid_out(first in pages(), second in pages()) {
            let paragraphs = Paragraphs::default();
            for page in [&first, &second, &first] {
                let nodes = html::read(&page.concat()).unwrap();
                let whole = lines(&write(&nodes));
                prop_assert_eq!(paragraphs.laid_out(&nodes), whole);
            }
        }
    }

    #[test]
    fn a_mail_like_one_before_is_laid_out_where_it_differs() {
        let paragraphs = Paragraphs::default();
        let mail = |name: &str| {
            let page = format!(
                "<html><body><div><p>Hi {name},</p>\n<p>what we<br>promised.</p><hr><div>Bye</div></div></body></html>"
            );
            paragraphs.laid_out(&html::read(&page).unwrap()).unwrap()
        };
        let ada = mail("Ada");
        assert_eq!(paragraphs.count(), 4, "the page, the greeting, what follows and the end");
        assert_eq!(mail("Bob"), ada.replace("Ada", "Bob"));
        assert_eq!(paragraphs.count(), 5);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let paragraphs = Paragraphs::default();
        for number in 0..30 {
            let page = format!("<p>{number} {}</p>", "word ".repeat(40_000));
            paragraphs.laid_out(&html::read(&page).unwrap()).unwrap();
            assert!(paragraphs.known().bytes <= KEPT);
        }
        assert!(paragraphs.count() < 30);
    }
}
