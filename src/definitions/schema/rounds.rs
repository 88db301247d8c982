//! Steps that are come to again and again.

use super::{
    Form, Map, may, must,
    workflow::{AT, ID, IF_PAST, LATER},
};
use crate::domain::workflow::MOST_ROUNDS;

pub(super) const REPEAT: Map = Map {
    title: "repeat",
    keys: &[
        must("repeat", Form::Whole(1, MOST_ROUNDS), "how often its steps are done at most"),
        may(
            "until",
            Form::Condition,
            "never",
            "asked before each round; once true, the way goes on below",
        ),
        must("steps", Form::Steps, "what is done in each round"),
        AT,
        IF_PAST,
        ID,
    ],
    later: LATER,
};
