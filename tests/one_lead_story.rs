//! The main job, told of one lead of the CRM's export: imported, written to on her own clock, she
//! clicks, warms up, sales is told, the next mail comes in its hours, and the goal ends it.

use std::{collections::BTreeMap, path::PathBuf};

use nurtured::{
    domain::{
        address::Address,
        event::EventKind,
        id::LeadId,
        lead::{Basis, Stage, Suppression},
        message::MessageState,
    },
    engine::{
        import::{LeadsImport, LeadsReport, Mapping, import_leads},
        inbox::Action,
        preparing::standing,
        settling::Tally,
    },
    store::records::{ImportRun, LedgerRow},
};

use crate::support::{
    databases::for_each_database,
    engine::{Campaign, DAY, HOUR, MINUTE, Read, Rig, SECOND, Setup, at},
    sink::SmtpSink,
    site::shared,
    smtp::Received,
};

const HEADERS: &str = "Record ID,First Name,Last Name,Email,Job Title,Seniority,Buying Role,Company Name,\
    Industry,Number of Employees,Annual Revenue,Country/Region,Time Zone,Preferred language,Lifecycle Stage,\
    Lead Status,Original Source,Contact owner,Create Date,Marketing consent,Consent date,Unsubscribed";
const OWN_ROW: &str = "lead_1,Nora,Field,nora.field@fieldworks.example,VP Finance,director,economic_buyer,\
    Fieldworks,manufacturing,500-999,$10M-$50M,United States,America/New_York,en,Lead,Not now,sdr_outbound,\
    rep_1,2026-01-11,Yes,2026-01-11,false";

/// Monday, eight in the morning in New York.
const MONDAY: &str = "2026-11-30T13:00:00Z";

/// A lead as the CRM wrote her, and the file that she comes in.
struct Person {
    email: String,
    first_name: String,
    last_name: String,
    company: String,
    file: PathBuf,
    folder: tempfile::TempDir,
}

/// One who said "not now", can decide, agreed to be written to and lives in New York.
fn somebody() -> Person {
    let text = shared("crm/contacts.csv").map_or_else(
        || format!("{HEADERS}\n{OWN_ROW}\n"),
        |export| std::fs::read_to_string(export).unwrap(),
    );
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).as_bytes();
    let mut export = csv::Reader::from_reader(text);
    let headers = export.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = export.records().collect::<Result<_, _>>().unwrap();
    let cell = |row: &csv::StringRecord, header: &str| {
        let place = headers.iter().position(|name| name == header).unwrap();
        row[place].to_owned()
    };
    let wanted = [
        ("Lead Status", "Not now"),
        ("Lifecycle Stage", "Lead"),
        ("Seniority", "director"),
        ("Buying Role", "economic_buyer"),
        ("Number of Employees", "500-999"),
        ("Time Zone", "America/New_York"),
        ("Preferred language", "en"),
        ("Marketing consent", "Yes"),
        ("Unsubscribed", "false"),
    ];
    let fits = |row: &&csv::StringRecord| {
        wanted.iter().all(|(header, value)| cell(row, header) == *value)
            && !cell(row, "First Name").is_empty()
    };
    let row = rows.iter().find(fits).expect("somebody like her");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("contacts.csv");
    let mut writer = csv::Writer::from_path(&file).unwrap();
    writer.write_record(&headers).unwrap();
    writer.write_record(row).unwrap();
    writer.flush().unwrap();
    Person {
        email: cell(row, "Email").trim().to_lowercase(),
        first_name: cell(row, "First Name"),
        last_name: cell(row, "Last Name"),
        company: cell(row, "Company Name"),
        file,
        folder,
    }
}

/// A short way back for those who said "not now"; everything around it is shipped.
const REAWAKEN: &str = r#"workflow: reawaken-cold
purpose: insights
enter:
  when: stage == "lead" and lead_status == "Not now"
  existing: yes
goal: stage in ["sql", "customer"]
leave: replied() or in_segment("in-talks") or stage == "disqualified"
send:
  window: mon-fri 09:00-17:30
steps:
  - email: cold/industry-report
  - wait_for: clicked("cold/industry-report") or visited("/pricing")
    up_to: 10d
    then:
      - set: { interest: industry-report }
      - wait: 2 business days
      - email: cold/case-study
    else:
      - email: cold/one-question
  - wait_for: stage == "mql"
    up_to: 20d
    then:
      - notify: sales
      - tag: stirred
      - wait: 2 business days
      - email: cold/one-question
      - wait: 30d
"#;

fn campaign() -> Campaign {
    Campaign::shipped()
        .without("workflows/patient-prospects.yaml")
        .without("workflows/to-sales.yaml")
        .file("workflows/reawaken-cold.yaml", REAWAKEN)
}

async fn rig(db: &crate::support::databases::TestDatabase) -> Rig {
    Rig::with(db, &campaign(), Setup { start: at(MONDAY), ..Setup::default() }).await
}

/// `nurtured leads import FILE [--purpose PURPOSE]`, now.
async fn import(rig: &Rig, file: PathBuf, purpose: Option<&str>) -> LeadsReport {
    rig.engine.take_over().await.unwrap();
    let import = LeadsImport {
        rejects: file.with_extension("rejects.csv"),
        file,
        mapping: Mapping::default(),
        schema: Some(rig.engine.live().unwrap().definitions.schema.clone()),
        people: None,
        run: ImportRun {
            id: rig.clock.now().millis(),
            source: "crm".into(),
            is_named: false,
            campaign: None,
        },
        purpose: purpose.map(Into::into),
        basis: Basis::Consent,
        dry_run: false,
    };
    import_leads(&rig.store, import, rig.clock.now(), |_| ()).await.unwrap()
}

/// Imported on Monday at eight, and the first mail at nine.
async fn first_mail(rig: &Rig, person: &Person) -> (LeadId, Received) {
    let report = import(rig, person.file.clone(), Some("insights")).await;
    assert_eq!((report.rows, report.created, report.rejected), (1, 1, 0), "{report:?}");
    let address = Address::parse(&person.email).unwrap();
    let lead = rig.store.find_lead(&address).await.unwrap().unwrap();
    let report = rig.tick().await;
    assert_eq!((report.sent, report.next_wake_at), (0, Some(at("2026-11-30T14:00:00Z"))));
    assert_eq!(rig.tick_at(at("2026-11-30T13:59:59.999Z")).await.sent, 0);
    assert_eq!(rig.tick_at(at("2026-11-30T14:00:00Z")).await.sent, 1);
    let mail = rig.mails_to(&person.email).remove(0);
    (lead, mail)
}

/// Engagement in points, now.
async fn engagement(rig: &Rig, lead: LeadId) -> f64 {
    let live = rig.engine.live().unwrap();
    let record = rig.record(lead).await;
    let state = record.hydrate(&live.definitions).state;
    standing(&live.definitions, &state, rig.clock.now()).engagement.unwrap().as_points()
}

/// The points of a lead's ledger, by rule.
async fn ledger(rig: &Rig, lead: LeadId) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for LedgerRow { line, .. } in rig.store.ledger(lead).await.unwrap() {
        *sums.entry(line.rule.to_string()).or_default() += line.points.as_points();
    }
    sums
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_export_to_the_goal() {
    let person = somebody();
    for_each_database(async |db| {
        let rig = rig(db).await;

        // She is told from the rest: fit is who she is, and nothing is known of what she does.
        let (lead, mail) = first_mail(&rig, &person).await;
        let record = rig.record(lead).await;
        assert_eq!((record.stage, record.memory.fit.as_points()), (Stage::Lead, 60.0));
        assert!(engagement(&rig, lead).await < 0.001);

        // The mail is for her, in every part that she and her mail program look at.
        let read = Read::of(&mail);
        assert_eq!(read.subject, "Where purchase requests get stuck");
        assert!(read.text.contains(&format!("Hi {},", person.first_name)), "{}", read.text);
        assert!(read.text.contains(&person.company));
        assert!(read.html.contains("Via Roma 1, 20121 Milano"));
        let to = mail.header("To").unwrap();
        assert!(to.contains(&person.first_name) && to.contains(&person.last_name), "{to}");
        assert!(to.contains(&person.email));
        assert_eq!(mail.header("From").unwrap(), "\"Ada Rossi\" <ada@example.com>");
        // The rig's links are plain HTTP on this machine: RFC 8058 wants HTTPS.
        assert!(mail.header("List-Unsubscribe").is_some());
        assert_eq!(mail.header("List-Unsubscribe-Post"), None);
        assert_eq!(
            mail.header("List-Id").unwrap().split_whitespace().collect::<Vec<_>>().join(" "),
            "Industry insights and research - Ada Rossi <reawaken-cold.bounce.example.com>"
        );
        assert!(mail.from.starts_with("bounce+") && mail.from.ends_with("@bounce.example.com"));
        let sent = rig.messages(lead).await.remove(0);
        assert_eq!(mail.key(), rig.keyring.message_key(sent.id));
        assert_eq!(sent.sent_at, Some(at("2026-11-30T14:00:00Z")));

        // The page behind the link that ends it says what the mail was about.
        let page = rig.browser.get(read.unsubscribe.as_ref().unwrap()).send().await.unwrap();
        let page = page.text().await.unwrap();
        assert!(page.contains("<strong>Industry insights and research</strong>"), "{page}");

        // Next morning she opens it,
        rig.clock.set(at("2026-12-01T13:29:00Z"));
        let picture = rig.browser.get(read.pixel.as_ref().unwrap()).send().await.unwrap();
        assert_eq!(picture.headers()["content-type"], "image/gif");
        // clicks, and lands where the mail pointed, marked as coming from it.
        rig.clock.set(at("2026-12-01T13:30:00Z"));
        let link = &read.links[0];
        assert!(link.starts_with(&format!("http://{}/c/", rig.public)));
        let landed = rig.browser.get(link).send().await.unwrap();
        let location = landed.headers()["location"].to_str().unwrap().to_owned();
        assert!(location.starts_with("https://www.example.com/report?"), "{location}");
        for mark in ["utm_source=nurtured", "utm_medium=email", "utm_campaign=reawaken-cold"] {
            assert!(location.contains(mark), "{location}");
        }
        let (forged, last) = link.split_at(link.len() - 1);
        let forged = format!("{forged}{}", if last == "A" { "B" } else { "A" });
        assert_eq!(rig.browser.get(forged).send().await.unwrap().status(), 404);

        // For twenty seconds the click could still be a machine's; then it counts.
        let report = rig.tick().await;
        assert_eq!(ledger(&rig, lead).await.get("clicked in a mail"), None);
        assert!(rig.enrolment(lead).await.step.starts_with("wait_for.clicked"));
        let settles = rig.clock.now() + 20 * SECOND;
        assert_eq!(report.next_wake_at, Some(settles));
        rig.tick_at(settles).await;
        assert_eq!(rig.enrolment(lead).await.step.as_str(), "wait.2-business-days");
        let points = ledger(&rig, lead).await;
        assert_eq!((points["clicked in a mail"], points["opened a mail"]), (20.0, 1.0));
        let points = engagement(&rig, lead).await;
        assert!((20.9..=21.0).contains(&points), "fading begins at once, and slowly: {points}");
        let record = rig.record(lead).await;
        assert_eq!(record.stage, Stage::Lead, "that is not enough yet");
        assert_eq!(record.profile.attributes["interest"], "industry-report");

        // Two business days later, at the hour of her click, the next mail; not a moment sooner.
        rig.walk(at("2026-12-03T13:30:19Z")).await;
        assert_eq!(rig.subjects_to(&person.email).len(), 1);
        rig.walk(at("2026-12-03T13:59:59Z")).await;
        assert_eq!(rig.subjects_to(&person.email).len(), 1, "half past eight is not her office hour");
        rig.walk(at("2026-12-03T14:00:00Z")).await;
        let second = "From nine days to two: what one company changed";
        assert_eq!(rig.subjects_to(&person.email), [&*read.subject, second]);

        // She looks at the prices: with that she is ready for marketing's handshake, and sales hears of it.
        rig.clock.set(at("2026-12-04T21:00:00Z"));
        rig.happens(lead, EventKind::PAGE_VISITED, Some("/pricing")).await;
        rig.tick().await;
        let points = ledger(&rig, lead).await;
        assert_eq!((points["looked at prices"], points["saw any page"]), (15.0, 2.0));
        assert!(engagement(&rig, lead).await >= 30.0);
        assert_eq!(rig.record(lead).await.stage, Stage::Mql);
        let changed = rig.events(lead, &EventKind::STAGE_CHANGED).await.remove(0);
        assert_eq!(changed.object.as_deref(), Some("mql"));
        for colleague in ["ada@example.com", "ben@example.com"] {
            let note = rig.mails_to(colleague).remove(0);
            assert!(note.text().contains(&person.email), "{}", note.text());
            assert_eq!(note.header("List-Unsubscribe"), None);
        }
        assert!(rig.record(lead).await.profile.tags.contains("stirred"));

        // It is Friday afternoon: two business days later is Tuesday.
        rig.walk(at("2026-12-08T20:59:59Z")).await;
        assert_eq!(rig.subjects_to(&person.email).len(), 2);
        rig.walk(at("2026-12-08T21:00:00Z")).await;
        assert_eq!(rig.subjects_to(&person.email)[2], "One question, no pitch");

        // Sales has talked to her; the CRM's next export says so, and the goal is reached.
        rig.clock.set(at("2026-12-10T16:00:00Z"));
        let update = person.folder.path().join(format!("{}.csv", db.name));
        let row = format!(
            "Email,Lead Status,budget,authority,need,timing\n{},In progress,true,true,faster approvals,now\n",
            person.email.to_uppercase()
        );
        std::fs::write(&update, row).unwrap();
        let report = import(&rig, update, None).await;
        assert_eq!((report.created, report.updated), (0, 1), "{report:?}");
        rig.tick().await;
        assert_eq!(rig.record(lead).await.stage, Stage::Sql);
        let enrolment = rig.enrolment(lead).await;
        assert_eq!((enrolment.state.as_str(), enrolment.ended_at), ("goal", Some(rig.clock.now())));
        rig.walk(at("2027-03-01T00:00:00Z")).await;
        assert_eq!(rig.subjects_to(&person.email).len(), 3, "marketing keeps quiet from here on");

        // Whoever asks later reads the whole story.
        let timeline = rig.store.timeline(lead, 1_000).await.unwrap();
        let mut story = timeline.iter().map(|line| line.kind.as_str());
        for chapter in [
            "lead.imported", "decision.entered", "decision.reserved", "mail.sent", "mail.clicked",
            "decision.advanced", "mail.sent", "page.visited", "stage.changed", "mail.sent",
            "lead.imported", "stage.changed", "decision.ended",
        ] {
            assert!(story.any(|kind| kind == chapter), "{chapter} is missing: {timeline:#?}");
        }
        assert!(timeline.iter().all(|line| !line.kind.starts_with("decision.")
            || line.detail.as_ref().is_some_and(|why| !why.is_empty())));
        assert!(timeline.windows(2).all(|two| two[0].at <= two[1].at));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_click_and_nothing_more_comes() {
    let person = somebody();
    for_each_database(async |db| {
        let rig = rig(db).await;
        let (lead, mail) = first_mail(&rig, &person).await;
        let url = Read::of(&mail).unsubscribe.unwrap();
        rig.clock.set(rig.clock.now() + HOUR);
        // Looking at the page changes nothing: gateways look at everything.
        let page = rig.browser.get(&url).send().await.unwrap();
        assert!(page.status().is_success());
        assert_eq!(rig.record(lead).await.suppressed, None);
        for _ in 0..2 {
            let post = rig.browser.post(&url).body("List-Unsubscribe=One-Click");
            assert_eq!(post.send().await.unwrap().status(), 200);
        }
        assert_eq!(rig.record(lead).await.suppressed, Some(Suppression::Unsubscribed));
        rig.tick().await;
        let enrolment = rig.enrolment(lead).await;
        assert_eq!(enrolment.state, "left");
        assert!(enrolment.reason.unwrap().contains("unsubscribed"));
        rig.walk(rig.clock.now() + 200 * DAY).await;
        assert_eq!(rig.mails_to(&person.email).len(), 1);
        // The CRM does not know, and exports her again.
        import(&rig, person.file.clone(), Some("insights")).await;
        rig.walk(rig.clock.now() + 30 * DAY).await;
        assert_eq!(rig.mails_to(&person.email).len(), 1);
        assert_eq!(rig.record(lead).await.suppressed, Some(Suppression::Unsubscribed));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_sales_meets_gives_up_or_wins_marketing_writes_to_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("three.csv");
    let names = ["met", "unfit", "buyer"];
    let address = |name: &str| format!("{name}@fieldworks.example");
    let rows: String = names
        .map(|name| format!("{},Not now,America/New_York,Yes,2026-01-11\n", address(name)))
        .concat();
    let headers = "Email,Lead Status,Time Zone,Marketing consent,Consent date\n";
    std::fs::write(&file, format!("{headers}{rows}")).unwrap();
    for_each_database(async |db| {
        let rig = rig(db).await;
        assert_eq!(import(&rig, file.clone(), Some("insights")).await.created, 3);
        // One after the other, at the pace of the house for mails to one domain.
        rig.walk_from(at("2026-11-30T14:00:00Z"), at("2026-11-30T14:01:00Z")).await;
        for name in names {
            assert_eq!(rig.mails_to(&address(name)).len(), 1, "{name}");
        }
        let mut leads = Vec::new();
        for name in names {
            let address = Address::parse(&address(name)).unwrap();
            leads.push(rig.store.find_lead(&address).await.unwrap().unwrap());
        }

        rig.clock.set(at("2026-12-01T15:00:00Z"));
        rig.happens(leads[0], EventKind::parse("sales.meeting").unwrap(), None).await;
        let update = folder.path().join(format!("{}.csv", db.name));
        std::fs::write(&update, format!("Email,Lead Status\n{},Unqualified\n", address("unfit")))
            .unwrap();
        import(&rig, update, None).await;
        rig.happens(leads[2], EventKind::parse("deal.won").unwrap(), None).await;
        rig.tick().await;
        for ((lead, stage), end) in leads
            .iter()
            .zip([Stage::Lead, Stage::Disqualified, Stage::Customer])
            .zip(["left", "left", "goal"])
        {
            assert_eq!(rig.record(*lead).await.stage, stage);
            assert_eq!(rig.enrolment(*lead).await.state, end, "{stage}");
        }
        rig.walk(rig.clock.now() + 90 * DAY).await;
        for name in names {
            assert_eq!(rig.mails_to(&address(name)).len(), 1, "{name}");
        }
    })
    .await;
}

/// The report of a mail server, as it comes to the return path.
fn bounce(return_path: &str, recipient: &str) -> Vec<u8> {
    format!(
        "Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example.org>\nTo: {return_path}\n\
         Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n\
         --b\nContent-Type: text/plain\n\nThis is the mail system.\n\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n\
         Final-Recipient: rfc822; {recipient}\nAction: failed\nStatus: 5.1.1\n\
         Diagnostic-Code: smtp; 550 5.1.1 <{recipient}>: user unknown\n\n--b--\n"
    )
    .replace('\n', "\r\n")
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hard_bounce_suppresses_before_the_next_mail() {
    let person = somebody();
    for_each_database(async |db| {
        let rig = rig(db).await;
        let (lead, mail) = first_mail(&rig, &person).await;
        let accept = async |return_path: &str| {
            rig.comes_back(&bounce(return_path, &person.email), return_path).await
        };
        rig.clock.set(rig.clock.now() + MINUTE);
        // Anybody can write such a report: without our signature it says nothing about her.
        let forged = mail.from.replacen("bounce+a", "bounce+b", 1).replacen('.', "a.", 1);
        let accepted = accept(&forged).await;
        assert_eq!((accepted.matched, accepted.action), (false, Action::Kept));
        assert_eq!(rig.record(lead).await.suppressed, None);

        let accepted = accept(&mail.from).await;
        assert_eq!((accepted.matched, accepted.action), (true, Action::Suppressed));
        assert_eq!(accept(&mail.from).await.action, Action::Duplicate);
        assert_eq!(rig.record(lead).await.suppressed, Some(Suppression::HardBounce));
        rig.walk(rig.clock.now() + 60 * DAY).await;
        assert_eq!(rig.mails_to(&person.email).len(), 1);
        assert_eq!(rig.enrolment(lead).await.state, "left");
        assert_eq!(rig.states(lead).await, [("cold/industry-report".into(), MessageState::Sent)]);
        assert_eq!(rig.events(lead, &EventKind::MAIL_BOUNCED).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_is_no_bounce_and_an_answer_can_unsubscribe() {
    let person = somebody();
    for_each_database(async |db| {
        let rig = rig(db).await;
        let (lead, mail) = first_mail(&rig, &person).await;
        let soft = |action: &str| {
            String::from_utf8(bounce(&mail.from, &person.email))
                .unwrap()
                .replace("Action: failed", &format!("Action: {action}"))
                .replace("5.1.1", "4.4.7")
                .replace("550 4.4.7", "451 4.4.7")
                .replace("user unknown", "timed out")
                .into_bytes()
        };
        let delayed = rig.comes_back(&soft("delayed"), &mail.from).await;
        assert_eq!((delayed.matched, delayed.action), (true, Action::Ignored));
        assert_eq!(rig.events(lead, &EventKind::MAIL_BOUNCED).await.len(), 0);
        // The delay was not the last word.
        assert_eq!(rig.comes_back(&soft("failed"), &mail.from).await.action, Action::Recorded);
        assert_eq!(rig.events(lead, &EventKind::MAIL_BOUNCED).await.len(), 1);

        let message = rig.messages(lead).await[0].id;
        let id = rig.keyring.message_id(&nurtured::token::MailRef { lead, message });
        let answer = format!(
            "From: {}\r\nTo: ada@example.com\r\nSubject: Re: Hello\r\n\
             In-Reply-To: <{id}@example.com>\r\n\r\nUnsubscribe\r\n",
            person.email
        );
        let accepted = rig.comes_back(answer.as_bytes(), "ada@example.com").await;
        assert_eq!((accepted.kind, accepted.action), ("opt_out", Action::Suppressed));
        assert_eq!(rig.record(lead).await.suppressed, Some(Suppression::Unsubscribed));
        assert_eq!(rig.events(lead, &EventKind::LEAD_UNSUBSCRIBED).await.len(), 1);
        assert_eq!(rig.events(lead, &EventKind::MAIL_COMPLAINED).await.len(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postfixs_own_server_takes_her_mail() {
    let person = somebody();
    for_each_database(async |db| {
        let Some(sink) = SmtpSink::start().await else { return };
        let rig = rig(db).await;
        import(&rig, person.file.clone(), Some("insights")).await;
        let (_, left) = rig.restarted().await;
        assert_eq!(left, Tally::default());
        let engine = rig.with_relay(sink.address.port());
        engine.take_over().await.unwrap();
        rig.clock.set(at("2026-11-30T14:00:00Z"));
        let report = engine.tick(rig.clock.now()).await.unwrap();
        assert_eq!(report.sent, 1);
        let dumped = sink.mails();
        assert_eq!(dumped.len(), 1);
        assert!(dumped[0].contains("Subject: Where purchase requests get stuck"), "{}", dumped[0]);
        assert!(dumped[0].contains(&person.email));
    })
    .await;
}
