//! The database: there, of this version, sound, with room to grow; and what is live in it.

use super::{Checkup, WITHIN};
use crate::{
    cli::{codes::filled, context::Context, live::Live},
    config::Config,
    definitions::Problem,
    domain::{message::MessageState, time::Instant},
    store::{DatabaseUrl, EngineLock, Store},
};

/// Below this a busy day fills the disk.
const ROOM: u64 = 1_000_000_000;
/// Milliseconds by which two clocks may differ.
const DRIFT: i64 = 2_000;

pub(super) async fn look(checkup: &mut Checkup, config: &Config, now: Instant) {
    let Ok(url) = Context::database_url(config) else { return };
    room(checkup, &url);
    let opened = tokio::time::timeout(WITHIN, Context::open(config)).await;
    let store = match opened {
        Ok(Ok(store)) => store,
        Ok(Err(failure)) => {
            let advice = "nothing can be decided or sent without it";
            return checkup.failed("database", failure.to_string(), advice);
        }
        Err(_) => {
            let found = format!("{url} has not answered for {WITHIN:?}");
            return checkup.failed("database", found, "see whether it runs, and can be reached");
        }
    };
    checkup.ok("database", format!("{url} is there and of this version"));
    match tokio::time::timeout(WITHIN, store.check_quickly()).await {
        Ok(Ok(())) if url.file().is_some() => checkup.ok("database", "its file is sound"),
        Ok(Ok(())) => {}
        Ok(Err(error)) => checkup.failed(
            "database",
            error.to_string(),
            "stop the daemon, keep the file, look at the disk; then `nurtured restore` from the last backup",
        ),
        // It is still being read: nothing more is asked of it.
        Err(_) => {
            let found = format!("looking through its file takes longer than {WITHIN:?}");
            checkup.warning("database", found, "`nurtured backup` looks through all of it");
            return;
        }
    }
    let asked = async {
        clock(checkup, &store, &url, now).await;
        contents(checkup, &store, &url).await;
    };
    if tokio::time::timeout(WITHIN, asked).await.is_err() {
        // A connection is still being waited on: nothing more is asked of it.
        let found = format!("what is in it could not be read within {WITHIN:?}");
        return checkup.failed(
            "database",
            found,
            "see who holds locks on its tables, and how busy it is",
        );
    }
    store.close().await;
}

/// On a server, that is its own administrator's care.
fn room(checkup: &mut Checkup, url: &DatabaseUrl) {
    let Some(file) = url.file() else { return };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(std::path::Path::new("."));
    match rustix::fs::statvfs(folder) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let megabytes = free / 1_000_000;
            let found = format!("{megabytes} MB are free for the database");
            if free < ROOM {
                let advice = "make room: on a full disk no mail goes out and no click is taken";
                checkup.warning("disk", found, advice);
            } else {
                checkup.ok("disk", found);
            }
        }
        Err(error) => checkup.failed(
            "disk",
            format!("{}: {error}", folder.display()),
            "make the folder, or name another one by [database] url",
        ),
    }
}

async fn clock(checkup: &mut Checkup, store: &Store, url: &DatabaseUrl, now: Instant) {
    let advice = "set the clock, and have it kept by NTP: mails go by it";
    if let Ok(Some(last)) = store.last_act().await
        && last.since(now) > DRIFT
        && !store.is_rehearsal().await.unwrap_or_default()
    {
        let found = format!("it is {now}, and the database knows of something at {last}");
        return checkup.failed("clock", found, advice);
    }
    match store.lease_clock(now).await {
        Ok(servers) if url.file().is_none() => {
            let apart = servers.since(now).abs();
            let found = format!("this machine's and the database's are {apart} ms apart");
            if apart > DRIFT {
                checkup.warning("clock", found, advice);
            } else {
                checkup.ok("clock", found);
            }
        }
        _ => checkup.ok("clock", format!("it is {now}, after all that the database knows of")),
    }
}

/// Mails that name a pool without codes would be parked.
async fn codes(checkup: &mut Checkup, store: &Store, live: &Live) {
    let Ok(pools) = store.code_pools().await else { return };
    for problem in live.renderer.without_codes(&filled(&pools)) {
        let Problem { file, line, column, message, hint, .. } = problem;
        let found = format!("{file}:{line}:{column}: {message}");
        checkup.warning("codes", found, hint.unwrap_or_default());
    }
}

async fn contents(checkup: &mut Checkup, store: &Store, url: &DatabaseUrl) {
    match Live::load(store).await {
        Ok(Some(live)) => {
            let workflows = live.definitions.workflows.len();
            checkup.ok("live", format!("a release of {workflows} workflows"));
            codes(checkup, store, &live).await;
        }
        Ok(None) => checkup.warning("live", "nothing is live yet", "run `nurtured apply`"),
        Err(failure) => checkup.failed(
            "live",
            failure.to_string(),
            "run `nurtured check`, then `nurtured apply`",
        ),
    }
    if let Ok(pauses) = store.pauses().await
        && !pauses.is_empty()
    {
        let names: Vec<String> = pauses.iter().map(|pause| pause.scope.to_string()).collect();
        let found = format!("paused: {}", names.join(", "));
        let first = pauses[0].scope.argument();
        checkup.warning("live", found, format!("`nurtured resume {first}` takes it up"));
    }
    if let Ok(census) = store.census(Instant::DAWN).await {
        let of = |state: MessageState| census.messages.get(state.word()).copied().unwrap_or(0);
        let (mails, leads) = (of(MessageState::Parked), census.parked_leads);
        if mails + leads > 0 {
            let found = format!("parked: {mails} mails, {leads} leads");
            checkup.warning("live", found, "`nurtured status` says why");
        }
    }
    if let Some(file) = url.file() {
        if EngineLock::is_taken(file) {
            checkup.ok("engine", "one is at work on the database");
        } else {
            checkup.warning("engine", "none is at work on the database", "start `nurtured run`");
        }
    }
}
