//! Readers of single values: what they must be, and what to write if they are not.

use std::time::Duration;

use crate::definitions::{
    names::{is_slug, slug_hint},
    nearest::{did_you_mean, nearest},
    node::{Data, Key, Node, Style},
    problem::{File, quote},
    schema::Map,
    traps::{hashtag_cut, quoted_line, requoted_flow, write_it},
};

/// The keys of a map. Unknown ones are reported when it is opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    file: &'a File<'a>,
    node: &'a Node,
    what: &'a str,
    map: &'static Map,
    /// Keys beside those of the map, which the file itself gives names.
    also: &'a [&'a str],
}

impl<'a> Fields<'a> {
    pub fn open(
        file: &'a File<'a>,
        node: &'a Node,
        what: &'a str,
        known: &'static Map,
    ) -> Option<Self> {
        Self::open_also(file, node, what, known, &[])
    }

    /// A map that may have `also` these keys.
    pub fn open_also(
        file: &'a File<'a>,
        node: &'a Node,
        what: &'a str,
        known: &'static Map,
        also: &'a [&'a str],
    ) -> Option<Self> {
        let fields = Self { file, node, what, map: known, also };
        for (key, _) in map(file, node, what)? {
            if !fields.may_have(&key.text) {
                let own = known.names().map(|name| -> &'a str { name });
                let names = own.chain(also.iter().copied());
                unknown_key(file, key, what, names, known.later);
            }
        }
        Some(fields)
    }

    fn may_have(&self, key: &str) -> bool {
        self.map.key(key).is_some() || self.also.contains(&key)
    }

    /// A key's value. One without a value is reported, and is none.
    pub fn get(&self, key: &str) -> Option<&'a Node> {
        debug_assert!(self.may_have(key), "`{key}` is in no table of keys");
        let node = self.node.get(key)?;
        if node.data == Data::Null {
            let message = format!("`{key}` has no value");
            let hint = "write one, or delete the key".to_owned();
            self.file.error("missing-value", self.key_span(key), message, Some(hint));
            return None;
        }
        Some(node)
    }

    /// What a key that may be missing says: `Some(None)` where it is not there, `None` where its value is
    /// wrong, which `read` reports.
    #[allow(clippy::option_option)] // wrong, missing, right: `?` takes the first off
    pub fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'a Node) -> Option<T>,
    ) -> Option<Option<T>> {
        self.get(key).map_or(Some(None), |node| read(node).map(Some))
    }

    /// A value that must be there; `example` is shown if it is not.
    pub fn need(&self, key: &str, example: &str) -> Option<&'a Node> {
        if self.node.get(key).is_none() {
            if self.is_misspelt(key) {
                return None;
            }
            let message = format!("{} has no `{key}`", self.what);
            self.file.error("missing-key", self.at(), message, Some(format!("add: {example}")));
            return None;
        }
        self.get(key)
    }

    /// An unknown key that is nearly this one is reported already.
    fn is_misspelt(&self, key: &str) -> bool {
        if self.file.is_full() {
            return true;
        }
        let Data::Map(entries) = &self.node.data else { return false };
        entries
            .iter()
            .map(|(found, _)| found.text.as_str())
            .any(|found| !self.may_have(found) && nearest(found, [key]).is_some())
    }

    /// Where the map begins: its first key.
    pub fn at(&self) -> crate::definitions::problem::Span {
        match &self.node.data {
            Data::Map(entries) => entries.first().map_or(self.node.span, |(key, _)| key.span),
            _ => self.node.span,
        }
    }

    pub fn has(&self, key: &str) -> bool {
        self.node.get(key).is_some()
    }

    pub fn key_span(&self, key: &str) -> crate::definitions::problem::Span {
        match &self.node.data {
            Data::Map(entries) => entries
                .iter()
                .find(|(found, _)| found.text == key)
                .map_or(self.node.span, |(found, _)| found.span),
            _ => self.node.span,
        }
    }
}

/// The entries of a map.
pub(super) fn map<'a>(file: &File<'_>, node: &'a Node, what: &str) -> Option<&'a [(Key, Node)]> {
    match &node.data {
        Data::Map(entries) => Some(entries),
        Data::Broken => None,
        _ => {
            wrong_type(file, node, &format!("{what} is a map of keys"));
            None
        }
    }
}

/// The items of a list; a single value stands for a list of one.
pub(super) fn list<'a>(file: &File<'_>, node: &'a Node, what: &str) -> Option<&'a [Node]> {
    match &node.data {
        Data::List(items) => Some(items),
        Data::Scalar(_) => Some(std::slice::from_ref(node)),
        Data::Broken => None,
        Data::Null | Data::Map(_) => {
            wrong_type(file, node, &format!("`{what}` is a list"));
            None
        }
    }
}

/// A text on one line; only `about` may have more.
pub(super) fn text<'a>(file: &File<'_>, node: &'a Node, what: &str) -> Option<&'a str> {
    match &node.data {
        Data::Scalar(scalar) => {
            if scalar.style == Style::Plain
                && let Some(trap) = hashtag_cut(file, node.span)
            {
                file.warning(trap.rule, trap.at, trap.message, trap.hint);
            }
            let text = scalar.text.trim();
            if let Some(control) =
                text.chars().find(|&c| c.is_control() && !(c == '\n' && what == "about"))
            {
                let message = match control {
                    '\n' => format!("`{what}` is one line"),
                    _ => format!("a control character (U+{:04X}) in `{what}`", u32::from(control)),
                };
                file.error("bad-value", node.span, message, None);
                return None;
            }
            Some(text)
        }
        Data::Broken => None,
        _ => {
            wrong_type(file, node, &format!("`{what}` is a text"));
            None
        }
    }
}

fn wrong_type(file: &File<'_>, node: &Node, expected: &str) {
    let line = file.line(file.line_of(node.span.start));
    let hint = match &node.data {
        Data::Map(_) | Data::List(_) if !line.trim_start().starts_with('-') => {
            quoted_line(line).map(write_it)
        }
        // `email:cold/hello`
        Data::Scalar(scalar) => scalar.text.split_once(':').and_then(|(key, value)| {
            let key_like = is_slug(key) && !value.is_empty() && !value.starts_with(' ');
            key_like.then(|| format!("a space is missing after the colon: {key}: {value}"))
        }),
        _ => None,
    };
    file.error("wrong-type", node.span, format!("{expected}; this is {}", node.what()), hint);
}

pub(super) fn unknown_key<'a>(
    file: &File<'_>,
    key: &Key,
    what: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
    later: &[&str],
) {
    let written = quote(&key.text);
    if later.contains(&&*key.text) {
        file.error("not-built", key.span, format!("`{written}` is not built yet"), None);
        return;
    }
    let line = file.line(file.line_of(key.span.start));
    if key.text.contains([')', ']', '"']) {
        let message = "inside `{ }` a comma ends the value before it: quote what holds one";
        file.error("yaml-flow", key.span, message, requoted_flow(line).map(write_it));
        return;
    }
    if let Some((word, value)) = key.text.split_once(':') {
        let message = format!("`{written}` is read as one key");
        let hint = format!("a space is missing after the colon: {word}: {value}");
        file.error("yaml-colon", key.span, message, Some(hint));
        return;
    }
    let hint = if file.is_full() { None } else { did_you_mean(&key.text, known) };
    file.error("unknown-key", key.span, format!("{what} has no key `{written}`"), hint);
}

/// A slug.
pub(super) fn slug<'a>(file: &File<'_>, node: &'a Node, what: &str) -> Option<&'a str> {
    let written = text(file, node, what)?;
    if is_slug(written) {
        return Some(written);
    }
    let message = format!("`{}` cannot be a name", quote(written));
    file.error("bad-name", node.span, message, Some(slug_hint(written)));
    None
}

/// `yes` or `no`.
pub(super) fn yes_no(file: &File<'_>, node: &Node, what: &str) -> Option<bool> {
    let written = text(file, node, what)?;
    match written {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => {
            let hint = match written.to_ascii_lowercase().as_str() {
                "off" | "n" | "never" | "0" | "no" | "false" => "write: no",
                "on" | "y" | "always" | "1" | "yes" | "true" => "write: yes",
                _ => "write `yes` or `no`",
            };
            let message = format!("`{what}` is yes or no; this is `{}`", quote(written));
            file.error("bad-value", node.span, message, Some(hint.to_owned()));
            None
        }
    }
}

/// A plain decimal number: no `1_000`, no octal, no exponent.
pub(super) fn number(file: &File<'_>, node: &Node, what: &str) -> Option<f64> {
    let written = text(file, node, what)?;
    let digits = written.strip_prefix(['-', '+']).unwrap_or(written);
    let plain = digits.len() <= 15
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    if let (true, Ok(number)) = (plain, written.parse::<f64>()) {
        return Some(number);
    }
    let cleaned = written.replace(['_', ',', ' ', '\''], "");
    let hint = if cleaned.parse::<u32>().is_ok() {
        format!("write: {cleaned}")
    } else {
        "write digits: 40, -5, 2.5".to_owned()
    };
    let message = format!("`{what}` is a number; this is `{}`", quote(written));
    file.error("bad-value", node.span, message, Some(hint));
    None
}

/// A whole number within bounds.
pub(super) fn whole(file: &File<'_>, node: &Node, what: &str, within: (i32, i32)) -> Option<i32> {
    let found = number(file, node, what)?;
    if found.fract() == 0.0 && found >= f64::from(within.0) && found <= f64::from(within.1) {
        #[allow(clippy::cast_possible_truncation)] // within i32 by the line above
        let found = found as i32;
        return Some(found);
    }
    let message = format!("`{what}` is a whole number from {} to {}", within.0, within.1);
    file.error("bad-value", node.span, message, None);
    None
}

/// A length of time with a fixed length: `180d`, `2 weeks`, `36h`.
pub(super) fn duration(file: &File<'_>, node: &Node, what: &str) -> Option<Duration> {
    let written = text(file, node, what)?;
    if let Some(duration) = parse_duration(written) {
        return Some(duration);
    }
    let message = format!("`{what}` is a length of time; this is `{}`", quote(written));
    let hint =
        "write weeks, days, hours or minutes, at most 5 years: 2w, 180d, 36h, 90m".to_owned();
    file.error("bad-value", node.span, message, Some(hint));
    None
}

pub(super) fn parse_duration(written: &str) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_hours(43920);
    if written.len() > 60 {
        return None;
    }
    let span: jiff::Span = written.parse().ok()?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
    let length = Duration::try_from(length).ok()?;
    (!length.is_zero() && length <= LONGEST && length.subsec_nanos() == 0).then_some(length)
}

/// One of a few words.
pub(super) fn word<T: Copy>(
    file: &File<'_>,
    node: &Node,
    what: &str,
    words: &[(&'static str, T)],
) -> Option<T> {
    let written = text(file, node, what)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == written) {
        return Some(*value);
    }
    let message = format!("`{what}` cannot be `{}`", quote(written));
    let hint = did_you_mean(written, words.iter().map(|(word, _)| *word));
    file.error("bad-value", node.span, message, hint);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        assert_eq!(parse_duration("180d"), days(180));
        assert_eq!(parse_duration("2 weeks"), days(14));
        assert_eq!(parse_duration("36h"), Some(Duration::from_hours(36)));
        for bad in ["", "0d", "-3d", "3d ago", "1mo", "1y", "3", "soon", "99999d", "1ms"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }
}
