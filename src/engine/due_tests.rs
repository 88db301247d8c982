use std::{collections::BTreeMap, path::Path, time::Duration};

use super::*;
use crate::{
    clock::Clock,
    config::Config,
    definitions::{self, Sources},
    domain::{
        address::Address,
        event::EventKind,
        lead::{Basis, Consent},
        message::MessageState,
    },
    engine::releasing,
    mail::relay::Relay,
    store::{
        DatabaseUrl, Store,
        records::{ImportRun, LeadUpsert, NewEvent},
    },
    token::Keyring,
};

const NOON: Instant = Instant::from_millis(1_798_459_200_000);

const CONFIG: &str = r#"
[public]
base_url = "http://127.0.0.1:1"
[[relay]]
name = "main"
host = "127.0.0.1"
port = 1
tls = "none"
[sender]
from = "Ada <ada@example.com>"
bounce_domain = "bounce.example.com"
postal_address = "Via Roma 1, 20121 Milano"
"#;

const FILES: [(&str, &str); 5] = [
    (
        "workflows/policy.yaml",
        "policy:\n  zone: UTC\n  language: en\n  tracking: with insights\n  purposes:\n    \
         insights: { label: Industry insights, basis: [consent] }\n",
    ),
    (
        "templates/layouts/mail.html",
        "<html><body>{{ content }}<p><a href=\"{{ unsubscribe_url }}\">Unsubscribe</a></p>\
         <p>{{ postal_address }}</p></body></html>",
    ),
    (
        "workflows/later.yaml",
        "workflow: later\npurpose: insights\nenter:\n  when: stage == \"lead\"\n  existing: yes\n\
         leave: replied()\nsteps:\n  - wait: 1d\n  - email: cold/one\n",
    ),
    (
        "workflows/now.yaml",
        "workflow: now\npurpose: insights\nenter:\n  event: form.submitted\nsteps:\n  - email: cold/one\n",
    ),
    (
        "templates/cold/one.md",
        "---\nsubject: One\nlayout: mail\n---\nGood morning,\n\n[read](https://www.example.com/one)\n",
    ),
];

async fn engine(folder: &Path) -> Arc<Engine> {
    with_rules(folder, "", CONFIG).await
}

/// With more in the policy.
async fn with_rules(folder: &Path, rules: &str, config: &str) -> Arc<Engine> {
    let url = DatabaseUrl::parse("sqlite:test.db", folder).unwrap();
    let store = Store::create(&url).await.unwrap();
    store.migrate(false, NOON).await.unwrap();
    let config = Arc::new(Config::parse(config, folder).unwrap());
    let relay = Relay::configured(&config.relays[0]).unwrap();
    let mut files = FILES.map(|(path, text)| (path.to_owned(), text.to_owned()));
    files[0].1.push_str(rules);
    let checked = definitions::check(&Sources { files: files.into(), ..Sources::default() });
    assert!(checked.definitions.is_some(), "{:#?}", checked.problems);
    releasing::apply(&store, &checked.artefacts, "test", "", NOON).await.unwrap();
    let keyring = Arc::new(Keyring::from_seed(7));
    Arc::new(Engine::new(store, Clock::driven(NOON), keyring, config, vec![relay]))
}

async fn lead(engine: &Engine, email: &str) -> LeadId {
    let consent =
        Consent { basis: Basis::Consent, at: NOON, source: "test".into(), withdrawn_at: None };
    let row = LeadUpsert {
        address: Address::parse(email).unwrap(),
        attributes: Vec::new(),
        consents: BTreeMap::from([("insights".into(), consent)]),
        dated: false,
        objects: false,
        stage: None,
        suppress: None,
    };
    let run = ImportRun { id: 1, source: "test".into(), is_named: false, campaign: None };
    engine.store.upsert_leads(&[row], &run, NOON).await.unwrap()[0].lead
}

#[tokio::test]
async fn a_reply_that_comes_while_a_lead_is_decided_keeps_the_mail_back() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path()).await;
    let lead = lead(&engine, "ann@example.com").await;
    engine.tick(NOON).await.unwrap();
    let live = engine.live().unwrap();

    engine.clock.set(NOON + Duration::from_hours(24));
    let (due, batch) = engine.claim(&mut Backlog::default(), Instant::DAWN).await.unwrap();
    assert_eq!(batch.records.len(), 1);
    let ready = engine.ready(&live, batch, due).await;
    let later = due + Duration::from_millis(300);
    engine.clock.set(later);
    let reply = NewEvent::new(lead, EventKind::LEAD_REPLIED, later, "inbox");
    engine.store.record_events(&[reply], later).await.unwrap();
    let mut done = Decided::default();
    let is_whole = engine.write(&live, ready, &mut done).await.unwrap();
    assert!(!is_whole, "what is decided ahead must not build on it");

    assert_eq!((done.claimed, done.lost, done.decided), (1, 1, 1));
    assert_eq!(done.reserved, 0, "a mail is reserved for one who has replied");
    let messages = engine.store.messages_of(lead).await.unwrap();
    assert!(messages.iter().all(|message| message.state != MessageState::Reserved), "{messages:?}");
    assert!(engine.store.enrolments(lead).await.unwrap().iter().all(|it| it.state != "active"));
}

/// So many people of one company, each of whom is due to get a mail.
async fn crowd(engine: &Arc<Engine>, people: usize) -> Arc<Live> {
    for person in 0..people {
        let lead = lead(engine, &format!("p{person}@acme.example")).await;
        let event = NewEvent::new(lead, EventKind::FORM_SUBMITTED, NOON, "test");
        engine.store.record_events(&[event], NOON).await.unwrap();
    }
    engine.take_over().await.unwrap();
    engine.live().unwrap()
}

/// Each batch is decided while the one before is written, and nobody is decided twice for it.
#[tokio::test]
async fn batches_share_companies_and_lines_with_those_that_are_still_to_be_written() {
    for (rules, reserved) in [
        ("  accounts:\n    people: { at_most: 3, per: week }\n", 3),
        // Within the second that mails are lined up ahead.
        ("  pacing:\n    all: 10 per second\n", 11),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let config = format!("{CONFIG}[engine]\nbatch = 8\n");
        let engine = with_rules(folder.path(), rules, &config).await;
        let live = crowd(&engine, 64).await;
        let decided = engine.decide_due(&live, NOON).await.unwrap();
        assert_eq!((decided.decided, decided.lost, decided.reserved), (64, 0, reserved), "{rules}");
    }
}

/// Something happens to a lead of a batch while the next one is decided as if that were written.
#[tokio::test]
async fn what_was_decided_ahead_of_a_batch_that_is_not_written_as_a_whole_is_decided_anew() {
    let folder = tempfile::tempdir().unwrap();
    let rules = "  accounts:\n    people: { at_most: 3, per: week }\n";
    let config = format!("{CONFIG}[engine]\nbatch = 4\n");
    let engine = with_rules(folder.path(), rules, &config).await;
    let (live, mut backlog) = (crowd(&engine, 8).await, Backlog::default());
    let (due, batch) = engine.claim(&mut backlog, NOON).await.unwrap();
    let first = engine.ready(&live, batch, due).await;
    let legacy = first.verdicts.as_ref().unwrap().legacy();
    let next = engine.next(&live, &mut backlog, NOON, legacy).await.unwrap().unwrap();
    // The first of the three who had a place leaves it to somebody of the next batch.
    let objects = NewEvent::new(first.leads[0], EventKind::LEAD_UNSUBSCRIBED, NOON, "test");
    engine.store.record_events(&[objects], NOON).await.unwrap();
    let mut done = Decided::default();
    assert!(!engine.write(&live, first, &mut done).await.unwrap());
    let anew = engine.decided_anew(&live, next).await.unwrap().unwrap();
    assert!(engine.write(&live, anew, &mut done).await.unwrap(), "nobody of it is overtaken");
    assert_eq!((done.lost, done.reserved), (1, 3));
}
