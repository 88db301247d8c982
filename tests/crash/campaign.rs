//! A small campaign that mails at once, on a database of its own, and what its ledger says.

use std::{
    cell::Cell, collections::HashMap, fmt::Write as _, net::SocketAddr, path::PathBuf,
    time::Duration,
};

use nurtured::{
    clock::Clock,
    domain::{id::LeadId, message::MessageState, time::Instant},
    store::{
        DatabaseUrl, Store,
        records::{EnrolmentRow, MessageRow},
    },
    token::Keyring,
};

use crate::support::{
    daemon::{Daemon, Run},
    faketime::Faketime,
    postgres,
    site::Site,
};

/// Mails that each lead gets, one right after the other.
pub const MAILS: usize = 3;
/// Connections to the relay: no more mails than these can be in doubt after a kill.
pub const CONNECTIONS: usize = 8;

/// What a test may turn.
#[derive(Clone, Copy)]
pub struct Tuning {
    pub lease: &'static str,
    pub grace: &'static str,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { lease: "45m", grace: "20s" }
    }
}

pub struct Campaign {
    pub site: Site,
    pub keyring: Keyring,
    database: String,
    tuning: Tuning,
    url: DatabaseUrl,
    leads: usize,
    /// How often one mail may arrive.
    pub most_arrivals: usize,
    /// How far the daemons' clock is ahead of ours.
    ahead: Cell<Duration>,
    faketime: Option<Faketime>,
}

/// How far everybody is.
#[derive(Debug)]
struct Count {
    due_leads: u64,
    reserved: u64,
    /// Claimed, or in the relay's hands.
    moving: u64,
    put_off: u64,
    messages: usize,
    active: u64,
}

impl Count {
    async fn of(store: &Store, now: Instant) -> Self {
        let census = store.census(now).await.unwrap();
        let of = |states: &[MessageState]| -> u64 {
            states.iter().filter_map(|state| census.messages.get(state.word())).sum()
        };
        Self {
            due_leads: census.due,
            reserved: of(&[MessageState::Reserved]),
            moving: of(&[MessageState::Claimed, MessageState::Transmitting]),
            put_off: of(&[MessageState::Deferred]),
            messages: usize::try_from(of(&MessageState::ALL)).unwrap(),
            active: census.enrolments_active,
        }
    }
}

/// Everything about one lead.
pub struct Story {
    pub lead: LeadId,
    pub address: String,
    pub suppressed: bool,
    pub enrolments: Vec<EnrolmentRow>,
    pub messages: Vec<MessageRow>,
}

impl Campaign {
    /// On a fresh SQLite file.
    pub fn on_sqlite(relay: SocketAddr, tuning: Tuning) -> Self {
        Self::build("sqlite:nurtured.db", relay, tuning)
    }

    /// On a fresh PostgreSQL database; `None` where PostgreSQL is left out on purpose.
    pub async fn on_postgres(relay: SocketAddr, tuning: Tuning) -> Option<Self> {
        let Some(url) = postgres::fresh_database().await else {
            postgres::skip();
            return None;
        };
        Some(Self::build(&postgres::url_text(&url), relay, tuning))
    }

    fn build(url: &str, relay: SocketAddr, tuning: Tuning) -> Self {
        let site = Site::bare();
        site.write("nurtured.toml", config(url, relay, tuning));
        site.write("workflows/policy.yaml", POLICY);
        site.write(
            "workflows/everybody.yaml",
            "segments:\n  everybody:\n    when: stage == \"lead\"\n",
        );
        site.write("workflows/three-mails.yaml", workflow("three-mails", &["one", "two", "three"]));
        for name in ["one", "two", "three", "extra"] {
            site.write(&format!("templates/{name}.md"), template(name));
        }
        site.write("templates/layouts/plain.html", LAYOUT);
        for command in ["migrate", "apply"] {
            let ran = site.run(&[command]);
            assert_eq!(ran.code, 0, "{command}: {ran:?}");
        }
        let keyring = Keyring::load(&site.path("nurtured.secrets")).unwrap();
        let (database, url) = (url.to_owned(), DatabaseUrl::parse(url, &site.path("")).unwrap());
        Self {
            site,
            keyring,
            database,
            tuning,
            url,
            leads: 0,
            most_arrivals: 1,
            ahead: Cell::default(),
            faketime: None,
        }
    }

    /// What is in doubt is sent once more; so that this comes soon, the daemons' clock can be moved.
    pub fn resending(mut self, faketime: Faketime) -> Self {
        let text = workflow("three-mails", &["one", "two", "three"]);
        let text = text.replace("send:\n", "send:\n  in_doubt: resend\n");
        self.site.write("workflows/three-mails.yaml", text);
        self.site.json(&["apply"]);
        (self.most_arrivals, self.faketime) = (2, Some(faketime));
        self
    }

    /// No more than this, whoever sends it and to whom.
    pub fn paced(self, rate: &str) -> Self {
        self.site.write("workflows/policy.yaml", format!("{POLICY}  pacing:\n    all: {rate}\n"));
        self.site.json(&["apply"]);
        self
    }

    /// For those that are started from now on it is so much later.
    pub fn move_clock(&self, span: Duration) {
        self.ahead.set(self.ahead.get() + span);
    }

    /// By the daemons' clock.
    pub fn now(&self) -> Instant {
        Clock::System.now() + self.ahead.get()
    }

    /// The next daemon hands its mails to this one.
    pub fn set_relay(&self, relay: SocketAddr) {
        self.set_config(&config(&self.database, relay, self.tuning));
    }

    pub fn config(&self) -> String {
        std::fs::read_to_string(self.site.path("nurtured.toml")).unwrap()
    }

    pub fn set_config(&self, text: &str) {
        self.site.write("nurtured.toml", text);
    }

    /// Imports more leads, as an operator does, beside whatever runs.
    pub fn add_leads(&mut self, count: usize) {
        let mut csv = String::from("email,first_name\n");
        for number in self.leads..self.leads + count {
            writeln!(csv, "lead{number}@example.com,Lead {number}").unwrap();
        }
        self.leads += count;
        let name = format!("leads-{}.csv", self.leads);
        self.site.write(&name, csv);
        let report = self.site.json(&[
            "leads",
            "import",
            &name,
            "--purpose",
            "news",
            "--basis",
            "soft-opt-in",
        ]);
        assert_eq!(report["created"], count, "{report}");
    }

    pub fn leads(&self) -> usize {
        self.leads
    }

    pub fn folder(&self) -> PathBuf {
        self.site.path("")
    }

    pub fn start(&self) -> Daemon {
        Daemon::of(self.spawn()).unwrap_or_else(|ended| panic!("it did not start: {ended:#?}"))
    }

    /// Starts a daemon and does not wait for anything.
    pub fn spawn(&self) -> Run {
        let ahead = self.faketime.as_ref().map(|it| it.ahead_by(self.ahead.get()));
        Daemon::spawn_with(&self.folder(), &ahead.unwrap_or_default())
    }

    pub async fn store(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }

    /// Waits, beside a running daemon, until nothing is due and nobody is on the way to a mail that
    /// is not put off.
    pub async fn until_quiet(&self) {
        self.until(|count| {
            // All of one look at the database: a reserved mail is due at once here.
            count.due_leads == 0
                && count.reserved + count.moving == 0
                && count.active == count.put_off
                && count.messages >= self.leads
        })
        .await;
    }

    /// Waits until there are so many messages, whatever their state.
    pub async fn until_made(&self, messages: usize) {
        self.until(|count| count.messages >= messages).await;
    }

    /// Waits until nothing is claimed or in the relay's hands.
    pub async fn until_nothing_moves(&self) {
        self.until(|count| count.moving == 0).await;
    }

    async fn until(&self, enough: impl Fn(&Count) -> bool) {
        let store = self.store().await;
        let mut count = Count::of(&store, self.now()).await;
        let begun = tokio::time::Instant::now();
        while !enough(&count) {
            assert!(begun.elapsed() < Duration::from_secs(90), "it never came to that: {count:?}");
            // Another process is what is waited for: there is nothing to be woken by.
            tokio::time::sleep(Duration::from_millis(25)).await;
            count = Count::of(&store, self.now()).await;
        }
        store.close().await;
    }

    /// Everything about everybody, read as the next process would.
    pub async fn stories(&self) -> Vec<Story> {
        let store = self.store().await;
        let leads = store.leads_after(LeadId(i64::MIN), 1_000_000).await.unwrap();
        let mut records: HashMap<LeadId, _> = HashMap::new();
        for some in leads.chunks(500) {
            let some = store.records(some).await.unwrap();
            records.extend(some.into_iter().map(|record| (record.lead, record)));
        }
        let mut stories = Vec::with_capacity(leads.len());
        for lead in leads {
            let record = &records[&lead];
            stories.push(Story {
                lead,
                address: record.address.as_str().to_owned(),
                suppressed: record.suppressed.is_some(),
                enrolments: store.enrolments(lead).await.unwrap(),
                messages: store.messages_of(lead).await.unwrap(),
            });
        }
        store.close().await;
        stories
    }
}

/// A workflow of mails only.
pub fn workflow(name: &str, mails: &[&str]) -> String {
    let steps: String = mails.iter().fold(String::new(), |mut steps, mail| {
        let _ = writeln!(steps, "  - email: {mail}");
        steps
    });
    format!(
        "workflow: {name}\nabout: One mail after the other.\npurpose: news\npriority: 10\n\
         enter:\n  segment: everybody\n  existing: yes\nsend:\n  window: daily 00:00-24:00\n\
         steps:\n{steps}"
    )
}

fn config(url: &str, relay: SocketAddr, tuning: Tuning) -> String {
    let Tuning { lease, grace } = tuning;
    let (host, port) = (relay.ip(), relay.port());
    format!(
        r#"[database]
url = "{url}"
[public]
listen = "127.0.0.1:0"
base_url = "https://links.example.com"
[console]
listen = "127.0.0.1:0"
[[relay]]
name = "sink"
host = "{host}"
port = {port}
tls = "none"
connections = {CONNECTIONS}
[sender]
from = "Ada Rossi <ada@example.com>"
bounce_domain = "bounce.example.com"
postal_address = "Via Roma 1, 20121 Milano"
[engine]
# Several daemons have something to share.
batch = 100
lease = "{lease}"
grace = "{grace}"
[log]
format = "json"
"#
    )
}

const POLICY: &str = "policy:\n  zone: UTC\n  language: en\n  window: daily 00:00-24:00\n  \
                      tracking: everybody\n  purposes:\n    news:\n      label: News\n      \
                      basis: [soft_opt_in]\n";

const LAYOUT: &str = "<!DOCTYPE html>\n<html><head><title>{{ subject }}</title></head><body>{{ content }}\n\
                      <p>{{ postal_address }} <a href=\"{{ unsubscribe_url }}\">Unsubscribe</a></p></body></html>\n";

fn template(name: &str) -> String {
    format!(
        "---\nsubject: Number {name}\nlayout: plain\ndefaults:\n  first_name: there\n---\n\
         Hi {{{{ first_name }}}},\n\n[read on](https://www.example.com/{name}).\n"
    )
}

/// Runs `test` on a campaign on either database.
pub async fn on_both<F>(relay: SocketAddr, tuning: Tuning, test: F)
where
    F: AsyncFn(Campaign),
{
    eprintln!("on SQLite");
    test(Campaign::on_sqlite(relay, tuning)).await;
    if let Some(campaign) = Campaign::on_postgres(relay, tuning).await {
        eprintln!("on PostgreSQL");
        test(campaign).await;
    }
}
