use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Incoming {
    let crlf = parse_report(text.replace('\n', "\r\n").as_bytes(), false).expect("readable");
    assert_eq!(parse_report(text.as_bytes(), false).as_ref(), Ok(&crlf), "line ends do not matter");
    crlf
}

fn dsn(fields: &str) -> Incoming {
    parse(&format!(
        "Return-Path: <>\nDelivered-To: bounce+k7.abc@bounce.example.com\n\
         From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\n\
         To: bounce+k7.abc@bounce.example.com\nSubject: Undelivered Mail\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n\
         --b\n\nThis is the mail system.\n\n--b\nContent-Type: message/delivery-status\n\n\
         Reporting-MTA: dns; mx.example.org\n\n{fields}\n\n\
         --b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <m1@example.com>\n\
         X-Nurtured-Key: n1-abcDEF_2\nSubject: Hello\n\n--b--\n"
    ))
}

fn judged(fields: &str) -> (Class, Option<String>, Option<u16>) {
    let mail = dsn(&format!("Final-Recipient: rfc822; ann@example.org\n{fields}"));
    assert_eq!((mail.kind, mail.reports.len()), (Kind::Delivery, 1), "{fields}");
    let report = &mail.reports[0];
    (report.class, report.status.map(|status| status.to_string()), report.code)
}

#[test]
fn reads_a_delivery_report() {
    let mail = dsn(
        "Original-Recipient: rfc822;ann@example.org\nFinal-Recipient: rfc822; Ann@Example.org\n\
         Action: failed\nStatus: 5.1.1 (bad destination)\n\
         Diagnostic-Code: smtp; 550-5.1.1 The email account that\n  you tried to reach does\n  \
         not exist. <ann@example.org>",
    );
    assert_eq!(mail.kind, Kind::Delivery);
    assert_eq!(mail.class(), Class::Hard);
    assert_eq!(mail.original_message_id.as_deref(), Some("m1@example.com"));
    assert_eq!(mail.original_key.as_deref(), Some("n1-abcDEF_2"));
    let to: Vec<&str> = mail.recipients.iter().map(Address::as_str).collect();
    assert_eq!(to, ["bounce+k7.abc@bounce.example.com"]);
    let report = &mail.reports[0];
    assert_eq!(report.address.as_ref().map(Address::as_str), Some("ann@example.org"));
    assert_eq!(report.action, Some(Action::Failed));
    assert_eq!(report.code, Some(550));
    assert!(report.words.starts_with("550-5.1.1 The email account that you tried"));
}

#[test]
fn reports_each_recipient() {
    let mail = dsn("Final-Recipient: rfc822; ann@example.org\nAction: failed\nStatus: 5.1.1\n\n\
         Final-Recipient: rfc822; bob@example.org\nAction: delayed\nStatus: 4.4.7\n\n\
         Final-Recipient: rfc822; eve@example.org\nAction: relayed\nStatus: 2.1.9");
    let classes = |mail: &Incoming| -> Vec<Class> {
        mail.reports.iter().map(|report| report.class).collect()
    };
    assert_eq!(classes(&mail), [Class::Hard, Class::Soft, Class::Delivered]);
    assert_eq!(mail.class(), Class::Hard);
    let without_blank_line = dsn("Final-Recipient: rfc822; ann@example.org\nAction: failed\n\
         Status: 5.2.2\nFinal-Recipient: rfc822; bob@example.org\nAction: failed\nStatus: 5.1.1");
    assert_eq!(classes(&without_blank_line), [Class::Soft, Class::Hard]);
}

#[test]
fn words_and_codes_make_the_class() {
    for (fields, class) in [
        ("Action: failed\nStatus: 5.1.1", Class::Hard),
        ("Action: failed\nStatus: 5.1.10\nDiagnostic-Code: smtp; 556 5.1.10 null MX", Class::Hard),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 No such user here",
            Class::Hard,
        ),
        ("Action: failed\nStatus: 5.4.4\nDiagnostic-Code: X-Postfix; Host not found", Class::Hard),
        (
            "Action: failed\nStatus: 4.4.4\nDiagnostic-Code: X; Host not found, try again",
            Class::Soft,
        ),
        ("Action: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 mailbox full", Class::Soft),
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 554 over quota", Class::Soft),
        (
            "Action: failed\nStatus: 5.2.1\nDiagnostic-Code: smtp; 550 account is disabled",
            Class::Soft,
        ),
        ("Action: failed\nStatus: 4.4.7", Class::Soft),
        ("Action: failed\nStatus: 5.0.0", Class::Soft),
        ("Action: failed", Class::Soft),
        // Codes that speak of a mailbox that is there, against words.
        (
            "Action: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 550 5.7.1 user unknown",
            Class::Soft,
        ),
        (
            "Action: failed\nStatus: 5.2.1\nDiagnostic-Code: smtp; 550 5.2.1 user unknown",
            Class::Soft,
        ),
        // Ours: never against the lead, whatever the status field says.
        (
            "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.7.1 blacklisted",
            Class::SenderFault,
        ),
        (
            "Action: failed\nStatus: 5.7.26\nDiagnostic-Code: smtp; 550-5.7.26 Unauthenticated",
            Class::SenderFault,
        ),
        ("Action: failed\nStatus: 5.7.515", Class::SenderFault),
        ("Action: failed\nStatus: 4.7.32", Class::SenderFault),
        (
            "Action: failed\nStatus: 5.1.8\nDiagnostic-Code: smtp; 553 Domain of sender address x does not exist",
            Class::SenderFault,
        ),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 see http://www.spamhaus.org/query",
            Class::SenderFault,
        ),
        (
            "Action: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 550 <x>: Helo command rejected: Host not found",
            Class::SenderFault,
        ),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 IP address rejected",
            Class::SenderFault,
        ),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 Host not found (in reply to MAIL FROM command)",
            Class::SenderFault,
        ),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 user unknown (in reply to end of DATA command)",
            Class::Soft,
        ),
        // RFC 7505: the sender's domain takes no mail; what Sendmail says of the recipient's.
        ("Action: failed\nStatus: 5.7.27", Class::SenderFault),
        (
            "Action: failed\nStatus: 5.7.27\nDiagnostic-Code: smtp; 550 5.7.27 Sender domain has null MX",
            Class::SenderFault,
        ),
        (
            "Action: failed\nStatus: 5.7.27\nDiagnostic-Code: smtp; 550 your domain has a null MX record",
            Class::SenderFault,
        ),
        (
            "Action: failed\nStatus: 5.7.27\nDiagnostic-Code: smtp; 550 Host does not accept mail",
            Class::Hard,
        ),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 [5.1.8] Sender address does not exist",
            Class::SenderFault,
        ),
        (
            "Action: failed\nStatus: 5.1.7\nDiagnostic-Code: smtp; 550 address does not exist",
            Class::SenderFault,
        ),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 Invalid domain name in HELO",
            Class::SenderFault,
        ),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 this host does not accept mail from your network",
            Class::SenderFault,
        ),
        // What the address is called says nothing.
        (
            "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <spam@blacklist.example>: user unknown",
            Class::Hard,
        ),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 <user.unknown@a.example> refused",
            Class::Soft,
        ),
        ("Action: delayed\nStatus: 4.4.1\nDiagnostic-Code: smtp; 450 user unknown", Class::Soft),
        ("Action: delivered\nStatus: 2.0.0", Class::Delivered),
    ] {
        assert_eq!(judged(fields).0, class, "{fields}");
    }
    let (_, status, code) = judged(
        "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; host 192.0.2.5 said: 550 5.1.1 x",
    );
    assert_eq!(
        (status.as_deref(), code),
        (Some("5.1.1"), Some(550)),
        "no part of a network address"
    );
}

#[test]
fn reads_a_report_in_words() {
    let mail = parse(
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org\nTo: bounce+k@bounce.example.com\n\
         Subject: failure notice\n\nHi. This is the qmail-send program at mx.example.org.\n\
         I'm afraid I wasn't able to deliver your message to the following addresses.\n\n\
         <ann@example.org>:\n192.0.2.25 does not like recipient.\n\
         Remote host said: 550 5.1.1 User unknown\n\n\
         <bob@example.org>:\nRemote host said: 552 5.2.2 Mailbox full\n\n\
         --- Below this line is a copy of the message.\n\n\
         Message-ID: <m2@example.com>\nX-Nurtured-Key: n1-xyz\nFrom: us@example.com\n\nspam user unknown\n",
    );
    let told: Vec<_> = mail
        .reports
        .iter()
        .map(|report| (report.address.as_ref().map(Address::as_str), report.class))
        .collect();
    assert_eq!(
        told,
        [(Some("ann@example.org"), Class::Hard), (Some("bob@example.org"), Class::Soft)]
    );
    assert_eq!(mail.original_message_id.as_deref(), Some("m2@example.com"));
    assert_eq!(mail.original_key.as_deref(), Some("n1-xyz"));
}

#[test]
fn our_own_words_are_not_the_servers() {
    let mail = parse(
        "From: postmaster@mx.example.org\nTo: us@example.com\nSubject: Undeliverable: Hello\n\n\
         Your message could not be delivered.\n\nReceived: from a\nFrom: us@example.com\n\
         Subject: mailbox does not exist\n\nno such user, user unknown\n",
    );
    assert_eq!((mail.kind, mail.class()), (Kind::Delivery, Class::Soft));
}

fn complaint(kind: &str) -> Incoming {
    parse(&format!(
        "From: fbl@isp.example\nTo: fbl@example.com\nSubject: complaint\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\n\
         This is an abuse report.\n\n--b\nContent-Type: message/feedback-report\n\
         Content-Transfer-Encoding: base64\n\n{}\n\n--b\nContent-Type: message/rfc822\n\n\
         Message-ID: <m3@example.com>\nX-Nurtured-Key: n1-k\nTo: ann@isp.example\n\nHello\n--b--\n",
        base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            format!(
                "Feedback-Type: {kind}\r\nUser-Agent: F/1\r\nVersion: 1\r\n\
                 Original-Rcpt-To: <ann@isp.example>\r\n"
            )
        )
    ))
}

#[test]
fn reads_a_complaint() {
    for (kind, feedback, class) in [
        ("abuse", FeedbackType::Abuse, Class::Complaint),
        ("Fraud", FeedbackType::Fraud, Class::Complaint),
        ("opt-out", FeedbackType::OptOut, Class::OptOut),
        ("something-new", FeedbackType::Other, Class::Complaint),
        // Nobody complained.
        ("not-spam", FeedbackType::NotSpam, Class::Delivered),
        ("auth-failure", FeedbackType::AuthFailure, Class::SenderFault),
    ] {
        let mail = complaint(kind);
        assert_eq!(mail.kind, Kind::Complaint);
        assert_eq!((mail.feedback, mail.class()), (Some(feedback), class), "{kind}");
        assert_eq!(mail.reports[0].address.as_ref().map(Address::as_str), Some("ann@isp.example"));
        assert_eq!(mail.original_key.as_deref(), Some("n1-k"));
    }
}

#[test]
fn tells_people_from_machines() {
    let mail = |header: &str| {
        parse(&format!(
            "From: Ann <ann@example.org>\nTo: us@example.com\nIn-Reply-To: <m4@example.com>\n\
             {header}\n\nThank you.\n"
        ))
    };
    for header in [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (vacation)",
        "Precedence: bulk",
        "Return-Path: <>",
        "X-Autoreply: yes",
        "List-Id: <news.example.org>",
        "Subject: Automatic reply: Hello",
        "Subject: =?utf-8?q?R=C3=A9ponse_automatique_:_Bonjour?=",
        "Subject: Abwesenheitsnotiz",
        "Subject: Risposta automatica: Ciao",
    ] {
        let mail = mail(header);
        assert_eq!((mail.kind, mail.class()), (Kind::AutoReply, Class::AutoReply), "{header}");
    }
    for header in [
        "Subject: Re: Hello",
        "Auto-Submitted: no",
        // People's mailers send it too.
        "X-Auto-Response-Suppress: All",
        "Return-Path: <ann@example.org>",
        "Subject: Re: Undelivered Mail Returned to Sender",
        "Subject: Fwd: Returned mail: see transcript",
        "Sender: postmaster@example.org\nSubject: Re: Hello",
    ] {
        let mail = mail(header);
        assert_eq!((mail.kind, mail.class()), (Kind::Reply, Class::Reply), "{header}");
        assert_eq!(mail.original_message_id.as_deref(), Some("m4@example.com"));
        assert_eq!(mail.from.as_ref().map(Address::as_str), Some("ann@example.org"));
    }
}

#[test]
fn the_envelope_tells_a_machine_that_says_nothing_else() {
    let mail = b"From: ann@example.org\nTo: us@example.com\nSubject: Re: Hello\n\nI am away.\n";
    let kind = |null_sender| parse_report(mail, null_sender).map(|mail| mail.kind);
    assert_eq!((kind(false), kind(true)), (Ok(Kind::Reply), Ok(Kind::AutoReply)));
}

#[test]
fn a_warning_without_a_report_is_a_delay() {
    let mail = |words: &str| {
        parse(&format!(
            "From: MAILER-DAEMON@mx.example.org\nTo: us@example.com\nSubject: Delayed mail\n\n\
             <ann@example.org>: 451 4.4.1 timed out.\n{words}\n"
        ))
    };
    let delayed = mail("This is a warning only: you do not\nneed to resend your message.");
    assert_eq!(delayed.reports[0].action, Some(Action::Delayed));
    assert_eq!(mail("I give up.").reports[0].action, None);
}

#[test]
fn a_postmaster_may_be_a_person() {
    let mail = parse(
        "From: postmaster@example.org\nTo: us@example.com\nSubject: Re: Hello\n\nYes, please.\n",
    );
    assert_eq!(mail.kind, Kind::Reply);
}

#[test]
fn who_asks_to_be_left_alone_is_heard() {
    for header in ["Subject: Unsubscribe", "Subject: x\nX-Apple-Unsubscribe: true"] {
        let mail = parse(&format!("From: ann@example.org\nTo: u@example.com\n{header}\n\n.\n"));
        assert_eq!((mail.kind, mail.feedback), (Kind::Complaint, Some(FeedbackType::OptOut)));
        assert_eq!(mail.reports[0].address, mail.from);
    }
    for (subject, body) in
        [("Re: One question", "Unsubscribe.\n\n> Hello"), ("Re: UNSUBSCRIBE", "x")]
    {
        let mail = parse(&format!(
            "From: ann@example.org\nTo: u@example.com\nSubject: {subject}\n\
             In-Reply-To: <m4@example.com>\n\n{body}\n"
        ));
        assert_eq!(mail.class(), Class::OptOut, "{subject}");
        assert_eq!(mail.original_message_id.as_deref(), Some("m4@example.com"));
    }
    let asks = "From: ann@example.org\nTo: u@example.com\nSubject: Re: Hello\n\n\
                How do I unsubscribe a colleague?\n";
    assert_eq!(parse(asks).class(), Class::Reply);
}

#[test]
fn a_receipt_is_no_bounce() {
    let mail = parse(
        "From: ann@example.org\nTo: us@example.com\nSubject: Read: Hello\n\
         Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n\
         --b\n\nRead.\n\n--b\nContent-Type: message/disposition-notification\n\n\
         Final-Recipient: rfc822;ann@example.org\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n",
    );
    assert_eq!((mail.kind, mail.reports.len()), (Kind::Receipt, 0));
}

#[test]
fn a_bounce_that_a_person_attaches_is_a_persons_mail() {
    let mail = parse(
        "From: ann@example.org\nTo: us@example.com\nSubject: look\n\
         Content-Type: multipart/mixed; boundary=o\n\n--o\n\nWhat is this?\n\n--o\n\
         Content-Type: message/rfc822\n\nFrom: MAILER-DAEMON@x.example\n\
         Content-Type: multipart/report; boundary=i\n\n--i\nContent-Type: message/delivery-status\n\n\
         Final-Recipient: rfc822; bob@example.org\nAction: failed\nStatus: 5.1.1\n\n--i--\n--o--\n",
    );
    assert_eq!((mail.kind, mail.reports.len()), (Kind::Reply, 0));
}

#[test]
fn bombs_are_refused() {
    let header = "From: a@example.org\nTo: b@example.com\nSubject: x\n";
    let nested = |levels: usize| {
        let parts = (0..levels).map(|level| {
            format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n")
        });
        header.to_owned() + &parts.collect::<String>()
    };
    let messages = format!("{header}{}", "Content-Type: message/rfc822\n\n".repeat(50_000));
    let split = format!("{header}{}", "Content - Type: message/rfc822\n\n".repeat(50_000));
    let colons = format!("{header}{}", ":Content-Type: message/rfc822\n\n".repeat(49_000));
    let blanks = format!("Content-Type{}: message/rfc822\n\n", " ".repeat(90));
    let blanks = header.to_owned() + &blanks.repeat(30_000);
    let behind_a_boundary = "Content-Type: multipart/mixed; boundary=b\n\n".to_owned()
        + &"x--b:Content-Type: multipart/mixed; boundary=b\n\n".repeat(40_000);
    let within_lines =
        "Content-Type: multipart/mixed; boundary=b\n\n".to_owned() + &"x--b\n\n".repeat(600_000);
    let attributes: Vec<_> = (0..400_000).map(|i| format!("a{i}*1=x;")).collect();
    let attributes = format!(
        "{header}Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: x/y;{}\n\n",
        attributes.concat()
    );
    let words = format!(
        "{header}Content-Type: multipart/mixed; boundary=b\n\n--b\nSubject:\n{}\n\n",
        " =?utf-8?q?\n".repeat(300_000)
    );
    let flat =
        "Content-Type: multipart/mixed; boundary=b\n\n".to_owned() + &"--b\n\nx\n".repeat(10_000);
    let empty =
        "Content-Type: multipart/mixed; boundary=b\n\n".to_owned() + &"--b\n\nx\n".repeat(1_000);
    let fields = format!("{header}\n--b\n{}", "a:b\n".repeat(1_000_000));
    for (what, text, why) in [
        ("depth", nested(500), Unreadable::TooManyParts),
        ("messages in messages", messages, Unreadable::TooManyParts),
        ("spaces in names", split, Unreadable::TooManyParts),
        ("colons before names", colons, Unreadable::TooManyParts),
        ("many spaces in names", blanks, Unreadable::TooManyParts),
        ("fields behind boundaries", behind_a_boundary, Unreadable::TooManyParts),
        ("boundaries within lines", within_lines, Unreadable::TooManyParts),
        ("attributes of a part", attributes, Unreadable::HeaderTooLarge),
        ("encoded words of a part", words, Unreadable::HeaderTooLarge),
        ("10,000 parts", header.to_owned() + &flat, Unreadable::TooManyParts),
        ("1,000 parts", header.to_owned() + &empty, Unreadable::TooManyParts),
        ("a million fields", fields, Unreadable::TooManyParts),
        (
            "a large header",
            format!("{header}X-Y: {}\n\nx", "y".repeat(300_000)),
            Unreadable::HeaderTooLarge,
        ),
        ("a large mail", format!("{header}\n{}", "y".repeat(6_000_000)), Unreadable::TooLarge),
        ("nothing", String::new(), Unreadable::NoMail),
        ("no header", "\n\nhello".to_owned(), Unreadable::NoMail),
    ] {
        assert_eq!(parse_report(text.as_bytes(), false), Err(why), "{what}");
    }
    // Encoded within itself: left alone, not unpacked.
    let mut inner = "Content-Type: message/rfc822\n\n".repeat(5_000);
    for _ in 0..2 {
        let engine = &base64::engine::general_purpose::STANDARD;
        inner = format!(
            "{header}Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{}",
            base64::Engine::encode(engine, inner)
        );
    }
    assert!(parse_report(inner.as_bytes(), false).is_ok());
}

#[test]
fn a_tree_of_any_depth_is_dropped_without_recursion() {
    let deep = "Content-Type: message/rfc822\n\n".repeat(150_000);
    assert!(mime::Mail::parse(deep.as_bytes(), false).is_ok());
}

fn mail_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "From: MAILER-DAEMON@a.example\n",
        "To: x@b.example\n",
        "Subject: Undelivered\n",
        "Return-Path: <>\n",
        "Content-Type: multipart/report; boundary=b\n",
        "Content-Type: multipart/mixed; boundary=\"\"\n",
        "Content-Type: message/rfc822\n",
        "Content-Type: message/delivery-status\n",
        "Content-Type: text/html; charset=utf-16\n",
        "Content-Type: message/feedback-report\n",
        "Content-Transfer-Encoding: base64\n",
        "Content-Transfer-Encoding: quoted-printable\n",
        "\n",
        "\r\n",
        "--b\n",
        "--b--\n",
        "--\n",
        "Final-Recipient: rfc822; a@b.example\n",
        "Action: failed\n",
        "Status: 5.1.1\n",
        "Status: 9999999.1.1\n",
        "Diagnostic-Code: smtp; 550 user unknown\n",
        "Feedback-Type: abuse\n",
        "=?utf-8?b?4pyT?= ",
        "<a@b.example>: 550\n",
        "=FF=ZZ\n",
        "4pyT4pyT",
        "\0",
        " \t",
        "<b",
        "<!--",
        ":",
        "X-Failed-Recipients: a@b.example, c@d.example\n",
        "\u{1f600}",
        "İ",
    ]);
    let text = prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![3 => text, 1 => prop::collection::vec(any::<u8>(), 0..400)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn nothing_panics(raw in mail_like()) {
        if let Ok(mail) = parse_report(&raw, false) {
            let reported = matches!(mail.kind, Kind::Delivery | Kind::Complaint);
            prop_assert_eq!(reported, !mail.reports.is_empty());
            for report in &mail.reports {
                prop_assert!(report.words.len() <= 500 && !report.words.contains(char::is_control));
            }
        }
    }
}
