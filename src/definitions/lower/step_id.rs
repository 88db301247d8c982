//! Ids of steps: what leads wait under, stable while other steps come and go.

use std::collections::BTreeSet;

use super::{read, step::Draft};
use crate::{
    definitions::{
        names::{is_slug, slugged},
        problem::File,
    },
    domain::name::Name,
};

/// A condition in words that may stand in an id: `engagement >= 40` → `engagement-ge-40`.
pub(super) fn of_condition(source: &str) -> String {
    let mut words = source.to_owned();
    for (sign, word) in [
        ("&&", " and "),
        ("||", " or "),
        ("!=", " ne "),
        ("==", " is "),
        (">=", " ge "),
        ("<=", " le "),
        (">", " gt "),
        ("<", " lt "),
        ("!", " not "),
    ] {
        words = words.replace(sign, word);
    }
    slugged(&words)
}

/// Gives each derived id its number where it repeats, in document order. Explicit ids go first.
/// `false` if two explicit ones are the same.
pub(super) fn name_all(file: &File<'_>, drafts: &mut [Draft]) -> bool {
    let mut taken = BTreeSet::new();
    let distinct = keep_explicit(file, drafts, &mut taken);
    number_derived(drafts, &mut taken);
    distinct
}

fn keep_explicit(file: &File<'_>, drafts: &[Draft], taken: &mut BTreeSet<Name>) -> bool {
    let mut distinct = true;
    for draft in drafts {
        if draft.explicit && !taken.insert(draft.id.clone()) {
            let message = format!("two steps have the id `{}`", draft.id);
            file.error("duplicate-id", draft.at, message, Some("give it another id".to_owned()));
            distinct = false;
        }
        for branch in &draft.branches {
            distinct &= keep_explicit(file, branch, taken);
        }
    }
    distinct
}

fn number_derived(drafts: &mut [Draft], taken: &mut BTreeSet<Name>) {
    for draft in drafts {
        if !draft.explicit {
            let base = draft.id.clone();
            let mut number = 1;
            while !taken.insert(draft.id.clone()) {
                number += 1;
                draft.id = format!("{base}#{number}").into();
            }
        }
        for branch in &mut draft.branches {
            number_derived(branch, taken);
        }
    }
}

/// An explicit id.
pub(super) fn explicit<'a>(file: &File<'_>, fields: &read::Fields<'a>) -> Option<&'a str> {
    let node = fields.get("id")?;
    let id = read::text(file, node, "id")?;
    // Dots as well: an id that was derived may be kept by writing it down.
    if id.split(['.', '/']).all(is_slug) && id.len() <= 120 {
        return Some(id);
    }
    let hint = "lower-case letters, digits, `-`, `_`, `.` and `/`, as in `first-mail`".to_owned();
    file.error("bad-name", node.span, "this cannot be the id of a step", Some(hint));
    None
}
