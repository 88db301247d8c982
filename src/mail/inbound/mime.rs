//! The parts and headers of a mail, decoded where they are asked for.

use std::{borrow::Cow, sync::LazyLock};

use mail_parser::{
    HeaderName, Message, MessageParser, MessagePart, MimeHeaders, PartType,
    decoders::{
        base64::base64_decode, charsets::map::charset_decoder, html::html_to_text,
        quoted_printable::quoted_printable_decode,
    },
};

use super::limits::{MOST_PARTS, Unreadable};
use crate::domain::address::Address;

/// Text beyond this is not looked at: what went wrong is said at the beginning.
const MOST_TEXT: usize = 64 * 1024;
const MOST_RECIPIENTS: usize = 50;

/// Fields that name whom a mail came to, put there by the MTAs on its way.
const DELIVERED_TO: &[&str] = &[
    "X-Original-To",
    "Delivered-To",
    "Envelope-To",
    "X-Envelope-To",
    "X-Rcpt-To",
    "X-Forwarded-To",
    "Original-Recipient",
    "To",
    "Cc",
];

/// Transfer encodings are not undone while parsing: a message encoded within a message would be
/// parsed behind the back of the limits.
static PARSER: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .header_text(HeaderName::Subject)
        .header_content_type(HeaderName::ContentType)
        .header_content_type(HeaderName::ContentDisposition)
        .ignore_header(HeaderName::ContentTransferEncoding)
        .default_header_raw()
});

/// A parsed mail beside the bytes it was parsed from.
pub(super) struct Mail<'x> {
    raw: &'x [u8],
    message: Message<'x>,
    null_sender: bool,
}

impl<'x> Mail<'x> {
    pub(super) fn parse(raw: &'x [u8], null_sender: bool) -> Result<Self, Unreadable> {
        let mut message = PARSER.parse(raw).ok_or(Unreadable::NoMail)?;
        take_nested_out(&mut message);
        if message.parts.is_empty() || message.parts[0].headers.is_empty() {
            return Err(Unreadable::NoMail);
        }
        if message.parts.len() > MOST_PARTS {
            return Err(Unreadable::TooManyParts);
        }
        Ok(Self { raw, message, null_sender })
    }

    /// RFC 5321 §4.5.5: nobody wants an answer.
    pub(super) fn has_null_sender(&self) -> bool {
        let path = self.header("Return-Path");
        self.null_sender || path.is_some_and(|path| path.replace(char::is_whitespace, "") == "<>")
    }

    /// The first field of that name, unfolded.
    pub(super) fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.headers(name).next()
    }

    pub(super) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let fields = self.message.parts[0].headers.iter();
        fields
            .filter(move |field| field.name.as_str().eq_ignore_ascii_case(name))
            .filter_map(|field| field.value.as_text())
    }

    /// With encoded words undone (RFC 2047).
    pub(super) fn subject(&self) -> Option<String> {
        self.header("Subject").map(str::to_owned)
    }

    /// The first address in a field.
    pub(super) fn address(&self, name: &str) -> Option<Address> {
        self.header(name).and_then(|text| addresses_in(text).next())
    }

    pub(super) fn recipients(&self) -> Vec<Address> {
        let mut found = Vec::new();
        let fields = DELIVERED_TO.iter().flat_map(|name| self.headers(name));
        for address in fields.flat_map(addresses_in) {
            if found.len() < MOST_RECIPIENTS && !found.contains(&address) {
                found.push(address);
            }
        }
        found
    }

    /// The decoded text of the first part of one media type, `type/subtype`. Parts of a returned
    /// message are none of this mail's.
    pub(super) fn part(&self, media_type: &str) -> Option<String> {
        let is = |part: &&MessagePart<'_>| media_type.eq_ignore_ascii_case(&Self::media_type(part));
        self.message.parts.iter().find(is).map(|part| self.text(part))
    }

    /// What is written for people: the first part of plain text, else of HTML, as text.
    pub(super) fn words(&self) -> Option<String> {
        let of_type = |wanted: &'static str| {
            let mut parts = self.message.parts.iter();
            parts.find(|part| Self::media_type(part) == wanted && !is_container(part))
        };
        if let Some(part) = of_type("text/plain") {
            return Some(self.text(part));
        }
        // It claims to have parts, and no boundary was found.
        let flattened = |part: &&MessagePart<'_>| {
            Self::media_type(part).starts_with("multipart/") && !is_container(part)
        };
        if let Some(part) = self.message.parts.iter().find(flattened) {
            return Some(self.text(part));
        }
        of_type("text/html").map(|part| bounded(&html_to_text(&self.text(part))).to_owned())
    }

    /// A report whose boundaries were lost on the way.
    pub(super) fn is_flattened_report(&self) -> bool {
        let Some(part) = self.message.parts.first() else { return false };
        Self::media_type(part) == "multipart/report" && !is_container(part)
    }

    fn media_type(part: &MessagePart<'_>) -> String {
        match part.content_type() {
            Some(kind) => format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default())
                .to_ascii_lowercase(),
            None => "text/plain".to_owned(),
        }
    }

    /// The content of a part as text: transfer encoding undone, then its character set.
    fn text(&self, part: &MessagePart<'_>) -> String {
        let (start, end) = (part.offset_body as usize, part.offset_end as usize);
        let raw =
            self.raw.get(start..end.min(start + 2 * MOST_TEXT).max(start)).unwrap_or_default();
        let encoding = part
            .headers
            .iter()
            .find(|field| field.name == HeaderName::ContentTransferEncoding)
            .and_then(|field| self.raw.get(field.offset_start as usize..field.offset_end as usize))
            .map_or(&b""[..], <[u8]>::trim_ascii);
        let decoded = if encoding.eq_ignore_ascii_case(b"base64") {
            base64_decode(&whole_quads(raw)).map_or(Cow::Borrowed(raw), Cow::Owned)
        } else if encoding.eq_ignore_ascii_case(b"quoted-printable") {
            quoted_printable_decode(raw).map_or(Cow::Borrowed(raw), Cow::Owned)
        } else {
            Cow::Borrowed(raw)
        };
        let charset = part.content_type().and_then(|kind| kind.attribute("charset"));
        let text = match charset.and_then(|charset| charset_decoder(charset.as_bytes())) {
            Some(decode) => decode(&decoded),
            None => String::from_utf8_lossy(&decoded).into_owned(),
        };
        bounded(&text).replace("\r\n", "\n")
    }
}

/// Drops the messages within the message, one after the other: dropped as the tree that they are, each
/// level takes room on the stack, and strangers say how many there are.
fn take_nested_out(message: &mut Message<'_>) {
    let mut found = nested_in(&mut message.parts);
    while let Some(mut nested) = found.pop() {
        found.append(&mut nested_in(&mut nested.parts));
    }
}

fn nested_in<'x>(parts: &mut [MessagePart<'x>]) -> Vec<Message<'x>> {
    let take = |part: &mut MessagePart<'x>| match std::mem::replace(
        &mut part.body,
        PartType::Multipart(Vec::new()),
    ) {
        PartType::Message(nested) => Some(nested),
        other => {
            part.body = other;
            None
        }
    };
    parts.iter_mut().filter_map(take).collect()
}

fn is_container(part: &MessagePart<'_>) -> bool {
    matches!(part.body, PartType::Multipart(_) | PartType::Message(_))
}

/// A text that was cut does not end within a group of four.
fn whole_quads(raw: &[u8]) -> Vec<u8> {
    let mut letters: Vec<u8> = raw.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    letters.truncate(letters.len() / 4 * 4);
    letters
}

fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(MOST_TEXT)]
}

/// The addresses in a header field or a line of text: what stands in angle brackets, else what has
/// an `@` between separators.
pub(super) fn addresses_in(text: &str) -> impl Iterator<Item = Address> {
    text.split(|c: char| c.is_whitespace() || "<>,;()[]\"".contains(c))
        .map(|word| word.trim_matches(|c: char| "'`:.".contains(c)))
        .map(|word| word.strip_prefix("mailto:").unwrap_or(word))
        .filter(|word| word.contains('@'))
        .filter_map(|word| Address::parse(word).ok())
}
