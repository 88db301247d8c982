//! Steps that choose a way on arrival.

use super::{
    Form, Map, may, must,
    workflow::{AT, ELSE, ID, IF_PAST, LATER, THEN},
};
use crate::domain::split::Arm;

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

/// One form for the weight of an arm, with or without steps.
#[allow(clippy::cast_possible_wrap)] // it is small
const WEIGHT: Form = Form::Whole(1, Arm::LARGEST_WEIGHT as i32);

pub(super) const SPLIT: Map = Map {
    title: "split",
    keys: &[
        must(
            "split",
            Form::Named(&Form::Either(&[WEIGHT, Form::Map(&ARM)])),
            "arms; a lead always takes the same. One that is its weight alone does nothing",
        ),
        AT,
        IF_PAST,
        ID,
    ],
    later: LATER,
};

pub(in crate::definitions) const ARM: Map = Map {
    title: "An arm of split",
    keys: &[
        must("weight", WEIGHT, "its share, next to the weights of the other arms"),
        may("then", Form::Steps, "nothing", "what happens; then the way goes on below"),
    ],
    later: &[],
};
