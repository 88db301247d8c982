//! What every command starts from: the folder, the configuration, the database, the clock.

use std::path::{Path, PathBuf};

use super::{Global, failure::Failure, output::Output};
use crate::{
    clock::Clock,
    config::{Config, ConfigError},
    domain::{address::Address, id::LeadId, time::Instant},
    store::{DatabaseUrl, Store},
};

/// The global options, and what they lead to.
#[derive(Debug)]
pub(super) struct Context {
    pub dir: PathBuf,
    config: Option<PathBuf>,
    database: Option<String>,
    pub output: Output,
    pub clock: Clock,
}

impl Context {
    pub(super) fn new(global: Global, output: Output) -> Self {
        let Global { dir, config, database, .. } = global;
        // An empty variable is no answer.
        let database = database.filter(|url| !url.trim().is_empty());
        Self { dir, config, database, output, clock: Clock::System }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Whether the configuration's file was named on the command line.
    pub(super) fn names_config(&self) -> bool {
        self.config.is_some()
    }

    pub(super) fn config_file(&self) -> PathBuf {
        match &self.config {
            Some(file) => file.clone(),
            // Printed without `./`.
            None if self.dir == Path::new(".") => PathBuf::from(Config::FILE),
            None => self.dir.join(Config::FILE),
        }
    }

    /// The configuration, with the database that was named on the command line. Where there is no file
    /// but the one thing is named that has no good default, the defaults.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let file = self.config_file();
        let mut config = match Config::load(&file) {
            Err(ConfigError::Missing { .. })
                if self.database.is_some() && self.config.is_none() =>
            {
                let base = file.parent().unwrap_or_else(|| Path::new(""));
                Config { file: file.clone(), ..Config::parse("", base)? }
            }
            other => other?,
        };
        if let Some(url) = &self.database {
            config.database.url.clone_from(url);
        }
        Ok(config)
    }

    pub(super) fn database_url(config: &Config) -> Result<DatabaseUrl, Failure> {
        DatabaseUrl::parse(&config.database.url, &config.base).map_err(Failure::usage)
    }

    /// The database, which must be there and of this version.
    pub(super) async fn store(&self) -> Result<Store, Failure> {
        let config = self.config()?;
        Self::open(&config).await
    }

    pub(super) async fn open(config: &Config) -> Result<Store, Failure> {
        let store = Store::open(&Self::database_url(config)?).await?;
        store.check_schema().await?;
        Ok(store)
    }
}

/// An address out of an argument.
pub(super) fn address(text: &str) -> Result<Address, Failure> {
    Address::parse(text).map_err(|error| Failure::usage(format!("`{text}`: {error}")))
}

/// The lead with an address.
pub(super) async fn lead(store: &Store, text: &str) -> Result<LeadId, Failure> {
    let address = address(text)?;
    match store.find_lead(&address).await? {
        Some(lead) => Ok(lead),
        None => Err(Failure::problems(format!("there is no lead {}", address.as_str()))
            .hint("`nurtured leads import FILE.csv` brings leads in")),
    }
}

/// Who does this, for the records: the user of the operating system.
pub(super) fn who() -> String {
    ["NURTURED_USER", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| "somebody".to_owned())
}
