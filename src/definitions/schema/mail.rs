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
        ABOUT,
    ],
    later: &["from", "attachments", "utm", "purpose", "pin_copy"],
};
