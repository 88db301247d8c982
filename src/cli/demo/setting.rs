//! The demo's little world: a folder, a database, an engine under a driven clock, a public listener.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use mail_parser::MessageParser;
use regex::Regex;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::reader::{Act, Mail};
use crate::{
    cli::{context::Context, failure::Failure, folder::Folder, parked::parked},
    clock::{self, Clock},
    config::Config,
    domain::{
        address::Address,
        event::EventKind,
        id::LeadId,
        lead::{Basis, Stage},
        score::MilliPoints,
        time::Instant,
    },
    engine::{
        Engine,
        deciding::look,
        import::{LeadsImport, LeadsReport, Mapping, import_leads},
        intake::Intake,
        preparing::standing,
        releasing,
        tick::TickReport,
    },
    http::{Limits, Metrics, Public, listener, public},
    mail::relay::Relay,
    store::{
        DatabaseUrl, Store,
        records::{Census, ImportRun, NewEvent, Parked},
    },
    token::Keyring,
};

const LEADS: &str = include_str!("leads.csv");
/// Marks a folder that a demo made, and may clear.
const MARK: &str = "made-by-nurtured-demo";
/// A reader's browser.
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

pub(super) struct Setting {
    pub folder: PathBuf,
    pub imported: LeadsReport,
    /// Name and what it is about.
    pub workflows: Vec<(String, String)>,
    engine: Arc<Engine>,
    clock: Clock,
    browser: reqwest::Client,
    seen: BTreeSet<PathBuf>,
    stop: CancellationToken,
    _lock: crate::store::EngineLock,
}

/// A lead that stirs.
#[derive(Debug)]
pub(super) struct Hot {
    pub address: String,
    pub name: String,
    pub stage: Stage,
    pub engagement: MilliPoints,
    pub fit: MilliPoints,
}

/// Monday, 06:00 UTC, so many weeks before the week of `end`.
pub(super) fn monday_before(end: Instant, weeks: u32) -> Instant {
    let end = end.timestamp().to_zoned(jiff::tz::TimeZone::UTC);
    let days = i64::from(end.weekday().to_monday_zero_offset()) + i64::from(weeks) * 7;
    let monday = end.date().saturating_sub(jiff::Span::new().days(days)).at(6, 0, 0, 0);
    monday
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_or(Instant::DAWN, |monday| Instant::from(monday.timestamp()))
}

impl Setting {
    pub(super) async fn build(
        context: &Context,
        folder: &Path,
        start: Instant,
    ) -> Result<Self, Failure> {
        let campaign = Folder::check(context)?;
        let artefacts = campaign.artefacts.clone();
        campaign.into_live(context)?;
        prepare_folder(folder)?;
        let no_port = |error| Failure::environment(format!("cannot listen on 127.0.0.1: {error}"));
        let doors = TcpListener::bind("127.0.0.1:0").await.map_err(no_port)?;
        let address = doors.local_addr().map_err(no_port)?;
        write(&folder.join(Config::FILE), &config_text(address.port()))?;
        write(&folder.join("leads.csv"), LEADS)?;
        let config = Config::load(&folder.join(Config::FILE))?;

        let url =
            DatabaseUrl::parse(&config.database.url, &config.base).map_err(Failure::environment)?;
        let store = Store::create(&url).await?;
        store.migrate(true, start).await?;
        let keyring = Arc::new(Keyring::create(&config.secrets.file.path()?)?);
        let lock = store.engine_lock()?;
        let relay = config.relays.first().map(Relay::configured).transpose()?;
        let Some(relay) = relay else { return Err(Failure::environment("no relay")) };

        // The release first: its schema reads the file's columns.
        releasing::apply(&store, &artefacts, "demo", "the demo begins", start).await?;
        let clock = Clock::driven(start);
        let engine = Arc::new(Engine::new(
            store.clone(),
            clock.clone(),
            Arc::clone(&keyring),
            Arc::new(config),
            relay,
        ));
        engine.take_over().await?;
        let Some(live) = engine.live() else { return Err(Failure::environment("nothing live")) };
        let definitions = &live.definitions;
        let workflows = definitions
            .workflows
            .iter()
            .map(|live| (live.workflow.name.to_string(), live.workflow.about.clone()))
            .collect();
        let import = LeadsImport {
            file: folder.join("leads.csv"),
            mapping: Mapping::default(),
            schema: Some(definitions.schema.clone()),
            people: None,
            run: ImportRun {
                id: (clock::random_u64() >> 1).cast_signed(),
                source: "leads.csv".into(),
                is_named: false,
                campaign: Some("demo".into()),
            },
            purpose: definitions.policy.purposes.keys().next().cloned(),
            basis: Basis::Consent,
            rejects: folder.join("leads.rejects.csv"),
            dry_run: false,
        };
        // A moment after the release: they are newcomers, not people it found.
        let arrival = start + Duration::from_secs(1);
        let imported = import_leads(&store, import, arrival, |_| ()).await?;

        let stop = CancellationToken::new();
        let (intake, worker) = Intake::new(store.clone(), clock.clone(), Arc::clone(&engine.nudge));
        tokio::spawn(worker.run(stop.clone(), |_| ()));
        let routes = public::router(Public {
            keyring,
            intake,
            metrics: Arc::new(Metrics::new()),
            store,
            current: engine.current.clone(),
        });
        let limits = Limits { connections: 64, ..Limits::default() };
        tokio::spawn(listener::serve(doors, routes, limits, Arc::default(), stop.clone()));
        let browser = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(BROWSER)
            .no_proxy()
            .build()
            .map_err(Failure::environment)?;
        Ok(Self {
            folder: folder.to_owned(),
            imported,
            workflows,
            engine,
            clock,
            browser,
            seen: BTreeSet::new(),
            stop,
            _lock: lock,
        })
    }

    pub(super) fn set_clock(&self, now: Instant) {
        self.clock.set(now);
    }

    pub(super) async fn tick(&self, now: Instant) -> Result<TickReport, Failure> {
        self.clock.set(now);
        Ok(self.engine.tick(now).await?)
    }

    /// The mails that have come into the outbox since the last look.
    pub(super) fn new_mails(&mut self) -> Result<Vec<Mail>, Failure> {
        let outbox = self.folder.join("outbox");
        if !outbox.is_dir() {
            return Ok(Vec::new());
        }
        let mut fresh: Vec<PathBuf> = fs::read_dir(&outbox)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
            .map_err(Failure::at(&outbox))?;
        fresh.retain(|path| {
            path.extension().is_some_and(|ending| ending == "eml") && !self.seen.contains(path)
        });
        fresh.sort();
        let mut mails = Vec::with_capacity(fresh.len());
        for path in fresh {
            mails.extend(read_mail(&fs::read(&path).map_err(Failure::at(&path))?));
            self.seen.insert(path);
        }
        mails.sort();
        Ok(mails)
    }

    /// Does what a reader does, through the real endpoints.
    pub(super) async fn act(&self, mail: &Mail, act: Act) -> Result<(), Failure> {
        let request = match act {
            Act::Open => mail.pixel.as_ref().map(|pixel| self.browser.get(pixel)),
            Act::Click => mail.links.first().map(|link| self.browser.get(link)),
            Act::Unsubscribe => mail
                .unsubscribe
                .as_ref()
                .map(|url| self.browser.post(url).body("List-Unsubscribe=One-Click")),
        };
        let Some(request) = request else { return Ok(()) };
        let answer = request.send().await.map_err(Failure::environment)?;
        let status = answer.status();
        if status.is_success() || status.is_redirection() {
            Ok(())
        } else {
            Err(Failure::environment(format!("the demo's own listener answered {status}")))
        }
    }

    /// The addresses of all leads, in their order.
    pub(super) async fn people(&self) -> Result<Vec<Address>, Failure> {
        // The demo's list is short: one page holds it.
        let leads = self.engine.store.leads_after(LeadId(i64::MIN), 10_000).await?;
        let records = self.engine.store.records(&leads).await?;
        let mut people: Vec<_> = records.into_iter().map(|record| record.address).collect();
        people.sort();
        Ok(people)
    }

    /// Somebody fills in the website's form; the website tells us.
    pub(super) async fn takes_whitepaper(
        &self,
        who: &Address,
        now: Instant,
    ) -> Result<(), Failure> {
        let Some(lead) = self.engine.store.find_lead(who).await? else { return Ok(()) };
        let mut event = NewEvent::new(lead, EventKind::FORM_SUBMITTED, now, "website");
        event.object = Some("whitepaper".into());
        self.engine.store.record_events(&[event], now).await?;
        Ok(())
    }

    pub(super) async fn census(&self, now: Instant) -> Result<Census, Failure> {
        Ok(self.engine.store.census(now).await?)
    }

    pub(super) async fn parked(&self) -> Result<Vec<Parked>, Failure> {
        parked(&self.engine.store).await
    }

    /// The warmest leads at an instant.
    pub(super) async fn hottest(&self, now: Instant, most: usize) -> Result<Vec<Hot>, Failure> {
        let Some(live) = self.engine.live() else { return Ok(Vec::new()) };
        let definitions = &live.definitions;
        // The demo's list is short: one page holds it.
        let leads = self.engine.store.leads_after(LeadId(i64::MIN), 10_000).await?;
        let mut found = Vec::new();
        for record in self.engine.store.records(&leads).await? {
            let (state, _, _) = look(definitions, record, &[], now);
            let Some(engagement) = standing(definitions, &state, now).engagement else { continue };
            let text = |name: &str| {
                let slot = definitions.schema.slot(name)?;
                state.attributes[slot.0].as_ref().map(ToString::to_string)
            };
            let name = [text("first_name"), text("last_name")];
            found.push(Hot {
                address: state.address.as_str().to_owned(),
                name: name.into_iter().flatten().collect::<Vec<_>>().join(" "),
                stage: state.stage,
                engagement,
                fit: state.fit,
            });
        }
        found.sort_by(|a, b| (b.engagement, &a.address).cmp(&(a.engagement, &b.address)));
        found.truncate(most);
        found.retain(|hot| hot.engagement > MilliPoints(0));
        Ok(found)
    }

    pub(super) async fn close(self) {
        self.stop.cancel();
        self.engine.store.close().await;
    }
}

fn config_text(port: u16) -> String {
    format!(
        r#"# Made by `nurtured demo`. Mails become files; nothing leaves this machine.
[database]
url = "sqlite:nurtured.db"
[public]
listen = "127.0.0.1:{port}"
base_url = "http://127.0.0.1:{port}"
[[relay]]
name = "files"
folder = "outbox/"
[sender]
from = "Ada Rossi <ada@example.com>"
bounce_domain = "bounce.example.com"
postal_address = "Via Roma 1, 20121 Milano"
"#
    )
}

/// An empty folder; one that an earlier demo made is cleared.
fn prepare_folder(folder: &Path) -> Result<(), Failure> {
    let mark = folder.join(MARK);
    let holds_something = || fs::read_dir(folder).map(|mut entries| entries.next().is_some());
    if folder.exists() && !mark.exists() && holds_something().map_err(Failure::at(folder))? {
        return Err(Failure::problems(format!("{} is not a demo's folder", folder.display()))
            .hint("name another one by --out DIR"));
    }
    if mark.exists() {
        fs::remove_dir_all(folder).map_err(Failure::at(folder))?;
    }
    fs::create_dir_all(folder).map_err(Failure::at(folder))?;
    write(&mark, "`nurtured demo` makes this folder anew each time.\n")
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text).map_err(Failure::at(file))
}

fn read_mail(bytes: &[u8]) -> Option<Mail> {
    let parsed = MessageParser::default().parse(bytes)?;
    let html = parsed.body_html(0)?.into_owned();
    let address = |pattern: &str| -> Vec<String> {
        Regex::new(pattern)
            .map(|regex| regex.captures_iter(&html).map(|found| found[1].to_owned()).collect())
            .unwrap_or_default()
    };
    let header = parsed.header_raw("List-Unsubscribe").unwrap_or_default();
    let unsubscribe: String =
        header.split(['<', '>']).nth(1).unwrap_or_default().split_whitespace().collect();
    Some(Mail {
        to: parsed.to()?.first()?.address()?.to_owned(),
        subject: parsed.subject()?.to_owned(),
        pixel: address(r#"src="([^"]*/o/[^"]+)""#).into_iter().next(),
        links: address(r#"href="([^"]*/c/[^"]+)""#),
        unsubscribe: Some(unsubscribe).filter(|url| !url.is_empty()),
    })
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setting").field("folder", &self.folder).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_begins_on_a_monday_morning() {
        let sunday: Instant = "2026-11-22T08:00:00Z".parse().unwrap();
        assert_eq!(monday_before(sunday, 2).to_string(), "2026-11-02T06:00:00Z");
    }
}
