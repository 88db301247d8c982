//! An engine on a test database: driven clock, an SMTP server on a real socket, the public routes on
//! another, and a reader with a browser.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use mail_parser::MessageParser;
use nurtured::{
    clock::Clock,
    config::Config,
    definitions::{self, Checked, Sources},
    domain::{
        address::Address,
        artefact::Artefact,
        definitions::Definitions,
        event::{Event, EventKind},
        id::LeadId,
        lead::{Basis, Consent, LeadRecord},
        message::MessageState,
        name::Name,
        time::Instant,
    },
    engine::{
        Engine,
        intake::Intake,
        releasing::{self, Applied},
        settling::Tally,
        tick::TickReport,
    },
    http::{Limits, Metrics, Public, listener, public},
    mail::{
        dkim::Signers,
        relay::{Relay, Timeouts},
    },
    store::{
        Store,
        records::{EnrolmentRow, ImportRun, LeadUpsert, MessageRow, NewEvent, Recorded},
    },
    token::Keyring,
};
use regex::Regex;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    databases::TestDatabase,
    postgres,
    smtp::{FakeSmtp, Received, Script},
};

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_mins(1);
pub const HOUR: Duration = Duration::from_hours(1);
pub const DAY: Duration = Duration::from_hours(24);

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

const POLICY: &str = "\
policy:
  zone: UTC
  language: en
  tracking: with insights
  purposes:
    insights: { label: Industry insights, basis: [consent] }
";

const LAYOUT: &str = "<html><body>{{ content }}<p><a href=\"{{ unsubscribe_url }}\">Unsubscribe</a></p>\
                      <p>{{ postal_address }}</p></body></html>";

/// An instant as people write it.
pub fn at(text: &str) -> Instant {
    text.parse().expect("an instant")
}

/// A campaign folder in memory.
#[derive(Clone)]
pub struct Campaign(Sources);

impl Campaign {
    /// A policy with the purpose `insights`, no window, and a layout.
    pub fn new() -> Self {
        let campaign = Self(Sources::default());
        campaign.file("workflows/policy.yaml", POLICY).file("templates/layouts/mail.html", LAYOUT)
    }

    /// The one that the project ships.
    pub fn shipped() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self(definitions::read_folder(folder).expect("the shipped campaign"))
    }

    /// Two mails to everybody, a day between them.
    pub fn two_mails() -> Self {
        Self::new()
            .workflow(
                "two",
                "enter:\n  when: stage == \"lead\"\n  existing: yes\n\
                 steps:\n  - email: cold/one\n  - wait: 1d\n  - email: cold/two\n",
            )
            .mail("cold/one", "One")
            .mail("cold/two", "Two")
    }

    #[must_use]
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.0.files.insert(path.to_owned(), text.to_owned());
        self
    }

    #[must_use]
    pub fn without(mut self, path: &str) -> Self {
        self.0.files.remove(path).expect("a file of this path");
        self
    }

    /// A workflow for the purpose `insights`, by what follows these lines.
    #[must_use]
    pub fn workflow(self, name: &str, rest: &str) -> Self {
        let text = format!("workflow: {name}\npurpose: insights\n{rest}");
        self.file(&format!("workflows/{name}.yaml"), &text)
    }

    /// A mail of this subject with one link in it.
    #[must_use]
    pub fn mail(self, template: &str, subject: &str) -> Self {
        let link = format!("https://www.example.com/{template}");
        self.text(template, subject, &format!("Good morning,\n\n[read on]({link})\n"))
    }

    #[must_use]
    pub fn text(self, template: &str, subject: &str, text: &str) -> Self {
        let mail = format!("---\nsubject: {subject}\nlayout: mail\n---\n{text}");
        self.file(&format!("templates/{template}.md"), &mail)
    }

    pub fn artefacts(&self) -> Vec<Artefact> {
        let checked = definitions::check(&self.0);
        assert!(checked.definitions.is_some(), "{:#?}", checked.problems);
        checked.artefacts
    }

    pub fn definitions(&self) -> Arc<Definitions> {
        let Checked { definitions, problems, .. } = definitions::check(&self.0);
        Arc::new(definitions.unwrap_or_else(|| panic!("{problems:#?}")))
    }
}

/// What a test may want otherwise.
pub struct Setup {
    pub start: Instant,
    /// Added to `nurtured.toml`.
    pub config: String,
    pub connections: usize,
    /// Keys of the relay `main`.
    pub main: String,
    pub relay: Script,
    /// How long the relay is waited for at each step, if not as long as it should be.
    pub patience: Option<Duration>,
}

/// Monday noon in UTC, a well-behaved relay.
impl Default for Setup {
    fn default() -> Self {
        Self {
            start: super::databases::NOON,
            config: String::new(),
            connections: 4,
            main: String::new(),
            relay: Script::new(),
            patience: None,
        }
    }
}

pub struct Rig {
    pub engine: Arc<Engine>,
    pub store: Store,
    pub clock: Clock,
    pub keyring: Arc<Keyring>,
    pub smtp: FakeSmtp,
    pub public: SocketAddr,
    pub browser: reqwest::Client,
    pub folder: tempfile::TempDir,
    config: String,
    patience: Option<Duration>,
    _leash: DropGuard,
}

impl Rig {
    pub async fn new(db: &TestDatabase, campaign: &Campaign) -> Self {
        Self::with(db, campaign, Setup::default()).await
    }

    /// The campaign is live from the start on.
    pub async fn with(db: &TestDatabase, campaign: &Campaign, setup: Setup) -> Self {
        let store = db.store.clone();
        let clock = Clock::driven(setup.start);
        let keyring = Arc::new(Keyring::from_seed(7));
        let (_, smtp) = FakeSmtp::start(setup.relay).await;
        let doors = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let public = doors.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "[public]\nbase_url = \"http://{public}\"\n\
             [[relay]]\nname = \"main\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
             connections = {}\n{}\n\
             [sender]\nfrom = \"Ada Rossi <ada@example.com>\"\nbounce_domain = \"bounce.example.com\"\n\
             postal_address = \"Via Roma 1, 20121 Milano\"\n{}",
            smtp.addr.port(),
            setup.connections,
            setup.main,
            setup.config,
        );
        let patience = setup.patience;
        let engine = engine(&store, &clock, &keyring, (&config, patience), folder.path());
        let stop = CancellationToken::new();
        let (intake, worker) = Intake::new(store.clone(), clock.clone(), Arc::clone(&engine.nudge));
        tokio::spawn(worker.run(stop.clone(), |_| ()));
        let routes = public::router(Public {
            keyring: Arc::clone(&keyring),
            intake,
            metrics: Arc::new(Metrics::new()),
            store: store.clone(),
            current: engine.current.clone(),
        });
        let limits = Limits::default();
        tokio::spawn(listener::serve(doors, routes, limits, Arc::default(), stop.clone()));
        let browser = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(BROWSER)
            .no_proxy()
            .build()
            .unwrap();
        let leash = stop.drop_guard();
        let rig = Self {
            engine,
            store,
            clock,
            keyring,
            smtp,
            public,
            browser,
            folder,
            config,
            patience,
            _leash: leash,
        };
        rig.apply(campaign).await;
        rig
    }

    /// Another engine on the same database, as after the end of a process: what that one left behind
    /// is settled first.
    pub async fn restarted(&self) -> (Arc<Engine>, Tally) {
        let engine = self.with_relay(self.smtp.addr.port());
        engine.take_over().await.unwrap();
        let live = engine.live().unwrap();
        let left = engine.recover(&live, true, self.clock.now()).await.unwrap();
        (engine, left)
    }

    /// An engine that hands mail to another relay.
    pub fn with_relay(&self, port: u16) -> Arc<Engine> {
        let (ours, theirs) = (self.smtp.addr.port(), format!("port = {port}\n"));
        self.configured(|config| config.replace(&format!("port = {ours}\n"), &theirs))
    }

    /// An engine whose `nurtured.toml` is another.
    pub fn configured(&self, change: impl Fn(&str) -> String) -> Arc<Engine> {
        let config = change(&self.config);
        let setting = (&*config, self.patience);
        engine(&self.store, &self.clock, &self.keyring, setting, self.folder.path())
    }

    pub async fn apply(&self, campaign: &Campaign) {
        let now = self.clock.now();
        let applied =
            releasing::apply(&self.store, &campaign.artefacts(), "test", "", now).await.unwrap();
        assert!(matches!(applied, Applied::New(_)));
    }

    /// One pass at an instant.
    pub async fn tick_at(&self, now: Instant) -> TickReport {
        self.clock.set(now);
        self.engine.tick(now).await.unwrap()
    }

    /// One pass now.
    pub async fn tick(&self) -> TickReport {
        self.tick_at(self.clock.now()).await
    }

    pub async fn tick_after(&self, span: Duration) -> TickReport {
        self.tick_at(self.clock.now() + span).await
    }

    /// Passes at each wake-up until an instant.
    pub async fn walk(&self, until: Instant) {
        let mut next = self.tick().await.next_wake_at;
        while let Some(now) = next.filter(|next| *next <= until) {
            next = self.tick_at(now).await.next_wake_at;
        }
        self.tick_at(until).await;
    }

    /// The same from an instant on, as if nothing had run until then.
    pub async fn walk_from(&self, now: Instant, until: Instant) {
        self.clock.set(now);
        self.walk(until).await;
    }

    /// All that is due now, decided by several at the same time, each until it finds nothing for a while.
    pub async fn decide_by_many(&self, deciders: usize) {
        let (live, now) = (self.engine.live().unwrap(), self.clock.now());
        let mut tasks = JoinSet::new();
        for _ in 0..deciders {
            let (engine, live) = (Arc::clone(&self.engine), Arc::clone(&live));
            tasks.spawn(async move {
                let mut idle = 0;
                while idle < 20 {
                    let decided = engine.decide_due(&live, now).await.unwrap();
                    idle = if decided.claimed == 0 { idle + 1 } else { 0 };
                    tokio::task::yield_now().await;
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    }

    /// A lead who agreed to `insights`.
    pub async fn lead(&self, email: &str, attributes: &[(&str, &str)]) -> LeadId {
        self.leads(&[email.to_owned()], attributes).await[0]
    }

    pub async fn leads(&self, emails: &[String], attributes: &[(&str, &str)]) -> Vec<LeadId> {
        let now = self.clock.now();
        let rows: Vec<LeadUpsert> =
            emails.iter().map(|email| Self::row(email, attributes, now)).collect();
        let run =
            ImportRun { id: now.millis(), source: "test".into(), is_named: false, campaign: None };
        let mut leads = Vec::new();
        for rows in rows.chunks(1_000) {
            let upserted = self.store.upsert_leads(rows, &run, now).await.unwrap();
            leads.extend(upserted.into_iter().map(|upserted| upserted.lead));
        }
        leads
    }

    /// A lead of an import who agreed to `insights`.
    pub fn row(email: &str, attributes: &[(&str, &str)], now: Instant) -> LeadUpsert {
        let consent =
            Consent { basis: Basis::Consent, at: now, source: "test".into(), withdrawn_at: None };
        let attributes = attributes.iter();
        LeadUpsert {
            address: Address::parse(email).unwrap(),
            attributes: attributes
                .map(|(name, value)| (Name::new(name), (*value).into()))
                .collect(),
            consents: BTreeMap::from([("insights".into(), consent)]),
            dated: false,
            objects: false,
            stage: None,
            suppress: None,
        }
    }

    /// Something happens to a lead, now.
    pub async fn happens(&self, lead: LeadId, kind: EventKind, object: Option<&str>) {
        let now = self.clock.now();
        let mut event = NewEvent::new(lead, kind, now, "test");
        event.object = object.map(Name::new);
        let recorded = self.store.record_events(&[event], now).await.unwrap();
        assert!(matches!(recorded[0], Recorded::New { .. }), "{recorded:?}");
    }

    pub async fn record(&self, lead: LeadId) -> LeadRecord {
        self.store.record(lead).await.unwrap().unwrap()
    }

    /// A lead's enrolments: workflow, step and state.
    pub async fn enrolments(&self, lead: LeadId) -> Vec<EnrolmentRow> {
        self.store.enrolments(lead).await.unwrap()
    }

    pub async fn enrolment(&self, lead: LeadId) -> EnrolmentRow {
        let mut all = self.enrolments(lead).await;
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    pub async fn messages(&self, lead: LeadId) -> Vec<MessageRow> {
        self.store.messages_of(lead).await.unwrap()
    }

    /// So many leads at a domain.
    pub async fn crowd(&self, people: usize, domain: &str) -> Vec<LeadId> {
        let names: Vec<String> = (0..people).map(|n| format!("p{n}@{domain}")).collect();
        self.leads(&names, &[]).await
    }

    /// When mails left for these leads, in order.
    pub async fn sent(&self, leads: &[LeadId]) -> Vec<Instant> {
        let mut at = Vec::new();
        for &lead in leads {
            let events = self.events(lead, &EventKind::MAIL_SENT).await;
            at.extend(events.iter().map(|event| event.occurred_at));
        }
        at.sort_unstable();
        at
    }

    /// A lead's messages as template and state, in their order.
    pub async fn states(&self, lead: LeadId) -> Vec<(String, MessageState)> {
        let messages = self.messages(lead).await;
        messages.into_iter().map(|message| (message.template.to_string(), message.state)).collect()
    }

    pub async fn events(&self, lead: LeadId, kind: &EventKind) -> Vec<Event> {
        let mut events = self.store.events_of(lead).await.unwrap();
        events.retain(|event| event.kind == *kind);
        events
    }

    /// What the relay has taken for an address.
    pub fn mails_to(&self, email: &str) -> Vec<Received> {
        let mut mails = self.smtp.mails();
        mails.retain(|mail| mail.to == [email]);
        mails
    }

    /// The subjects of what the relay has taken for an address.
    pub fn subjects_to(&self, email: &str) -> Vec<String> {
        self.mails_to(email).iter().map(|mail| Read::of(mail).subject).collect()
    }
}

fn engine(
    store: &Store,
    clock: &Clock,
    keyring: &Arc<Keyring>,
    (config, patience): (&str, Option<Duration>),
    folder: &Path,
) -> Arc<Engine> {
    let config = Arc::new(Config::parse(config, folder).unwrap_or_else(|error| panic!("{error}")));
    let made = |relay| {
        let mut relay = Relay::configured(relay).unwrap();
        if let (Relay::Smtp(relay), Some(patience)) = (&mut relay, patience) {
            Arc::get_mut(relay).unwrap().timeouts = Timeouts::all(patience);
        }
        relay
    };
    let relays = config.relays.iter().map(made).collect();
    let signers = Arc::new(Signers::configured(&config).unwrap());
    let mut engine = Engine::new(store.clone(), clock.clone(), Arc::clone(keyring), config, relays);
    engine.signers = signers;
    Arc::new(engine)
}

/// A mail as its reader sees it.
#[derive(Debug)]
pub struct Read {
    pub subject: String,
    pub html: String,
    pub text: String,
    /// Tracked links, in their order.
    pub links: Vec<String>,
    pub pixel: Option<String>,
    /// Out of the header.
    pub unsubscribe: Option<String>,
}

impl Read {
    pub fn of(mail: &Received) -> Self {
        let parsed = MessageParser::default().parse(&mail.data).expect("a mail");
        let html = parsed.body_html(0).expect("an HTML part").into_owned();
        let all = |pattern: &str| -> Vec<String> {
            let pattern = Regex::new(pattern).unwrap();
            pattern.captures_iter(&html).map(|found| found[1].to_owned()).collect()
        };
        let unsubscribe = mail.header("List-Unsubscribe").and_then(|value| {
            let url = value.split(['<', '>']).nth(1)?;
            Some(url.split_whitespace().collect())
        });
        Self {
            subject: parsed.subject().expect("a subject").to_owned(),
            text: parsed.body_text(0).expect("a text part").into_owned(),
            links: all(r#"href="([^"]*/c/[^"]+)""#),
            pixel: all(r#"src="([^"]*/o/[^"]+)""#).into_iter().next(),
            unsubscribe,
            html,
        }
    }
}

/// A text as a literal of bytes.
pub fn bytes(db: &TestDatabase, text: &str) -> String {
    let hex = format!("{:02x?}", text.as_bytes()).replace(['[', ',', ' ', ']'], "");
    if db.url.file().is_some() { format!("x'{hex}'") } else { format!("'\\x{hex}'") }
}

/// Runs a statement behind the store's back.
pub async fn behind(db: &TestDatabase, sql: String) {
    let sql = AssertSqlSafe(sql);
    match db.url.file() {
        Some(file) => {
            let url = format!("sqlite:{}", file.display());
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            connection.execute(sql).await.unwrap();
            connection.close().await.unwrap();
        }
        None => {
            let url = postgres::url_text(&db.url);
            let mut connection = PgConnection::connect(&url).await.unwrap();
            connection.execute(sql).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}
