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

/// The tags of a text that may have a mistake: those before one that is not closed.
pub(super) fn tags_read(text: &str) -> Vec<Tag> {
    tags(text).or_else(|open| tags(&text[..open])).unwrap_or_default()
}

/// Where the tag that opens at `open` ends; quotes inside hide what looks like an end.
fn close(text: &str, open: usize, kind: TagKind) -> Option<usize> {
    let end = match kind {
        TagKind::Print => "}}",
        TagKind::Comment => return Some(open + 2 + text[open + 2..].find("#}")? + 2),
        TagKind::Statement | TagKind::Raw => "%}",
    };
    let (mut quote, mut escaped) = (None, false);
    for (offset, character) in text[open + 2..].char_indices() {
        let at = open + 2 + offset;
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
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
    // `{%-` eats the blanks before it.
    match words(tag).find(|(_, word)| *word != Word::Sign('-'))? {
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
                let mut escaped = false;
                let closes = |c: char| {
                    let closes = c == first && !escaped;
                    escaped = c == '\\' && !escaped;
                    closes
                };
                let length = rest[1..].find(closes).unwrap_or(rest.len() - 1);
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
    /// What is looked up in it: `form` of `entry.form` and of `entry["form"]`.
    pub path: Vec<&'a str>,
    /// Something is given in case that it is missing.
    pub guarded: bool,
}

/// The variables that a tag reads: names that are no key, no filter, no function, no word of the
/// language.
pub(super) fn variables(tag: &str) -> Vec<Variable<'_>> {
    const LANGUAGE: [&str; 13] = [
        "if", "else", "in", "and", "or", "not", "is", "true", "false", "True", "False", "none",
        "None",
    ];
    let first = words(tag).position(|(_, word)| matches!(word, Word::Name(_)));
    let statement = first.filter(|_| tag.starts_with("{%"));
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
        if statement == Some(index)
            || is_number
            || is_key
            || is_called
            || is_part
            || is_test
            || LANGUAGE.contains(&name)
        {
            continue;
        }
        let mut path = Vec::new();
        let mut next = index + 1;
        loop {
            let (part, length) = match (at(next), at(next + 1), at(next + 2)) {
                (Some(Word::Sign('.')), Some(Word::Name(part)), _) => (part, 2),
                (Some(Word::Sign('[')), Some(Word::Text(part)), Some(Word::Sign(']'))) => (part, 3),
                _ => break,
            };
            path.push(part);
            next += length;
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

/// The words of a tag that are names, of variables or of the language.
pub(super) fn names(tag: &str) -> impl Iterator<Item = &str> {
    words(tag).filter_map(|(_, word)| match word {
        Word::Name(name) => Some(name),
        _ => None,
    })
}

/// The names that a text gives values itself: of its loops and its `set`.
pub(super) fn bound(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::from(["loop"]);
    for tag in tags_read(text) {
        let mut words = self::names(&text[tag.range]);
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
    use proptest::prelude::*;

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
    fn blanks_eaten_and_quotes_escaped_change_nothing() {
        assert_eq!(statement("{%- for x in y -%}"), Some("for"));
        assert_eq!(cut("{%- raw -%}{{ a }}{%- endraw %}").len(), 1);
        assert_eq!(cut(r#"{{ "a\\" }} {{ "\"}}" }}{{ "}}" }}"#).len(), 3);
        assert_eq!(cut(r#"{{ "\"}}" | safe }}"#), [r#"{{ "\"}}" | safe }}"#]);
        assert_eq!(tags("{#}"), Err(0));
        let words: Vec<_> = words(r#"{{ "\"" | safe }}"#).map(|(_, word)| word).collect();
        assert_eq!(words, [Word::Text("\\\""), Word::Sign('|'), Word::Name("safe")]);
    }

    proptest! {
        /// What tera reads, we read: nothing hides from the checks.
        #[test]
        fn tera_sees_no_more_than_we_do(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec![
                    "{{", "}}", "{%", "%}", "{#", "#}", "\"", "'", "`", "\\", "-", " ", " if a ", " endif ",
                    " raw ", " endraw ", "b", " | upper ", "{{ c }}", "{% if d %}", "{% endif %}", "\n",
                    "{% for e in f %}", "{% endfor %}", "{{ \"", "\" }}", "{", "}", "%", " set g = h ",
                ]),
                0..14,
            )
        ) {
            let source = pieces.concat();
            let mut tera = tera::Tera::new();
            if tera.add_raw_template("t", &source).is_ok() {
                let tags = tags(&source);
                prop_assert!(tags.is_ok(), "{}", source);
                let ours: BTreeSet<&str> = tags
                    .unwrap()
                    .into_iter()
                    .filter(|tag| !matches!(tag.kind, TagKind::Comment | TagKind::Raw))
                    .flat_map(|tag| variables(&source[tag.range]))
                    .map(|variable| variable.name)
                    .collect();
                for name in tera.get_template_variables("t").unwrap() {
                    prop_assert!(ours.contains(name), "`{}` in {}", name, source);
                }
            }
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
        let read = variables("{{ entry[\"form\"].x or 1 }}");
        assert_eq!((&*read[0].path, read[0].guarded), (&["form", "x"][..], true));
    }
}
