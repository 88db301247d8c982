//! What lies on the disk: the rules of time zones, the campaign folder, the secrets; and who writes.

use std::fs;

use super::{Checkup, WITHIN, is_the_services};
use crate::{
    cli::{context::Context, folder::Folder},
    config::{Config, NamedFile},
    definitions::summary,
    domain::time::Instant,
    store::{DatabaseUrl, Store, StoreError},
    token::{Keyring, KeyringError},
};

/// The system's time zones in one file, which begins with their version, `# version 2026a`.
const ZONES: &str = "/usr/share/zoneinfo/tzdata.zi";
/// Governments give notice of months; after so many years something has changed for somebody.
const ZONES_LAST: i16 = 2;

pub(super) fn zones(checkup: &mut Checkup, now: Instant) {
    let Ok(text) = fs::read_to_string(ZONES) else {
        checkup.ok(
            "time zones",
            format!(
                "the built-in rules, or the system's of a version unknown: there is no {ZONES}"
            ),
        );
        return;
    };
    let version = text.lines().next().unwrap_or_default().trim_start_matches("# version ");
    let year = version.get(..4).and_then(|year| year.parse::<i16>().ok());
    let this_year = now.timestamp().to_zoned(jiff::tz::TimeZone::UTC).year();
    match year {
        Some(year) if year + ZONES_LAST <= this_year => checkup.warning(
            "time zones",
            format!("the system's rules are of version {version}"),
            "update the package tzdata, then restart the daemon",
        ),
        _ => checkup.ok("time zones", format!("the system's rules, version {version}")),
    }
}

pub(super) fn campaign(checkup: &mut Checkup, context: &Context) {
    let name = context.dir.display();
    match Folder::check(context) {
        Ok(folder) if folder.problems.is_empty() => {
            checkup.ok("campaign", format!("the folder {name} has no mistake"));
        }
        Ok(folder) => {
            let found = format!("the folder {name} has {}", summary(&folder.problems));
            let advice = "`nurtured check` shows them; what is live goes on";
            checkup.warning("campaign", found, advice);
        }
        Err(failure) => checkup.failed(
            "campaign",
            failure.to_string(),
            "say by --dir where it is; `nurtured init DIR` makes a new one",
        ),
    }
}

pub(super) async fn secrets(checkup: &mut Checkup, config: &Config) {
    let named = &config.secrets.file;
    let path = match named.path() {
        Ok(path) => path,
        Err(error) if is_the_services(&error) => {
            let found = format!("{named} is handed to the service alone, and was not looked at");
            return checkup.warning("secrets", found, "run this within the unit to look at it");
        }
        Err(error) => return checkup.failed("secrets", error.to_string(), "mend [secrets] file"),
    };
    match Keyring::load(&path) {
        Ok(_) => checkup.ok("secrets", format!("{named} holds keys, for its owner alone")),
        Err(error) => {
            let (found, advice) = match without_tables(config).await {
                Some(url) if matches!(error, KeyringError::Missing(_)) => (
                    format!("there is no secrets file {named}, and nothing of ours in {url}"),
                    "if that is the right database and was never used, run `nurtured migrate`: it makes both; \
                     else name the right one by [database] url and bring back the copy of the secrets file",
                ),
                _ => (
                    error.to_string(),
                    "`nurtured migrate` makes them together with a new database, and never anew",
                ),
            };
            checkup.failed("secrets", found, advice);
        }
    }
    if let NamedFile::Path(path) = named {
        let beside = path.parent().is_some_and(|folder| folder.join(".git").exists());
        if beside {
            let advice =
                "name another place by [secrets] file, or make sure that .gitignore has it";
            checkup.warning("secrets", "they lie in a git repository", advice);
        }
    }
}

/// The database, where it has none of our tables: it was never used, or it is the wrong one.
async fn without_tables(config: &Config) -> Option<DatabaseUrl> {
    let url = Context::database_url(config).ok()?;
    if url.file().is_some_and(|file| !file.exists()) {
        return Some(url);
    }
    let schema = async {
        let store = Store::open(&url).await?;
        let schema = store.check_schema().await;
        store.close().await;
        schema
    };
    let found = tokio::time::timeout(WITHIN, schema).await;
    matches!(found, Ok(Err(StoreError::NotMigrated))).then_some(url)
}

pub(super) fn sender(checkup: &mut Checkup, config: &Config) {
    if let Err(error) = config.sending() {
        let advice = "no mail can be sent until it is there";
        return checkup.failed("sender", error.to_string(), advice);
    }
    if config.only_writes_files() {
        return checkup.ok("who is mailed", "nobody: mails are written into a folder");
    }
    match &config.delivery.only_to {
        Some(patterns) => checkup.warning(
            "who is mailed",
            format!("only whom [delivery] only_to names ({} of them)", patterns.len()),
            "as it should be in staging; take the line away to write to everybody who agreed",
        ),
        None => checkup.ok("who is mailed", "everybody who agreed: [delivery] only_to is not set"),
    }
}
