//! A database with one lead who was sent one mail, and the public routes on a real socket before it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use nurtured::{
    clock::Clock,
    domain::{
        address::Address,
        decision::NewMessage,
        event::{Event, EventKind, StepRef},
        facts::{Fact, FactKey, FactPlan, ObjectFilter, fold},
        id::{EnrolmentNo, LeadId, MessageId},
        lead::Suppression,
        message::MessageKind,
        time::Instant,
        workflow::Version,
    },
    engine::{intake::Intake, live::Current},
    http::{Limits, Metrics, Public, listener, public},
    store::{
        Route, Store,
        records::{ClaimToken, ImportRun, LeadUpsert, LeadWrite, Settled, Settlement},
    },
    token::{Keyring, MailRef},
};
use reqwest::{Client, Method, Response, redirect::Policy};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::support::databases::TestDatabase;

pub const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
pub const PRICING: &str = "https://www.example.com/pricing?utm_source=nurtured";
pub const TEMPLATE: &str = "cold/one-question";

/// When the mail was sent.
pub const SENT_AT: Instant = Instant::from_millis(1_800_000_000_000);

pub struct Rig {
    pub database: TestDatabase,
    pub store: Store,
    pub clock: Clock,
    pub keyring: Arc<Keyring>,
    pub intake: Intake,
    pub nudge: Arc<Notify>,
    pub mail: MailRef,
    pub address: SocketAddr,
    pub client: Client,
    pub stop: CancellationToken,
    pub worker: JoinHandle<()>,
}

/// An hour after the mail was sent.
pub async fn rig() -> Rig {
    rig_of(MessageKind::Marketing).await
}

pub async fn rig_of(kind: MessageKind) -> Rig {
    rig_on(TestDatabase::sqlite().await, kind).await
}

/// One on each database, each fresh.
pub async fn rigs() -> Vec<Rig> {
    let mut rigs = vec![rig().await];
    if let Some(postgres) = TestDatabase::postgres().await {
        rigs.push(rig_on(postgres, MessageKind::Marketing).await);
    }
    rigs
}

async fn rig_on(database: TestDatabase, kind: MessageKind) -> Rig {
    let store = database.store.clone();
    let lead = lead(&store, "ann@example.com").await;
    let message = sent_message(&store, lead, kind).await;
    let clock = Clock::driven(SENT_AT + Duration::from_secs(3_600));
    let keyring = Arc::new(Keyring::from_seed(7));
    let nudge = Arc::new(Notify::new());
    let (intake, worker) = Intake::new(store.clone(), clock.clone(), Arc::clone(&nudge));
    let stop = CancellationToken::new();
    let worker = tokio::spawn(worker.run(stop.clone(), |_| {}));
    let routes = public::router(Public {
        keyring: Arc::clone(&keyring),
        intake: intake.clone(),
        metrics: Arc::new(Metrics::new()),
        store: store.clone(),
        current: Current::default(),
    });
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(listener::serve(
        socket,
        routes,
        Limits::default(),
        Arc::default(),
        stop.child_token(),
    ));
    let client = Client::builder().redirect(Policy::none()).user_agent(CHROME).build().unwrap();
    let mail = MailRef { lead, message };
    Rig { database, store, clock, keyring, intake, nudge, mail, address, client, stop, worker }
}

pub async fn lead(store: &Store, address: &str) -> LeadId {
    let upsert = LeadUpsert {
        address: Address::parse(address).unwrap(),
        attributes: Vec::new(),
        consents: std::collections::BTreeMap::new(),
        dated: false,
        objects: false,
        stage: None,
        suppress: None,
    };
    let run = ImportRun { id: 1, source: "test".into(), is_named: false, campaign: None };
    store.upsert_leads(&[upsert], &run, SENT_AT).await.unwrap()[0].lead
}

/// Reserved, claimed, transmitted and sent at [`SENT_AT`].
async fn sent_message(store: &Store, lead: LeadId, kind: MessageKind) -> MessageId {
    let batch = store.lock_leads(&[lead]).await.unwrap();
    let rev = batch.records[0].rev;
    let message = NewMessage {
        about: StepRef { enrolment: EnrolmentNo(1), step: "ask".into(), visit: 1 },
        kind,
        recipient: if kind == MessageKind::Internal { "sales".into() } else { "".into() },
        workflow: "reawaken-cold".into(),
        version: Version("v1".into()),
        purpose: "insights".into(),
        template: TEMPLATE.into(),
        priority: 20,
        due_at: SENT_AT,
        relay: "main".into(),
        placed_on: None,
        again: None,
    };
    let write = LeadWrite {
        lead,
        rev,
        release: nurtured::domain::id::ReleaseId(1),
        profile: None,
        memory: None,
        stage: None,
        enrolments: Vec::new(),
        messages: vec![message],
        calls: Vec::new(),
        withdraw: Vec::new(),
        events: Vec::new(),
        log: Vec::new(),
        ledger: Vec::new(),
        wake_at: Instant::NEVER,
        judge_again: false,
    };
    store.commit(batch, vec![write], SENT_AT).await.unwrap();
    let token = ClaimToken(1);
    let lease = Duration::from_secs(60);
    let claimed =
        store.claim_messages(&Route::own(&"main".into()), SENT_AT, token, lease, 1).await.unwrap();
    let message = claimed[0].id;
    assert_eq!(store.mark_transmitting(&[(message, token)], SENT_AT).await.unwrap(), [true]);
    let outcome = Settled::Sent { reply: "250 ok".into() };
    let settlement = Settlement { message, token, outcome, relay: None };
    let batch = store.settle(&[settlement], &[], SENT_AT).await.unwrap();
    store.commit(batch, Vec::new(), SENT_AT).await.unwrap();
    message
}

/// A lead's hits and objections, in order.
pub async fn hits_of(store: &Store, lead: LeadId) -> Vec<Event> {
    let mut events = store.events_of(lead).await.unwrap();
    events.retain(|event| {
        let kinds = [
            EventKind::MAIL_CLICKED,
            EventKind::MAIL_OPENED,
            EventKind::LEAD_UNSUBSCRIBED,
            EventKind::JUDGEMENT_REVISED,
        ];
        kinds.contains(&event.kind)
    });
    events
}

impl Rig {
    pub fn click_path(&self, target: &str) -> String {
        format!("/c/{}", self.keyring.click(&self.mail, target).unwrap())
    }

    pub fn open_path(&self) -> String {
        format!("/o/{}.gif", self.keyring.open_pixel(&self.mail))
    }

    pub fn unsubscribe_path(&self) -> String {
        format!("/u/{}", self.keyring.unsubscribe(&self.mail))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn ask(&self, method: Method, path: &str) -> Response {
        self.client.request(method, self.url(path)).send().await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path).await
    }

    pub fn pass(&self, span: Duration) {
        self.clock.set(self.clock.now() + span);
    }

    pub async fn hits(&self) -> Vec<Event> {
        hits_of(&self.store, self.mail.lead).await
    }

    pub async fn suppressed(&self) -> Option<Suppression> {
        self.store.record(self.mail.lead).await.unwrap().unwrap().suppressed
    }

    /// How many clicks conditions count at an instant.
    pub async fn clicks_counted(&self, at: Instant) -> usize {
        let mut plan = FactPlan::default();
        let key = FactKey { kind: EventKind::MAIL_CLICKED, filter: ObjectFilter::Any };
        plan.ask(key, 32);
        let mut facts = vec![Fact::default()];
        for event in self.hits().await {
            fold(&plan, &mut facts, &event, at);
        }
        facts[0].counted(Instant::DAWN, at).count()
    }
}
