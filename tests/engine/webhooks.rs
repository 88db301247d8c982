//! Webhooks, on both databases, with a server that is called.

use std::sync::Arc;

use nurtured::{
    domain::{event::EventKind, id::LeadId},
    engine::{
        Engine,
        rehearsal::{Cast, World},
    },
};
use tokio::net::TcpListener;

use crate::support::{
    crm::{Call, Crm},
    databases::{TestDatabase, for_each_database},
    engine::{Campaign, DAY, HOUR, MINUTE, Rig, Setup, behind},
};

const ENTER: &str = "enter:\n  when: stage == \"lead\"\n  existing: yes\n";

async fn rig(db: &TestDatabase, crm: &Crm, rest: &str, egress: &str) -> Rig {
    let steps = format!(
        "{ENTER}steps:\n  - webhook: crm\n    attributes: [country]\n    \
         data: {{ reason: asked for a call, points: 3 }}\n{rest}  - tag: on\n"
    );
    let config = format!(
        "[webhook.crm]\nurl = \"http://127.0.0.1:{}/hook\"\nsecret_file = \"crm.secret\"\n\
         headers = [\"X-Source: nurtured\"]\n{egress}",
        crm.port
    );
    let setup = Setup { config, ..Setup::default() };
    let rig = Rig::with(db, &Campaign::new().workflow("asks", &steps), setup).await;
    std::fs::write(rig.folder.path().join("crm.secret"), "secret\n").unwrap();
    rig
}

const ALLOWED: &str = "[egress]\nallow = [\"127.0.0.1\"]\n";

async fn states(rig: &Rig) -> Vec<(String, u64)> {
    rig.store.calls().await.unwrap().into_iter().map(|it| (it.state, it.number)).collect()
}

async fn events(rig: &Rig, lead: LeadId) -> (usize, usize) {
    let answered = rig.events(lead, &EventKind::WEBHOOK_ANSWERED).await.len();
    (answered, rig.events(lead, &EventKind::WEBHOOK_FAILED).await.len())
}

/// As a receiver checks it: nothing of ours is used but the header.
fn is_signed((headers, body): &Call, secret: &str) -> bool {
    let signature = headers["nurtured-signature"].to_str().unwrap();
    let (t, v1) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let bytes: Vec<u8> = (0..v1.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&v1[at..at + 2], 16).unwrap())
        .collect();
    ring::hmac::verify(&key, format!("{t}.{body}").as_bytes(), &bytes).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_signed_tried_again_by_the_same_key_and_counted_once() {
    for_each_database(async |db| {
        let crm = Crm::start(&[500, 302]).await;
        let rig = rig(db, &crm, "", ALLOWED).await;
        let lead = rig.lead("ann@a.example", &[("country", "IT")]).await;
        rig.tick().await;
        // It goes on at once.
        assert_eq!(rig.enrolment(lead).await.state, "finished");
        assert_eq!(states(&rig).await, [("due".to_owned(), 1)]);
        rig.tick_after(MINUTE).await;
        rig.tick_after(HOUR).await;
        rig.tick_after(HOUR).await;
        let calls = crm.calls();
        assert_eq!(calls.len(), 3);
        for call in &calls {
            assert!(is_signed(call, "secret") && !is_signed(call, "secre"));
            assert_eq!(call.0["x-source"], "nurtured");
            assert_eq!(call.0["idempotency-key"], calls[0].0["idempotency-key"]);
            assert_eq!(call.1, calls[0].1);
        }
        let told: serde_json::Value = serde_json::from_str(&calls[0].1).unwrap();
        assert_eq!(told["key"], calls[0].0["idempotency-key"].to_str().unwrap());
        let rest = serde_json::json!({
            "key": told["key"],
            "lead": { "id": lead.to_string(), "email": "ann@a.example" },
            "attributes": { "country": "IT" },
            "data": { "reason": "asked for a call", "points": "3" },
            "workflow": "asks",
            "step": "webhook.crm",
            "campaign": null,
        });
        assert_eq!(told, rest);
        assert_eq!(states(&rig).await, [("answered".to_owned(), 1)]);
        assert_eq!(events(&rig, lead).await, (1, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_an_answer_goes_on_with_it_and_what_nobody_took_is_parked() {
    for_each_database(async |db| {
        let crm = Crm::start(&[503; 64]).await;
        let rig = rig(db, &crm, "    on_failure: hold\n", ALLOWED).await;
        let lead = rig.lead("ann@a.example", &[]).await;
        rig.walk(rig.clock.now() + 2 * DAY).await;
        for _ in 0..64 {
            rig.tick_after(HOUR).await;
        }
        assert_eq!(states(&rig).await, [("parked".to_owned(), 1)]);
        assert_eq!(rig.enrolment(lead).await.step, "webhook.crm");
        assert_eq!(events(&rig, lead).await, (0, 1));
        crm.answers.lock().unwrap().clear();
        rig.store.try_parked_again(rig.clock.now()).await.unwrap();
        rig.tick().await;
        rig.tick().await;
        assert_eq!(states(&rig).await, [("answered".to_owned(), 1)]);
        assert_eq!(rig.enrolment(lead).await.state, "finished");
        assert_eq!(events(&rig, lead).await, (1, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_an_answer_as_a_rehearsal_begins_goes_on_in_it() {
    for_each_database(async |db| {
        let crm = Crm::start(&[503; 64]).await;
        let rig = rig(db, &crm, "    on_failure: hold\n", ALLOWED).await;
        let lead = rig.lead("ann@a.example", &[]).await;
        rig.tick().await;
        assert_eq!(rig.enrolment(lead).await.step, "webhook.crm");
        let from = rig.clock.now() + HOUR;
        let live = rig.engine.live().unwrap();
        let (definitions, fleet) = (&live.definitions, rig.engine.fleet.clone());
        let cast = Cast::of(&rig.store, definitions, &fleet, from).await.unwrap();
        assert_eq!(cast.people[0].state.enrolments.len(), 1);
        let mut world = World::new(definitions.clone(), fleet, (), 10, from).with(cast);
        world.run(from + HOUR, &mut ());
        let state = &world.people()[0].state;
        assert!(state.enrolments.is_empty(), "{:#?}", state.enrolments);
        // Nobody has been called for that.
        assert_eq!(rig.enrolment(lead).await.step, "webhook.crm");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_inside_is_called_unless_it_is_named() {
    for_each_database(async |db| {
        let crm = Crm::start(&[]).await;
        let rig = rig(db, &crm, "", "").await;
        rig.lead("ann@a.example", &[]).await;
        rig.tick().await;
        assert_eq!(crm.calls().len(), 0);
        let waiting = rig.store.calls().await.unwrap().remove(0);
        let why = waiting.reason.unwrap();
        assert!(why.contains("127.0.0.1 is not called: loopback"), "{why}");
    })
    .await;
}

/// Answered, and killed before that was written; several daemons call one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn who_dies_before_the_answer_is_written_leaves_it_to_the_next_by_the_same_key() {
    for_each_database(async |db| {
        let crm = Crm::start(&[0]).await;
        let rig = rig(db, &crm, "", ALLOWED).await;
        let lead = rig.lead("ann@a.example", &[]).await;
        let engine = Arc::clone(&rig.engine);
        let dying = tokio::spawn(async move { engine.tick(engine.clock.now()).await.map(drop) });
        while crm.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        dying.abort();
        let _ = dying.await;
        // It is still theirs.
        let (other, _) = rig.restarted().await;
        assert_eq!(other.call().await.unwrap(), 0);
        behind(db, "UPDATE calls SET lease_until = 0".to_owned()).await;
        assert_eq!(other.call().await.unwrap(), 1);
        let calls = crm.calls();
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[0].0["idempotency-key"], calls[1].0["idempotency-key"]);
        assert_eq!(calls[0].1, calls[1].1);
        assert_eq!(states(&rig).await, [("answered".to_owned(), 1)]);
        assert_eq!(events(&rig, lead).await, (1, 0));
    })
    .await;
}

/// Some servers hang up with the last byte of their answer.
#[tokio::test(flavor = "multi_thread")]
async fn who_answers_and_hangs_up_has_answered() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    for_each_database(async |db| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let crm = Crm { port: listener.local_addr().unwrap().port(), ..Crm::default() };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 16 * 1024];
                let _ = stream.read(&mut request).await;
                let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            }
        });
        let rig = rig(db, &crm, "", ALLOWED).await;
        rig.leads(&(0..8).map(|n| format!("l{n}@a.example")).collect::<Vec<_>>(), &[]).await;
        rig.tick().await;
        assert_eq!(states(&rig).await, [("answered".to_owned(), 8)]);
    })
    .await;
}

/// Two daemons, many calls: each is made once.
#[tokio::test(flavor = "multi_thread")]
async fn several_daemons_make_each_call_once() {
    for_each_database(async |db| {
        let crm = Crm::start(&[]).await;
        let rig = rig(db, &crm, "", ALLOWED).await;
        rig.tick().await;
        let names: Vec<String> = (0..40).map(|n| format!("l{n}@a.example")).collect();
        rig.leads(&names, &[]).await;
        rig.decide_by_many(2).await;
        assert_eq!(crm.calls().len(), 0);
        let (other, _) = rig.restarted().await;
        let all = async |engine: &Engine| {
            while engine.call().await.unwrap() > 0 {}
        };
        tokio::join!(all(&rig.engine), all(&other));
        let mut keys: Vec<_> =
            crm.calls().iter().map(|call| call.0["idempotency-key"].clone()).collect();
        assert_eq!(keys.len(), 40);
        keys.sort_unstable_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
        keys.dedup();
        assert_eq!(keys.len(), 40);
    })
    .await;
}
