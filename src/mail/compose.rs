//! A letter's parts → the bytes that a relay is handed.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, UNIX_EPOCH},
};

use lettre::message::{
    Body, Mailbox, Message, MessageBuilder, MultiPart, MultiPartKind, SinglePart,
    header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
};

use super::header_text::{one_line, phrase, token};
use crate::domain::{address::Address, time::Instant};

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
            builder = raw(builder, LIST_UNSUBSCRIBE_POST, "List-Unsubscribe=One-Click".to_owned());
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
        .map_err(|error| BadLetter::Refused(error.to_string()))?;
        let builder = builder.envelope(envelope);

        let plain = ContentType::TEXT_PLAIN;
        let message = match &self.html {
            // The library ends a message with a line end of its own.
            None => {
                builder.singlepart(part(plain, self.text.strip_suffix('\n').unwrap_or(&self.text))?)
            }
            Some(html) => builder.multipart(
                MultiPart::builder()
                    .kind(MultiPartKind::Alternative)
                    // `=_` cannot occur in either encoding of a part (RFC 2045 §6.7), and a second
                    // try of the same mail has the same bytes.
                    .boundary(format!("=_{}", self.key.get(..60).unwrap_or(&self.key)))
                    .singlepart(part(plain, &self.text)?)
                    .singlepart(part(ContentType::TEXT_HTML, html)?),
            ),
        };
        let message = message.map_err(|error| BadLetter::Refused(error.to_string()))?;
        Ok(Composed {
            envelope_from: self.bounce_address.clone(),
            envelope_to: self.to.address.clone(),
            bytes: message.formatted(),
            message_id,
            key: self.key.clone(),
            date: self.date,
        })
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
mod tests {
    use std::collections::BTreeMap;

    use mail_parser::{HeaderValue as Parsed, MessageParser, MimeHeaders};
    use proptest::prelude::*;

    use super::*;

    fn letter() -> Letter {
        let address = |text| Address::parse(text).unwrap();
        Letter {
            from: Party::new(Some("Ada Rossi"), address("ada@example.com")),
            to: Party::new(Some("Ann Müller"), address("ann@example.org")),
            reply_to: Some(Party::new(None, address("replies@example.com"))),
            subject: "Industry report".to_owned(),
            text: "Hello Ann\n.\nBye\n".to_owned(),
            html: Some("<p>Hello Ann</p>".to_owned()),
            message_id: "k-1@example.com".to_owned(),
            date: Instant::from_millis(1_806_476_401_000),
            key: "k-1".to_owned(),
            list: Some(List {
                text: "Insights (all), from \"Rossi\"".to_owned(),
                label: "insights.example.com".to_owned(),
            }),
            unsubscribe_url: Some("https://go.example.com/u/abc-_~?x=1&y=%2F".to_owned()),
            feedback_id: Some("c:w:m:s".to_owned()),
            auto_submitted: true,
            bounce_address: Some(address("bounce+k1.mac@bounce.example.com")),
        }
    }

    /// The lines of the header section, unfolded, by lower-case name.
    fn headers(bytes: &[u8]) -> BTreeMap<String, Vec<String>> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in head.replace("\r\n ", " ").split("\r\n") {
            let (name, value) = line.split_once(": ").unwrap();
            headers.entry(name.to_lowercase()).or_default().push(value.to_owned());
        }
        headers
    }

    fn assert_lines(bytes: &[u8]) {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.ends_with("\r\n"));
        assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "bare line ends");
        let longest = text.split("\r\n").map(str::len).max();
        assert!(longest <= Some(998), "a line of {longest:?} octets");
    }

    const ALL: [&str; 14] = [
        "auto-submitted",
        "content-type",
        "date",
        "feedback-id",
        "from",
        "list-id",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "message-id",
        "mime-version",
        "reply-to",
        "subject",
        "to",
        "x-nurtured-key",
    ];

    #[test]
    fn a_letter_has_each_header_once_as_the_standards_want_it() {
        let mail = letter().compose().unwrap();
        assert_lines(&mail.bytes);
        let headers = headers(&mail.bytes);
        assert_eq!(headers.keys().map(String::as_str).collect::<Vec<_>>(), ALL);
        let of = |name: &str| match headers[name].as_slice() {
            [only] => only.as_str(),
            more => panic!("{name} {} times", more.len()),
        };
        assert_eq!(of("from"), "\"Ada Rossi\" <ada@example.com>");
        assert_eq!(of("date"), "Wed, 31 Mar 2027 07:00:01 +0000");
        assert_eq!(of("message-id"), "<k-1@example.com>");
        assert_eq!(of("x-nurtured-key"), "k-1");
        assert_eq!(of("list-id"), "Insights all from Rossi <insights.example.com>");
        assert_eq!(of("list-unsubscribe"), "<https://go.example.com/u/abc-_~?x=1&y=%2F>");
        assert_eq!(of("list-unsubscribe-post"), "List-Unsubscribe=One-Click");
        assert_eq!(of("auto-submitted"), "auto-generated");
        assert_eq!(mail.message_id, "k-1@example.com");
        assert_eq!(mail.envelope_to.as_str(), "ann@example.org");
        let from = mail.envelope_from.unwrap();
        assert_eq!(from.as_str(), "bounce+k1.mac@bounce.example.com");
    }

    #[test]
    fn a_second_try_has_the_same_bytes() {
        assert!(letter().compose().unwrap() == letter().compose().unwrap());
    }

    #[test]
    fn both_parts_come_back_as_they_were() {
        let mail = letter().compose().unwrap();
        let parsed = MessageParser::default().parse(&mail.bytes).unwrap();
        assert_eq!(parsed.body_text(0).unwrap(), "Hello Ann\r\n.\r\nBye\r\n");
        assert_eq!(parsed.body_html(0).unwrap(), "<p>Hello Ann</p>");
        assert!(parsed.content_type().is_some_and(|t| t.subtype() == Some("alternative")));
    }

    #[test]
    fn a_letter_without_html_is_plain_text_alone() {
        let mail = Letter { html: None, ..letter() }.compose().unwrap();
        let parsed = MessageParser::default().parse(&mail.bytes).unwrap();
        assert_eq!(parsed.body_text(0).unwrap(), "Hello Ann\r\n.\r\nBye\r\n");
        assert!(parsed.content_type().is_some_and(|t| t.subtype() == Some("plain")));
    }

    #[test]
    fn a_megabyte_on_one_line_travels_in_short_lines() {
        for unit in ["x", "è", "= ", "\u{1f600}", "."] {
            let html = unit.repeat(1_000_000 / unit.len());
            let mail = Letter { html: Some(html.clone()), ..letter() }.compose().unwrap();
            assert_lines(&mail.bytes);
            assert!(mail.bytes.is_ascii());
            let parsed = MessageParser::default().parse(&mail.bytes).unwrap();
            assert!(parsed.body_html(0).unwrap() == html, "{unit}");
        }
    }

    #[test]
    fn a_local_part_beyond_ascii_is_written_as_it_is() {
        let to = Party::new(Some("Jörg"), Address::parse("jörg@example.org").unwrap());
        let mail = Letter { to, ..letter() }.compose().unwrap();
        let text = String::from_utf8(mail.bytes).unwrap();
        assert!(text.contains("<jörg@example.org>"), "{text}");
    }

    #[test]
    fn what_we_make_ourselves_is_refused_when_it_is_broken() {
        let evils = ["\r", "\n", "\r\n", "\0", "\u{2028}", "\u{85}", " ", "<", ">", "é", ","];
        let breaks: [fn(&mut Letter, &str); 6] = [
            |letter, evil| letter.key.push_str(evil),
            |letter, evil| letter.message_id.insert_str(1, evil),
            |letter, evil| letter.message_id.insert_str(8, evil),
            |letter, evil| letter.unsubscribe_url.as_mut().unwrap().insert_str(12, evil),
            |letter, evil| letter.list.as_mut().unwrap().label.insert_str(3, evil),
            |letter, evil| letter.feedback_id.as_mut().unwrap().insert_str(1, evil),
        ];
        for evil in evils {
            for (index, break_it) in breaks.iter().enumerate() {
                let mut letter = letter();
                break_it(&mut letter, evil);
                let error = letter.compose().unwrap_err();
                assert!(matches!(error, BadLetter::Field { .. }), "{index} {evil:?}: {error}");
            }
        }
        for url in
            ["javascript:x", "//evil", "", "ftp://x", &format!("https://{}", "x".repeat(999))]
        {
            let bad = Letter { unsubscribe_url: Some(url.to_owned()), ..letter() };
            assert!(matches!(bad.compose(), Err(BadLetter::Field { .. })), "{url}");
        }
        for date in [-1, i64::MAX, i64::MIN] {
            let bad = Letter { date: Instant::from_millis(date), ..letter() };
            assert!(matches!(bad.compose(), Err(BadLetter::Field { .. })), "{date}");
        }
    }

    fn name_of(header: &Parsed<'_>) -> Option<String> {
        let address = header.as_address()?.first()?;
        address.name.as_deref().map(str::to_owned)
    }

    /// Text as an attacker writes it: header breaks, quotes, encoded words, template marks.
    fn evil_text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("\r\n".to_owned()),
            Just("\n".to_owned()),
            Just("\r".to_owned()),
            Just("\0".to_owned()),
            Just("\u{2028}".to_owned()),
            Just("\u{85}".to_owned()),
            Just("\r\nBcc: evil@example.net\r\n\r\n".to_owned()),
            Just("=?utf-8?q?x?=".to_owned()),
            Just("\" <evil@example.net>, ".to_owned()),
            Just("\\".to_owned()),
            Just("{{ 7*7 }}".to_owned()),
            Just("x".repeat(1200)),
            "[ -~]{0,20}",
            "\\PC{0,20}",
            any::<String>(),
        ];
        proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn no_text_adds_changes_or_breaks_a_header(
            subject in evil_text(),
            from in evil_text(),
            to in evil_text(),
            list in evil_text(),
            text in evil_text(),
            html in evil_text(),
        ) {
            let mut letter = letter();
            letter.subject.clone_from(&subject);
            letter.from.name = Some(from.clone());
            letter.to.name = Some(to.clone());
            letter.list.as_mut().unwrap().text = list;
            letter.text.clone_from(&text);
            letter.html = Some(html.clone());
            let mail = letter.compose().unwrap();
            assert_lines(&mail.bytes);
            prop_assert!(mail.bytes.is_ascii());

            let headers = headers(&mail.bytes);
            prop_assert_eq!(headers.keys().map(String::as_str).collect::<Vec<_>>(), ALL);
            prop_assert!(headers.values().all(|values| values.len() == 1));
            prop_assert!(headers["list-id"][0].ends_with("<insights.example.com>"));

            let parsed = MessageParser::default().parse(&mail.bytes).unwrap();
            prop_assert_eq!(parsed.subject().unwrap_or_default(), one_line(&subject, LONGEST_SUBJECT));
            for (header, address, name) in
                [("From", "ada@example.com", from), ("To", "ann@example.org", to)]
            {
                let header = parsed.header(header).unwrap();
                let all = header.as_address().unwrap();
                prop_assert_eq!(all.iter().count(), 1);
                prop_assert_eq!(all.first().unwrap().address().unwrap(), address);
                prop_assert_eq!(
                    name_of(header).unwrap_or_default(),
                    one_line(&name, LONGEST_NAME)
                );
            }
            let crlf = |text: &str| {
                text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
            };
            prop_assert_eq!(parsed.body_text(0).unwrap(), crlf(&text));
            prop_assert_eq!(parsed.body_html(0).unwrap(), crlf(&html));
        }
    }
}
