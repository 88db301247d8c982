//! `nurtured.toml`: what the sysadmin says. Database, listeners, relays, sender, limits.
//!
//! Relative paths start at the folder of the file. Secrets are never in it: it names the files that
//! hold them, and those are read when they are needed.

mod dkim;
mod egress;
mod listeners;
mod named_file;
mod own_domains;
mod private_file;
mod problem;
mod reader;
mod relay;
mod sections;
mod sender;
mod warm_up;
mod webhook;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

pub use dkim::{Dkim, is_selector};
pub use egress::Egress;
pub use named_file::NamedFile;
pub use own_domains::{OwnDomains, is_within};
pub use private_file::{NotPrivate, read_private, write_private};
pub use problem::{ConfigError, ConfigProblem};
pub use relay::{Login, Relay, RelayKind, SmtpRelay, Tls};
pub use sender::{Identity, Pattern, Sender, canonical_domain};
pub use webhook::Target;

use crate::domain::{
    address::Address,
    fleet::{Berth, Fleet},
};

/// The checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// What relative paths start at.
    pub base: PathBuf,
    pub database: Database,
    pub public: Public,
    pub console: Console,
    pub relays: Vec<Relay>,
    pub sender: Option<Sender>,
    /// The keys that mails are signed with, of all domains.
    pub dkim: Vec<Dkim>,
    pub secrets: Secrets,
    pub delivery: Delivery,
    pub engine: Engine,
    pub inbound: Inbound,
    pub lmtp: Option<Lmtp>,
    /// The targets of webhooks.
    pub webhooks: Vec<Target>,
    /// Where they may lead.
    pub egress: Egress,
    pub log: Log,
    /// Whether a start or a SIGHUP applies the campaign folder. Off: only `nurtured apply` does.
    pub auto_apply: bool,
}

/// `[database]`
#[derive(Clone)]
pub struct Database {
    /// `sqlite:FILE` or `postgres://…`, as written; may hold a password.
    pub url: String,
}

/// `[public]`: what leads reach.
#[derive(Clone, Debug)]
pub struct Public {
    pub listen: SocketAddr,
    /// What links in mails begin with; no slash at its end.
    pub base_url: String,
    /// Connections at once; more are refused.
    pub connections: usize,
}

/// `[console]`: what staff and Prometheus reach.
#[derive(Clone, Debug)]
pub struct Console {
    pub listen: SocketAddr,
}

/// `[secrets]`
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The keys of links, pixels and bounce addresses. Made once, by `nurtured migrate`.
    pub file: NamedFile,
}

/// `[delivery]`
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// For staging: nobody else is written to. `None`: everybody may be.
    pub only_to: Option<Vec<Pattern>>,
    /// No relay but one on this machine may be spoken to without TLS.
    pub require_tls: bool,
}

/// `[engine]`
#[derive(Clone, Debug)]
pub struct Engine {
    /// Leads decided in one transaction.
    pub batch: i64,
    /// How long a claimed message is ours; outlives the time-outs of SMTP.
    pub lease: Duration,
    /// How long mails in flight may take to finish when the daemon is told to stop.
    pub grace: Duration,
    /// After how many failures in a row a lead is parked.
    pub park_after: i64,
}

/// `[inbound]`: mail that comes back.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// The folder for what is not about a mail of ours.
    pub keep: PathBuf,
}

/// `[lmtp]`: the door for bounces and complaints.
#[derive(Clone, Debug)]
pub struct Lmtp {
    pub listen: SocketAddr,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct Log {
    pub format: LogFormat,
    /// As `tracing` reads it: `info`, `nurtured=debug,info`.
    pub filter: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// The file in the campaign folder, where `--config` does not say otherwise.
    pub const FILE: &'static str = "nurtured.toml";

    /// Reads and checks a file.
    ///
    /// # Errors
    /// When there is none, when it cannot be read, or with everything that is wrong in it.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ConfigError::Missing { file: file.to_owned() });
            }
            Err(source) => return Err(ConfigError::Unreadable { file: file.to_owned(), source }),
        };
        let base = file.parent().unwrap_or_else(|| Path::new(""));
        Self::read(&text, file, base)
    }

    /// Checks a text; relative paths start at `base_dir`.
    ///
    /// # Errors
    /// With everything that is wrong in it.
    pub fn parse(text: &str, base_dir: &Path) -> Result<Self, ConfigError> {
        Self::read(text, Path::new(Self::FILE), base_dir)
    }

    fn read(text: &str, file: &Path, base: &Path) -> Result<Self, ConfigError> {
        sections::read(text, file, base)
            .map_err(|problems| ConfigError::Invalid { file: file.to_owned(), problems })
    }

    /// What sending needs beyond the defaults: a sender and at least one relay.
    ///
    /// # Errors
    /// When a section is missing, with the lines to add.
    pub fn sending(&self) -> Result<(&Sender, &[Relay]), ConfigError> {
        let missing =
            |section, example| ConfigError::NotSet { file: self.file.clone(), section, example };
        let sender = self.sender.as_ref().ok_or_else(|| {
            missing(
                "[sender]",
                "[sender]\nfrom = \"Ada Rossi <ada@example.com>\"\nbounce_domain = \"bounce.example.com\"\npostal_address = \"Via Roma 1, 20121 Milano\"",
            )
        })?;
        if self.relays.is_empty() {
            return Err(missing(
                "[[relay]]",
                "[[relay]]\nname = \"main\"\nhost = \"127.0.0.1\"\nport = 25\ntls = \"none\"",
            ));
        }
        Ok((sender, &self.relays))
    }

    /// A target of webhooks.
    #[must_use]
    pub fn webhook(&self, target: &str) -> Option<&Target> {
        self.webhooks.iter().find(|known| *known.name == *target)
    }

    /// Who mails by a relay are from. `None` while there is no `[sender]`.
    #[must_use]
    pub fn sender_by(&self, relay: &str) -> Option<Sender> {
        let house = self.sender.as_ref()?;
        let relay = self.relays.iter().find(|known| known.name == *relay);
        Some(relay.map_or_else(|| house.clone(), |relay| house.known_as(&relay.identity)))
    }

    /// The relays, as mails are shared out among them.
    #[must_use]
    pub fn fleet(&self) -> Fleet {
        Fleet::new(self.relays.iter().map(|relay| self.berth(&relay.name)).collect())
    }

    /// A relay, as mails are shared out among several; one that is not configured like one that has nothing of its
    /// own.
    #[must_use]
    pub fn berth(&self, relay: &str) -> Berth {
        let identity = self.sender_by(relay).map(|sender| sender.from.address.as_str().into());
        let known = self.relays.iter().find(|known| known.name == *relay);
        Berth {
            name: relay.into(),
            share: known.map_or(1, |relay| relay.share),
            identity: identity.unwrap_or_else(|| "".into()),
            rate: known.and_then(|relay| relay.rate),
            warm_up: known.and_then(|relay| relay.warm_up.clone()),
        }
    }

    /// Whether every relay only writes files: nothing can reach a lead.
    #[must_use]
    pub fn only_writes_files(&self) -> bool {
        !self.relays.is_empty()
            && self.relays.iter().all(|relay| matches!(relay.kind, RelayKind::Folder(_)))
    }
}

impl Delivery {
    /// Whether `only_to` lets mail to this address out.
    #[must_use]
    pub fn allows(&self, address: &Address) -> bool {
        self.only_to
            .as_ref()
            .is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(address)))
    }
}

/// The URL stays out: it may hold a password.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = self.url.split(':').next().unwrap_or_default();
        f.debug_struct("Database").field("url", &format_args!("{scheme}:…")).finish()
    }
}

#[cfg(test)]
mod tests;
