//! Steps that choose a way on arrival.

use super::{
    Form, Map, may, must,
    workflow::{AT, ELSE, ID, IF_PAST, LATER, THEN},
};

pub(super) const IF: Map = Map {
    title: "if",
    keys: &[must("if", Form::Condition, "asks now"), THEN, ELSE, AT, IF_PAST, ID],
    later: LATER,
};

pub(super) const BRANCH: Map = Map {
    title: "branch",
    keys: &[
        must(
            "branch",
            Form::List(&Form::Map(&CASE)),
            "asks its cases now, one after the other; the first that is true wins",
        ),
        may(
            "else",
            Form::Steps,
            "nothing",
            "what happens if no case is true; then the way goes on below",
        ),
        AT,
        IF_PAST,
        ID,
    ],
    later: LATER,
};

pub(in crate::definitions) const CASE: Map = Map {
    title: "A case of branch",
    keys: &[
        must("when", Form::Condition, "asked on arrival, if no case above is true"),
        may(
            "name",
            Form::Name("the case"),
            "its place in the list",
            "for the log and the step's id",
        ),
        THEN,
    ],
    later: &[],
};
