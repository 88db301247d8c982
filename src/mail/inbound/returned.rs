//! Our own mail within a report: its Message-ID and key.

use super::{fields, mime::Mail};

/// The header that every mail of ours carries.
const KEY: &str = "x-nurtured-key";
/// Message-IDs and keys of ours are shorter by far.
const MOST_BYTES: usize = 400;

const RETURNED_TYPES: &[&str] = &[
    "message/rfc822",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "text/rfc822-header",
    "message/global",
    "message/global-headers",
];

#[derive(Debug, Default)]
pub(super) struct Returned {
    pub(super) message_id: Option<String>,
    pub(super) key: Option<String>,
}

impl Returned {
    /// Looks into the part that returns our mail, or into text that quotes its header.
    pub(super) fn find(mail: &Mail<'_>) -> Self {
        let part = RETURNED_TYPES.iter().find_map(|kind| mail.part(kind));
        let text = match part {
            Some(text) => text,
            None => match mail.words() {
                Some(text) => text,
                None => return Self::default(),
            },
        };
        let groups = fields::parse(&text);
        let field = |name| groups.iter().find_map(|group| group.get(name));
        Self {
            message_id: field("message-id").and_then(message_id),
            key: field(KEY).map(str::trim).filter(|key| is_plain(key)).map(str::to_owned),
        }
    }
}

/// What stands in the first angle brackets; some servers leave them out.
pub(super) fn message_id(text: &str) -> Option<String> {
    let id = text.split_once('<').map_or(text, |(_, rest)| rest);
    let id = id.split_once('>').map_or(id, |(id, _)| id).trim();
    is_plain(id).then(|| id.to_owned())
}

/// The last of several: in `References`, the mail that is answered.
pub(super) fn last_message_id(text: &str) -> Option<String> {
    text.rsplit_once('<').map_or_else(|| message_id(text), |(_, last)| message_id(last))
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= MOST_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}
