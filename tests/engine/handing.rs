//! Sales closes the loop: leads are handed over by a card, its buttons say how it went, and what was given
//! back is nurtured again.

use nurtured::domain::{
    event::{Event, EventKind},
    hand_off::Choice,
    id::LeadId,
    lead::Stage,
    message::MessageKind,
    question::Ask,
    value::Value,
};
use nurtured::token::MailRef;
use regex::Regex;
use reqwest::{Method, StatusCode};

use crate::support::{
    databases::{TestDatabase, for_each_database},
    engine::{Campaign, DAY, HOUR, Read, Rig, SECOND},
};

const PEOPLE: &str = "\
people:
  ada: { name: Ada Rossi, email: ada@example.com }
  ben: { name: Ben Weber, email: ben@example.com }
  eve: { name: Eve Black, email: eve@elsewhere.example, language: it }
  sales: { team: [ada, ben] }
";

const SCORING: &str = "\
scoring:
  engagement:
    - { name: looked at prices, on: visited(\"/pricing\"), points: 20, cap: 80 }
    - { name: came to the fair, on: happened(\"fair.visited\"), points: 30, cap: 30 }
  fit:
    - { name: decides, when: seniority == \"vp\", points: 30 }
  stages:
    - { from: [lead, mql, sql, recycled], to: customer, when: happened(\"deal.won\") }
    - { from: [lead, recycled], to: mql, when: engagement >= 40 }
    - { from: mql, to: sql, when: happened(\"handoff.accepted\") and budget == true }
";

const NURTURE: &str = "\
enter:
  when: stage in [\"lead\", \"recycled\"]
  existing: yes
  again: always
leave: stage in [\"mql\", \"sql\"]
send:
  from: owner
steps:
  - email: nurture/hello
  - wait: 30d
";

/// Leads that become mql are handed over by this step.
fn campaign(hand_off: &str) -> Campaign {
    Campaign::new()
        .file("workflows/people.yaml", PEOPLE)
        .file("workflows/scoring.yaml", SCORING)
        .file("workflows/attributes.yaml", "attributes:\n  budget: bool\n  need: text\n")
        .workflow("nurture", NURTURE)
        .workflow(
            "qualify",
            &format!(
                "enter:\n  event: stage.changed\n  object: mql\n  again: always\nsteps:\n{hand_off}"
            ),
        )
        .text("nurture/hello", "Hello", "{{ sender_name }} says hello\n")
}

const TO_THE_OWNER: &str = "  - hand_off: owner
    else_to: sales
    accepted:
      - tag: theirs
    returned:
      - tag: back
    silent:
      after: 5d
      do: remind
      then:
        - tag: forgotten
";

/// A lead who looked at prices twice and is handed to somebody.
async fn handed(rig: &Rig, attributes: &[(&str, &str)]) -> LeadId {
    let lead = rig.lead("ann@acme.example", attributes).await;
    rig.tick().await;
    for _ in 0..2 {
        rig.clock.set(rig.clock.now() + SECOND);
        rig.happens(lead, EventKind::PAGE_VISITED, Some("/pricing")).await;
    }
    rig.tick_after(SECOND).await;
    assert_eq!(rig.record(lead).await.stage, Stage::Mql);
    lead
}

/// The addresses of a card's buttons, in its order.
fn buttons(card: &Read) -> Vec<String> {
    let links = Regex::new(r#"href="([^"]*/s/[^"]+)""#).unwrap();
    links.captures_iter(&card.html).map(|found| found[1].to_owned()).collect()
}

fn last_card(rig: &Rig, email: &str) -> Read {
    Read::of(rig.mails_to(email).last().expect("a card"))
}

async fn page(rig: &Rig, method: Method, url: &str, body: &'static str) -> String {
    let request = rig.browser.request(method, url).body(body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.unwrap()
}

async fn said(rig: &Rig, lead: LeadId) -> Vec<Event> {
    let mut said = rig.events(lead, &EventKind::HANDOFF_ACCEPTED).await;
    said.extend(rig.events(lead, &EventKind::HANDOFF_RETURNED).await);
    said
}

async fn tags(rig: &Rig, lead: LeadId) -> Vec<String> {
    rig.record(lead).await.profile.tags.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_gets_the_leads_story_and_accepts_by_its_button() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign(TO_THE_OWNER)).await;
        let attributes = [
            ("first_name", "Ann"),
            ("company", "Acme"),
            ("seniority", "vp"),
            ("owner", "Ben Weber"),
            ("budget", "yes"),
            ("need", "fewer stops"),
        ];
        let lead = handed(&rig, &attributes).await;
        assert!(rig.mails_to("ada@example.com").is_empty());
        let card = last_card(&rig, "ben@example.com");
        assert_eq!(card.subject, "For you: Ann (Acme)");
        insta::assert_snapshot!("a_card", without_links(&card.text, &rig));
        let buttons = buttons(&card);
        assert_eq!(buttons.len(), 6);

        // A scanner, and then Ben, who thinks about it.
        for method in [Method::GET, Method::HEAD] {
            for button in &buttons {
                page(&rig, method.clone(), button, "").await;
            }
        }
        assert!(said(&rig, lead).await.is_empty());
        let asked = page(&rig, Method::GET, &buttons[0], "").await;
        assert!(asked.contains("Accepted?") && asked.contains("<form method=\"post\">"), "{asked}");
        for _ in 0..2 {
            let noted = page(&rig, Method::POST, &buttons[0], "confirm=yes").await;
            assert!(noted.contains("Noted, thank you") && !noted.contains("<form"), "{noted}");
        }
        let events = said(&rig, lead).await;
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0].data.get("by"), Some(&Value::Text("ben".into())));
        rig.tick_after(SECOND).await;
        assert_eq!(tags(&rig, lead).await, ["theirs"]);
        assert_eq!(rig.record(lead).await.stage, Stage::Sql);
    })
    .await;
}

/// Signed links differ from run to run.
fn without_links(text: &str, rig: &Rig) -> String {
    let links = Regex::new(r"/s/[\w-]+").unwrap();
    let text = text.replace(&rig.public.to_string(), "go.example.com");
    links.replace_all(&text, "/s/…").into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_word_is_asked_for_and_then_counts() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign(TO_THE_OWNER)).await;
        let lead = handed(&rig, &[("owner", "ada")]).await;
        let buttons = buttons(&last_card(&rig, "ada@example.com"));
        page(&rig, Method::POST, &buttons[0], "confirm=yes").await;
        rig.tick_after(DAY).await;
        for (method, body) in [(Method::GET, ""), (Method::POST, "confirm=yes")] {
            let asked = page(&rig, method, &buttons[2], body).await;
            assert!(asked.contains("Accepted by <strong>Ada Rossi</strong> on 28 December 2026"));
            assert_eq!(said(&rig, lead).await.len(), 1);
        }
        // A form that was open while another word was said is asked again.
        let rev = said(&rig, lead).await[0].rev;
        page(&rig, Method::POST, &buttons[2], "instead_of=1&confirm=yes").await;
        assert_eq!(said(&rig, lead).await.len(), 1);
        let url = &buttons[2];
        for _ in 0..2 {
            let request = rig.browser.post(url).body(format!("instead_of={rev}&confirm=yes"));
            let noted = request.send().await.unwrap().text().await.unwrap();
            assert!(noted.contains("Noted, thank you"), "{noted}");
        }
        rig.tick_after(SECOND).await;
        assert_eq!(said(&rig, lead).await.len(), 2);
        // The lead is marketing's again; the step that was taken stands.
        assert_eq!(rig.record(lead).await.stage, Stage::Recycled);
        assert_eq!(tags(&rig, lead).await, ["theirs"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_the_wrong_person_by_mistake_is_not_handed_over_again() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign(TO_THE_OWNER)).await;
        let lead = handed(&rig, &[("owner", "ada")]).await;
        let buttons = buttons(&last_card(&rig, "ada@example.com"));
        page(&rig, Method::POST, &buttons[5], "confirm=yes").await;
        rig.tick_after(SECOND).await;
        assert_eq!(rig.record(lead).await.stage, Stage::Disqualified);
        let rev = said(&rig, lead).await[0].rev;
        let request = rig.browser.post(&buttons[0]).body(format!("instead_of={rev}&confirm=yes"));
        request.send().await.unwrap();
        rig.tick_after(SECOND).await;
        assert_eq!(rig.record(lead).await.stage, Stage::Mql);
        rig.tick_after(SECOND).await;
        assert_eq!(rig.mails_to("ada@example.com").len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_press_at_once_one_is_heard() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign(TO_THE_OWNER)).await;
        let lead = handed(&rig, &[("owner", "ada")]).await;
        let buttons = buttons(&last_card(&rig, "ada@example.com"));
        let all = buttons.iter().map(|url| page(&rig, Method::POST, url, "confirm=yes"));
        let pages = futures::future::join_all(all).await;
        assert_eq!(pages.iter().filter(|page| page.contains("Noted, thank you")).count(), 1);
        assert_eq!(said(&rig, lead).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_given_back_is_nurtured_again_and_handed_over_again_once_they_stir() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign(TO_THE_OWNER)).await;
        let lead = handed(&rig, &[("owner", "ada")]).await;
        assert_eq!(rig.subjects_to("ann@acme.example"), ["Hello"]);
        let three_months = &buttons(&last_card(&rig, "ada@example.com"))[2];
        page(&rig, Method::POST, three_months, "confirm=yes").await;
        rig.tick_after(SECOND).await;
        let record = rig.record(lead).await;
        assert_eq!(record.stage, Stage::Recycled, "40 points are no reason to be mql again");
        assert_eq!(tags(&rig, lead).await, ["back"]);
        let returned = rig.events(lead, &EventKind::HANDOFF_RETURNED).await.remove(0);
        assert_eq!(returned.object.as_deref(), Some("not_now"));
        let until = returned.data.get("until").cloned();
        assert_eq!(until, Some(Value::Date("2027-03-28T00:00:00Z".parse().unwrap())));
        let inside = rig.enrolments(lead).await;
        assert!(inside.iter().any(|it| *it.workflow == *"nurture" && it.ended_at.is_none()));

        // Their points fade, and they are left alone until the day that sales named.
        rig.tick_at("2027-03-27T23:00:00Z".parse().unwrap()).await;
        assert_eq!(rig.subjects_to("ann@acme.example"), ["Hello"]);
        rig.tick_at("2027-03-28T00:00:00Z".parse().unwrap()).await;
        assert_eq!(rig.subjects_to("ann@acme.example"), ["Hello", "Hello"]);
        assert_eq!(rig.record(lead).await.stage, Stage::Recycled);
        for _ in 0..2 {
            rig.clock.set(rig.clock.now() + SECOND);
            rig.happens(lead, EventKind::PAGE_VISITED, Some("/pricing")).await;
        }
        rig.tick_after(SECOND).await;
        assert_eq!(rig.record(lead).await.stage, Stage::Mql);
        assert_eq!(rig.mails_to("ada@example.com").len(), 2);
        // The new card knows nothing of what was said of the old one.
        let accept = &buttons(&last_card(&rig, "ada@example.com"))[0];
        assert!(page(&rig, Method::GET, accept, "").await.contains("Accepted?"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_reminded_of_and_then_over() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign(TO_THE_OWNER)).await;
        let lead = handed(&rig, &[("owner", "eve@elsewhere.example")]).await;
        let first = last_card(&rig, "eve@elsewhere.example");
        assert_eq!(first.subject, "Per te: ann@acme.example");
        rig.tick_after(5 * DAY + HOUR).await;
        let again = last_card(&rig, "eve@elsewhere.example");
        assert_eq!(again.subject, "In attesa: ann@acme.example");
        rig.tick_after(5 * DAY + HOUR).await;
        assert_eq!(rig.mails_to("eve@elsewhere.example").len(), 2);
        assert_eq!(tags(&rig, lead).await, ["forgotten"]);
        // Late is better than never.
        page(&rig, Method::POST, &buttons(&first)[0], "confirm=yes").await;
        rig.tick_after(SECOND).await;
        let asked = page(&rig, Method::GET, &buttons(&again)[5], "").await;
        assert!(asked.contains("Accepted by <strong>Eve Black</strong>"), "{asked}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_of_the_team_is_asked_and_owns_whom_they_accept() {
    for_each_database(async |db| {
        let step = "  - hand_off: sales\n    silent: { after: 2d, do: next person }\n";
        let rig = Rig::new(db, &campaign(step)).await;
        let lead = handed(&rig, &[]).await;
        let cards = |email: &str| rig.mails_to(email).len();
        assert_eq!(cards("ada@example.com") + cards("ben@example.com"), 1);
        rig.tick_after(2 * DAY + HOUR).await;
        assert_eq!([cards("ada@example.com"), cards("ben@example.com")], [1, 1]);
        let messages = rig.messages(lead).await;
        let asked: Vec<&str> = messages
            .iter()
            .filter(|message| message.kind == MessageKind::Internal)
            .map(|message| message.recipient.as_str())
            .collect();
        let owner = async || rig.record(lead).await.profile.attributes.get("owner").cloned();
        assert_eq!(owner().await, Some(asked[0].into()));
        let accept = &buttons(&last_card(&rig, &format!("{}@example.com", asked[1])))[0];
        page(&rig, Method::POST, accept, "confirm=yes").await;
        rig.tick_after(SECOND).await;
        assert_eq!(owner().await, Some(asked[1].into()));
        assert!(rig.enrolments(lead).await.iter().all(|it| it.ended_at.is_some()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_are_a_persons_and_answers_go_where_the_workflow_says() {
    for_each_database(async |db| {
        let campaign = |send: &str| {
            let nurture = NURTURE.replace("  from: owner\n", send);
            campaign(TO_THE_OWNER).workflow("nurture", &nurture)
        };
        let rig = Rig::new(db, &campaign("  from: ben\n")).await;
        let desk = "  from: ben\n  reply_to: Desk <desk@example.org>\n";
        for (lead, send, reply_to) in [
            ("a@acme.example", None, "\"Ben Weber\" <ben@example.com>"),
            ("b@acme.example", Some(desk), "Desk <desk@example.org>"),
            ("c@acme.example", Some("  reply_to: ben\n"), "\"Ben Weber\" <ben@example.com>"),
        ] {
            if let Some(send) = send {
                rig.apply(&campaign(send)).await;
            }
            rig.lead(lead, &[]).await;
            rig.tick_after(SECOND).await;
            let mail = rig.mails_to(lead).remove(0);
            let from = if lead.starts_with('c') { "Ada Rossi" } else { "Ben Weber" };
            assert!(mail.header("From").unwrap().contains(from), "{lead}");
            assert_eq!(mail.header("Reply-To").as_deref(), Some(reply_to), "{lead}");
            assert!(Read::of(&mail).text.contains(&format!("{from} says")));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_are_the_owners_where_there_is_one() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign(TO_THE_OWNER)).await;
        for (lead, owner, from, reply_to) in [
            ("a@acme.example", "ben", "\"Ben Weber\" <ben@example.com>", Some("Ben")),
            (
                "b@acme.example",
                "eve",
                "\"Eve Black\" <ada@example.com>",
                Some("eve@elsewhere.example"),
            ),
            ("c@acme.example", "rep_000007", "\"Ada Rossi\" <ada@example.com>", None),
        ] {
            rig.lead(lead, &[("owner", owner)]).await;
            rig.tick_after(SECOND).await;
            let mail = rig.mails_to(lead).remove(0);
            assert_eq!(mail.header("From").as_deref(), Some(from));
            match (reply_to, mail.header("Reply-To")) {
                (Some(part), Some(header)) => assert!(header.contains(part), "{header}"),
                (expected, found) => assert_eq!((expected, found), (None, None)),
            }
            // It is signed by whom it is from.
            let name = from.split('"').nth(1).unwrap();
            assert!(Read::of(&mail).text.contains(&format!("{name} says")));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_is_good_for_its_own_card_alone() {
    let db = TestDatabase::sqlite().await;
    let rig = Rig::new(&db, &campaign(TO_THE_OWNER)).await;
    let lead = handed(&rig, &[("owner", "ada")]).await;
    let mail = rig.messages(lead).await.remove(0);
    assert_eq!(mail.kind, MessageKind::Marketing);
    let to_the_lead = MailRef { lead, message: mail.id };
    let outcome = |value: &str| Ask::Outcome { value: value.into() };
    let accepted = rig.keyring.question(&to_the_lead, &outcome(Choice::ACCEPTED.word));
    let card = MailRef { lead: LeadId(lead.0 + 1), ..to_the_lead };
    let of_another = rig.keyring.question(&card, &outcome(Choice::ACCEPTED.word));
    let unknown = rig.keyring.question(&to_the_lead, &outcome("perhaps"));
    let later = rig.keyring.question(&to_the_lead, &Ask::Later { after: "3mo".into() });
    for token in [&accepted, &of_another, &unknown, &later, "x"] {
        for method in [Method::GET, Method::POST] {
            let url = format!("http://{}/s/{token}", rig.public);
            let answer = rig.browser.request(method, url).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{token}");
        }
    }
    assert!(said(&rig, lead).await.is_empty());
}
