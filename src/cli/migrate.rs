//! `nurtured migrate`: the database and the secrets file.

use serde::Serialize;

use super::{context::Context, failure::Failure};
use crate::{
    store::{Store, StoreError},
    token::{Keyring, KeyringError},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A database for rehearsals: `tick` may run ahead of the clock on it
    #[arg(long)]
    rehearsal: bool,
    /// Make new secrets for a database that had others: links in mails already sent stop working
    #[arg(long)]
    new_secrets: bool,
}

#[derive(Serialize)]
struct Report {
    database: String,
    version: i64,
    /// Migrations that were run now.
    applied: Vec<String>,
    rehearsal: bool,
    secrets_file: String,
    secrets_created: bool,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config()?;
    let url = Context::database_url(&config)?;
    let secrets = &config.secrets.file.path()?;
    let store = Store::create(&url).await?;
    let is_new = matches!(store.check_schema().await, Err(StoreError::NotMigrated));
    let has_secrets = secrets.try_exists().map_err(|error| {
        Failure::environment(format!("{} cannot be looked at: {error}", secrets.display()))
    })?;
    if has_secrets && arguments.new_secrets {
        return Err(Failure::from(KeyringError::Exists(secrets.clone())).hint(
            "move it away to get new ones: then the links in mails already sent stop working",
        ));
    }
    if !has_secrets && !is_new && !arguments.new_secrets {
        return Err(Failure::environment(format!(
            "the secrets file {} is not there",
            secrets.display()
        ))
        .hint(
            "put its back-up in place; if it is lost, `nurtured migrate --new-secrets` makes \
                 another one, and the links in mails already sent stop working",
        ));
    }
    // Before the tables: what fails at either can be done again.
    if has_secrets {
        Keyring::load(secrets)?;
    } else {
        Keyring::create(secrets)?;
    }
    let migrated = store.migrate(arguments.rehearsal, context.now()).await?;
    let report = Report {
        database: url.to_string(),
        version: migrated.version,
        applied: migrated.applied,
        rehearsal: store.is_rehearsal().await?,
        secrets_file: secrets.display().to_string(),
        secrets_created: !has_secrets,
    };
    context.output.result(&report, || {
        let mut lines = vec![match report.applied.len() {
            0 => format!("{} is up to date (version {}).", report.database, report.version),
            _ => format!(
                "{} is now at version {}: {}.",
                report.database,
                report.version,
                report.applied.join(", ")
            ),
        }];
        if report.rehearsal {
            lines.push("It is for rehearsals.".into());
        }
        if report.secrets_created {
            lines.push(format!("Made {}: keep it secret, keep a copy.", report.secrets_file));
        }
        lines.join("\n")
    })?;
    Ok(())
}

impl From<KeyringError> for Failure {
    fn from(error: KeyringError) -> Self {
        Self::environment(error)
    }
}
