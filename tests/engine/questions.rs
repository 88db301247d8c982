//! Questions: asked by a mail, answered by a button, and in force from then on.

use std::time::Duration;

use nurtured::{
    domain::{
        event::{Event, EventKind},
        id::{LeadId, MessageId},
        lead::{Basis, Stage},
        message::MessageState,
        question::Ask,
        time::Instant,
        value::Value,
    },
    store::{
        Route,
        records::{ClaimToken, NewEvent},
    },
    token::{Keyring, MailRef},
};
use reqwest::{Method, Response, StatusCode, header};

use crate::support::{
    databases::{NOON, for_each_database},
    engine::{Campaign, DAY, HOUR, Read, Rig, Setup, at},
};

const POLICY: &str = "\
policy:
  zone: Europe/Rome
  language: en
  tracking: with insights
  purposes:
    insights: { label: Industry insights, basis: [consent] }
    offers: { label: Offers & prices, basis: [consent] }
";

const QUESTIONS: &str = "\
questions:
  topic:
    title: { en: What shall we write about?, it: Di che cosa le scriviamo? }
    sets: interest
    answers:
      pricing: { en: What it costs, it: Quanto costa }
      downtime: Fewer stops
  right-person:
    title: Are you the right person to ask?
    answers:
      \"no\": { label: \"No\", stage: disqualified }
";

/// One mail that asks, a week later another one, and a workflow of another name.
fn campaign() -> Campaign {
    Campaign::new()
        .file("workflows/policy.yaml", POLICY)
        .file("workflows/questions.yaml", QUESTIONS)
        .file("workflows/attributes.yaml", "attributes: { interest: text }\n")
        .workflow("ask", "enter: { when: city == \"Milano\", existing: yes }\nsteps:\n  - email: cold/ask\n")
        .workflow(
            "other",
            "enter: { when: city == \"Milano\", existing: yes }\npriority: -1\nsteps:\n  - wait: 7d\n  - email: cold/other\n",
        )
        .workflow(
            "booked",
            "enter: { when: city == \"Milano\", existing: yes }\npriority: -2\nsend: { now: yes }\nsteps:\n  - wait: 8d\n  - email: cold/ticket\n",
        )
        .text(
            "cold/ask",
            "A question",
            "[Prices]({{ ask(\"topic\", \"pricing\") }}) or [stops]({{ ask(\"topic\", \"downtime\") }})?\n\n\
             [Not me]({{ ask(\"right-person\", \"no\") }}), [later]({{ later(\"3mo\") }}), \
             [what you get]({{ preferences() }}), [our site](https://www.example.com/)\n",
        )
        .mail("cold/other", "Another mail")
        .mail("cold/ticket", "Your ticket")
}

/// A lead in Milan, and what the first mail asked, by the order of its links.
struct Asked<'r> {
    rig: &'r Rig,
    lead: LeadId,
    mail: MailRef,
    links: Vec<String>,
}

const EMAIL: &str = "ada@example.com";

impl<'r> Asked<'r> {
    async fn by(rig: &'r Rig) -> Self {
        let lead = rig.lead(EMAIL, &[("city", "Milano")]).await;
        rig.tick().await;
        let read = Read::of(&rig.mails_to(EMAIL)[0]);
        let message = rig.messages(lead).await[0].id;
        let pattern = regex::Regex::new(r#"href="([^"]*/q/[^"]+)""#).unwrap();
        let links: Vec<String> =
            pattern.captures_iter(&read.html).map(|found| found[1].to_owned()).collect();
        assert_eq!(links.len(), 5, "{}", read.html);
        assert_eq!(read.links.len(), 1, "a question is not tracked, another link is");
        for link in &links {
            assert!(read.text.contains(link), "a note of the plain text");
        }
        Self { rig, lead, mail: MailRef { lead, message }, links }
    }

    fn request(&self, method: Method, url: &str) -> reqwest::RequestBuilder {
        self.rig.browser.request(method, url)
    }

    async fn get(&self, link: usize) -> String {
        page(self.request(Method::GET, &self.links[link]).send().await.unwrap()).await
    }

    async fn press(&self, link: usize) -> String {
        page(self.request(Method::POST, &self.links[link]).send().await.unwrap()).await
    }

    async fn save(&self, form: &str) -> String {
        let kind = "application/x-www-form-urlencoded";
        let post = self.request(Method::POST, &self.links[PREFERENCES]);
        let post = post.header(header::CONTENT_TYPE, kind).body(form.to_owned());
        page(post.send().await.unwrap()).await
    }

    async fn answers(&self) -> Vec<Event> {
        self.rig.events(self.lead, &EventKind::LEAD_ANSWERED).await
    }

    /// What the log says of the lead, a line each.
    async fn log(&self) -> String {
        let rows = self.rig.store.timeline(self.lead, 100).await.unwrap();
        rows.into_iter().filter_map(|row| row.detail).collect::<Vec<_>>().join("\n")
    }

    async fn attribute(&self, name: &str) -> Option<String> {
        let attributes = self.rig.record(self.lead).await.profile.attributes;
        attributes.get(name).and_then(|value| value.as_str()).map(str::to_owned)
    }
}

const PRICING: usize = 0;
const DOWNTIME: usize = 1;
const NOT_ME: usize = 2;
const LATER: usize = 3;
const PREFERENCES: usize = 4;

async fn page(answer: Response) -> String {
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    answer.text().await.unwrap()
}

#[tokio::test]
async fn looking_changes_nothing_whatever_looks_and_however() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let asked = Asked::by(&rig).await;
        let before = rig.record(asked.lead).await;
        for link in &asked.links {
            for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE]
            {
                for agent in ["Barracuda Sentinel (EE)", "python-requests/2.32.3", ""] {
                    let request = asked.request(method.clone(), link);
                    let answer = request.header(header::USER_AGENT, agent).send().await.unwrap();
                    assert!(!answer.status().is_server_error(), "{method} {link}");
                }
            }
        }
        assert_eq!(asked.answers().await, []);
        let after = rig.record(asked.lead).await;
        assert_eq!((after.rev, after.profile), (before.rev, before.profile));
        assert!(asked.get(PRICING).await.contains("What it costs"));
        assert!(asked.get(PREFERENCES).await.contains("Offers &#38; prices"));
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_recorded_once_sets_what_it_sets_and_may_be_changed() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let asked = Asked::by(&rig).await;
        let first = asked.press(PRICING).await;
        assert!(first.contains("Thank you") && first.contains("What it costs"), "{first}");
        assert_eq!(asked.press(PRICING).await, first, "pressed twice, it is the same");
        let answers = asked.answers().await;
        assert_eq!(answers.len(), 1, "{answers:#?}");
        assert_eq!(answers[0].object.as_deref(), Some("topic"));
        assert_eq!(answers[0].data["value"], Value::Text("pricing".into()));
        assert_eq!(answers[0].message, Some(asked.mail.message));
        rig.tick().await;
        assert_eq!(asked.attribute("interest").await.as_deref(), Some("pricing"));
        // Another mind, and back again: each is what holds.
        for (link, interest) in [(DOWNTIME, "downtime"), (PRICING, "pricing")] {
            asked.press(link).await;
            rig.tick().await;
            assert_eq!(asked.attribute("interest").await.as_deref(), Some(interest));
        }
        assert_eq!(asked.answers().await.len(), 3);
        let log = asked.log().await;
        assert!(log.contains("interest = pricing: answered `topic`: pricing"), "{log}");
        asked.press(NOT_ME).await;
        rig.tick().await;
        assert_eq!(rig.record(asked.lead).await.stage, Stage::Disqualified);
    })
    .await;
}

#[tokio::test]
async fn a_reader_is_heard_whatever_a_scanner_does_to_the_mail() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let asked = Asked::by(&rig).await;
        let read = Read::of(&rig.mails_to(EMAIL)[0]);
        for _ in 0..110 {
            asked.request(Method::GET, &read.links[0]).send().await.unwrap();
        }
        let later = asked.press(LATER).await;
        assert!(later.contains("28 March 2027"), "{later}");
        assert_eq!(rig.events(asked.lead, &EventKind::MAIL_CLICKED).await.len(), 100);
        assert_eq!(asked.answers().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn pressed_many_times_at_once_it_is_recorded_once() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let asked = Asked::by(&rig).await;
        let presses = (0..20).map(|_| asked.press(LATER));
        let pages = futures::future::join_all(presses).await;
        assert!(pages.iter().all(|page| *page == pages[0]));
        assert_eq!(asked.answers().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_page_speaks_the_readers_language() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let asked = Asked::by(&rig).await;
        let request = asked.request(Method::GET, &asked.links[PRICING]);
        let italian =
            request.header(header::ACCEPT_LANGUAGE, "it-IT,en;q=0.5").send().await.unwrap();
        assert_eq!(italian.headers()[header::CONTENT_LANGUAGE], "it");
        let italian = italian.text().await.unwrap();
        for word in ["Di che cosa le scriviamo?", "Quanto costa", "Invia questa risposta"] {
            assert!(italian.contains(word), "{word}: {italian}");
        }
        let english = asked.get(PRICING).await;
        assert!(english.contains("What shall we write about?"), "{english}");
    })
    .await;
}

#[tokio::test]
async fn later_holds_all_mail_back_until_the_day_and_then_it_goes() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let asked = Asked::by(&rig).await;
        // Three months after 28 December is 28 March, which begins in Rome at 23:00 UTC.
        assert_eq!(NOON, at("2026-12-28T12:00:00Z"));
        let page = asked.get(LATER).await;
        assert!(page.contains("28 March 2027") && page.contains("<button"), "{page}");
        rig.clock.set(NOON + HOUR);
        let done = asked.press(LATER).await;
        assert!(done.contains("28 March 2027") && !done.contains("<button"), "{done}");
        // At once, before any decision.
        let until = asked.attribute("later_until").await;
        assert_eq!(until.as_deref(), Some("2027-03-28T00:00:00Z"));
        // Pressed again weeks later by the same link, it is not any later.
        rig.clock.set(NOON + 2 * HOUR);
        assert_eq!(asked.press(LATER).await, done);
        assert_eq!(asked.answers().await.len(), 1);

        rig.tick_at(NOON + 7 * DAY).await;
        rig.tick_at(NOON + 8 * DAY).await;
        rig.tick_at(NOON + 8 * DAY + HOUR).await;
        assert_eq!(rig.subjects_to(EMAIL), ["A question", "Your ticket"], "what was booked comes");
        let log = asked.log().await;
        assert!(log.contains("asked to be written to later, from 28 Mar 2027"), "{log}");
        let day = at("2027-03-27T23:00:00Z");
        assert_eq!(rig.store.next_wake_at().await.unwrap(), day);
        rig.tick_at(Instant::from_millis(day.millis() - 1)).await;
        assert_eq!(rig.subjects_to(EMAIL).len(), 2);
        rig.tick_at(day).await;
        assert_eq!(rig.subjects_to(EMAIL), ["A question", "Your ticket", "Another mail"]);
    })
    .await;
}

#[tokio::test]
async fn later_is_said_again_by_the_same_link_once_it_is_over_or_taken_back() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let asked = Asked::by(&rig).await;
        let press = async |until: &str, answers: usize| {
            for page in [asked.get(LATER).await, asked.press(LATER).await] {
                assert!(page.contains(until), "{until}: {page}");
            }
            assert_eq!(asked.answers().await.len(), answers, "{until}");
        };
        press("28 March 2027", 1).await;
        // Weeks later it holds still: the page promises what the button does.
        rig.clock.set(NOON + 20 * DAY);
        press("28 March 2027", 1).await;
        assert_eq!(NOON + 125 * DAY, at("2027-05-02T12:00:00Z"));
        rig.clock.set(NOON + 125 * DAY);
        press("2 August 2027", 2).await;
        assert_eq!(asked.attribute("later_until").await.as_deref(), Some("2027-08-02T00:00:00Z"));
        // Somebody of ours cleared it, and the lead asks once more.
        rig.lead(EMAIL, &[("city", "Milano"), ("later_until", "2027-05-01T00:00:00Z")]).await;
        rig.clock.set(NOON + 126 * DAY);
        press("3 August 2027", 3).await;
        assert_eq!(asked.attribute("later_until").await.as_deref(), Some("2027-08-03T00:00:00Z"));
    })
    .await;
}

/// Keeps every mail from leaving for an hour, so that it can be claimed by hand.
fn held_back() -> Setup {
    Setup {
        config: "[delivery]\nonly_to = [\"*@nowhere.example\"]\n".to_owned(),
        ..Setup::default()
    }
}

/// A mail that is claimed for the relay, and the lead's links as that mail has them.
async fn claimed(rig: &Rig, email: &str) -> (MailRef, ClaimToken) {
    let lead = rig.lead(email, &[("city", "Milano")]).await;
    rig.tick().await;
    let now = rig.clock.now() + HOUR;
    rig.clock.set(now);
    let token = ClaimToken(now.millis());
    let rows = rig
        .store
        .claim_messages(&Route::own(&"main".into()), now, token, Duration::from_mins(10), 10)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    (MailRef { lead, message: rows[0].id }, token)
}

#[tokio::test]
async fn a_mail_that_is_claimed_is_stopped_by_what_the_lead_says_meanwhile() {
    for_each_database(async |db| {
        let rig = Rig::with(db, &campaign(), held_back()).await;
        let later = Ask::Later { after: "1mo".into() };
        let form = "shown=insights&had=insights&shown=offers&purpose=offers";
        for (email, ask, body, stops) in [
            ("ada@example.com", Ask::Preferences, form, true),
            ("ben@example.com", later, "", true),
            ("cia@example.com", Ask::Preferences, "shown=offers&purpose=offers", false),
        ] {
            let (mail, token) = claimed(&rig, email).await;
            let url = format!("http://{}/q/{}", rig.public, rig.keyring.question(&mail, &ask));
            let answer = rig.browser.post(url).body(body).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            let now = rig.clock.now();
            let marked = rig.store.mark_transmitting(&[(mail.message, token)], now).await.unwrap();
            assert_eq!(marked, [!stops], "{email}");
            let state = rig.messages(mail.lead).await[0].state;
            let expected = if stops { MessageState::Reserved } else { MessageState::Transmitting };
            assert_eq!(state, expected);
        }
        // And what was stopped is judged by that: never, or not yet, and on another visit of its step.
        let engine = rig.with_relay(rig.smtp.addr.port());
        engine.take_over().await.unwrap();
        engine.tick(rig.clock.now()).await.unwrap();
        for (email, reason) in [
            ("ada@example.com", "no ground for the purpose `insights`"),
            ("ben@example.com", "asked to be written to later, from 28 Jan 2027"),
        ] {
            let address = nurtured::domain::address::Address::parse(email).unwrap();
            let lead = rig.store.find_lead(&address).await.unwrap().unwrap();
            let messages = rig.messages(lead).await;
            assert_eq!(messages.len(), 1, "{email}");
            assert_eq!(messages[0].state, MessageState::Cancelled, "{email}");
            let rows = rig.store.timeline(lead, 100).await.unwrap();
            let mut told = rows.iter().filter_map(|row| row.detail.as_deref());
            assert!(told.any(|it| it.contains(reason)), "{email}: {rows:#?}");
            assert!(rig.mails_to(email).is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_is_claimed_is_stopped_where_others_ask_for_later_meanwhile() {
    for_each_database(async |db| {
        let rig = Rig::with(db, &campaign(), held_back()).await;
        for (email, by_import, until, stops) in [
            ("ada@example.com", false, Some("2099-01-01"), true),
            ("ben@example.com", true, Some("2099-01-01"), true),
            ("cia@example.com", false, None, false),
        ] {
            let (mail, token) = claimed(&rig, email).await;
            let now = rig.clock.now();
            if by_import {
                rig.lead(email, &[("later_until", until.unwrap())]).await;
            } else {
                let kind = EventKind::HANDOFF_RETURNED;
                let mut event = NewEvent::new(mail.lead, kind, now, "crm");
                if let Some(until) = until {
                    event.data.insert("until".into(), Value::Text(until.into()));
                }
                rig.store.record_events(&[event], now).await.unwrap();
                rig.tick().await;
            }
            let marked = rig.store.mark_transmitting(&[(mail.message, token)], now).await.unwrap();
            assert_eq!(marked, [!stops], "{email}");
        }
    })
    .await;
}

#[tokio::test]
async fn preferences_give_and_withdraw_consent_and_prove_it() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let asked = Asked::by(&rig).await;
        let shown = asked.get(PREFERENCES).await;
        let boxed = |name: &str, checked: &str| {
            format!("type=\"checkbox\" name=\"purpose\" value=\"{name}\"{checked}>")
        };
        assert!(shown.contains(&boxed("insights", " checked")), "{shown}");
        assert!(shown.contains(&boxed("offers", "")), "{shown}");
        assert!(!shown.contains(EMAIL) && !shown.contains("Milano"), "it names nobody");

        let form = "shown=insights&had=insights&shown=offers&purpose=offers&purpose=nonsense";
        let pressed_at = NOON + HOUR;
        rig.clock.set(pressed_at);
        let saved = asked.save(form).await;
        assert_eq!(asked.save(form).await, saved);
        let consents = rig.record(asked.lead).await.profile.consents;
        assert_eq!(consents.len(), 2);
        assert_eq!(consents["insights"].withdrawn_at, Some(pressed_at));
        let given = &consents["offers"];
        assert_eq!((given.basis, given.at, given.withdrawn_at), (Basis::Consent, pressed_at, None));
        assert_eq!(given.source.as_str(), "preferences");
        let answers = asked.answers().await;
        assert_eq!(answers.len(), 1, "{answers:#?}");
        assert_eq!(answers[0].object.as_deref(), Some("preferences"));
        assert_eq!(answers[0].data["agreed"], Value::Text("offers".into()));
        assert_eq!(answers[0].data["withdrawn"], Value::Text("insights".into()));
        let shown = asked.get(PREFERENCES).await;
        assert!(
            shown.contains(&boxed("insights", "")) && shown.contains(&boxed("offers", " checked"))
        );

        rig.tick().await;
        let log = asked.log().await;
        for line in ["preferences: agreed to offers", "preferences: withdrew insights"] {
            assert!(log.contains(line), "{line}: {log}");
        }
        rig.tick_at(NOON + 7 * DAY).await;
        rig.tick_at(NOON + 8 * DAY).await;
        assert_eq!(
            rig.subjects_to(EMAIL),
            ["A question"],
            "nothing more for a purpose that is withdrawn"
        );
        // What was withdrawn is given again by a new tick, and by nothing else.
        asked.save("shown=insights&purpose=insights&shown=offers&had=offers&purpose=offers").await;
        let consents = rig.record(asked.lead).await.profile.consents;
        assert_eq!(consents["insights"].withdrawn_at, None);
        assert_eq!(consents["offers"].at, pressed_at, "a tick that was left proves nothing new");
    })
    .await;
}

#[tokio::test]
async fn who_has_unsubscribed_is_told_so_and_is_not_taken_back() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let asked = Asked::by(&rig).await;
        let unsubscribe = Read::of(&rig.mails_to(EMAIL)[0]).unsubscribe.unwrap();
        asked.request(Method::POST, &unsubscribe).send().await.unwrap();
        let before = rig.record(asked.lead).await.profile;
        assert!(asked.get(PREFERENCES).await.contains("You are unsubscribed"));
        let saved = asked.save("shown=offers&purpose=offers").await;
        assert!(saved.contains("You are unsubscribed"));
        assert!(asked.press(LATER).await.contains("You are unsubscribed"));
        assert_eq!(rig.record(asked.lead).await.profile, before);
        assert!(asked.press(PRICING).await.contains("Thank you"), "an answer is an answer");
    })
    .await;
}

#[tokio::test]
async fn forged_cut_and_test_links_do_nothing_and_a_large_body_neither() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let asked = Asked::by(&rig).await;
        let ask = Ask::Declared { key: "topic".into(), value: "pricing".into() };
        let url = |token: &str| format!("http://{}/q/{token}", rig.public);
        let good = rig.keyring.question(&asked.mail, &ask);
        for token in [
            Keyring::from_seed(8).question(&asked.mail, &ask),
            good[..good.len() - 1].to_owned(),
            format!("{good}A"),
            rig.keyring.unsubscribe(&asked.mail),
            rig.keyring.question(&asked.mail, &Ask::Later { after: "soon".into() }),
            "A".repeat(10_000),
        ] {
            for method in [Method::GET, Method::POST] {
                let answer = asked.request(method, &url(&token)).send().await.unwrap();
                assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{token}");
            }
        }
        let nobody = MailRef { lead: LeadId(0), message: MessageId(0) };
        for ask in [ask, Ask::Later { after: "3mo".into() }, Ask::Preferences] {
            for method in [Method::GET, Method::POST] {
                let token = rig.keyring.question(&nobody, &ask);
                let answer = asked.request(method, &url(&token)).send().await.unwrap();
                assert!(answer.text().await.unwrap().contains("This was a test mail"));
            }
        }
        let large =
            asked.request(Method::POST, &asked.links[PREFERENCES]).body("x".repeat(64 * 1024));
        assert_eq!(large.send().await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(asked.answers().await, []);
    })
    .await;
}

#[tokio::test]
async fn a_question_that_is_not_asked_any_more_loses_no_answer() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let asked = Asked::by(&rig).await;
        let without = "questions:\n  other: { title: Well?, sets: interest, answers: { a: A } }\n";
        let campaign = campaign().file("workflows/questions.yaml", without).text(
            "cold/ask",
            "A question",
            "Nothing.\n",
        );
        rig.apply(&campaign).await;
        rig.tick().await;
        let closed = asked.get(PRICING).await;
        assert!(
            closed.contains("This question is closed") && !closed.contains("<button"),
            "{closed}"
        );
        assert_eq!(asked.answers().await, []);
        assert!(asked.press(PRICING).await.contains("This question is closed"));
        assert_eq!(asked.answers().await.len(), 1);
        rig.tick().await;
        assert_eq!(asked.attribute("interest").await, None);
        let log = asked.log().await;
        assert!(log.contains("not asked any more"), "{log}");
    })
    .await;
}

#[tokio::test]
async fn a_workflow_may_be_entered_by_an_answer_and_by_what_was_asked_for() {
    for_each_database(async |db| {
        let campaign = campaign()
            .file("workflows/segments.yaml", "segments:\n  asked-for-later: later_until > now\n")
            .workflow(
                "prices",
                "enter:\n  event: lead.answered\n  object: topic\n  where: entry.value == \"pricing\"\n\
                 steps:\n  - tag: prices\n",
            )
            .workflow("pause", "enter: { segment: asked-for-later, existing: no }\nsteps:\n  - tag: later\n");
        let rig = Rig::new(db, &campaign).await;
        let asked = Asked::by(&rig).await;
        rig.clock.set(NOON + HOUR);
        asked.press(DOWNTIME).await;
        rig.tick().await;
        assert!(rig.record(asked.lead).await.profile.tags.is_empty());
        asked.press(PRICING).await;
        asked.press(LATER).await;
        rig.tick().await;
        let tags: Vec<String> =
            rig.record(asked.lead).await.profile.tags.iter().map(ToString::to_string).collect();
        assert_eq!(tags, ["later", "prices"]);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_called_done() {
    for_each_database(async |db| {
        let store = nurtured::store::Store::open(&db.url).await.unwrap();
        let rig = Rig::new(db, &campaign()).await;
        let asked = Asked::by(&rig).await;
        store.close().await;
        let lead = asked.lead;
        crate::support::engine::behind(
            db,
            format!("UPDATE leads SET profile = '[' WHERE lead = {}", lead.0),
        )
        .await;
        for link in [PRICING, LATER, PREFERENCES] {
            let answer = asked.request(Method::POST, &asked.links[link]).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            let page = answer.text().await.unwrap();
            assert!(page.contains("Nothing was saved yet"), "{page}");
        }
        let asks = asked.request(Method::GET, &asked.links[PRICING]).send().await.unwrap();
        assert_eq!(asks.status(), StatusCode::OK, "the button is there all the same");
        assert_eq!(asked.answers().await, []);
    })
    .await;
}
