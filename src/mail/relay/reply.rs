//! A relay's reply: code, enhanced code, text.

use std::fmt;

use lettre::transport::smtp::response::Response;

/// How much of a reply's text is kept.
const LONGEST_TEXT: usize = 500;

/// An enhanced status code (RFC 3463): `5.1.1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Enhanced {
    /// 2, 4 or 5.
    pub class: u8,
    pub subject: u16,
    pub detail: u16,
}

impl Enhanced {
    /// The code that a reply's text starts with, if it agrees with the reply's own (RFC 2034 §4).
    #[must_use]
    pub fn at_start_of(text: &str, code: u16) -> Option<Self> {
        let word = text.split_ascii_whitespace().next()?;
        let mut parts = word.split('.');
        let mut part = || {
            parts
                .next()
                .filter(|part| (1..=3).contains(&part.len()))
                .filter(|part| part.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|part| part.parse::<u16>().ok())
        };
        let (class, subject, detail) = (part()?, part()?, part()?);
        let agrees = class == code / 100 && matches!(class, 2 | 4 | 5);
        (parts.next().is_none() && agrees).then_some(Self {
            class: u8::try_from(class).ok()?,
            subject,
            detail,
        })
    }
}

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl fmt::Debug for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What a relay answered.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200–599.
    pub code: u16,
    pub enhanced: Option<Enhanced>,
    /// All lines joined by spaces, without the enhanced code, cut at a length. It may quote
    /// addresses: for the store, not for logs.
    pub text: String,
}

impl Reply {
    #[must_use]
    pub fn new(code: u16, text: &str) -> Self {
        let enhanced = Enhanced::at_start_of(text, code);
        let text = match enhanced {
            Some(_) => text.trim_start().split_once(' ').map_or("", |(_, rest)| rest),
            None => text,
        };
        Self { code, enhanced, text: text.trim().chars().take(LONGEST_TEXT).collect() }
    }

    #[must_use]
    pub const fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    #[must_use]
    pub const fn is_transient(&self) -> bool {
        self.code / 100 == 4
    }

    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// "Closing the channel": may come at any time (RFC 5321 §3.8).
    #[must_use]
    pub const fn closes(&self) -> bool {
        self.code == 421
    }
}

impl From<&Response> for Reply {
    fn from(response: &Response) -> Self {
        let text = response.message().collect::<Vec<_>>().join(" ");
        Self::new(u16::from(response.code()), &text)
    }
}

/// As the relay said it.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        if !self.text.is_empty() {
            write!(f, " {}", self.text)?;
        }
        Ok(())
    }
}

/// Without the text, which may quote addresses.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.enhanced {
            Some(enhanced) => write!(f, "{} {enhanced}", self.code),
            None => write!(f, "{}", self.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str, code: u16) -> Option<String> {
        Enhanced::at_start_of(text, code).map(|code| code.to_string())
    }

    #[test]
    fn an_enhanced_code_is_read_where_it_agrees_with_the_reply() {
        assert_eq!(code("5.1.1 no such user", 550).as_deref(), Some("5.1.1"));
        assert_eq!(code("4.7.32 later", 421).as_deref(), Some("4.7.32"));
        assert_eq!(code("2.0.0", 250).as_deref(), Some("2.0.0"));
        for (text, reply) in [
            ("5.1.1 x", 450),
            ("5.1 x", 550),
            ("5.1.1.1 x", 550),
            ("5.1.1234 x", 550),
            ("5.a.1 x", 550),
            ("5.-1.1", 550),
            ("3.1.1", 354),
            ("", 550),
            ("10.0.0.1 is blocked", 550),
        ] {
            assert_eq!(code(text, reply), None, "{text}");
        }
    }

    #[test]
    fn a_reply_prints_as_it_came_and_keeps_its_text_out_of_debug() {
        let reply = Reply::new(550, "5.1.1 <ann@example.com> unknown");
        assert_eq!(reply.text, "<ann@example.com> unknown");
        assert_eq!(reply.to_string(), "550 5.1.1 <ann@example.com> unknown");
        assert_eq!(format!("{reply:?}"), "550 5.1.1");
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(Reply::new(250, &"é".repeat(9000)).text.chars().count(), LONGEST_TEXT);
    }
}
