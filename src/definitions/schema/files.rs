//! The kinds of files, and what those that hold no workflow hold.

use super::{
    ABOUT, CAMPAIGN, FileKind, Form, GUARDS, Map, PACING, STREAM_OF_MAILS, WORKFLOW, may, must,
};
use crate::domain::{
    lead::{Basis, Stage},
    value::ValueType,
};

/// What a file may hold, by its first key.
pub const FILES: [FileKind; 9] = [
    FileKind { key: "workflow", about: "one workflow", form: Form::Map(&WORKFLOW) },
    FileKind {
        key: "campaign",
        about: "one campaign: its dates, words for its mails, costs",
        form: Form::Map(&CAMPAIGN),
    },
    FileKind {
        key: "segments",
        about: "named conditions",
        form: Form::Named(&Form::Either(&[Form::Condition, Form::Map(&SEGMENT)])),
    },
    FileKind {
        key: "questions",
        about: "what mails may ask",
        form: Form::Named(&Form::Map(&QUESTION)),
    },
    FileKind {
        key: "streams",
        about: "mails that go out one after the other",
        form: Form::Named(&Form::Map(&STREAM_OF_MAILS)),
    },
    FileKind {
        key: "scoring",
        about: "points, temperature and stages; one file",
        form: Form::Map(&SCORING),
    },
    FileKind { key: "policy", about: "the house rules; one file", form: Form::Map(&POLICY) },
    FileKind {
        key: "people",
        about: "who works here; one file",
        form: Form::Named(&Form::Either(&[Form::Map(&PERSON), Form::Map(&TEAM)])),
    },
    FileKind {
        key: "attributes",
        about: "what is known of a lead beyond the standard attributes; one file",
        form: Form::Named(&Form::OneOf(types)),
    },
];

fn types() -> Vec<&'static str> {
    ValueType::ALL.map(ValueType::word).to_vec()
}

fn stages() -> Vec<&'static str> {
    Stage::ALL.map(Stage::word).to_vec()
}

fn grounds() -> Vec<&'static str> {
    Basis::ALL.map(Basis::word).to_vec()
}

pub(in crate::definitions) const SEGMENT: Map = Map {
    title: "A segment",
    keys: &[
        ABOUT,
        must("when", Form::Condition, "who is in it; a segment without `about` may be this alone"),
    ],
    later: &[],
};

/// What `answers` may say instead of a map.
pub(in crate::definitions) const YES_OR_NO: &str = "yes or no";

fn yes_or_no() -> Vec<&'static str> {
    vec![YES_OR_NO]
}

pub(in crate::definitions) const QUESTION: Map = Map {
    title: "A question",
    keys: &[
        must("title", Form::Label, "what its page is headed with"),
        ABOUT,
        may("sets", Form::Name("an attribute"), "none", "what the answer is written to"),
        must(
            "answers",
            Form::Either(&[
                Form::OneOf(yes_or_no),
                Form::Named(&Form::Either(&[Form::Label, Form::Map(&ANSWER)])),
            ]),
            "what may be answered, each with what the lead reads",
        ),
    ],
    later: &[],
};

pub(in crate::definitions) const ANSWER: Map = Map {
    title: "An answer",
    keys: &[
        must(
            "label",
            Form::Label,
            "what the lead reads; an answer without a stage may be this alone",
        ),
        may("stage", Form::OneOf(stages), "stays", "where it moves the lead"),
    ],
    later: &[],
};

pub(in crate::definitions) const SCORING: Map = Map {
    title: "Scoring",
    keys: &[
        may(
            "half_life",
            Form::Length,
            "30 days",
            "how long it takes until points of engagement are worth half",
        ),
        may(
            "engagement",
            Form::List(&Form::Map(&ENGAGEMENT_RULE)),
            "no points",
            "points for what a lead does; they fade",
        ),
        may(
            "fit",
            Form::List(&Form::Map(&FIT_RULE)),
            "no points",
            "points for who a lead is; they stay",
        ),
        may(
            "temperature",
            Form::Map(&TEMPERATURE),
            "20 and 50",
            "from how much engagement on a lead is warm, and hot",
        ),
        may(
            "stages",
            Form::List(&Form::Map(&STAGE_RULE)),
            "nobody moves",
            "rules that move leads; the first that applies does",
        ),
    ],
    later: &["model", "topics"],
};

const RULE_NAME: super::Key = may(
    "name",
    Form::Text,
    "what the rule asks",
    "what `nurtured why-score` shows; 60 characters at most",
);

pub(in crate::definitions) const ENGAGEMENT_RULE: Map = Map {
    title: "A rule of engagement",
    keys: &[
        RULE_NAME,
        must("on", Form::EventQuestion, "which events count"),
        must("points", Form::Number, "points for each time; below 0 takes some away"),
        must("cap", Form::Number, "the most that this rule gives at once; 32 hits at most count"),
        ABOUT,
    ],
    later: &["half_life"],
};

pub(in crate::definitions) const FIT_RULE: Map = Map {
    title: "A rule of fit",
    keys: &[
        RULE_NAME,
        must("when", Form::Condition, "whom it is true of gets the points"),
        must("points", Form::Number, "how many; below 0 takes some away"),
        ABOUT,
    ],
    later: &["cap"],
};

pub(in crate::definitions) const TEMPERATURE: Map = Map {
    title: "temperature",
    keys: &[
        must("warm", Form::Number, "from so much engagement on a lead is warm"),
        must("hot", Form::Number, "from so much on it is hot"),
    ],
    later: &["cold"],
};

pub(in crate::definitions) const STAGE_RULE: Map = Map {
    title: "A rule of stages",
    keys: &[
        must("from", Form::Some(&Form::OneOf(stages)), "leads of which stages it moves"),
        must("to", Form::OneOf(stages), "where to"),
        must("when", Form::Condition, "whom it moves"),
        ABOUT,
    ],
    later: &["reason"],
};

pub(in crate::definitions) const POLICY: Map = Map {
    title: "The policy",
    keys: &[
        may(
            "zone",
            Form::Zone,
            "UTC",
            "the time zone of leads whose own is not known, nor their country",
        ),
        may(
            "zones",
            Form::ByCountry(&Form::Zone),
            "where most of its people live",
            "the time zone of leads whose own is not known, by country",
        ),
        may("language", Form::Language, "`en`", "the language of leads whose own is not known"),
        may(
            "window",
            Form::Window,
            "always",
            "when mail may go where a workflow does not say, on the lead's own clock",
        ),
        may(
            "quiet",
            Form::Hours,
            "none",
            "hours in which no window is open, on the lead's own clock",
        ),
        may("calendar", Form::Map(&DAYS_OFF), "no days off", "on which days all windows are shut"),
        must(
            "tracking",
            Form::WordOr(&["nobody", "everybody"], "`with` and a purpose"),
            "whose opens, clicks and visits may be looked at: with a purpose, of those who agreed to it",
        ),
        may("purposes", Form::Named(&Form::Map(&PURPOSE)), "none", "what is written about"),
        may("caps", Form::List(&Form::Map(&CAP)), "none", "how many mails a lead gets at most"),
        may(
            "min_gap",
            Form::Wait,
            "none",
            "how long at least from one mail to a lead to its next, whichever they are",
        ),
        may(
            "pacing",
            Form::Map(&PACING),
            "as fast as the relay takes them",
            "how fast mails leave",
        ),
        may(
            "catch_up",
            Form::Rate,
            "as fast as the relay takes it",
            "how fast mail leaves that is overdue after an outage",
        ),
        may(
            "guards",
            Form::Map(&GUARDS),
            "none",
            "what pauses a workflow or a relay by itself, and what `apply` asks about",
        ),
        may("accounts", Form::Map(&ACCOUNTS), "none", "what people of a company share"),
        may(
            "sunset",
            Form::List(&Form::Map(&RUNG)),
            "none",
            "how mails to leads that do not stir become rare, rung by rung",
        ),
    ],
    later: &["frequency", "retention"],
};

/// What `gap` of a rung may say instead of a length of time.
pub(in crate::definitions) const FOR_EVER: &str = "for ever";

pub(in crate::definitions) const CAP: Map = Map {
    title: "A cap",
    keys: &[
        must("mails", Form::Whole(1, 100), "how many at most"),
        must(
            "per",
            Form::WordOr(&["day", "week", "month", "lifetime"], "days in a row, `10d`"),
            "in how many days in a row, on the lead's own calendar: week is 7, month 30",
        ),
        may("purpose", Form::Name("a purpose"), "all mails", "counts the mails for it alone"),
        may("workflow", Form::Name("a workflow"), "all mails", "counts its mails alone"),
        ABOUT,
    ],
    later: &[],
};

pub(in crate::definitions) const ACCOUNTS: Map = Map {
    title: "accounts",
    keys: &[
        may(
            "people",
            Form::Map(&MOST_PEOPLE),
            "any",
            "how many of a company are written to at most",
        ),
        may(
            "reply_stops",
            Form::Wait,
            "nothing",
            "how long nobody of a company is written to after one of them has replied",
        ),
    ],
    later: &["purpose", "workflow"],
};

pub(in crate::definitions) const MOST_PEOPLE: Map = Map {
    title: "people",
    keys: &[
        must("at_most", Form::Whole(1, 100), "how many"),
        must(
            "per",
            Form::WordOr(&["day", "week", "month"], "days in a row, `10d`"),
            "in how many days in a row, on the policy's calendar: week is 7, month 30",
        ),
        ABOUT,
    ],
    later: &[],
};

pub(in crate::definitions) const RUNG: Map = Map {
    title: "A rung of `sunset`",
    keys: &[
        must(
            "unanswered",
            Form::Whole(1, 100),
            "from so many mails on, sent since the lead last stirred",
        ),
        must(
            "gap",
            Form::WordOr(&[FOR_EVER], "a wait, `21d`"),
            "at least so long from one mail to the next; `for ever`: no more until it stirs",
        ),
        ABOUT,
    ],
    later: &[],
};

/// Each lead's holidays are those of its own country.
pub(in crate::definitions) const BY_COUNTRY: &str = "by country";

fn whose() -> Vec<&'static str> {
    vec![BY_COUNTRY, "none"]
}

pub(in crate::definitions) const DAYS_OFF: Map = Map {
    title: "A calendar",
    keys: &[
        may(
            "holidays",
            Form::Either(&[Form::OneOf(whose), Form::Some(&Form::Country)]),
            "none",
            "whose nationwide holidays are kept: each lead's own country's, or those of these \
             countries, by every lead",
        ),
        may("also", Form::Some(&Form::Day), "none", "days off of your own"),
    ],
    later: &[],
};

pub(in crate::definitions) const PURPOSE: Map = Map {
    title: "A purpose",
    keys: &[
        must("label", Form::Text, "what the lead reads on the unsubscribe page and in `List-Id`"),
        must("basis", Form::Some(&Form::OneOf(grounds)), "the grounds that are good enough"),
        ABOUT,
    ],
    later: &[],
};

pub(in crate::definitions) const PERSON: Map = Map {
    title: "A person",
    keys: &[
        must("name", Form::Text, "as mails show it"),
        must("email", Form::Address, "where notices go"),
        may("language", Form::Language, "the policy's", "of mails to this person"),
        ABOUT,
    ],
    later: &["phone", "role", "calendar"],
};

pub(in crate::definitions) const TEAM: Map = Map {
    title: "A team",
    keys: &[must("team", Form::Some(&Form::Name("a person")), "who is in it"), ABOUT],
    later: &[],
};
