//! Tags kept from a reader of markup that knows nothing of them: each is a word of letters until it has read.

use std::fmt::Write as _;

use super::{
    prepare::{Prepared, push_tag},
    tags::Tag,
};

/// A source with a word in place of each tag.
#[derive(Debug)]
pub(super) struct Marked<'a> {
    pub text: Prepared,
    source: &'a str,
    tags: &'a [Tag],
    mark: String,
    /// Which of the tags are comments of the markup.
    comments: Vec<bool>,
}

impl<'a> Marked<'a> {
    /// The tags of which `is_comment` holds are comments of the markup while it is read: they stand where
    /// no word may.
    pub fn new(source: &'a str, tags: &'a [Tag], is_comment: impl Fn(usize) -> bool) -> Self {
        let mut marks = (0..1_000_000_u32).map(|n| format!("zq{n}tag"));
        let mark = marks.find(|mark| !source.contains(mark.as_str())).unwrap_or_default();
        let comments: Vec<bool> = (0..tags.len()).map(is_comment).collect();
        let mut text = Prepared::default();
        let mut at = 0;
        for (index, tag) in tags.iter().enumerate() {
            text.push(&source[at..tag.range.start], at);
            let _ = if comments[index] {
                write!(text.text, "<!--{mark}{index}z-->")
            } else {
                write!(text.text, "{mark}{index}z")
            };
            at = tag.range.end;
        }
        text.push(&source[at..], at);
        Self { text, source, tags, mark, comments }
    }

    /// Puts the tags back into what was made of the text.
    ///
    /// # Errors
    /// Where the first tag starts that is not in it.
    pub fn restore(&self, page: &str, prepared: &mut Prepared) -> Result<(), usize> {
        let mut seen = vec![false; self.tags.len()];
        let mut source_at = 0;
        let mut rest = page;
        while let Some((before, after)) = rest.split_once(self.mark.as_str()) {
            let Some((index, after)) = after.split_once('z').and_then(|(number, after)| {
                Some((
                    number.parse::<usize>().ok().filter(|index| *index < self.tags.len())?,
                    after,
                ))
            }) else {
                break;
            };
            let bare = if self.comments[index] { before.strip_suffix("<!--") } else { None };
            prepared.push(bare.unwrap_or(before), source_at);
            push_tag(self.source, &self.tags[index], prepared);
            seen[index] = true;
            source_at = self.tags[index].range.end;
            rest = if bare.is_some() { after.strip_prefix("-->").unwrap_or(after) } else { after };
        }
        prepared.push(rest, source_at);
        seen.iter().position(|seen| !seen).map_or(Ok(()), |lost| Err(self.tags[lost].range.start))
    }
}
