//! The sections of `nurtured.toml`, each with its defaults.

use std::{
    net::{Ipv4Addr, SocketAddr},
    ops::Range,
    path::Path,
    time::Duration,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Config, Console, Database, Delivery, Dkim, Engine, Inbound, Lmtp, Log, LogFormat, NamedFile,
    Public, Relay, RelayKind, Secrets, Target, dkim, egress,
    listeners::keep_apart,
    problem::ConfigProblem,
    reader::{Problems, Section},
    relay, sender, webhook,
};

const ADDRESS: &str = "an address to listen on, like 127.0.0.1:8080";

pub(super) fn read(text: &str, file: &Path, base: &Path) -> Result<Config, Vec<ConfigProblem>> {
    let mut problems = Problems::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or_default();
        problems.add(&span, error.message().to_owned(), None);
    }
    // What a broken text seems to say is not judged.
    if !problems.is_empty() {
        return Err(problems.into_sorted());
    }
    let mut top = Top { table: table.get_ref(), known: Vec::new(), problems: &mut problems };

    let auto_apply = top.root(|root| root.bool("auto_apply")).unwrap_or(false);
    let database = top.section("database", "[database]", database).flatten();
    let public = top.section("public", "[public]", public).unwrap_or_default();
    let console = top.section("console", "[console]", |mut section| {
        let listen = section.parsed("listen", ADDRESS);
        section.finish();
        listen
    });
    let dkim = top.dkim(base);
    let sender = top.section("sender", "[sender]", sender::read).flatten();
    let secrets = top.section("secrets", "[secrets]", |mut section| {
        let file = section.file("file", base);
        section.finish();
        file
    });
    let delivery = top.section("delivery", "[delivery]", |mut section| {
        let only_to = sender::only_to(&mut section);
        let require_tls = section.bool("require_tls").unwrap_or(false);
        section.finish();
        Delivery { only_to, require_tls }
    });
    let delivery = delivery.unwrap_or_default();
    let relays = top.relays(base, delivery.require_tls);
    let engine = top.section("engine", "[engine]", engine);
    let keep = top.section("inbound", "[inbound]", |mut section| {
        let keep = section.path("keep", base);
        section.finish();
        keep
    });
    let lmtp = top.section("lmtp", "[lmtp]", |mut section| {
        let listen = section.parsed("listen", ADDRESS);
        if !section.has("listen") {
            section.missing("listen", "\"127.0.0.1:8024\"");
        }
        section.finish();
        listen.map(|listen| Lmtp { listen })
    });
    let webhooks = top.webhooks(base);
    let egress = top.section("egress", "[egress]", egress::read).unwrap_or_default();
    let log = top.section("log", "[log]", log);
    let (console, lmtp) = (console.flatten(), lmtp.flatten());
    let listeners = [
        ("public", public.listen, Some(local(8080))),
        ("console", console, Some(local(8081))),
        ("lmtp", lmtp.as_ref().map(|lmtp| lmtp.listen), None),
    ];
    keep_apart(top.table, &listeners, top.problems);
    top.finish(&relays, public.base_url.as_deref());

    let problems = problems.into_sorted();
    if !problems.is_empty() {
        return Err(problems);
    }
    let listen = public.listen.unwrap_or_else(|| local(8080));
    let secrets =
        secrets.flatten().unwrap_or_else(|| NamedFile::Path(base.join("nurtured.secrets")));
    let keep = keep.flatten().unwrap_or_else(|| match &secrets {
        // Where the secrets are made, we may write.
        NamedFile::Path(file) => file.with_file_name("unclaimed"),
        NamedFile::Credential(_) => base.join("unclaimed"),
    });
    Ok(Config {
        file: file.to_owned(),
        base: base.to_owned(),
        database: database.unwrap_or_else(|| Database { url: "sqlite:nurtured.db".into() }),
        public: Public {
            listen,
            base_url: public.base_url.unwrap_or_else(|| format!("http://{listen}")),
            connections: public.connections.unwrap_or(1024),
        },
        console: Console { listen: console.unwrap_or_else(|| local(8081)) },
        relays,
        sender,
        dkim,
        secrets: Secrets { file: secrets },
        delivery,
        engine: engine.unwrap_or_default(),
        inbound: Inbound { keep },
        lmtp,
        webhooks,
        egress,
        log: log.unwrap_or_default(),
        auto_apply,
    })
}

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            batch: 1_000,
            // Longer than all time-outs of RFC 5321 section 4.5.3.2 together (32 minutes).
            lease: Duration::from_mins(45),
            grace: Duration::from_secs(30),
            park_after: 3,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".into() }
    }
}

fn database(mut section: Section<'_, '_, '_, '_>) -> Option<Database> {
    let url = section.text("url");
    if let Some(url) = url
        && !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme))
    {
        // The text may hold a password: it is not repeated.
        let hint = Some("write \"sqlite:nurtured.db\" or \"postgres://user@host/database\"".into());
        section.wrong("url", "this is not the URL of a database", hint);
    }
    if !section.has("url") {
        section.missing("url", "\"sqlite:nurtured.db\"");
    }
    section.finish();
    url.map(|url| Database { url: url.to_owned() })
}

#[derive(Default)]
struct RawPublic {
    listen: Option<SocketAddr>,
    base_url: Option<String>,
    connections: Option<usize>,
}

fn public(mut section: Section<'_, '_, '_, '_>) -> RawPublic {
    let listen = section.parsed("listen", ADDRESS);
    let base_url = section.text("base_url").map(|text| match base_url(text) {
        Ok(url) => url,
        Err(why) => {
            let hint = Some("write \"https://go.example.com\"".to_owned());
            section.wrong("base_url", format!("`base_url` {why}"), hint);
            // Wrong, but there: not to be called missing as well.
            String::new()
        }
    });
    let connections = section.number("connections", 1..100_001);
    section.finish();
    RawPublic { listen, base_url, connections: connections.and_then(|n| usize::try_from(n).ok()) }
}

/// What links begin with: nothing may follow the path.
fn base_url(text: &str) -> Result<String, &'static str> {
    let url = reqwest::Url::parse(text.trim()).map_err(|_| "is not a URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https:// or http://");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must have nothing after the path");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or a password");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// A server on this machine passes mail on as well.
const fn may_reach_leads(relay: &Relay) -> bool {
    matches!(&relay.kind, RelayKind::Smtp(_))
}

/// Whether it may be read on the way: `http`, and not to this machine.
fn is_open_to_readers(base_url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(base_url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    url.scheme() == "http" && !relay::is_this_machine(host)
}

fn engine(mut section: Section<'_, '_, '_, '_>) -> Engine {
    let default = Engine::default();
    let engine = Engine {
        batch: section.number("batch", 1..5_001).unwrap_or(default.batch),
        lease: section.duration("lease").unwrap_or(default.lease),
        grace: section.duration("grace").unwrap_or(default.grace),
        park_after: section.number("park_after", 1..101).unwrap_or(default.park_after),
    };
    section.finish();
    engine
}

fn log(mut section: Section<'_, '_, '_, '_>) -> Log {
    let default = Log::default();
    let format = section.word("format", &[("text", LogFormat::Text), ("json", LogFormat::Json)]);
    let filter = section.text("filter").map(ToOwned::to_owned);
    if let Some(Err(error)) = filter.as_deref().map(tracing_subscriber::EnvFilter::try_new) {
        let hint = Some("write \"info\" or \"nurtured=debug,info\"".to_owned());
        section.wrong("filter", format!("`filter` is no filter: {error}"), hint);
    }
    section.finish();
    Log { format: format.unwrap_or(default.format), filter: filter.unwrap_or(default.filter) }
}

/// The whole file: sections by name.
struct Top<'t, 'i, 'p, 'a> {
    table: &'t DeTable<'i>,
    known: Vec<&'static str>,
    problems: &'p mut Problems<'a>,
}

impl<'t, 'i, 'a> Top<'t, 'i, '_, 'a> {
    /// Reads a key outside of any section.
    fn root<T>(&mut self, read: impl FnOnce(&mut Section<'t, 'i, '_, 'a>) -> T) -> T {
        self.known.push("auto_apply");
        read(&mut Section::new("the file", self.table, 0..0, self.problems))
    }

    fn section<T>(
        &mut self,
        key: &'static str,
        title: &'static str,
        read: impl FnOnce(Section<'t, 'i, '_, 'a>) -> T,
    ) -> Option<T> {
        self.known.push(key);
        let value = self.table.get(key)?;
        self.table_of(value, title)
            .map(|(table, span)| read(Section::new(title, table, span, self.problems)))
    }

    /// Sections that may be there several times, each with its place.
    fn list<T>(
        &mut self,
        key: &'static str,
        title: &'static str,
        mut read: impl FnMut(Section<'t, 'i, '_, 'a>) -> Option<T>,
    ) -> Vec<(T, Range<usize>)> {
        self.known.push(key);
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            let message = format!("of {key} there is a list: write {title} with two brackets");
            self.problems.add(&value.span(), message, None);
            return Vec::new();
        };
        let mut found = Vec::new();
        for value in list {
            let Some((table, span)) = self.table_of(value, title) else { continue };
            let place = span.clone();
            found.extend(
                read(Section::new(title, table, span, self.problems)).map(|read| (read, place)),
            );
        }
        found
    }

    fn relays(&mut self, base: &Path, require_tls: bool) -> Vec<Relay> {
        let relays =
            self.list("relay", "[[relay]]", |section| relay::read(section, base, require_tls));
        let mut kept: Vec<Relay> = Vec::with_capacity(relays.len());
        for (relay, place) in relays {
            if kept.iter().any(|known| known.name == relay.name) {
                let message = format!("there is a relay `{}` already", relay.name);
                self.problems.add(&place, message, Some("give each its own name".to_owned()));
            }
            kept.push(relay);
        }
        if !kept.is_empty() && kept.iter().all(|relay| relay.share == 0) {
            let place = self.table.get("relay").map(Spanned::span).unwrap_or_default();
            let message = "no relay has a share of the leads".to_owned();
            let hint = Some("leave share out, or write share = 1, at one of them".to_owned());
            self.problems.add(&place, message, hint);
        }
        kept
    }

    fn webhooks(&mut self, base: &Path) -> Vec<Target> {
        self.known.push("webhook");
        let Some(value) = self.table.get("webhook") else { return Vec::new() };
        match self.table_of(value, "[webhook.NAME]") {
            Some((table, _)) => webhook::read(table, base, self.problems),
            None => Vec::new(),
        }
    }

    fn dkim(&mut self, base: &Path) -> Vec<Dkim> {
        let mut keys: Vec<Dkim> = Vec::new();
        for (key, place) in self.list("dkim", "[[dkim]]", |section| dkim::read(section, base)) {
            let is_same = |it: &Dkim| (&it.domain, &it.selector) == (&key.domain, &key.selector);
            if keys.iter().any(is_same) {
                let message = format!("{key} is there already: one key has one selector");
                self.problems.add(&place, message, None);
            }
            keys.push(key);
        }
        keys
    }

    fn table_of(
        &mut self,
        value: &'t Spanned<DeValue<'i>>,
        title: &str,
    ) -> Option<(&'t DeTable<'i>, Range<usize>)> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let kind = value.get_ref().type_str();
            let message = format!("{title} must be a section, this is a TOML {kind}");
            self.problems.add(&value.span(), message, None);
        }
        table.map(|table| (table, value.span()))
    }

    fn finish(self, relays: &[Relay], base_url: Option<&str>) {
        let Self { table, known, problems } = self;
        let public = table.get("public");
        let key = public.and_then(|public| public.get_ref().as_table()?.get("base_url"));
        if relays.iter().any(may_reach_leads) && base_url.is_some_and(is_open_to_readers) {
            problems.add(
                &key.map(Spanned::span).unwrap_or_default(),
                "`base_url` must begin with https://: mail programs unsubscribe by one click only \
                 there (RFC 8058)"
                    .into(),
                Some("write \"https://go.example.com\"".into()),
            );
        }
        if base_url.is_none() && relays.iter().any(may_reach_leads) {
            let span = public.or_else(|| table.get("relay")).map(Spanned::span);
            problems.add(
                &span.unwrap_or_default(),
                "[public] has no `base_url`: links in mails would lead nowhere".into(),
                Some("add base_url = \"https://go.example.com\" to [public]".into()),
            );
        }
        Section::new("nurtured.toml", table, 0..0, problems).finish_with(known);
    }
}
