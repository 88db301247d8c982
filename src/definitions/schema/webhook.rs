//! Steps that tell other systems.

use super::{
    Form, Map, may, must,
    workflow::{AT, ID, IF_PAST},
};
use crate::domain::webhook::OnFailure;

fn on_failure() -> Vec<&'static str> {
    OnFailure::WORDS.map(|(word, _)| word).to_vec()
}

pub(super) const WEBHOOK: Map = Map {
    title: "webhook",
    keys: &[
        must(
            "webhook",
            Form::Name("a target in nurtured.toml"),
            "tells another system of the lead, by a signed POST",
        ),
        may("attributes", Form::Some(&Form::Text), "none", "attributes of the lead that are told"),
        may("data", Form::Named(&Form::Text), "nothing", "what is told as it is written"),
        may(
            "on_failure",
            Form::OneOf(on_failure),
            "`skip`",
            "`hold`: the lead waits for the answer; `hold` and `retry`: a call that nobody took in a day is parked, to be tried again",
        ),
        AT,
        IF_PAST,
        ID,
    ],
    later: &["window", "calendar", "at_most"],
};
