//! Kinds of events as files name them. An import may bring any, so a near miss is only warned of.

use crate::{
    definitions::{
        nearest::nearest,
        problem::{File, Span, quote},
    },
    domain::event::EventKind,
};

/// Warns of a kind that is nearly one of our own.
pub(super) fn warn_of_near_miss(file: &File<'_>, at: Span, written: &str) {
    if EventKind::OWN.iter().any(|kind| kind.as_str() == written) {
        return;
    }
    if let Some(word) = nearest(written, EventKind::OWN.iter().map(EventKind::as_str)) {
        let message = format!("`{}` is none of nurtured's own events", quote(written));
        let hint = format!("did you mean `{word}`?");
        file.warning("unknown-event", at, message, Some(hint));
    }
}
