//! The traps of YAML: recognised, named, and shown with the corrected line.

use serde_saphyr::granit_parser::{ErrorKind, ScanError};

use super::{
    open_quote::last_quote,
    problem::{File, Span, quote},
};

/// What a syntax error is, in words for whoever wrote the file.
pub(super) struct Trap {
    pub rule: &'static str,
    pub at: Span,
    pub message: String,
    pub hint: Option<String>,
}

/// Explains an error of the YAML parser, found at the end of `read`; up to its beginning all was well.
pub(super) fn explain(file: &File<'_>, error: &ScanError, read: Span) -> Trap {
    use ErrorKind as E;
    let at = read.end;
    let number = file.line_of(at);
    let line = file.line(number);
    let start = file.line_start(number);
    let value = value_start(line);
    let open = last_quote(file.text, read);
    let quoted = || quoted_line(line).map(write_it);
    let here = Span::new(at, at + 1);
    let whole_value = value.map_or(here, |from| Span::new(start + from, start + line.len()));
    let trap = |rule, at, message: &str, hint| Trap { rule, at, message: message.to_owned(), hint };

    match error.kind() {
        E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabInPlainScalar
        | E::TabNotAllowed
        | E::TabAtBlockScalarStart => {
            // The parser may stop before it: a plain value goes on over the line break.
            let tab = file.text[start..].find('\t').map_or(at, |tab| start + tab);
            let hint = "put two spaces instead, here and wherever there is a tab".to_owned();
            let tab = Span::new(tab, tab + 1);
            trap("yaml-tab", tab, "a tab: YAML is indented by spaces only", Some(hint))
        }
        E::InvalidTagTerminator | E::UndeclaredTagHandle | E::InvalidGlobalTagCharacter
            if value.is_some_and(|from| line[from..].starts_with('!')) =>
        {
            negation(file, whole_value, line)
        }
        E::MappingValueNotAllowed if value.is_some_and(|from| start + from <= at) => trap(
            "yaml-colon",
            here,
            "a colon and a space inside a value: YAML reads a second key there",
            quoted(),
        ),
        E::MappingValueNotAllowed | E::ExpectedBlockMappingKey | E::InvalidIndentation => {
            let first = line.len() - line.trim_start().len();
            trap(
                "yaml-indentation",
                Span::new(start + first, start + line.len()),
                "this line is not lined up with the keys that it belongs to",
                Some("keys of the same map begin in the same column".to_owned()),
            )
        }
        E::ExpectedBlockSequenceEntry => trap(
            "yaml-indentation",
            here,
            "a list and a key stand side by side here",
            Some("each item of a list begins with `- `; a key ends the list's indentation".into()),
        ),
        E::BlockSequenceEntryNotAllowed => trap(
            "yaml-list",
            here,
            "a list cannot begin on the line of its key",
            Some("put each `- item` on a line of its own, below the key".to_owned()),
        ),
        E::ExpectedFlowMappingSeparator
        | E::ExpectedFlowSequenceSeparator
        | E::InvalidTrailingDoubleQuotedScalar
        | E::InvalidTrailingSingleQuotedScalar
            if requoted_flow(line).is_some() =>
        {
            trap(
                "yaml-flow",
                here,
                "inside `{ }` a comma, a bracket or a colon splits: the value must be quoted",
                requoted_flow(line).map(write_it),
            )
        }
        // A value that goes on over lines was to end on its own: what closed it was to open another.
        E::InvalidTrailingDoubleQuotedScalar | E::InvalidTrailingSingleQuotedScalar
            if open.is_some_and(|open| open < start) =>
        {
            unclosed(file, open.unwrap_or(at))
        }
        E::InvalidTrailingDoubleQuotedScalar | E::InvalidTrailingSingleQuotedScalar => trap(
            "yaml-quote",
            here,
            "the value ends at its closing quote, and something follows",
            quoted(),
        ),
        // The file is over; the parser names the quote itself.
        E::UnclosedQuotedScalar => unclosed(file, at),
        E::InvalidQuotedScalarIndent => unclosed(file, open.unwrap_or(at)),
        E::UnclosedFlowCollection { .. }
        | E::InvalidColonPlacement
        | E::UnexpectedEofFlowMapping
        | E::UnexpectedEofFlowSequence
        | E::ExpectedFlowMappingSeparator
        | E::ExpectedFlowSequenceSeparator => {
            trap("yaml-flow", here, "a `{` or `[` is not closed, or a comma is missing", None)
        }
        E::UnknownAnchor => trap(
            "yaml-alias",
            whole_value,
            "a value that begins with `*` is an alias, and there is no such anchor",
            quoted(),
        ),
        E::InvalidBlockScalarHeader => trap(
            "yaml-block",
            whole_value,
            "a value that begins with `>` or `|` is a block of text",
            quoted(),
        ),
        E::UnexpectedCharacter { character } if character.is_control() => trap(
            "yaml-character",
            here,
            &format!("a control character (U+{:04X})", u32::from(*character)),
            Some("delete it".to_owned()),
        ),
        E::UnexpectedCharacter { character } => trap(
            "yaml-character",
            here,
            &format!("a value cannot begin with `{character}`"),
            quoted(),
        ),
        E::RecursionLimitExceeded => {
            trap("too-large", here, "nested deeper than 64 lists and maps", None)
        }
        E::DirectiveDisallowed => trap(
            "yaml-directive",
            here,
            "`%` directives are no part of this language",
            Some("delete the line".to_owned()),
        ),
        _ => trap("yaml-syntax", here, &format!("this is no YAML: {}", error.info()), None),
    }
}

/// A value whose quote at `open` is not closed.
fn unclosed(file: &File<'_>, open: usize) -> Trap {
    let number = file.line_of(open);
    let (line, start) = (file.line(number), file.line_start(number));
    let alone = value_start(line).is_some_and(|from| start + from == open);
    Trap {
        rule: "yaml-quote",
        at: Span::new(open, open + 1),
        message: "this quote is not closed".to_owned(),
        hint: alone.then(|| {
            write_it(format!(
                "{}{}",
                line.trim_end(),
                file.text.get(open..=open).unwrap_or_default()
            ))
        }),
    }
}

/// A tag (`!x`) where this language has none: mostly a negation that was not quoted.
pub(super) fn tag(file: &File<'_>, tag: Span) {
    let number = file.line_of(tag.start);
    let line = file.line(number);
    let start = file.line_start(number);
    let written = file.text.get(tag.start..tag.end).unwrap_or("");
    let trap = match value_start(line) {
        Some(from) if start + from == tag.start && !written.starts_with("!!") => {
            negation(file, Span::new(tag.start, start + line.len()), line)
        }
        _ => Trap {
            rule: "yaml-tag",
            at: tag,
            message: format!(
                "`{}` is a YAML tag: they are no part of this language",
                quote(written)
            ),
            hint: Some("delete it, or quote the value".to_owned()),
        },
    };
    file.error(trap.rule, trap.at, trap.message, trap.hint);
}

fn negation(file: &File<'_>, at: Span, line: &str) -> Trap {
    let written = file.text.get(at.start..at.end).unwrap_or("");
    let word = written.split_whitespace().next().unwrap_or("!");
    let fixed = value_start(line).map(|from| {
        format!("{}not {}", &line[..from], line[from..].trim_start_matches('!').trim_start())
    });
    Trap {
        rule: "yaml-tag",
        at,
        message: format!(
            "`{}` at the beginning of a value is a YAML tag, not a “not”",
            quote(word)
        ),
        hint: fixed.map(write_it),
    }
}

/// A plain value that ` #` cut off in the middle of a quote or of a parenthesis.
pub(super) fn comment_cut(file: &File<'_>, value: Span) -> Option<Trap> {
    let rest = rest_of_line(file, value)?;
    if is_whole(file.text.get(value.start..value.end)?) {
        return None;
    }
    let line = file.line(file.line_of(value.start));
    Some(Trap {
        rule: "yaml-comment",
        at: Span::new(value.end, value.end + rest.len()),
        message: "a space and `#` begin a comment: YAML cuts the value off here".to_owned(),
        hint: quoted_line(line).map(write_it),
    })
}

/// Where the key begins that a comma inside of `{ }` made out of a plain value, cut off in the middle
/// of a quote or a parenthesis.
pub(super) fn split_off(file: &File<'_>, value: Span) -> Option<usize> {
    let (written, rest) = (file.text.get(value.start..value.end)?, file.text.get(value.end..)?);
    let after = rest.trim_start().strip_prefix(',')?.trim_start();
    (!is_whole(written)).then(|| file.text.len() - after.len())
}

fn is_whole(written: &str) -> bool {
    let balanced =
        |open: char, close: char| written.matches(open).count() == written.matches(close).count();
    written.matches('"').count().is_multiple_of(2) && balanced('(', ')') && balanced('[', ']')
}

/// A plain text that ` #word` cut off: comments mostly have a space after `#`.
pub(super) fn hashtag_cut(file: &File<'_>, value: Span) -> Option<Trap> {
    let rest = rest_of_line(file, value)?;
    if !rest.trim_start().chars().nth(1).is_some_and(char::is_alphanumeric) {
        return None;
    }
    let line = file.line(file.line_of(value.start));
    Some(Trap {
        rule: "yaml-comment",
        at: Span::new(value.end, value.end + rest.len()),
        message: "a space and `#` begin a comment: this is no part of the text".to_owned(),
        hint: quoted_line(line).map(write_it),
    })
}

/// What follows a value on its line, if that is a comment.
fn rest_of_line<'a>(file: &File<'a>, value: Span) -> Option<&'a str> {
    let rest = file.text.get(value.end..)?.lines().next()?;
    rest.trim_start().starts_with('#').then_some(rest)
}

/// Where the value of a line `  - key: value` begins.
fn value_start(line: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        from += line[from..].len() - line[from..].trim_start().len();
        match line[from..].strip_prefix("- ") {
            Some(_) => from += 2,
            None => break,
        }
    }
    let colon = line[from..].find(": ")? + from + 1;
    let value = colon + line[colon..].len() - line[colon..].trim_start().len();
    (value < line.len()).then_some(value)
}

/// The line with its value in quotes.
pub(super) fn quoted_line(line: &str) -> Option<String> {
    let from = value_start(line)?;
    Some(format!("{}{}", &line[..from], quoted(line[from..].trim_end())))
}

/// A text as a quoted YAML scalar.
fn quoted(text: &str) -> String {
    if !text.contains(['"', '\\']) {
        format!("\"{text}\"")
    } else if text.contains('\'') {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        format!("'{text}'")
    }
}

/// The line with those values of its `{ }` quoted that need it; `None` if that changes nothing.
pub(super) fn requoted_flow(line: &str) -> Option<String> {
    let open = line.find('{')?;
    let close = line.rfind('}').filter(|&close| close > open)?;
    let mut parts = Vec::new();
    for part in split_outside(&line[open + 1..close]) {
        let (key, value) = part.split_once(": ")?;
        let value = value.trim();
        let bare = !value.starts_with(['"', '\'', '[', '{']);
        let value = if bare && value.contains(['[', ']', '{', '}', ',', '#', ':', '"']) {
            quoted(value)
        } else {
            value.to_owned()
        };
        parts.push(format!("{}: {value}", key.trim()));
    }
    let fixed = format!("{} {} {}", &line[..=open], parts.join(", "), &line[close..]);
    (fixed != line).then_some(fixed)
}

/// Splits at commas that stand outside of quotes, parentheses and brackets.
fn split_outside(text: &str) -> Vec<&str> {
    let (mut parts, mut from, mut depth, mut open) = (Vec::new(), 0, 0i32, None);
    for (at, c) in text.char_indices() {
        if let Some(quote) = open {
            open = (c != quote).then_some(quote);
            continue;
        }
        match c {
            '"' | '\'' => open = Some(c),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth <= 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// The hint that shows a corrected line.
pub(super) fn write_it(line: impl AsRef<str>) -> String {
    const LONGEST: usize = 200;
    let line = line.as_ref().trim();
    let cut: String = line.chars().take(LONGEST).filter(|c| !c.is_control()).collect();
    let more = if line.chars().nth(LONGEST).is_some() { "…" } else { "" };
    format!("write: {cut}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_quoted_as_little_as_possible() {
        assert_eq!(quoted_line("  about: a: b").as_deref(), Some("  about: \"a: b\""));
        assert_eq!(quoted_line("- if: tag(\"x #1\")").as_deref(), Some("- if: 'tag(\"x #1\")'"));
        assert_eq!(quoted_line("a: \"it's\" x").as_deref(), Some("a: '\"it''s\" x'"));
        assert_eq!(quoted_line("steps:"), None);
    }

    #[test]
    fn only_what_splits_inside_braces_is_quoted() {
        assert_eq!(
            requoted_flow("  - { when: country in [\"IT\", \"FR\"], points: 5 }").as_deref(),
            Some("  - { when: 'country in [\"IT\", \"FR\"]', points: 5 }")
        );
        assert_eq!(requoted_flow("a: { b: c, d: e }"), None);
        assert_eq!(requoted_flow("a: }{"), None);
    }
}
