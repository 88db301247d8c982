//! What may stand in a header.
//!
//! Everything that a lead, an import or a template can bring into a header passes here before it
//! reaches the library that writes the mail, which panics on line breaks in a name.

use super::compose::BadLetter;

/// Free text of a header on one line: controls and the line and paragraph separators of Unicode
/// become one space, runs of spaces collapse, at most `most` characters stay.
///
/// `=?` is parted, or a reader's mail program would decode plain text as an encoded word (RFC 2047).
#[must_use]
pub fn one_line(text: &str, most: usize) -> String {
    let mut line = String::with_capacity(text.len().min(most * 4));
    let mut length = 0;
    for c in text.chars() {
        let c = if breaks_a_line(c) { ' ' } else { c };
        if c == ' ' && (line.is_empty() || line.ends_with(' ')) {
            continue;
        }
        if length == most {
            break;
        }
        if c == '?' && line.ends_with('=') {
            line.push(' ');
        }
        line.push(c);
        length += 1;
    }
    line.truncate(line.trim_end_matches(' ').len());
    line
}

fn breaks_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// The words before a `List-Id` (RFC 2919): a phrase without quotes, so what would need them goes.
#[must_use]
pub(super) fn phrase(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_&'!+/".contains(c) { c } else { ' ' };
    one_line(&text.chars().map(plain).collect::<String>(), 100)
}

/// An opaque word that we made ourselves: refused, not repaired, when it is something else.
pub(super) fn token(
    field: &'static str,
    text: &str,
    most: usize,
    others: &str,
) -> Result<(), BadLetter> {
    let fits = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    if text.is_empty() {
        return Err(BadLetter::Field { field, why: "it is empty" });
    }
    if text.len() > most {
        return Err(BadLetter::Field { field, why: "it is too long" });
    }
    if text.chars().all(fits) {
        Ok(())
    } else {
        Err(BadLetter::Field { field, why: "it holds a character that may not stand there" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_break_a_line_becomes_a_space() {
        for evil in ["\r", "\n", "\r\n", "\0", "\u{2028}", "\u{2029}", "\u{85}", "\u{b}", "\x7f"] {
            assert_eq!(one_line(&format!("a{evil}Bcc: b"), 99), "a Bcc: b", "{evil:?}");
        }
    }

    #[test]
    fn a_text_is_trimmed_and_cut_at_a_character() {
        assert_eq!(one_line("  è   é ", 99), "è é");
        assert_eq!(one_line("èéèé", 2), "èé");
        assert_eq!(one_line("ab cd", 3), "ab");
    }

    #[test]
    fn plain_text_is_not_taken_for_an_encoded_word() {
        assert!(!one_line("=?utf-8?q?evil?=", 99).contains("=?"));
        assert!(!one_line("=\r?", 99).contains("=?"));
        assert!(!one_line("==??", 99).contains("=?"));
    }
}
