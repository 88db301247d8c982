//! Mail that comes back: whose it is, what it does, and what is kept of it.

use nurtured::{
    domain::{address::Address, event::EventKind, id::LeadId},
    engine::inbox::{Action, Envelope},
    token::MailRef,
};

use crate::support::{
    databases::for_each_database,
    engine::{Campaign, Rig},
};

fn campaign() -> Campaign {
    Campaign::new()
        .workflow(
            "one",
            "enter:\n  when: stage == \"lead\"\n  existing: yes\nsteps:\n  - email: cold/one\n",
        )
        .mail("cold/one", "One")
}

/// A lead who was written to, and the Message-ID of that mail.
async fn written_to(rig: &Rig) -> (LeadId, String) {
    let lead = rig.lead("ann@example.com", &[]).await;
    assert_eq!(rig.tick().await.sent, 1);
    let message = rig.messages(lead).await[0].id;
    (lead, rig.keyring.message_id(&MailRef { lead, message }))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_null_sender_of_an_envelope_is_no_person() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let (lead, id) = written_to(&rig).await;
        let answer = format!(
            "From: ann@example.com\r\nTo: ada@example.com\r\nSubject: Re: One\r\n\
             In-Reply-To: <{id}@example.com>\r\n\r\nI am away until Monday.\r\n"
        );
        let recipients = vec![Address::parse("ada@example.com").unwrap()];
        let from = |null_sender| Envelope { null_sender, recipients: recipients.clone() };
        let by_machine = rig.arrives(answer.as_bytes(), &from(true)).await.unwrap();
        assert_eq!((by_machine.kind, by_machine.action), ("auto_reply", Action::Ignored));
        assert_eq!(rig.events(lead, &EventKind::LEAD_REPLIED).await.len(), 0);
        let by_person = rig.arrives(answer.as_bytes(), &from(false)).await.unwrap();
        assert_eq!((by_person.kind, by_person.action), ("reply", Action::Recorded));
        assert_eq!(rig.events(lead, &EventKind::LEAD_REPLIED).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_failed_authentication_is_no_bounce() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let (lead, id) = written_to(&rig).await;
        let report = |kind: &str| {
            format!(
                "From: fbl@isp.example\r\nTo: fbl@example.com\r\nSubject: report\r\n\
                 Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n\
                 --b\r\n\r\nA report.\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n\
                 Feedback-Type: {kind}\r\nUser-Agent: F/1\r\nVersion: 1\r\n\r\n\
                 --b\r\nContent-Type: message/rfc822\r\n\r\n\
                 Message-ID: <{id}@example.com>\r\n\r\nHello\r\n--b--\r\n"
            )
        };
        let failed = rig.comes_back(report("auth-failure").as_bytes(), "fbl@example.com").await;
        assert_eq!((failed.matched, failed.action), (true, Action::Ignored));
        assert_eq!(rig.events(lead, &EventKind::MAIL_BOUNCED).await.len(), 0);
        let abuse = rig.comes_back(report("abuse").as_bytes(), "fbl@example.com").await;
        assert_eq!(abuse.action, Action::Suppressed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_nobodys_is_on_disk_or_stays_with_the_mail_server() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let bomb = "Content-Type: message/rfc822\r\n\r\n".repeat(1_000);
        let stranger =
            "From: eve@example.net\r\nTo: ada@example.com\r\nSubject: Hello\r\n\r\nHi.\r\n";
        let vacation = format!("Auto-Submitted: auto-replied\r\n{stranger}");
        for (mail, kind, action) in [
            (&*bomb, "unreadable", Action::Kept),
            ("", "unreadable", Action::Kept),
            (stranger, "reply", Action::Kept),
            (&*vacation, "auto_reply", Action::Ignored),
        ] {
            let accepted = rig.comes_back(mail.as_bytes(), "ada@example.com").await;
            assert_eq!((accepted.kind, accepted.matched, accepted.action), (kind, false, action));
        }
        let files = std::fs::read_dir(rig.unclaimed()).unwrap();
        let kept: Vec<_> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        assert_eq!(kept.len(), 3);
        for mail in [&*bomb, "", stranger] {
            assert!(kept.iter().any(|kept| kept == mail.as_bytes()));
        }
        // A file stands where the folder should be.
        std::fs::remove_dir_all(rig.unclaimed()).unwrap();
        std::fs::write(rig.unclaimed(), "").unwrap();
        assert!(rig.arrives(stranger.as_bytes(), &Envelope::default()).await.is_err());
    })
    .await;
}
