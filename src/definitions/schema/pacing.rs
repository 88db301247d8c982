//! The keys of the policy's `pacing`.

use super::{ABOUT, Form, Map, may, must};

pub(in crate::definitions) const PACING: Map = Map {
    title: "pacing",
    keys: &[
        may("all", Form::Rate, "none", "of all mails to leads"),
        may("each_domain", Form::Rate, "none", "to each domain that is no provider's below"),
        may(
            "providers",
            Form::Named(&Form::Map(&PROVIDER)),
            "none",
            "domains whose mail goes to the same servers, by a name of yours",
        ),
        may("workflows", Form::Named(&Form::Rate), "none", "of single workflows, by their names"),
    ],
    later: &[],
};

pub(in crate::definitions) const PROVIDER: Map = Map {
    title: "A provider",
    keys: &[
        must("domains", Form::Some(&Form::Text), "the domains of its addresses"),
        must("rate", Form::Rate, "to all of them together"),
        ABOUT,
    ],
    later: &[],
};
