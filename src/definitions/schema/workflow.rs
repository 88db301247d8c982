//! Workflows and their steps.

use super::{
    ENTER, Form, Key, Map,
    forks::{BRANCH, IF, SPLIT},
    may, must,
    rounds::{ENROL, LEAVE, REPEAT, STREAM},
    webhook::WEBHOOK,
};
use crate::domain::{
    hand_off::Persist,
    on_change::OnChange,
    workflow::{InDoubt, MailFailure},
};

pub(in crate::definitions) const WORKFLOW: Map = Map {
    title: "A workflow",
    keys: &[
        must("workflow", Form::Name("the workflow"), "its name"),
        may("about", Form::Text, "nothing", "what it is for, for people"),
        may(
            "campaign",
            Form::Name("a campaign"),
            "no campaign",
            "what it is counted by, and whose dates and words it may use",
        ),
        must(
            "purpose",
            Form::Name("a purpose of the policy"),
            "the consent that each of its mails needs",
        ),
        may(
            "priority",
            Form::Whole(-1000, 1000),
            "0",
            "who goes first when several workflows want the same lead: the larger",
        ),
        must("enter", Form::Map(&ENTER), "who enters"),
        may(
            "goal",
            Form::Condition,
            "no goal",
            "once true, the lead leaves with success; already true: the lead does not enter",
        ),
        may(
            "leave",
            Form::Condition,
            "no leave",
            "once true, the lead leaves without success; already true: the lead does not enter",
        ),
        may("send", Form::Map(&SEND), "the policy's window", "when its mails may go"),
        must("steps", Form::Steps, "what happens"),
        may(
            "on_change",
            Form::Either(&[Form::OneOf(on_change), Form::Map(&ON_CHANGE)]),
            "`pin`",
            "what becomes of those who are in another version when this one goes live",
        ),
    ],
    later: &["calendar", "pin_copy", "utm", "caps"],
};

fn on_change() -> Vec<&'static str> {
    OnChange::WORDS.to_vec()
}

pub(in crate::definitions) const ON_CHANGE: Map = Map {
    title: "on_change",
    keys: &[must(
        "migrate",
        Form::Named(&Form::Name("a step of this file, or `end`")),
        "by the ids of steps that are gone: where those come to who are at them",
    )],
    later: &[],
};

pub(in crate::definitions) const SEND: Map = Map {
    title: "send",
    keys: &[
        may(
            "window",
            Form::Window,
            "the policy's window",
            "days and hours in which its mails may go, on the lead's own clock",
        ),
        may(
            "now",
            Form::YesNo,
            "no",
            "mail that the lead asked for: no window; suppression still holds",
        ),
        NOT_AFTER,
        may(
            "from",
            Form::WordOr(&["owner", "sender"], "a person"),
            "sender",
            "in whose name mails go: the lead's owner's, where it has one who is among the people; or a person's",
        ),
        may(
            "reply_to",
            Form::Either(&[Form::Name("a person"), Form::Address]),
            "who the mail is from",
            "where answers go, where the mail itself does not say",
        ),
        may("in_doubt", Form::OneOf(in_doubt), "`go on`", IN_DOUBT),
        may("on_failure", Form::OneOf(on_failure), "`leave`", ON_FAILURE),
        may(
            "at_most",
            Form::AtMost,
            "no limit",
            "how many of its mails leave, to all leads together",
        ),
    ],
    later: &["calendar", "via"],
};

pub(super) const ID: Key = may(
    "id",
    Form::Name("the step"),
    "made of what the step is",
    "under which leads wait here, also after edits",
);

/// Keys of steps that are not built yet.
pub(in crate::definitions) const STEPS_LATER: [&str; 4] = ["ask", "sms", "score", "stage"];

const IN_DOUBT: &str =
    "whether a lead goes on whose mail may have arrived, waits for your word, or gets it once more";

fn in_doubt() -> Vec<&'static str> {
    InDoubt::WORDS.map(|(word, _)| word).to_vec()
}

pub(super) const NOW: Key =
    may("now", Form::YesNo, "as `send` says", "whether it goes at any hour");

pub(super) const IN_DOUBT_OF_STEP: Key =
    may("in_doubt", Form::OneOf(in_doubt), "as `send` says", IN_DOUBT);

const ON_FAILURE: &str = "what a lead does whose mail was refused for good or cannot be written: leaves, goes on without it, \
     gets it once more, or waits with it";

fn on_failure() -> Vec<&'static str> {
    MailFailure::WORDS.map(|(word, _)| word).to_vec()
}

pub(super) const ON_FAILURE_OF_STEP: Key =
    may("on_failure", Form::OneOf(on_failure), "as `send` says", ON_FAILURE);

pub(super) const NOT_AFTER: Key = may(
    "not_after",
    Form::Deadline,
    "never too late",
    "before when a mail leaves or not at all; its lead goes on",
);

pub(super) const AT: Key = may(
    "at",
    Form::Date,
    "at once",
    "waits for a date of the campaign first; a step whose date is past is passed over",
);

pub(super) const IF_PAST: Key = may(
    "if_past",
    Form::OneOf(if_past),
    "`skip`",
    "with `at`: whether the step is done where its date is past",
);

fn if_past() -> Vec<&'static str> {
    vec!["skip", "do"]
}

const UP_TO: Key =
    may("up_to", Form::Deadline, "for ever", "how long at most; then `else` is done");

pub(super) const LATER: &[&str] = &["window", "calendar", "at_most"];

pub(super) const THEN: Key =
    may("then", Form::Steps, "nothing", "what happens if it is true; then the way goes on below");
pub(super) const ELSE: Key =
    may("else", Form::Steps, "nothing", "what happens if it is not; then the way goes on below");

/// The kinds of steps. Each is written with its first key.
pub(in crate::definitions) const STEPS: [Map; 16] = [
    Map {
        title: "email",
        keys: &[
            must("email", Form::Name("a mail"), "sends the mail; goes on when it is sent"),
            NOW,
            NOT_AFTER,
            IN_DOUBT_OF_STEP,
            ON_FAILURE_OF_STEP,
            AT,
            IF_PAST,
            ID,
        ],
        later: LATER,
    },
    Map {
        title: "wait",
        keys: &[must("wait", Form::Wait, "waits, on the lead's own clock"), AT, IF_PAST, ID],
        later: LATER,
    },
    Map {
        title: "wait_for",
        keys: &[
            must("wait_for", Form::Condition, "waits until the condition is true"),
            UP_TO,
            THEN,
            ELSE,
            AT,
            IF_PAST,
            ID,
        ],
        later: LATER,
    },
    IF,
    BRANCH,
    SPLIT,
    REPEAT,
    STREAM,
    ENROL,
    LEAVE,
    Map {
        title: "set",
        keys: &[
            must("set", Form::Values, "sets attributes; an empty value clears one"),
            AT,
            IF_PAST,
            ID,
        ],
        later: LATER,
    },
    Map {
        title: "tag",
        keys: &[
            must(
                "tag",
                Form::Either(&[Form::Some(&Form::Text), Form::Map(&TAG)]),
                "adds a tag or a list of tags, or does what its map says",
            ),
            AT,
            IF_PAST,
            ID,
        ],
        later: LATER,
    },
    Map {
        title: "notify",
        keys: &[
            must("notify", Form::Name("a person or a team"), "writes to people of yours"),
            may("template", Form::Name("a mail"), "a notice that is built in", "what is written"),
            AT,
            IF_PAST,
            ID,
        ],
        later: LATER,
    },
    WEBHOOK,
    Map {
        title: "hand_off",
        keys: &[
            must(
                "hand_off",
                Form::WordOr(&["owner"], "a person or a team"),
                "hands the lead to sales by a card, and waits for what they say",
            ),
            may(
                "else_to",
                Form::Name("a person or a team"),
                "refused with `owner`",
                "with `owner`: who takes leads without one who is among the people",
            ),
            may("template", Form::Name("a mail"), "a card that is built in", "what is written"),
            may("accepted", Form::Steps, "nothing", "what happens once sales takes the lead"),
            may("returned", Form::Steps, "nothing", "what happens once sales gives it back"),
            may(
                "silent",
                Form::Map(&SILENT),
                "`{ after: 5 business days, do: remind }`",
                "what happens where nobody says anything",
            ),
            AT,
            IF_PAST,
            ID,
        ],
        later: LATER,
    },
    Map {
        title: "stop",
        keys: &[
            must(
                "stop",
                Form::Either(&[Form::Text, Form::Nothing]),
                "ends the lead's way here; the reason is for people",
            ),
            AT,
            IF_PAST,
            ID,
        ],
        later: LATER,
    },
];

/// A `wait_for` with several outcomes. Beside these it has a key for each, with the steps of its branch.
pub(in crate::definitions) const OUTCOMES: Map = Map {
    title: "wait_for with outcomes",
    keys: &[
        must(
            "wait_for",
            Form::Named(&Form::Condition),
            "waits until one of them is true; the branch of that name is done, a key of the step",
        ),
        UP_TO,
        ELSE,
        AT,
        IF_PAST,
        ID,
    ],
    later: LATER,
};

/// The words that steps begin with.
pub(in crate::definitions) const STEP_KINDS: [&str; STEPS.len()] = {
    let mut words = [""; STEPS.len()];
    let mut place = 0;
    while place < words.len() {
        words[place] = STEPS[place].title;
        place += 1;
    }
    words
};

pub(in crate::definitions) const SILENT: Map = Map {
    title: "silent",
    keys: &[
        must("after", Form::Wait, "how long an answer is waited for, each time"),
        may(
            "do",
            Form::OneOf(|| Persist::WORDS.map(|(word, _)| word).to_vec()),
            "nothing",
            "sends the card once more, gives it to the next of the team, or takes the lead back",
        ),
        may("then", Form::Steps, "nothing", "what happens after that; not with `return`"),
    ],
    later: &[],
};

pub(in crate::definitions) const TAG: Map = Map {
    title: "tag: { add, remove }",
    keys: &[
        may("add", Form::Some(&Form::Text), "none", "tags to add"),
        may("remove", Form::Some(&Form::Text), "none", "tags to take away"),
    ],
    later: &[],
};
