//! The front matter of mails.

use super::{ABOUT, Form, Map, may, must};

pub(in crate::definitions) const MAIL: Map = Map {
    title: "The front matter of a mail",
    keys: &[
        must("subject", Form::Text, "one line of at most 300 characters; may use variables"),
        may("preheader", Form::Text, "none", "the line that inboxes show after the subject"),
        may(
            "layout",
            Form::Name("a layout"),
            "the text alone",
            "what is around the text: `templates/layouts/NAME.html`",
        ),
        may("defaults", Form::Values, "none", "what to write where the lead has no value"),
        may(
            "reply_to",
            Form::Address,
            "the sender",
            "where replies go, as `Ada Rossi <ada@example.com>`",
        ),
        may("calendar", Form::Map(&CALENDAR), "none", "an event for the reader's calendar"),
        may(
            "attachments",
            Form::Some(&Form::Either(&[Form::Text, Form::Map(&ATTACHMENT)])),
            "none",
            "files that go with it, as `files/guide.pdf`, which lies under `templates/`",
        ),
        ABOUT,
    ],
    later: &["from", "utm", "purpose", "pin_copy"],
};

pub(in crate::definitions) const ATTACHMENT: Map = Map {
    title: "An attachment",
    keys: &[
        must("file", Form::Text, "`files/guide.pdf`, which lies under `templates/`"),
        may("name", Form::Text, "the file's", "what the reader sees, with the same ending"),
        ABOUT,
    ],
    later: &[],
};

/// Each may use variables, but for `duration`.
pub(in crate::definitions) const CALENDAR: Map = Map {
    title: "calendar",
    keys: &[
        may("title", Form::Text, "`{{ campaign.title }}`", "what happens"),
        may("starts", Form::Text, "`{{ campaign.starts }}`", "an instant or a day"),
        may(
            "ends",
            Form::Text,
            "`{{ campaign.ends }}`",
            "likewise, after `starts`; of days the last",
        ),
        may("duration", Form::Length, "as `ends` says", "how long it lasts, instead of `ends`"),
        may("location", Form::Text, "none", "where, on one line"),
        may("url", Form::Text, "none", "a web address"),
        may("about", Form::Text, "none", "more about it, on one line, for the reader"),
    ],
    later: &[],
};
