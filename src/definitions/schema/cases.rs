//! Tests of workflows, in files of their own beside them.

use super::{ABOUT, Form, Map, may, must};
use crate::domain::lead::{Outcome, Stage};

fn stages() -> Vec<&'static str> {
    Stage::ALL.map(Stage::word).to_vec()
}

fn outcomes() -> Vec<&'static str> {
    Outcome::ALL.map(Outcome::word).to_vec()
}

/// A file of tests: its first key is `tests`.
pub(in crate::definitions) const TESTS: Map = Map {
    title: "A file of tests",
    keys: &[
        must("tests", Form::Text, "what is tested, for people"),
        may("from", Form::DayAndHour, "each case says so", "when cases begin, on the lead's clock"),
        may("until", Form::Moment, "30d", "how long cases last"),
        may(
            "lead",
            Form::Map(&LEAD),
            "each case says so",
            "who it is about, where a case says no more",
        ),
        must("cases", Form::List(&Form::Map(&TEST_CASE)), "the tests"),
    ],
    later: &[],
};

pub(in crate::definitions) const TEST_CASE: Map = Map {
    title: "A case",
    keys: &[
        must("case", Form::Text, "what it shows; each of a file is called otherwise"),
        ABOUT,
        may(
            "from",
            Form::DayAndHour,
            "as the file says",
            "when it begins: the folder has just gone live",
        ),
        may("until", Form::Moment, "as the file says", "how long it lasts, or until when"),
        may("lead", Form::Map(&LEAD), "as the file says", "what is different with its lead"),
        may("happens", Form::List(&Form::Map(&HAPPENS)), "nothing", "what happens to the lead"),
        may(
            "expect",
            Form::List(&Form::Map(&EXPECT)),
            "must be there, but with `timeline: golden`",
            "what is to come of it",
        ),
        may(
            "timeline",
            Form::OneOf(|| vec!["golden"]),
            "not compared",
            "`golden`: all that happens is compared with the timeline that was accepted last",
        ),
    ],
    later: &[],
};

pub(in crate::definitions) const LEAD: Map = Map {
    title: "The lead of a test",
    keys: &[
        may("email", Form::Address, "`lead@example.com`", "its address"),
        may("stage", Form::OneOf(stages), "`lead`", "where it stands"),
        may("tags", Form::Any(&Form::Text), "none", "its tags"),
        may(
            "consents",
            Form::Any(&Form::Name("a purpose of the policy")),
            "all purposes",
            "what it has agreed to; `[]` is nothing",
        ),
        may("attributes", Form::Values, "none", "what is known of it"),
    ],
    later: &[],
};

pub(in crate::definitions) const HAPPENS: Map = Map {
    title: "What happens in a test",
    keys: &[
        must("at", Form::Moment, "when: a local time, or so long after the beginning"),
        may("clicked", Form::Name("a mail"), "one of these is there", "clicks in the mail"),
        may("opened", Form::Name("a mail"), "one of these is there", "opens the mail"),
        may("visited", Form::Text, "one of these is there", "looks at the page"),
        may("submitted", Form::Text, "one of these is there", "sends the form"),
        may(
            "answered",
            Form::Named(&Form::Text),
            "one of these is there",
            "answers a question: `{ topic: pricing }`",
        ),
        may("replied", Form::YesNo, "one of these is there", "writes back"),
        may("unsubscribed", Form::YesNo, "one of these is there", "wants no more mail"),
        may("bounced", Form::YesNo, "one of these is there", "its mailbox is gone"),
        may("accepted", Form::YesNo, "one of these is there", "sales takes it"),
        may(
            "returned",
            Form::Text,
            "one of these is there",
            "sales gives it back, for a reason: `not_now`",
        ),
        may("set", Form::Values, "one of these is there", "its attributes change, as by an import"),
        may("event", Form::Event, "one of these is there", "anything else, as `sales.meeting`"),
        may("object", Form::Text, "none", "with `event`: what it is about"),
        may("data", Form::Named(&Form::Text), "none", "with `event`: what else it tells"),
    ],
    later: &[],
};

pub(in crate::definitions) const EXPECT: Map = Map {
    title: "What a test expects",
    keys: &[
        may(
            "mails",
            Form::Any(&Form::Name("a mail")),
            "one of these is there",
            "just these mails leave, in this order; `[]` is none",
        ),
        may("mail", Form::Name("a mail"), "one of these is there", "this mail leaves"),
        may("no_mail", Form::Name("a mail"), "one of these is there", "this mail does not leave"),
        may("that", Form::Condition, "one of these is there", "a condition is true"),
        may(
            "inside",
            Form::Name("a workflow"),
            "one of these is there",
            "the lead is in the workflow",
        ),
        may("not_inside", Form::Name("a workflow"), "one of these is there", "it is not"),
        may(
            "ended",
            Form::Name("a workflow"),
            "one of these is there",
            "its way through the workflow is over",
        ),
        may(
            "notice",
            Form::Name("a person"),
            "one of these is there",
            "one of our own people is written to",
        ),
        may(
            "at",
            Form::Moment,
            "at any time, or at the end",
            "with `mail`: when, on the lead's clock, as `mon 09:00`; else at which instant",
        ),
        may("step", Form::Name("a step"), "any", "with `inside`: at which step"),
        may("as", Form::OneOf(outcomes), "any", "with `ended`: how"),
    ],
    later: &[],
};
