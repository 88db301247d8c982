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
    // Of another thing it is another event: a fair is visited as pages are.
    let noun = |kind: &str| kind.split('.').next().unwrap_or_default().to_owned();
    let of_the_same = |kind: &&str| nearest(&noun(written), [noun(kind).as_str()]).is_some();
    let ours = EventKind::OWN.iter().map(EventKind::as_str).filter(of_the_same);
    if let Some(word) = nearest(written, ours) {
        let message = format!("`{}` is none of nurtured's own events", quote(written));
        let hint = format!("did you mean `{word}`?");
        file.warning("unknown-event", at, message, Some(hint));
    }
}
