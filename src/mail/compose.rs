//! A letter's parts → the bytes that a relay is handed.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use lettre::message::{
    Attachment as Enclosed, Body, Mailbox, Message, MessageBuilder, MultiPart, MultiPartBuilder,
    MultiPartKind, SinglePart,
    header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
};

use super::{
    calendar::{self, Entry},
    header_text::{one_line, phrase, token},
};
use crate::domain::{address::Address, attachment::Attachment, time::Instant};

/// The longest URL in a header: with its name and brackets it stays far below the 998 octets of a
/// line (RFC 5322 §2.1.1), since a URL is not folded.
const LONGEST_URL: usize = 900;
const LONGEST_SUBJECT: usize = 300;
const LONGEST_NAME: usize = 120;

/// A name and an address, as in `From: Ada Rossi <ada@example.com>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Party {
    pub name: Option<String>,
    pub address: Address,
}

impl Party {
    #[must_use]
    pub fn new(name: Option<&str>, address: Address) -> Self {
        Self { name: name.map(str::to_owned), address }
    }
}

/// The list that a mail belongs to (RFC 2919): stable for all mails of a programme.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List {
    /// For people: `Insights from Example`.
    pub text: String,
    /// For programs: `insights.lists.example.com`.
    pub label: String,
}

/// One mail to one person, rendered, before it becomes bytes.
///
/// Free text (names, subject, list text) is cleaned of line breaks and controls; what we made
/// ourselves (key, message id, URL, label) is refused when it holds what may not stand there.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    pub from: Party,
    pub to: Party,
    pub reply_to: Option<Party>,
    pub subject: String,
    /// The plain-text part. Always there.
    pub text: String,
    pub html: Option<String>,
    /// For the reader's calendar.
    pub calendar: Option<Entry>,
    /// Beside the text, in their order.
    pub attachments: Arc<[Attachment]>,
    /// `left@right`, with or without its angle brackets. The same at every try (RFC 5322 §3.6.4).
    pub message_id: String,
    pub date: Instant,
    /// `X-Nurtured-Key`, opaque to its reader; also the DSN envelope id (RFC 3461).
    pub key: String,
    pub list: Option<List>,
    /// One-click unsubscribing (RFC 8058): the URL takes a POST without cookies.
    pub unsubscribe_url: Option<String>,
    /// `Feedback-ID`, by which mailbox providers group complaints: `campaign:workflow:kind:sender`.
    pub feedback_id: Option<String>,
    /// A notice that no person wrote (RFC 3834): nothing may answer it by itself.
    pub auto_submitted: bool,
    /// The envelope sender, where bounces go; `None` is the null return path `<>`.
    pub bounce_address: Option<Address>,
}

/// What a relay is handed: an envelope and a message in canonical form.
#[derive(Clone, PartialEq, Eq)]
pub struct Composed {
    pub envelope_from: Option<Address>,
    pub envelope_to: Address,
    /// The message with CRLF line ends, no line over 998 octets; not dot-stuffed.
    pub bytes: Vec<u8>,
    /// `left@right`, without brackets.
    pub message_id: String,
    pub key: String,
    pub date: Instant,
}

/// Why a letter cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLetter {
    #[error("the mail's {field} cannot be written: {why}")]
    Field { field: &'static str, why: &'static str },
    #[error("the mail library refused the mail: {0}")]
    Refused(String),
    #[error("the mail library failed on the mail: this is a bug, and the mail was not sent")]
    Panicked,
}

impl Letter {
    /// Writes the message: every header once, the date numeric in UTC, bodies as quoted-printable or
    /// base64 so that no line is too long whatever they hold (RFC 5321 §4.5.3.1.6).
    ///
    /// # Errors
    /// When a field that we make ourselves holds what may not stand in a header.
    pub fn compose(&self) -> Result<Composed, BadLetter> {
        // Guarded: the library asserts where it should return an error.
        catch_unwind(AssertUnwindSafe(|| self.write())).unwrap_or(Err(BadLetter::Panicked))
    }

    fn write(&self) -> Result<Composed, BadLetter> {
        let message_id = self.checked_message_id()?;
        token("key", &self.key, 100, "-_.")?;
        let millis = u64::try_from(self.date.millis())
            .ok()
            .filter(|millis| *millis < 253_402_300_800_000)
            .ok_or(BadLetter::Field { field: "date", why: "it is not between 1970 and 9999" })?;

        let mut builder = Message::builder()
            .from(mailbox("sender", &self.from)?)
            .to(mailbox("recipient", &self.to)?)
            .subject(one_line(&self.subject, LONGEST_SUBJECT))
            .date(UNIX_EPOCH + Duration::from_millis(millis))
            .message_id(Some(format!("<{message_id}>")));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(mailbox("reply-to", reply_to)?);
        }
        builder = raw(builder, X_NURTURED_KEY, self.key.clone());
        if let Some(list) = &self.list {
            token("list label", &list.label, 150, "-_.")?;
            let text = phrase(&list.text);
            let space = if text.is_empty() { "" } else { " " };
            builder = raw(builder, LIST_ID, format!("{text}{space}<{}>", list.label));
        }
        if let Some(url) = &self.unsubscribe_url {
            check_url(url)?;
            builder = raw(builder, LIST_UNSUBSCRIBE, format!("<{url}>"));
            // RFC 8058 §3.1: one click is promised for HTTPS alone.
            if url.starts_with("https://") {
                let promise = "List-Unsubscribe=One-Click".to_owned();
                builder = raw(builder, LIST_UNSUBSCRIBE_POST, promise);
            }
        }
        if let Some(id) = &self.feedback_id {
            token("feedback id", id, 200, "-_.:")?;
            builder = raw(builder, FEEDBACK_ID, id.clone());
        }
        if self.auto_submitted {
            builder = raw(builder, AUTO_SUBMITTED, "auto-generated".to_owned());
        }
        // Else the library derives an envelope from the headers, which is not ours.
        let envelope = lettre::address::Envelope::new(
            Some(mailbox("sender", &self.from)?.email),
            vec![mailbox("recipient", &self.to)?.email],
        )
        .map_err(refused)?;
        let builder = builder.envelope(envelope);

        let plain = ContentType::TEXT_PLAIN;
        let message = match &self.html {
            // The library ends a message with a line end of its own.
            None if !self.has_files() => {
                builder.singlepart(part(plain, self.text.strip_suffix('\n').unwrap_or(&self.text))?)
            }
            None => builder.multipart(self.mixed().singlepart(part(plain, &self.text)?)),
            Some(html) => {
                let text = self
                    .parts(MultiPartKind::Alternative, "")
                    .singlepart(part(plain, &self.text)?)
                    .singlepart(part(ContentType::TEXT_HTML, html)?);
                builder.multipart(if self.has_files() {
                    self.mixed().multipart(text)
                } else {
                    text
                })
            }
        };
        let mut bytes = message.map_err(refused)?.formatted();
        if self.has_files() {
            self.enclose(&mut bytes)?;
        }
        Ok(Composed {
            envelope_from: self.bounce_address.clone(),
            envelope_to: self.to.address.clone(),
            bytes,
            message_id,
            key: self.key.clone(),
            date: self.date,
        })
    }

    /// `=_` cannot occur in either encoding of a part (RFC 2045 §6.7), and a second try of the same mail has
    /// the same bytes.
    fn boundary(&self, mark: &str) -> String {
        let key = self.key.get(..60).unwrap_or(&self.key);
        format!("=_{mark}{key}")
    }

    fn parts(&self, kind: MultiPartKind, mark: &str) -> MultiPartBuilder {
        MultiPart::builder().kind(kind).boundary(self.boundary(mark))
    }

    fn has_files(&self) -> bool {
        self.calendar.is_some() || !self.attachments.is_empty()
    }

    /// Around the text and the files.
    fn mixed(&self) -> MultiPartBuilder {
        self.parts(MultiPartKind::Mixed, MIXED)
    }

    /// Puts the files behind the text. Not by the library, which would hold each of them twice more.
    fn enclose(&self, message: &mut Vec<u8>) -> Result<(), BadLetter> {
        let boundary = self.boundary(MIXED);
        let end = format!("--{boundary}--\r\n");
        if !message.ends_with(end.as_bytes()) {
            return Err(BadLetter::Refused("its parts do not end as they began".to_owned()));
        }
        message.truncate(message.len() - end.len());
        let files: usize = self.attachments.iter().map(|file| file.encoded.len() + 500).sum();
        message.reserve_exact(files + 10_000);
        // The event first: mail programs offer to add it.
        if let Some(entry) = &self.calendar {
            let written = entry.write(&self.from, self.date)?.into_bytes();
            // As it is, to the last CRLF.
            let body = Body::new_with_encoding(written, ContentTransferEncoding::Base64)
                .map_err(|_| BadLetter::Refused("the calendar cannot be encoded".to_owned()))?;
            let head = head(calendar::FILE, calendar::CONTENT_TYPE)?;
            add(message, &boundary, &head, body.as_ref());
        }
        for file in self.attachments.iter() {
            let name = one_line(&file.name, LONGEST_NAME);
            add(message, &boundary, &head(&name, file.content_type)?, file.encoded.as_bytes());
        }
        message.extend_from_slice(end.as_bytes());
        Ok(())
    }

    fn checked_message_id(&self) -> Result<String, BadLetter> {
        let id = self.message_id.trim();
        let id = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id);
        let (left, right) = id
            .split_once('@')
            .ok_or(BadLetter::Field { field: "message id", why: "it has no `@`" })?;
        token("message id", left, 200, "!#$%&'*+-/=?^_`{|}~.")?;
        token("message id", right, 255, "-.")?;
        Ok(id.to_owned())
    }
}

/// Of the boundary around the text and the files.
const MIXED: &str = "m_";

const X_NURTURED_KEY: &str = "X-Nurtured-Key";
const LIST_ID: &str = "List-Id";
const LIST_UNSUBSCRIBE: &str = "List-Unsubscribe";
const LIST_UNSUBSCRIBE_POST: &str = "List-Unsubscribe-Post";
const FEEDBACK_ID: &str = "Feedback-ID";
const AUTO_SUBMITTED: &str = "Auto-Submitted";

fn raw(builder: MessageBuilder, name: &'static str, value: String) -> MessageBuilder {
    builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value))
}

fn mailbox(field: &'static str, party: &Party) -> Result<Mailbox, BadLetter> {
    let name = party
        .name
        .as_deref()
        .map(|name| one_line(name, LONGEST_NAME))
        .filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, address(field, &party.address)?))
}

/// The library's own kind of address; ours is the stricter one.
pub(super) fn address(
    field: &'static str,
    address: &Address,
) -> Result<lettre::Address, BadLetter> {
    let bad = BadLetter::Field { field, why: "it is no address" };
    if address.as_str().chars().any(|c| c.is_control() || c.is_whitespace() || "<>\"".contains(c)) {
        return Err(bad);
    }
    lettre::Address::new(address.local_part(), address.domain()).map_err(|_| bad)
}

fn check_url(url: &str) -> Result<(), BadLetter> {
    const FIELD: &str = "unsubscribe URL";
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return Err(BadLetter::Field {
            field: FIELD,
            why: "it starts with neither https nor http",
        });
    }
    token(FIELD, url, LONGEST_URL, "-._~:/?#[]@!$&'()*+;=%")
}

/// The headers of a file in base64, with a name beyond ASCII as RFC 2231 has it.
fn head(name: &str, content_type: &str) -> Result<String, BadLetter> {
    let kind = ContentType::parse(content_type).map_err(refused)?;
    let nothing = Body::dangerous_pre_encoded(Vec::new(), ContentTransferEncoding::Base64);
    Ok(Enclosed::new(name.to_owned()).body(nothing, kind).headers().to_string())
}

fn add(message: &mut Vec<u8>, boundary: &str, head: &str, encoded: &[u8]) {
    for piece in ["--", boundary, "\r\n", head, "\r\n"] {
        message.extend_from_slice(piece.as_bytes());
    }
    message.extend_from_slice(encoded);
    message.extend_from_slice(b"\r\n");
}

fn refused(error: impl fmt::Display) -> BadLetter {
    BadLetter::Refused(error.to_string())
}

/// One body. Quoted-printable, or base64 where that would be shorter.
fn part(kind: ContentType, body: &str) -> Result<SinglePart, BadLetter> {
    let encoded = body.bytes().filter(|b| !b.is_ascii() || *b == b'=').count();
    // Three octets for each encoded one, against four for three of all.
    let encoding = if encoded * 6 > body.len() {
        ContentTransferEncoding::Base64
    } else {
        ContentTransferEncoding::QuotedPrintable
    };
    // A lone CR is a line end of old; the library makes each LF a CRLF.
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    let body = Body::new_with_encoding(body, encoding)
        .map_err(|_| BadLetter::Refused("a body cannot be encoded".to_owned()))?;
    Ok(SinglePart::builder().content_type(kind).body(body))
}

/// Without addresses and content: they stay out of logs.
impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Without addresses and content: they stay out of logs.
impl fmt::Debug for Composed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Composed")
            .field("key", &self.key)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
