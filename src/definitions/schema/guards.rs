//! The keys of `guards`.

use super::{Form, Map, may};

pub(in crate::definitions) const GUARDS: Map = Map {
    title: "guards",
    keys: &[
        may(
            "bounces",
            Form::Limit,
            "none",
            "a workflow or relay is paused where more of its mails went to addresses that do not exist",
        ),
        may(
            "complaints",
            Form::Limit,
            "none",
            "the same, where more were called spam by their readers",
        ),
        may("within", Form::Length, "`7d`", "mails of how long are counted"),
        may(
            "audience",
            Form::Whole(1, 100_000_000),
            "any",
            "how many leads `apply` lets into a workflow at once unasked",
        ),
    ],
    later: &["at_most", "refusals"],
};
