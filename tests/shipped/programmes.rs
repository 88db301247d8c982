//! The shipped workflows, walked from end to end as those who are in them see it.

use nurtured::domain::{
    event::EventKind,
    id::LeadId,
    lead::{Stage, Suppression},
    message::MessageState,
    time::Instant,
};
use regex::Regex;
use reqwest::{Method, StatusCode};

use crate::support::{
    databases::TestDatabase,
    engine::{Campaign, DAY, HOUR, MINUTE, Read, Rig, Setup, at},
};

/// Monday, nine in the morning in Rome.
const MONDAY: &str = "2026-11-30T08:00:00Z";

async fn rig(db: &TestDatabase) -> Rig {
    Rig::with(db, &Campaign::shipped(), Setup { start: at(MONDAY), ..Setup::default() }).await
}

async fn prospect(rig: &Rig, email: &str, status: &str) -> LeadId {
    rig.lead(email, &[("lead_status", status), ("zone", "Europe/Rome"), ("owner", "ben")]).await
}

/// A lead who fits so well that some interest makes them an mql.
async fn decider_with_the_white_paper(rig: &Rig) -> LeadId {
    let attributes = [
        ("lead_status", "New"),
        ("zone", "Europe/Rome"),
        ("seniority", "vp"),
        ("employees", "2000+"),
    ];
    let lead = rig.lead("ann@acme.example", &attributes).await;
    rig.happens(lead, EventKind::FORM_SUBMITTED, Some("whitepaper")).await;
    lead
}

async fn looks_at_prices_twice(rig: &Rig, lead: LeadId) {
    for _ in 0..2 {
        rig.clock.set(rig.clock.now() + HOUR);
        rig.happens(lead, EventKind::PAGE_VISITED, Some("/pricing")).await;
    }
}

/// The mails that somebody got, and on which day.
async fn letters(rig: &Rig, lead: LeadId) -> Vec<(String, Instant)> {
    let mut sent: Vec<_> = rig
        .messages(lead)
        .await
        .into_iter()
        .filter(|message| message.state == MessageState::Sent && message.recipient.is_empty())
        .map(|message| (message.template.to_string(), message.sent_at.unwrap()))
        .collect();
    sent.sort_by_key(|(_, at)| *at);
    sent
}

async fn names(rig: &Rig, lead: LeadId) -> Vec<String> {
    letters(rig, lead).await.into_iter().map(|(name, _)| name).collect()
}

fn last(rig: &Rig, email: &str) -> Read {
    Read::of(rig.mails_to(email).last().expect("a mail"))
}

/// The link whose text is this.
fn link(mail: &Read, text: &str) -> String {
    let links = Regex::new(r#"(?s)<a [^>]*href="([^"]+)"[^>]*>([^<]+)</a>"#).unwrap();
    let found = links.captures_iter(&mail.html).find(|found| found[2].trim() == text);
    found.unwrap_or_else(|| panic!("no link `{text}` in {}", mail.html))[1].to_owned()
}

async fn press(rig: &Rig, url: &str) {
    let answer = rig.browser.request(Method::POST, url).body("confirm=yes").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{url}");
    rig.tick_after(MINUTE).await;
}

async fn click(rig: &Rig, url: &str) {
    rig.browser.get(url).send().await.unwrap();
    rig.tick_after(MINUTE).await;
}

/// The only enrolment in a workflow: its state, and why.
async fn ended(rig: &Rig, lead: LeadId, workflow: &str) -> (String, String) {
    let all = rig.enrolments(lead).await;
    let found =
        all.into_iter().find(|row| row.workflow.as_str() == workflow).expect("it was in it");
    (found.state, found.reason.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn nine_patient_months_then_silence() {
    let db = TestDatabase::sqlite().await;
    let rig = rig(&db).await;
    let lead = prospect(&rig, "ann@acme.example", "Not now").await;
    rig.walk(at(MONDAY) + 330 * DAY).await;
    let letters = letters(&rig, lead).await;
    let names: Vec<&str> = letters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "patient/not-now",
            "patient/cost-of-waiting",
            "patient/peer-story",
            "patient/budget-season",
            "patient/benchmark",
            "patient/what-changed",
            "patient/goodbye",
        ]
    );
    // Further and further apart; a mail that is due on a Friday waits for Tuesday.
    // The same hour on her clock: where that was put on, an hour less.
    const WEEK: i64 = 7 * 24 * 3_600_000;
    let weeks: Vec<i64> =
        letters.windows(2).map(|two| (two[1].1.since(two[0].1) + WEEK / 2) / WEEK).collect();
    assert_eq!(weeks, [3, 4, 6, 8, 10, 8]);
    let months = letters[6].1.since(letters[0].1) / (30 * 24 * 3_600_000);
    assert_eq!(months, 9);
    assert_eq!(ended(&rig, lead, "patient-prospects").await.0, "finished");
    let goodbye = last(&rig, "ann@acme.example");
    assert!(goodbye.text.contains("Ben Weber"), "signed by the owner: {}", goodbye.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn their_own_later_holds_and_then_the_way_goes_on() {
    let db = TestDatabase::sqlite().await;
    let rig = rig(&db).await;
    let lead = prospect(&rig, "ann@acme.example", "No budget").await;
    rig.walk(at(MONDAY) + 5 * DAY).await;
    assert_eq!(names(&rig, lead).await, ["patient/not-now"]);
    let mail = last(&rig, "ann@acme.example");
    press(&rig, &link(&mail, "Write to me in six months")).await;
    let asked = rig.clock.now();
    rig.walk(asked + 180 * DAY).await;
    assert_eq!(names(&rig, lead).await.len(), 1, "not a word before that");
    rig.walk(asked + 190 * DAY).await;
    assert_eq!(names(&rig, lead).await, ["patient/not-now", "patient/cost-of-waiting"]);
    // "It is not for me" is said in each of these mails, and ends them.
    let mail = last(&rig, "ann@acme.example");
    press(&rig, &link(&mail, "it is not for me")).await;
    assert_eq!(rig.record(lead).await.stage, Stage::Disqualified);
    assert_eq!(rig.record(lead).await.suppressed, None::<Suppression>);
    rig.walk(rig.clock.now() + 200 * DAY).await;
    assert_eq!(names(&rig, lead).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cold_are_asked_one_question_and_then_left_in_peace() {
    let db = TestDatabase::sqlite().await;
    let rig = rig(&db).await;
    let silent = prospect(&rig, "silent@acme.example", "No answer").await;
    let stirred = prospect(&rig, "stirred@acme.example", "No answer").await;
    rig.walk(at(MONDAY) + DAY).await;
    click(&rig, &last(&rig, "stirred@acme.example").links[0]).await;
    rig.walk(at(MONDAY) + 30 * DAY).await;
    assert_eq!(names(&rig, silent).await, ["cold/industry-report", "cold/one-question"]);
    assert_eq!(
        names(&rig, stirred).await,
        ["cold/industry-report", "cold/case-study", "cold/one-question"]
    );
    press(&rig, &link(&last(&rig, "stirred@acme.example"), "The timing")).await;
    let (state, reason) = ended(&rig, stirred, "reawaken-cold").await;
    assert_eq!((state.as_str(), reason.as_str()), ("finished", "they said what keeps them"));
    assert_eq!(rig.record(stirred).await.profile.attributes["obstacle"], "timing");

    rig.walk(at(MONDAY) + 120 * DAY).await;
    assert_eq!(
        names(&rig, silent).await,
        ["cold/industry-report", "cold/one-question", "cold/last-useful-thing"]
    );
    // Whoever named an obstacle goes on the patient way.
    let on = names(&rig, stirred).await;
    assert!(on.contains(&"patient/not-now".to_owned()), "{on:?}");
    assert!(!on.contains(&"cold/last-useful-thing".to_owned()), "{on:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_white_paper_to_sales_and_back_to_nurture() {
    let db = TestDatabase::sqlite().await;
    let rig = rig(&db).await;
    let lead = prospect(&rig, "ann@acme.example", "New").await;
    rig.happens(lead, EventKind::FORM_SUBMITTED, Some("whitepaper")).await;
    rig.walk(at(MONDAY) + 20 * DAY).await;
    assert_eq!(
        names(&rig, lead).await,
        ["welcome/whitepaper", "welcome/next-step", "welcome/short-case", "welcome/talk"]
    );
    click(&rig, &last(&rig, "ann@acme.example").links[0]).await;

    // Ben, whose lead she is, gets the card; he gives her back for half a year.
    let card = last(&rig, "ben@example.com");
    assert!(card.text.contains("ann@acme.example"), "{}", card.text);
    press(&rig, &link(&card, "six months")).await;
    let returned = rig.clock.now();
    assert_eq!(rig.record(lead).await.stage, Stage::Recycled);
    rig.walk(returned + 175 * DAY).await;
    assert_eq!(names(&rig, lead).await.len(), 4, "she is left in peace until then");
    rig.walk(returned + 200 * DAY).await;
    assert_eq!(names(&rig, lead).await[4], "patient/not-now");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_the_offer_to_talk_is_handed_on_where_the_first_of_sales_is_silent() {
    let db = TestDatabase::sqlite().await;
    let rig = rig(&db).await;
    let attributes = [("lead_status", "New"), ("zone", "Europe/Rome")];
    let lead = rig.lead("ann@acme.example", &attributes).await;
    rig.happens(lead, EventKind::FORM_SUBMITTED, Some("whitepaper")).await;
    rig.walk(at(MONDAY) + 20 * DAY).await;
    click(&rig, &last(&rig, "ann@acme.example").links[0]).await;
    let cards = || ["ada@example.com", "ben@example.com"].map(|who| rig.mails_to(who).len());
    assert_eq!(cards().iter().sum::<usize>(), 1);
    rig.walk(rig.clock.now() + 6 * DAY).await;
    assert_eq!(cards(), [1, 1]);
    rig.walk(rig.clock.now() + 6 * DAY).await;
    assert_eq!(cards(), [1, 1]);
    assert_eq!(ended(&rig, lead, "welcome-whitepaper").await.0, "finished");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mql_goes_to_one_person_of_sales_once() {
    let db = TestDatabase::sqlite().await;
    let rig = rig(&db).await;
    let lead = decider_with_the_white_paper(&rig).await;
    rig.tick().await;
    looks_at_prices_twice(&rig, lead).await;
    rig.tick_after(MINUTE).await;
    assert_eq!(rig.record(lead).await.stage, Stage::Mql);
    let cards = || ["ada@example.com", "ben@example.com"].map(|who| rig.mails_to(who));
    let [ada, ben] = cards();
    assert_eq!(ada.len() + ben.len(), 1);
    let card = Read::of(ada.first().or(ben.first()).unwrap());
    // Ada reads Italian, Ben English; the first button is the same.
    let buttons = Regex::new(r#"href="([^"]*/s/[^"]+)""#).unwrap();
    press(&rig, &buttons.captures(&card.html).unwrap()[1]).await;
    // Marketing is silent while sales is talking, and nobody is handed over twice.
    rig.walk(rig.clock.now() + 55 * DAY).await;
    assert_eq!(names(&rig, lead).await, ["welcome/whitepaper"]);
    let [ada, ben] = cards();
    assert_eq!(ada.len() + ben.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_the_offer_as_they_become_an_mql_is_handed_over_once() {
    let db = TestDatabase::sqlite().await;
    let rig = rig(&db).await;
    let lead = decider_with_the_white_paper(&rig).await;
    rig.walk(at(MONDAY) + 20 * DAY).await;
    assert_eq!(names(&rig, lead).await.last().map(String::as_str), Some("welcome/talk"));
    assert_eq!(rig.record(lead).await.stage, Stage::Lead);
    looks_at_prices_twice(&rig, lead).await;
    click(&rig, &last(&rig, "ann@acme.example").links[0]).await;
    assert_eq!(rig.record(lead).await.stage, Stage::Mql);
    let cards = ["ada@example.com", "ben@example.com"].map(|who| rig.mails_to(who).len());
    assert_eq!(cards.iter().sum::<usize>(), 1);
}
