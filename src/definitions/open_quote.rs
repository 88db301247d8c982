//! Where a quote was opened that is not closed: the YAML parser says where it noticed, lines below.

use super::problem::Span;

/// Where the last quoted value in `text[within]` opens, closed or not. At the beginning of `within` no quote is open.
pub(super) fn last_quote(text: &str, within: Span) -> Option<usize> {
    let mut chars = text.get(within.start..within.end)?.char_indices().peekable();
    // A quote opens a value; within a word it is a letter like any other.
    let (mut last, mut may_open) = (None, true);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' | '\'' if may_open => {
                last = Some(within.start + at);
                while let Some((_, inner)) = chars.next() {
                    if inner == '\\' && c == '"' {
                        chars.next();
                    } else if inner == c {
                        // Two single quotes are one, and the value goes on.
                        if c == '"' || chars.next_if(|(_, next)| *next == c).is_none() {
                            break;
                        }
                    }
                }
                may_open = false;
            }
            '#' if may_open => while chars.next_if(|(_, next)| *next != '\n').is_some() {},
            '\n' | ':' | ',' | '[' | '{' => may_open = true,
            '-' | '?' if chars.peek().is_some_and(|(_, next)| next.is_whitespace()) => {
                may_open = true;
            }
            c if c.is_whitespace() => {}
            _ => may_open = false,
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(text: &str) -> Option<&str> {
        last_quote(text, Span::new(0, text.len())).map(|at| &text[at..])
    }

    #[test]
    fn it_is_where_a_value_begins() {
        assert_eq!(last("about: \"cold\nenter:"), Some("\"cold\nenter:"));
        assert_eq!(last("- 'it''s\n- b"), Some("'it''s\n- b"));
        assert_eq!(last("a: \"b\"\nc: { d: \"e \\\" f }"), Some("\"e \\\" f }"));
        assert_eq!(last("a: \"b\" # and \"c\nd: e"), Some("\"b\" # and \"c\nd: e"));
        assert_eq!(last("about: well-\"known\nenter:"), None);
        assert_eq!(last("- \"cold\n- enter:"), Some("\"cold\n- enter:"));
        assert_eq!(last("a: it's\nb: he said \"hi\n# don't\nc:"), None);
    }
}
