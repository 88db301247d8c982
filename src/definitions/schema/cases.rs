//! Tests of workflows, in files of their own beside them.

use super::{ABOUT, Form, Map, may, must};
use crate::domain::lead::{Outcome, Stage};

fn stages() -> Vec<&'static str> {
    Stage::ALL.map(Stage::word).to_vec()
}

fn outcomes() -> Vec<&'static str> {
    Outcome::ALL.map(Outcome::word).to_vec()
}

const MAIL: Form = Form::Name("a mail");
const PURPOSE: Form = Form::Name("a purpose of the policy");
/// Also none, which is said of a lead where the file has some.
const TEXTS: Form = Form::Either(&[Form::Text, Form::List(&Form::Text)]);

/// A file of tests: its first key is `tests`.
pub(in crate::definitions) const TESTS: Map = Map {
    title: "A file of tests",
    keys: &[
        must("tests", Form::Text, "what is tested, for people"),
        may("from", Form::LocalTime, "each case says so", "when cases begin, on the lead's clock"),
        may("until", Form::Deadline, "30d", "how long cases last"),
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
            Form::LocalTime,
            "as the file says",
            "when it begins: the folder has just gone live",
        ),
        may("until", Form::Deadline, "as the file says", "how long it lasts, or until when"),
        may("lead", Form::Map(&LEAD), "as the file says", "what is different with its lead"),
        may("happens", Form::List(&Form::Map(&HAPPENS)), "nothing", "what happens to the lead"),
        may("expect", Form::List(&Form::Map(&EXPECT)), "nothing", "what is to come of it"),
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
        may("tags", TEXTS, "none", "its tags"),
        may(
            "consents",
            Form::Either(&[PURPOSE, Form::List(&PURPOSE)]),
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
        must("at", Form::Deadline, "when: a local time, or so long after the beginning"),
        may("clicked", Form::Name("a mail"), "another", "clicks in the mail"),
        may("opened", Form::Name("a mail"), "another", "opens the mail"),
        may("visited", Form::Text, "another", "looks at the page"),
        may("submitted", Form::Text, "another", "sends the form"),
        may(
            "answered",
            Form::Named(&Form::Text),
            "another",
            "answers a question: `{ topic: pricing }`",
        ),
        may("replied", Form::YesNo, "another", "writes back"),
        may("unsubscribed", Form::YesNo, "another", "wants no more mail"),
        may("bounced", Form::YesNo, "another", "its mailbox is gone"),
        may("accepted", Form::YesNo, "another", "sales takes it"),
        may("returned", Form::Text, "another", "sales gives it back, for a reason: `not_now`"),
        may("set", Form::Values, "another", "its attributes change, as by an import"),
        may("event", Form::Event, "another", "anything else, as `sales.meeting`"),
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
            Form::Either(&[MAIL, Form::List(&MAIL)]),
            "another",
            "just these mails leave, in this order; `[]` is none",
        ),
        may("mail", Form::Name("a mail"), "another", "this mail leaves"),
        may("no_mail", Form::Name("a mail"), "another", "this mail does not leave"),
        may("that", Form::Condition, "another", "a condition is true"),
        may("inside", Form::Name("a workflow"), "another", "the lead is in the workflow"),
        may("not_inside", Form::Name("a workflow"), "another", "it is not"),
        may("ended", Form::Name("a workflow"), "another", "its way through the workflow is over"),
        may("notice", Form::Name("a person"), "another", "one of our own people is written to"),
        may(
            "at",
            Form::Deadline,
            "at any time, or at the end",
            "with `mail`: when, on the lead's clock, as `mon 09:00`; else at which instant",
        ),
        may("step", Form::Name("a step"), "any", "with `inside`: at which step"),
        may("as", Form::OneOf(outcomes), "any", "with `ended`: how"),
    ],
    later: &[],
};
