//! Steps that are come to again and again, and those that lead to other workflows.

use super::{
    ABOUT, Form, Map, may, must,
    workflow::{AT, ID, IF_PAST, IN_DOUBT_OF_STEP, LATER, NOT_AFTER, NOW, ON_FAILURE_OF_STEP},
};
use crate::domain::{stream::Exhausted, workflow::MOST_ROUNDS};

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

fn exhausted() -> Vec<&'static str> {
    Exhausted::WORDS.map(|(word, _)| word).to_vec()
}

pub(super) const STREAM: Map = Map {
    title: "stream",
    keys: &[
        must(
            "stream",
            Form::Name("a stream"),
            "sends its mails one after the other, each only to who never had it",
        ),
        must(
            "every",
            Form::Some(&Form::Wait),
            "how long it is from one mail to the next; of a list the last one repeats",
        ),
        may("up_to", Form::Mails, "no end", "after how many mails the way goes on below"),
        may(
            "when_exhausted",
            Form::OneOf(exhausted),
            "`wait`",
            "whether a lead that has had them all waits for more, or goes on below",
        ),
        NOW,
        NOT_AFTER,
        IN_DOUBT_OF_STEP,
        ON_FAILURE_OF_STEP,
        AT,
        IF_PAST,
        ID,
    ],
    later: LATER,
};

pub(in crate::definitions) const STREAM_OF_MAILS: Map = Map {
    title: "A stream",
    keys: &[
        ABOUT,
        must("contents", Form::List(&Form::Name("a mail")), "its mails, in their order"),
    ],
    later: &[],
};

pub(super) const ENROL: Map = Map {
    title: "enrol",
    keys: &[
        must(
            "enrol",
            Form::Name("a workflow"),
            "the lead enters another workflow, and goes on here",
        ),
        AT,
        IF_PAST,
        ID,
    ],
    later: LATER,
};

pub(super) const LEAVE: Map = Map {
    title: "leave",
    keys: &[
        must(
            "leave",
            Form::Name("a workflow"),
            "the lead leaves another workflow, and goes on here",
        ),
        AT,
        IF_PAST,
        ID,
    ],
    later: LATER,
};
