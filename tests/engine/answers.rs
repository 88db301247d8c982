//! What `nurtured why` and `nurtured why-not` answer, as people read it.

use std::fmt::Write as _;

use nurtured::{
    domain::{event::EventKind, lead::Suppression, pause::Scope},
    engine::{
        rehearsal::Chronicle,
        report::{
            why::{Moment, Subject},
            why_not::why_not,
        },
    },
    store::Subject as Suppressed,
};

use crate::support::{
    databases::{NOON, TestDatabase, for_each_database},
    engine::{Campaign, DAY, HOUR, MINUTE, Rig, behind},
    postgres,
    site::Site,
};

const POLICY: &str = "\
policy:
  zone: Europe/Rome
  language: en
  tracking: with insights
  window: mon-fri 09:00-17:00
  caps:
    - { mails: 2, per: week }
  purposes:
    insights: { label: Industry insights, basis: [consent] }
    product-news: { label: News, basis: [consent, soft_opt_in] }
";

const REAWAKEN: &str = "\
enter:
  when: country == \"Italy\"
  existing: no
goal: industry == \"won\"
leave: replied()
steps:
  - email: cold/one
  - wait_for: clicked(\"cold/one\")
    up_to: 5d
    then:
      - email: cold/two
    else:
      - email: cold/three
  - wait: 3d
  - email: cold/four
";

const HELLO: &str = "\
priority: 20
enter:
  event: form.submitted
  again: after 90d
steps:
  - email: hello
";

/// With the third mail of a week.
const OFFER: &str = "\
priority: 30
enter:
  event: page.visited
  where: entry.object == \"/pricing\"
steps:
  - email: offer
";

const NEWS: &str =
    "workflow: news\npurpose: product-news\nenter:\n  by_hand: yes\nsteps:\n  - email: news\n";

fn campaign() -> Campaign {
    Campaign::new()
        .file("workflows/policy.yaml", POLICY)
        .workflow("reawaken", REAWAKEN)
        .workflow("hello", HELLO)
        .workflow("offer", OFFER)
        .file("workflows/news.yaml", NEWS)
        .mail("cold/one", "One")
        .mail("cold/two", "Two")
        .mail("cold/three", "Three")
        .mail("cold/four", "Four")
        .mail("hello", "Hello")
        .mail("offer", "Offer")
        .mail("news", "News")
        .mail("spare", "Spare")
}

/// Two weeks of a few people.
async fn weeks(rig: &Rig) {
    let italy = [("country", "Italy")];
    let before = rig.lead("before@firm.example", &[("country", "Italy")]).await;
    rig.tick().await;
    rig.clock.set(NOON + MINUTE);
    rig.apply(&campaign()).await;
    rig.tick().await;
    rig.clock.set(NOON + HOUR);
    let ada = rig.lead("ada@firm.example", &italy).await;
    let bob = rig.lead("bob@firm.example", &italy).await;
    let carl = rig.lead("carl@firm.example", &italy).await;
    rig.lead("dora@firm.example", &[("country", "Germany")]).await;
    rig.lead("gina@firm.example", &[("country", "Italy"), ("industry", "won")]).await;
    rig.walk(NOON + 2 * HOUR).await;
    rig.happens(ada, EventKind::MAIL_CLICKED, Some("cold/one")).await;
    rig.happens(before, EventKind::FORM_SUBMITTED, Some("demo")).await;
    rig.walk(NOON + DAY).await;
    rig.happens(ada, EventKind::PAGE_VISITED, Some("/pricing")).await;
    let gone = Suppressed::Address("bob@firm.example".parse().unwrap());
    let now = rig.clock.now();
    rig.store.suppress(&[(gone, Suppression::Unsubscribed)], &"test".into(), now).await.unwrap();
    rig.walk(NOON + 3 * DAY).await;
    rig.happens(carl, EventKind::LEAD_REPLIED, None).await;
    let _ = bob;
    rig.walk(NOON + 14 * DAY).await;
    rig.store.pause(&Scope::Workflow("offer".into()), "ann", NOON + 14 * DAY).await.unwrap();
    // So far goes what the database knows.
    rig.clock.set(NOON + 15 * DAY);
    rig.lead("newcomer@firm.example", &[]).await;
}

const ASKED: [&str; 23] = [
    "why ada@firm.example --at 2026-12-30T12:00:00Z",
    "why ada@firm.example --at 2027-01-11T12:00:00Z",
    "why ada@firm.example --mail cold/two --at 2027-01-11T12:00:00Z",
    "why carl@firm.example --workflow reawaken --at 2027-01-11T12:00:00Z",
    "why dora@firm.example --mail cold/one --at 2027-01-11T12:00:00Z",
    "why-not nobody@firm.example --mail cold/one",
    "why-not ada@firm.example --mail cold/one --at 2027-01-11T12:00:00Z",
    "why-not ada@firm.example --mail offer --at 2026-12-30T12:00:00Z",
    "why-not ada@firm.example --mail cold/four --at 2026-12-29T18:00:00Z",
    "why-not ada@firm.example --mail cold/three --at 2026-12-29T18:00:00Z",
    "why-not bob@firm.example --mail cold/two --at 2027-01-11T12:00:00Z",
    "why-not carl@firm.example --mail cold/four --at 2027-01-11T12:00:00Z",
    "why-not carl@firm.example --mail cold/three --at 2026-12-29T18:00:00Z",
    "why-not dora@firm.example --workflow reawaken --at 2027-01-11T12:00:00Z",
    "why-not before@firm.example --workflow reawaken --at 2027-01-11T12:00:00Z",
    "why-not before@firm.example --workflow hello --at 2027-01-11T12:00:00Z",
    "why-not dora@firm.example --mail news --at 2027-01-11T12:00:00Z",
    "why-not dora@firm.example --mail hello --at 2027-01-11T12:00:00Z",
    "why-not dora@firm.example --mail offer --at 2027-01-12T12:00:00Z",
    "why-not gina@firm.example --mail cold/one --at 2027-01-11T12:00:00Z",
    "why-not before@firm.example --mail hello --at 2027-01-11T12:00:00Z",
    "why-not ada@firm.example --mail offer --at 2027-01-11T12:00:00Z",
    "why-not dora@firm.example --mail spare --at 2027-01-11T12:00:00Z",
];

/// What the commands say, one after the other.
pub async fn answers(db: &TestDatabase, lines: &'static [&'static str]) -> String {
    let url = match db.url.file() {
        Some(file) => format!("sqlite:{}", file.display()),
        None => postgres::url_text(&db.url),
    };
    let asked = move || {
        let site = Site::bare();
        let mut told = String::new();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let ran = site.run(&[&["--database", url.as_str()], words.as_slice()].concat());
            let _ = writeln!(told, "$ nurtured {line}\n{}{}", ran.out, ran.err);
        }
        told
    };
    tokio::task::spawn_blocking(asked).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_is_the_first_thing_in_the_way() {
    for_each_database(async |db| {
        let first = campaign().without("workflows/reawaken.yaml");
        let rig = Rig::new(db, &first).await;
        weeks(&rig).await;
        for (mail, state) in [("hello", "in_doubt"), ("offer", "parked")] {
            let reason = "reason = 'first_name is missing', sent_at = NULL";
            let sql = format!(
                "UPDATE messages SET state = '{state}', {reason} WHERE template = '{mail}'"
            );
            behind(db, sql).await;
        }
        insta::assert_snapshot!("answers", answers(db, &ASKED).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_now_is_what_the_record_says_of_now() {
    for_each_database(async |db| {
        let first = campaign().without("workflows/reawaken.yaml");
        let rig = Rig::new(db, &first).await;
        weeks(&rig).await;
        rig.engine.take_over().await.unwrap();
        let live = rig.engine.live().unwrap();
        let chronicle = Chronicle::of(&rig.store).await.unwrap();
        let now = rig.clock.now();
        let leads = rig.store.leads_after(nurtured::domain::id::LeadId(0), 100).await.unwrap();
        let pasts = rig.store.pasts(&leads).await.unwrap();
        assert!(pasts.known.len() >= 5);
        for past in &pasts.known {
            let about = (past, &chronicle);
            let of = |at| Moment::of(&rig.store, about, &live.definitions, at, now);
            let (told, recorded) = (of(None).await.unwrap(), of(Some(now)).await.unwrap());
            for subject in [
                Subject::Mail("cold/four".into()),
                Subject::Mail("hello".into()),
                Subject::Workflow("reawaken".into()),
                Subject::Workflow("offer".into()),
            ] {
                assert_eq!(why_not(&told, &subject), why_not(&recorded, &subject));
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_date_it_is_said_when_it_comes_or_that_it_is_past_and_what_is_asked_then() {
    const RENEWAL: &str = "\
enter:
  date: created_on
  yearly: no
  where: country == \"Italy\"
  again: always
steps:
  - email: hello
";
    for_each_database(async |db| {
        let campaign = Campaign::new()
            .file("workflows/policy.yaml", POLICY)
            .workflow("renewal", RENEWAL)
            .workflow("yearly", &RENEWAL.replace("yearly: no", "yearly: yes"))
            .mail("hello", "Hello");
        let rig = Rig::new(db, &campaign).await;
        let dated = [
            ("none@firm.example", None, "Italy"),
            ("past@firm.example", Some("2026-12-01"), "Italy"),
            ("been@firm.example", Some("2026-12-29"), "Italy"),
            ("far@firm.example", Some("2027-02-01"), "Italy"),
            ("else@firm.example", Some("2027-02-01"), "Spain"),
        ];
        for (address, date, country) in dated {
            let date = date.map(|date| ("created_on", date));
            let attributes: Vec<_> = date.into_iter().chain([("country", country)]).collect();
            rig.lead(address, &attributes).await;
        }
        rig.walk(NOON + 2 * DAY).await;
        rig.engine.take_over().await.unwrap();
        let live = rig.engine.live().unwrap();
        let chronicle = Chronicle::of(&rig.store).await.unwrap();
        let leads = rig.store.leads_after(nurtured::domain::id::LeadId(0), 100).await.unwrap();
        let mut told = String::new();
        for past in &rig.store.pasts(&leads).await.unwrap().known {
            let about = (past, &chronicle);
            let now = rig.clock.now();
            let moment = Moment::of(&rig.store, about, &live.definitions, None, now).await.unwrap();
            for workflow in ["renewal", "yearly"] {
                for bar in why_not(&moment, &Subject::Workflow(workflow.into())) {
                    let until = bar.until.map(|until| until.to_string()).unwrap_or_default();
                    let asked = bar.condition.map(|it| it.text).unwrap_or_default();
                    let address = moment.state.address.as_str();
                    let _ = writeln!(told, "{address} {workflow}: {} {until}", bar.bar);
                    let _ = writeln!(told, "  {}\n  {asked}", bar.says);
                }
            }
        }
        insta::assert_snapshot!("dates", told);
    })
    .await;
}
