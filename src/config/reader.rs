//! Reads TOML tables key by key and gathers everything that is wrong, not only the first thing.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{named_file::NamedFile, problem::ConfigProblem};

/// What is wrong so far in one text.
pub(super) struct Problems<'a> {
    text: &'a str,
    found: Vec<(usize, ConfigProblem)>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub(super) fn add(&mut self, span: &Range<usize>, message: String, hint: Option<String>) {
        let (line, column) = self.place(span);
        self.found.push((span.start, ConfigProblem { line, column, message, hint }));
    }

    /// Line and column, from 1.
    fn place(&self, span: &Range<usize>) -> (usize, usize) {
        let start = span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// In the order of the text; empty if nothing is wrong.
    pub(super) fn into_sorted(mut self) -> Vec<ConfigProblem> {
        self.found.sort_by_key(|(start, _)| *start);
        self.found.into_iter().map(|(_, problem)| problem).collect()
    }
}

/// One table while it is read: what was asked for is known, the rest is not.
pub(super) struct Section<'t, 'i, 'p, 'a> {
    /// `[sender]`, for messages.
    title: &'static str,
    table: &'t DeTable<'i>,
    span: Range<usize>,
    known: Vec<&'static str>,
    problems: &'p mut Problems<'a>,
}

impl<'t, 'i, 'p, 'a> Section<'t, 'i, 'p, 'a> {
    pub(super) fn new(
        title: &'static str,
        table: &'t DeTable<'i>,
        span: Range<usize>,
        problems: &'p mut Problems<'a>,
    ) -> Self {
        Self { title, table, span, known: Vec::new(), problems }
    }

    pub(super) fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.table.get(key)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where the value of a key stands, or the section where there is none: line and column, from 1.
    pub(super) fn place(&self, key: &str) -> (usize, usize) {
        self.problems.place(&self.span_of(key))
    }

    fn span_of(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Says what is wrong with a key that is there.
    pub(super) fn wrong(&mut self, key: &str, message: impl Into<String>, hint: Option<String>) {
        let span = self.span_of(key);
        self.problems.add(&span, message.into(), hint);
    }

    /// Says that a key must be there.
    pub(super) fn missing(&mut self, key: &str, example: &str) {
        let title = self.title;
        self.problems.add(
            &self.span,
            format!("{title} has no `{key}`"),
            Some(format!("add {key} = {example}")),
        );
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<&'t str> {
        let value = self.value(key)?.get_ref();
        let text = value.as_str();
        if text.is_none() {
            self.mistyped(key, "a text in quotes", value);
        }
        text
    }

    pub(super) fn bool(&mut self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?.get_ref();
        let yes = value.as_bool();
        if yes.is_none() {
            self.mistyped(key, "true or false", value);
        }
        yes
    }

    /// A whole number within a range.
    pub(super) fn number(&mut self, key: &'static str, range: Range<i64>) -> Option<i64> {
        let value = self.value(key)?.get_ref();
        let Some(integer) = value.as_integer() else {
            self.mistyped(key, "a whole number", value);
            return None;
        };
        let digits = integer.as_str().replace('_', "");
        match i64::from_str_radix(&digits, integer.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let (low, high) = (range.start, range.end - 1);
                self.wrong(key, format!("`{key}` must be between {low} and {high}"), None);
                None
            }
        }
    }

    /// `30s`, `15m`, `2h`: more than nothing.
    pub(super) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let text = self.text(key)?;
        let parsed: Option<Duration> = text
            .parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|duration| duration.try_into().ok())
            .filter(|duration: &Duration| !duration.is_zero());
        if parsed.is_none() {
            self.wrong(
                key,
                format!("`{text}` is not a duration"),
                Some("write 30s, 15m or 2h".into()),
            );
        }
        parsed
    }

    /// Anything that parses from a text; `what` says what it should be.
    pub(super) fn parsed<T: std::str::FromStr>(
        &mut self,
        key: &'static str,
        what: &str,
    ) -> Option<T> {
        let text = self.text(key)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.wrong(key, format!("`{text}` is not {what}"), None);
        }
        parsed
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let hint = nearest(text, &words).map(|word| format!("did you mean `{word}`?"));
            let message = format!("`{text}` is not a value of `{key}`: {}", listed(&words));
            self.wrong(key, message, hint);
        }
        found
    }

    /// A path.
    pub(super) fn path(&mut self, key: &'static str, base: &Path) -> Option<PathBuf> {
        self.text(key).map(|text| base.join(text))
    }

    /// A file that is read: a path, or `credential:NAME`.
    pub(super) fn file(&mut self, key: &'static str, base: &Path) -> Option<NamedFile> {
        let text = self.text(key)?;
        let Some(name) = text.strip_prefix("credential:") else {
            return Some(NamedFile::Path(base.join(text)));
        };
        if name.is_empty() || name.contains('/') {
            let hint = Some("write \"credential:relay-password\"".into());
            self.wrong(key, format!("`{text}` is not the name of a credential"), hint);
        }
        Some(NamedFile::Credential(name.to_owned()))
    }

    /// A list of texts, each with its place.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<(&'t str, Range<usize>)>> {
        let value = self.value(key)?.get_ref();
        let items = value.as_array().map(|array| {
            array.iter().map(|item| Some((item.get_ref().as_str()?, item.span()))).collect()
        });
        if let Some(Some(items)) = items {
            return Some(items);
        }
        self.mistyped(key, "a list of texts, [\"…\", \"…\"]", value);
        None
    }

    pub(super) fn problems(&mut self) -> &mut Problems<'a> {
        self.problems
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self) {
        let Self { title, table, known, problems, .. } = self;
        for (key, _) in table {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let hint = nearest(name, &known).map(|word| format!("did you mean `{word}`?"));
                let message = format!("`{name}` is not a key of {title}: {}", listed(&known));
                problems.add(&key.span(), message, hint);
            }
        }
    }

    /// Like [`Section::finish`], for a table whose keys were read elsewhere.
    pub(super) fn finish_with(mut self, known: Vec<&'static str>) {
        self.known = known;
        self.finish();
    }

    fn mistyped(&mut self, key: &str, wanted: &str, value: &DeValue<'_>) {
        self.wrong(
            key,
            format!("`{key}` must be {wanted}, this is a TOML {}", value.type_str()),
            None,
        );
    }
}

/// The known word that was probably meant.
pub(super) fn nearest<'w>(text: &str, words: &[&'w str]) -> Option<&'w str> {
    words
        .iter()
        .map(|word| (strsim::jaro_winkler(text, word), *word))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, word)| word)
}

fn listed(words: &[&str]) -> String {
    format!("known are {}", words.join(", "))
}
