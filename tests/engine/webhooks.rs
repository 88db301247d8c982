//! Webhooks, on both databases, with a server that is called.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use nurtured::domain::{event::EventKind, id::LeadId};
use tokio::net::TcpListener;

use crate::support::{
    databases::{TestDatabase, for_each_database},
    engine::{Campaign, DAY, HOUR, MINUTE, Rig, Setup, behind},
};

/// What came: headers and body.
type Call = (HeaderMap, String);

/// A server on this machine, and the statuses that it answers with; 200 once they are used up.
#[derive(Clone, Default)]
struct Crm {
    calls: Arc<Mutex<Vec<Call>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
    port: u16,
}

impl Crm {
    async fn start(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = Arc::new(Mutex::new(answers.iter().copied().collect()));
        let crm = Self { answers, port, ..Self::default() };
        let routes = Router::new().route("/hook", post(Self::take)).with_state(crm.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        crm
    }

    async fn take(State(crm): State<Self>, headers: HeaderMap, body: Bytes) -> StatusCode {
        crm.calls.lock().unwrap().push((headers, String::from_utf8(body.to_vec()).unwrap()));
        let next = crm.answers.lock().unwrap().pop_front();
        match next {
            // As long as nobody waits any more.
            Some(0) => std::future::pending().await,
            status => StatusCode::from_u16(status.unwrap_or(200)).unwrap(),
        }
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

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
