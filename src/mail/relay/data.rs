//! The mail as it travels after DATA.

/// Every line end as CRLF, dots at the start of a line doubled, the final dot at the end
/// (RFC 5321 §4.5.2).
///
/// Bare CR and LF become line ends first: a server that takes a bare LF for one would else see a dot
/// on its own line, and commands after it, inside the mail.
#[must_use]
pub(super) fn stuffed(message: &str) -> String {
    let mut out = String::with_capacity(message.len() + message.len() / 64 + 8);
    let mut rest = message;
    while !rest.is_empty() {
        let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
        let (line, tail) = rest.split_at(end);
        if line.starts_with('.') {
            out.push('.');
        }
        out.push_str(line);
        out.push_str("\r\n");
        rest = tail
            .strip_prefix("\r\n")
            .or_else(|| tail.strip_prefix('\n'))
            .or_else(|| tail.strip_prefix('\r'))
            .unwrap_or(tail);
    }
    out.push_str(".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a server makes of it: the lines up to the lone dot, the doubled dots single again.
    fn received(data: &str) -> Vec<String> {
        let mut lines: Vec<&str> = data.split("\r\n").collect();
        assert_eq!(lines.pop(), Some(""), "it ends with a line end");
        assert_eq!(lines.pop(), Some("."), "and before it the dot");
        lines.iter().map(|line| line.strip_prefix('.').unwrap_or(line).to_owned()).collect()
    }

    #[test]
    fn the_mail_ends_once_and_nothing_is_added() {
        assert_eq!(stuffed("a\r\nb\r\n"), "a\r\nb\r\n.\r\n");
        assert_eq!(stuffed("a\r\nb"), "a\r\nb\r\n.\r\n");
        assert_eq!(stuffed(""), ".\r\n");
        assert_eq!(stuffed(".\r\n..\r\n"), "..\r\n...\r\n.\r\n");
    }

    #[test]
    fn bare_line_ends_hide_no_dot() {
        assert_eq!(stuffed("a\n.\nMAIL FROM:<x>"), "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n");
        assert_eq!(stuffed("a\r.\rb"), "a\r\n..\r\nb\r\n.\r\n");
        assert_eq!(stuffed("a\n\r.\r\n"), "a\r\n\r\n..\r\n.\r\n");
    }

    proptest! {
        #[test]
        fn no_content_ends_the_mail_early(text in "[a.\r\n]{0,40}") {
            let data = stuffed(&text);
            let body = data.strip_suffix(".\r\n").unwrap_or_default();
            for dot in ["\n.\n", "\n.\r", "\r.\r", "\r.\n"] {
                prop_assert!(!format!("\n{body}").contains(dot), "{data:?}");
            }
            let bare = data.replace("\r\n", "");
            prop_assert!(!bare.contains(['\r', '\n']));
            let normal = text.replace("\r\n", "\n").replace('\r', "\n");
            let expected: Vec<&str> = if normal.is_empty() {
                Vec::new()
            } else {
                normal.strip_suffix('\n').unwrap_or(&normal).split('\n').collect()
            };
            prop_assert_eq!(received(&data), expected);
        }
    }
}
