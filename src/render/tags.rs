//! Finds tera's tags in a text, and the words inside them, without evaluating anything.

use std::{collections::BTreeSet, ops::Range};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TagKind {
    /// `{{ … }}`
    Print,
    /// `{% … %}`
    Statement,
    /// `{# … #}`
    Comment,
    /// `{% raw %} … {% endraw %}`, with all that is between.
    Raw,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tag {
    pub kind: TagKind,
    /// Its bytes in the text, delimiters included.
    pub range: Range<usize>,
}

/// A word of a tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Word<'a> {
    Name(&'a str),
    /// Without its quotes.
    Text(&'a str),
    Sign(char),
}

/// The tags of a text in order.
///
/// # Errors
/// The offset of a tag that is not closed.
pub(super) fn tags(text: &str) -> Result<Vec<Tag>, usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|offset| at + offset) {
        let kind = match text.as_bytes().get(open + 1) {
            Some(b'{') => TagKind::Print,
            Some(b'%') => TagKind::Statement,
            Some(b'#') => TagKind::Comment,
            _ => {
                at = open + 1;
                continue;
            }
        };
        let mut end = close(text, open, kind).ok_or(open)?;
        let mut tag = Tag { kind, range: open..end };
        if statement(&text[tag.range.clone()]) == Some("raw") {
            end = end_of_raw(text, end).ok_or(open)?;
            tag = Tag { kind: TagKind::Raw, range: open..end };
        }
        found.push(tag);
        at = end;
    }
    Ok(found)
}

/// Where the tag that opens at `open` ends; quotes inside hide what looks like an end.
fn close(text: &str, open: usize, kind: TagKind) -> Option<usize> {
    let end = match kind {
        TagKind::Print => "}}",
        TagKind::Comment => return Some(open + text[open..].find("#}")? + 2),
        TagKind::Statement | TagKind::Raw => "%}",
    };
    let mut quote = None;
    for (offset, character) in text[open + 2..].char_indices() {
        let at = open + 2 + offset;
        match quote {
            Some(mark) if mark == character => quote = None,
            None if matches!(character, '"' | '\'' | '`') => quote = Some(character),
            None if text[at..].starts_with(end) => return Some(at + 2),
            _ => {}
        }
    }
    None
}

fn end_of_raw(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let open = at + text[at..].find("{%")?;
        let end = open + text[open..].find("%}")? + 2;
        if statement(&text[open..end]) == Some("endraw") {
            return Some(end);
        }
        at = open + 2;
    }
}

/// The first word of a `{% … %}` tag.
pub(super) fn statement(tag: &str) -> Option<&str> {
    if !tag.starts_with("{%") {
        return None;
    }
    match words(tag).next()? {
        (_, Word::Name(name)) => Some(name),
        _ => None,
    }
}

/// The words of a tag, with their offsets in it.
pub(super) fn words(tag: &str) -> impl Iterator<Item = (usize, Word<'_>)> {
    let inner = tag.get(2..tag.len().saturating_sub(2)).unwrap_or_default();
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &inner[at..];
        let start = at + rest.find(|c: char| !c.is_whitespace())?;
        let rest = &inner[start..];
        let first = rest.chars().next()?;
        let (word, length) = match first {
            '"' | '\'' | '`' => {
                let length = rest[1..].find(first).unwrap_or(rest.len() - 1);
                (Word::Text(&rest[1..=length]), (length + 2).min(rest.len()))
            }
            _ if is_word(first) => {
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                (Word::Name(&rest[..length]), length)
            }
            _ => (Word::Sign(first), first.len_utf8()),
        };
        at = start + length;
        Some((start + 2, word))
    })
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// A variable that a tag reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Variable<'a> {
    /// In the tag.
    pub offset: usize,
    pub name: &'a str,
    /// What is looked up in it: `form` of `entry.form`.
    pub path: Vec<&'a str>,
    /// Something is given in case that it is missing.
    pub guarded: bool,
}

/// The variables that a tag reads: names that are no key, no filter, no function, no word of the
/// language.
pub(super) fn variables(tag: &str) -> Vec<Variable<'_>> {
    const LANGUAGE: [&str; 18] = [
        "if",
        "elif",
        "else",
        "endif",
        "for",
        "endfor",
        "in",
        "set",
        "set_global",
        "include",
        "and",
        "or",
        "not",
        "is",
        "true",
        "false",
        "none",
        "None",
    ];
    let words: Vec<_> = words(tag).collect();
    let at = |index: usize| words.get(index).map(|(_, word)| *word);
    let mut variables = Vec::new();
    for (index, &(offset, word)) in words.iter().enumerate() {
        let Word::Name(name) = word else { continue };
        let before = index.checked_sub(1).and_then(at);
        let is_number = name.starts_with(|c: char| c.is_ascii_digit());
        let is_key =
            at(index + 1) == Some(Word::Sign('=')) && at(index + 2) != Some(Word::Sign('='));
        let is_called = at(index + 1) == Some(Word::Sign('('));
        let is_part = matches!(before, Some(Word::Sign('.' | '|')));
        let is_test = before == Some(Word::Name("is"))
            || (before == Some(Word::Name("not"))
                && index.checked_sub(2).and_then(at) == Some(Word::Name("is")));
        if is_number || is_key || is_called || is_part || is_test || LANGUAGE.contains(&name) {
            continue;
        }
        let mut path = Vec::new();
        let mut next = index + 1;
        while let (Some(Word::Sign('.')), Some(Word::Name(part))) = (at(next), at(next + 1)) {
            path.push(part);
            next += 2;
        }
        let guarded = matches!(
            (at(next), at(next + 1)),
            (Some(Word::Name("or" | "is")), _)
                | (Some(Word::Sign('|')), Some(Word::Name("default")))
        );
        variables.push(Variable { offset, name, path, guarded });
    }
    variables
}

/// The names that a text gives values itself: of its loops and its `set`.
pub(super) fn bound(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::from(["loop"]);
    for tag in tags(text).unwrap_or_default() {
        let tag = &text[tag.range];
        let mut words = words(tag).filter_map(|(_, word)| match word {
            Word::Name(name) => Some(name),
            _ => None,
        });
        match words.next() {
            Some("for") => names.extend(words.take_while(|name| *name != "in")),
            Some("set" | "set_global") => names.extend(words.next()),
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        tags(text).unwrap().into_iter().map(|tag| &text[tag.range]).collect()
    }

    #[test]
    fn tags_are_found_whatever_is_quoted_in_them() {
        assert_eq!(cut("a {{ b }} c {% if d %}{# e #}"), ["{{ b }}", "{% if d %}", "{# e #}"]);
        assert_eq!(cut(r#"{{ "}}" ~ '%}' }} x"#), [r#"{{ "}}" ~ '%}' }}"#]);
        assert_eq!(cut("{ a } {\u{e9}"), [""; 0]);
        assert_eq!(cut("{% raw %}{{ no }}{% endraw %}{{ b }}").len(), 2);
        for open in ["x {{ a", "x {% a }}", "x {# a", "x {% raw %} {{ }}"] {
            assert_eq!(tags(open), Err(2), "{open}");
        }
    }

    #[test]
    fn a_text_binds_names_itself() {
        let text = "{% for k, v in pairs %}{{ v }}{% endfor %}{% set total = k %}";
        assert_eq!(bound(text), ["k", "loop", "total", "v"].into());
    }

    #[test]
    fn variables_are_told_from_everything_else() {
        let names = |tag| variables(tag).into_iter().map(|v| v.name).collect::<Vec<_>>();
        assert_eq!(names("{{ first_name or \"there\" }}"), ["first_name"]);
        assert_eq!(names("{{ entry.form | upper }}"), ["entry"]);
        assert_eq!(names("{{ a | default(value=b) }}"), ["a", "b"]);
        assert_eq!(names("{% if a == 3 and b is defined %}"), ["a", "b"]);
        assert_eq!(names("{% if b is not defined %}"), ["b"]);
        assert_eq!(names("{% for x in range(end=n) %}"), ["x", "n"]);
        let read = variables("{{ é ~ entry.form.x | default(value=1) }}");
        assert_eq!((read[0].offset, read[0].name, read[0].guarded), (3, "é", false));
        assert_eq!((&*read[1].path, read[1].guarded), (&["form", "x"][..], true));
    }
}
