//! What is written comes back, and nothing in it adds, changes or breaks a header.

use std::collections::BTreeMap;

use mail_parser::{HeaderValue as Parsed, MessageParser, MimeHeaders};
use proptest::prelude::*;

use super::*;
use crate::{
    domain::attachment::FileType,
    mail::calendar::{Event, When},
};

fn letter() -> Letter {
    let address = |text| Address::parse(text).unwrap();
    Letter {
        from: Party::new(Some("Ada Rossi"), address("ada@example.com")),
        to: Party::new(Some("Ann Müller"), address("ann@example.org")),
        reply_to: Some(Party::new(None, address("replies@example.com"))),
        subject: "Industry report".to_owned(),
        text: "Hello Ann\n.\nBye\n".to_owned(),
        html: Some("<p>Hello Ann</p>".to_owned()),
        calendar: None,
        attachments: [].into(),
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
fn one_click_is_promised_over_https_alone() {
    let url = Some("http://127.0.0.1:8080/u/abc".to_owned());
    let mail = Letter { unsubscribe_url: url, ..letter() }.compose().unwrap();
    let headers = headers(&mail.bytes);
    assert_eq!(headers["list-unsubscribe"], ["<http://127.0.0.1:8080/u/abc>"]);
    assert!(!headers.contains_key("list-unsubscribe-post"));
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
    for url in ["javascript:x", "//evil", "", "ftp://x", &format!("https://{}", "x".repeat(999))] {
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

fn event() -> Entry {
    let at = |hour: i64| When::At(Instant::from_millis(1_806_476_401_000 + hour * 3_600_000));
    Entry {
        uid: "hello.spring@bounce.example.com".to_owned(),
        sequence: 1,
        event: Event {
            title: "Webinar".to_owned(),
            starts: at(0),
            ends: at(1),
            location: None,
            url: None,
            about: None,
        },
    }
}

fn file(name: &str, content: &[u8]) -> Attachment {
    let kind = FileType::of("a.zip").unwrap();
    let content = [b"PK", content].concat();
    let encoded = kind.encoded(&content).unwrap().into();
    Attachment {
        file: "files/a.zip".into(),
        name: name.to_owned(),
        content_type: kind.content_type,
        encoded,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn files_come_back_as_they_were_under_their_names(
        contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..4),
        name in "[ -~àéüß€日本😀]{1,60}",
        is_plain in any::<bool>(),
    ) {
        let attachments: Vec<Attachment> = contents
            .iter()
            .enumerate()
            .map(|(number, content)| file(&format!("{number}{name}.zip"), content))
            .collect();
        let html = letter().html.filter(|_| !is_plain);
        let mail = Letter { attachments: attachments.clone().into(), html, ..letter() };
        let mail = mail.compose().unwrap();
        assert_lines(&mail.bytes);
        let parsed = MessageParser::default().parse(&mail.bytes).unwrap();
        prop_assert_eq!(parsed.body_text(0).unwrap(), "Hello Ann\r\n.\r\nBye\r\n");
        prop_assert_eq!(parsed.attachment_count(), attachments.len());
        for (number, content) in contents.iter().enumerate() {
            let part = parsed.attachment(u32::try_from(number).unwrap()).unwrap();
            prop_assert_eq!(part.contents(), [b"PK", content.as_slice()].concat());
            let kind = part.content_type().unwrap();
            prop_assert_eq!((kind.ctype(), kind.subtype()), ("application", Some("zip")));
            let written = one_line(&format!("{number}{name}.zip"), LONGEST_NAME);
            prop_assert_eq!(part.attachment_name().unwrap(), written);
        }
    }
}

#[test]
fn an_event_and_a_file_stand_beside_the_text_and_are_the_same_at_every_try() {
    let letter = Letter {
        calendar: Some(event()),
        attachments: [file("Größe.zip", b"x")].into(),
        ..letter()
    };
    let mail = letter.compose().unwrap();
    assert_eq!(mail.bytes, letter.compose().unwrap().bytes);
    let parsed = MessageParser::default().parse(&mail.bytes).unwrap();
    let names: Vec<_> = parsed.attachments().filter_map(MimeHeaders::attachment_name).collect();
    assert_eq!(names, ["event.ics", "Größe.zip"]);
    let text = String::from_utf8(mail.bytes).unwrap();
    assert!(text.contains("filename*0*=utf-8''Gr%C3%B6%C3%9Fe.zip"), "{text}");
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
