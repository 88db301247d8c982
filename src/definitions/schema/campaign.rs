//! Campaigns.

use super::{ABOUT, Form, Map, may, must};

pub(in crate::definitions) const CAMPAIGN: Map = Map {
    title: "A campaign",
    keys: &[
        must("campaign", Form::Name("the campaign"), "its name"),
        ABOUT,
        must("title", Form::Text, "as people read it: `{{ campaign.title }}`"),
        may("zone", Form::Zone, "the policy's", "on whose clock its dates are told"),
        may(
            "dates",
            Form::Named(&Form::LocalTime),
            "none",
            "what steps tell time by, and mails may show",
        ),
        may("variables", Form::Named(&Form::Text), "none", "texts for its mails"),
        may(
            "utm",
            Form::Map(&UTM),
            "as without a campaign, but `campaign` is its name",
            "what the links of its workflows' mails say, where they do not say it themselves",
        ),
        may("costs", Form::List(&Form::Map(&COST)), "none", "what it costs"),
    ],
    later: &[],
};

pub(in crate::definitions) const UTM: Map = Map {
    title: "utm",
    keys: &[
        may("source", Form::Text, "`nurtured`", "`utm_source`"),
        may("medium", Form::Text, "`email`", "`utm_medium`"),
        may("campaign", Form::Text, "the campaign's name", "`utm_campaign`"),
        may("content", Form::Text, "the mail", "`utm_content`"),
        may("term", Form::Text, "none", "`utm_term`"),
    ],
    later: &[],
};

/// It has one of `on` and `per`.
pub(in crate::definitions) const COST: Map = Map {
    title: "A cost",
    keys: &[
        must("amount", Form::Number, "how much, with two decimals at most"),
        must("currency", Form::Text, "its three letters, as `EUR`"),
        may("on", Form::LocalTime, "`per`", "the day on which it was spent"),
        may("per", Form::OneOf(each), "`on`", "what it is spent for each of"),
        ABOUT,
    ],
    later: &[],
};

fn each() -> Vec<&'static str> {
    vec!["lead"]
}
