//! The demo's little world: a folder, a database, an engine under a driven clock, a public listener.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::{civil::Date, tz::TimeZone};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    crm::Crm,
    folder::{self, write},
    mail::{Found, Mail},
};
use crate::{
    cli::{context::Context, failure::Failure, folder::Folder},
    clock::{self, Clock},
    config::Config,
    domain::{definitions::Definitions, lead::Basis, name::Name, time::Instant},
    engine::{
        Engine,
        import::{
            EventsImport, LeadsImport, LeadsReport, Mapping, import_events, import_leads,
            rejects_beside,
        },
        intake::Intake,
        live::Live,
        releasing,
        tick::TickReport,
    },
    http::{Limits, Metrics, Public, listener, public},
    mail::relay::Relay,
    store::{DatabaseUrl, Store, records::ImportRun},
    token::Keyring,
};

const LEADS: &str = include_str!("leads.csv");
/// A reader's browser.
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

pub(super) struct Setting {
    pub folder: PathBuf,
    pub imported: LeadsReport,
    /// Name and what it is about.
    pub workflows: Vec<(String, String)>,
    pub store: Store,
    pub browser: reqwest::Client,
    pub crm: Crm,
    live: Arc<Live>,
    engine: Arc<Engine>,
    keyring: Arc<Keyring>,
    clock: Clock,
    seen: BTreeSet<PathBuf>,
    stop: CancellationToken,
    _lock: crate::store::EngineLock,
}

/// When a walk begins: 06:00 UTC of a day.
pub(super) fn morning_of(day: Date) -> Instant {
    let morning = day.at(6, 0, 0, 0).to_zoned(TimeZone::UTC);
    morning.map_or(Instant::DAWN, |morning| Instant::from(morning.timestamp()))
}

/// Monday morning, so many whole weeks before the last one.
pub(super) fn monday_before(now: Instant, weeks: u32) -> Instant {
    let now = (now - Duration::from_hours(6)).timestamp().to_zoned(TimeZone::UTC);
    let days = i64::from(now.weekday().to_monday_zero_offset()) + i64::from(weeks) * 7;
    morning_of(now.date().saturating_sub(jiff::Span::new().days(days)))
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
        folder::prepare(folder)?;
        let no_port = |error| Failure::environment(format!("cannot listen on 127.0.0.1: {error}"));
        let doors = TcpListener::bind("127.0.0.1:0").await.map_err(no_port)?;
        let address = doors.local_addr().map_err(no_port)?;
        write(&folder.join(Config::FILE), &folder::config(address.port()))?;
        write(&folder.join("leads.csv"), LEADS)?;
        let config = Config::load(&folder.join(Config::FILE))?;

        let url =
            DatabaseUrl::parse(&config.database.url, &config.base).map_err(Failure::environment)?;
        // Its ids decide who of a team a lead is handed to: they are to be the same each time.
        let store = Store::create(&url).await?.as_node(0);
        store.migrate(true, start).await?;
        let keyring = Arc::new(Keyring::create(&config.secrets.file.path()?)?);
        let lock = store.engine_lock()?;
        let relays = config.relays.iter().map(Relay::configured).collect::<Result<_, _>>()?;

        // The release first: its schema reads the file's columns.
        releasing::apply(&store, &artefacts, "demo", "the demo begins", start).await?;
        let clock = Clock::driven(start);
        let engine = Arc::new(Engine::new(
            store.clone(),
            clock.clone(),
            Arc::clone(&keyring),
            Arc::new(config),
            relays,
        ));
        engine.take_over().await?;
        let Some(live) = engine.live() else { return Err(Failure::environment("nothing live")) };
        let workflows = live
            .definitions
            .workflows
            .iter()
            .map(|live| (live.workflow.name.to_string(), live.workflow.about.clone()))
            .collect();
        let import = leads_import(&live.definitions, folder.join("leads.csv"), Some("demo"));
        // A moment after the release: they are newcomers, not people it found.
        let arrival = start + Duration::from_secs(1);
        let imported = import_leads(&store, import, arrival, |_| ()).await?;

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
            store,
            browser,
            crm: Crm::default(),
            live,
            engine,
            keyring,
            clock,
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

    pub(super) fn definitions(&self) -> &Definitions {
        &self.live.definitions
    }

    /// The mails that have come into the outbox since the last look, in an order that no key decides.
    pub(super) async fn new_mails(&mut self) -> Result<Vec<Mail>, Failure> {
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
        let mut mails = Vec::with_capacity(fresh.len());
        for path in fresh {
            let bytes = fs::read(&path).map_err(Failure::at(&path))?;
            self.seen.insert(path);
            let Some(found) = Found::read(&bytes, &self.keyring) else { continue };
            let message = self.store.message(found.mail.message).await?;
            mails.extend(message.map(|message| found.of(message)));
        }
        mails.sort_by(|a, b| {
            (a.lead, &a.person, &a.template, &a.subject).cmp(&(
                b.lead,
                &b.person,
                &b.template,
                &b.subject,
            ))
        });
        Ok(mails)
    }

    /// Imports what the CRM says of leads.
    pub(super) async fn take_leads(&self, now: Instant) -> Result<(), Failure> {
        let file = self.folder.join("crm-leads.csv");
        write(&file, &self.crm.leads_file())?;
        import_leads(&self.store, leads_import(self.definitions(), file, None), now, |_| ())
            .await?;
        Ok(())
    }

    /// Imports what the CRM says of deals.
    pub(super) async fn take_deals(&self, now: Instant) -> Result<(), Failure> {
        let file = self.folder.join("crm-deals.csv");
        write(&file, &self.crm.deals_file())?;
        let rejects = rejects_beside(&file);
        let import = EventsImport { file, source: "crm".into(), rejects, dry_run: false };
        import_events(&self.store, import, now, |_| ()).await?;
        Ok(())
    }

    pub(super) async fn close(self) {
        self.stop.cancel();
        self.store.close().await;
    }
}

/// As `leads import` has it; the file of a campaign brings consents, that of the CRM does not.
fn leads_import(definitions: &Definitions, file: PathBuf, campaign: Option<&str>) -> LeadsImport {
    LeadsImport {
        rejects: rejects_beside(&file),
        run: ImportRun {
            id: (clock::random_u64() >> 1).cast_signed(),
            source: file.file_name().unwrap_or_default().to_string_lossy().into_owned().into(),
            is_named: false,
            campaign: campaign.map(Name::new),
        },
        file,
        mapping: Mapping::default(),
        schema: Some(definitions.schema.clone()),
        people: None,
        purpose: campaign.and_then(|_| definitions.policy.purposes.keys().next().cloned()),
        basis: Basis::Consent,
        dry_run: false,
    }
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
    fn a_walk_begins_and_ends_on_a_monday_morning() {
        let start = |now: &str| monday_before(now.parse().unwrap(), 2).to_string();
        assert_eq!(start("2026-11-22T08:00:00Z"), "2026-11-02T06:00:00Z");
        assert_eq!(start("2026-11-23T05:59:59Z"), "2026-11-02T06:00:00Z");
        assert_eq!(start("2026-11-23T06:00:00Z"), "2026-11-09T06:00:00Z");
    }
}
