//! Warnings of conditions that ask nothing: of what is never true, or always.

use std::ops::Range;

use crate::{
    definitions::problem::{File, Span, quote},
    domain::condition::{Asks, Condition, Nonsense},
};

/// Warns of each part, where it is written.
pub(super) fn warn(file: &File<'_>, condition: &Condition, place: impl Fn(&Range<usize>) -> Span) {
    for Nonsense { is, at, pair } in condition.nonsense() {
        let written = |part: &Range<usize>| {
            let text = condition.source().get(part.clone()).unwrap_or_default();
            quote(&text.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let both = pair.as_ref().map(|pair| pair.each_ref().map(written));
        let (rule, message, hint) = match (is, both) {
            (Asks::Never, Some([one, two])) => (
                "contradiction",
                format!("`{one}` and `{two}` are never true together"),
                "leave one of them out, or join them by `or`",
            ),
            (Asks::Never, None) => (
                "contradiction",
                "this is never true, whoever the lead is".to_owned(),
                "mend it, or leave it out",
            ),
            (Asks::Always, Some([one, two])) => (
                "always-true",
                format!("one of `{one}` and `{two}` is always true, so this asks nothing"),
                "join them by `and`, or leave both out",
            ),
            (Asks::Always, None) => (
                "always-true",
                "this is always true, whoever the lead is, so it asks nothing".to_owned(),
                "mend it, or leave it out",
            ),
        };
        file.warning(rule, place(&at), message, Some(hint.to_owned()));
    }
}
