//! `nurtured restore FILE`: a database is brought back, paused, and sends nothing a second time.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::Serialize;
use tempfile::{TempDir, TempPath};

use super::{context::Context, failure::Failure};
use crate::{
    clock::Clock,
    config::Config,
    definitions::counted,
    domain::{name::Name, pause::Scope, time::Instant},
    engine::Engine,
    mail::relay::Relay,
    store::{DatabaseUrl, EngineLock, Store, StoreError, folder_of, make_file},
    token::Keyring,
};

/// What the database is called until it is ready.
const COPY: &str = "database";
/// Who it was that paused everything.
const WHO: &str = "restore";
/// To its last millisecond.
const DAY: Duration = Duration::from_millis(24 * 3_600_000 - 1);

/// Brings a database back, paused; what may have been sent since the backup is in doubt.
///
/// The database does not know what was sent after the backup. It lives through the time since then, by a
/// clock of its own, and every mail that became due in it is in doubt: counted as sent, and never sent
/// again. Where nothing was sent since, say so: then nothing but what was in the relay's hands is in
/// doubt. Stop every daemon first. Mails leave after `nurtured resume all`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What `nurtured backup` wrote; the database must not be there
    #[arg(value_name = "FILE", required_unless_present = "in_place")]
    file: Option<PathBuf>,
    /// The database is back already: by pg_restore, or with its disk
    #[arg(long, conflicts_with = "file")]
    in_place: bool,
    /// When the daemon that was lost sent its last mail, at the latest; a day is meant to its end, in UTC [default: now]
    #[arg(long, value_name = "TIME", value_parser = sent_until)]
    sent_until: Option<SentUntil>,
    /// Nothing was sent since: the daemon had been stopped when the backup was made
    #[arg(long, conflicts_with = "sent_until")]
    nothing_sent: bool,
}

/// An instant, or a day.
#[derive(Clone, Copy, Debug)]
struct SentUntil {
    begin: Instant,
    end: Instant,
}

fn sent_until(text: &str) -> Result<SentUntil, String> {
    let begin = super::eval::instant(text)?;
    let is_day = text.parse::<Instant>().is_err();
    Ok(SentUntil { begin, end: if is_day { begin + DAY } else { begin } })
}

#[derive(Serialize)]
struct Report {
    database: String,
    /// When something was last decided, recorded or sent in it; `null` if never.
    last_act: Option<String>,
    /// Mails that may have been sent between then and this instant are in doubt; `null`: none were sent.
    sent_until: Option<String>,
    /// Mails that are in doubt since this restore.
    in_doubt: u64,
    /// Mails that wait for `resume`.
    waiting: u64,
    /// What is paused.
    paused: Vec<Scope>,
    /// The pools of discount codes: those given since are free again.
    code_pools: Vec<Name>,
}

impl Arguments {
    /// `--sent-until`, not before `last_act` and not after `now`, where time does not run ahead of the clock.
    fn until(
        &self,
        last_act: Option<Instant>,
        now: Option<Instant>,
    ) -> Result<Option<Instant>, Failure> {
        let Some(SentUntil { begin, end }) = self.sent_until else { return Ok(None) };
        if let Some(last_act) = last_act.filter(|last_act| end < *last_act) {
            let message =
                format!("--sent-until is {end}, and the database knows of something at {last_act}");
            return Err(Failure::usage(message)
                .hint("say when the daemon that was lost sent its last mail, at the latest; without it, that is now"));
        }
        if let Some(now) = now.filter(|now| begin > *now) {
            let message =
                format!("--sent-until is {begin}, and it is {now}: nothing was sent after now");
            return Err(Failure::usage(message).hint(
                "leave it out: mails that become due until now are in doubt, later ones are sent",
            ));
        }
        Ok(Some(now.map_or(end, |now| end.min(now))))
    }
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config()?;
    let url = Context::database_url(&config)?;
    let lock = EngineLock::on(url.file()).map_err(not_alone)?;
    let report = match (&arguments.file, url.file()) {
        (None, _) => {
            let store = Store::open_alone(&url).await.map_err(not_alone)?;
            settle(context, arguments, config, &url, store).await?
        }
        (Some(file), Some(database)) => {
            expect_no_database(database)?;
            let draft = copy(file, database)?;
            let copy = draft.path().join(COPY);
            let store = Store::open(&DatabaseUrl::of_file(&copy)).await.map_err(|error| {
                Failure::problems(format!("{} is no sound backup: {error}", file.display()))
            })?;
            let report = settle(context, arguments, config, &url, store).await?;
            // Not over one that was made meanwhile.
            let copy = TempPath::try_from_path(copy).map_err(Failure::at(database))?;
            let moved = copy.persist_noclobber(database);
            moved.map_err(|failed| Failure::at(database)(failed.error))?;
            report
        }
        (Some(file), None) => {
            let (file, options) = (file.display(), url.for_tools().unwrap_or_default());
            return Err(Failure::usage(format!("{url} is brought back by PostgreSQL's own tool"))
                .hint(format!(
                    "run: pg_restore --no-owner {options} {file}, and then: nurtured restore --in-place"
                )));
        }
    };
    drop(lock);
    context.output.result(&report, || text(&report))
}

fn not_alone(error: StoreError) -> Failure {
    match error {
        StoreError::EngineRunning => {
            Failure::environment(error).hint("stop the daemon first, and every other command on it")
        }
        other => other.into(),
    }
}

/// A database that is there is never written over, and not one that is half there.
fn expect_no_database(database: &Path) -> Result<(), Failure> {
    for ending in ["", "-wal", "-shm"] {
        let mut name = database.as_os_str().to_owned();
        name.push(ending);
        let path = Path::new(&name);
        if path.try_exists().map_err(Failure::at(path))? {
            let message =
                format!("{} is there: a database is never restored over one", path.display());
            return Err(Failure::problems(message).hint(format!(
                "stop the daemon, then move {0}, {0}-wal and {0}-shm away, together",
                database.display()
            )));
        }
    }
    Ok(())
}

/// The backup's copy in a folder beside the database, for its owner alone; it goes away by itself when
/// something fails.
fn copy(file: &Path, database: &Path) -> Result<TempDir, Failure> {
    let unreadable = |error: io::Error| Failure::unreadable(file, &error);
    let mut backup = File::open(file).map_err(unreadable)?;
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    if Path::new(&log).exists() {
        return Err(Failure::problems(format!(
            "{} is a database in use, or was copied out of one: there is a {} beside it",
            file.display(),
            log.display()
        ))
        .hint("`nurtured backup` makes a file that holds everything"));
    }
    let folder = folder_of(database);
    let draft = tempfile::Builder::new().prefix(".nurtured-restore-").tempdir_in(folder);
    let draft = draft.map_err(Failure::at(folder))?;
    let copy = draft.path().join(COPY);
    // Not of the draft's folder, which is ours.
    let written = make_file(&copy, folder).and_then(|mut made| {
        io::copy(&mut backup, &mut made)?;
        made.sync_all()
    });
    written.map_err(Failure::at(&copy))?;
    Ok(draft)
}

/// Makes of the copy of a database one that may go on.
async fn settle(
    context: &Context,
    arguments: &Arguments,
    config: Config,
    url: &DatabaseUrl,
    store: Store,
) -> Result<Report, Failure> {
    match store.check_schema().await {
        Ok(()) | Err(StoreError::OlderSchema { .. }) => {}
        Err(StoreError::NotMigrated | StoreError::Other(_)) => {
            return Err(Failure::problems("this is no database of nurtured"));
        }
        Err(error) => return Err(error.into()),
    }
    store.check_integrity().await?;
    let now = context.now();
    store.migrate(false, now).await?;
    let last_act = store.last_act().await?;
    let in_earnest = !config.only_writes_files() && !store.is_rehearsal().await?;
    let until = arguments.until(last_act, in_earnest.then_some(now))?.unwrap_or(now);
    let from = last_act.unwrap_or(until);
    // Whatever becomes of this, a daemon that is started on it sends nothing.
    store.pause(&Scope::All, WHO, now).await?;
    // What was paused at the backup may have been taken up and sent since.
    let at_work = if arguments.nothing_sent { store.clone() } else { store.heedless_of_pauses() };
    let engine = engine(config, at_work, Clock::driven(from))?;
    engine.follow_zone_rules().await?;
    engine.take_over().await?;
    let mut in_doubt = 0;
    if let Some(live) = engine.live() {
        in_doubt += engine.recover(&live, true, from).await?.in_doubt;
    }
    if !arguments.nothing_sent {
        look_again_at_what_is_paused(&store, now).await?;
        in_doubt += engine.live_through(from, until.max(from)).await?.in_doubt;
        look_again_at_what_is_paused(&store, now).await?;
    }
    let census = store.census(now).await?;
    let waiting = ["reserved", "deferred"].iter().filter_map(|state| census.messages.get(*state));
    let report = Report {
        database: url.to_string(),
        last_act: last_act.map(|at| at.to_string()),
        sent_until: (!arguments.nothing_sent).then(|| until.to_string()),
        in_doubt,
        waiting: waiting.sum(),
        paused: store.pauses().await?.into_iter().map(|pause| pause.scope).collect(),
        code_pools: store.code_pools().await?.into_iter().map(|pool| pool.pool).collect(),
    };
    store.close_into_one_file().await?;
    Ok(report)
}

/// By whom it is paused, and since when, remains.
async fn look_again_at_what_is_paused(store: &Store, now: Instant) -> Result<(), StoreError> {
    for pause in store.pauses().await? {
        store.pause(&pause.scope, WHO, now).await?;
    }
    Ok(())
}

/// One that hands nothing over, and leaves nobody out: to whom the lost daemon wrote is not known.
fn engine(mut config: Config, store: Store, clock: Clock) -> Result<Arc<Engine>, Failure> {
    let keyring = Arc::new(Keyring::load(&config.secrets.file.path()?)?);
    let (_, relays) = config.sending()?;
    let relays = relays.iter().map(|relay| Relay::Lost(relay.name.as_str().into())).collect();
    config.delivery.only_to = None;
    Ok(Arc::new(Engine::new(store, clock, keyring, Arc::new(config), relays)))
}

fn text(report: &Report) -> String {
    // No full stop: the instant is pasted behind `--sent-until`.
    let known = report.last_act.as_deref().map_or_else(
        || "It knows of nothing that happened.".to_owned(),
        |at| format!("The last thing that it knows of was at {at}"),
    );
    let in_doubt = counted(usize::try_from(report.in_doubt).unwrap_or(usize::MAX), "mail");
    let doubt = match &report.sent_until {
        Some(until) => format!(
            "{in_doubt} that may have been sent until {until} are in doubt: they count as sent, and are \
             not sent again."
        ),
        None => format!("{in_doubt} that the relay may have had in its hands are in doubt."),
    };
    let codes = if report.code_pools.is_empty() {
        String::new()
    } else {
        let pools: Vec<&str> = report.code_pools.iter().map(|pool| &**pool).collect();
        format!(
            "\n\x20 codes given since then are free again ({}): others may get them, so bring in new ones under \
             another name",
            pools.join(", ")
        )
    };
    format!(
        "{} is back. {known}\n{doubt}\n{} wait.\n\n\
         Everything is paused. Before `nurtured resume all`:\n\
         \x20 bring in what came since then: first objections (`nurtured suppressions import`), then events\n\
         \x20 of leads who came since then it knows nothing: imported again they are new, and are written to as such\n\
         \x20 look at what is in doubt and what waits: `nurtured status`, `nurtured leads show EMAIL`{codes}",
        report.database,
        counted(usize::try_from(report.waiting).unwrap_or(usize::MAX), "mail"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_instant_can_be_pasted_as_it_stands() {
        let at = "2027-03-28T09:00:00.25Z";
        let mut report = Report {
            database: "sqlite:nurtured.db".to_owned(),
            last_act: Some(at.to_owned()),
            sent_until: None,
            in_doubt: 0,
            waiting: 0,
            paused: Vec::new(),
            code_pools: Vec::new(),
        };
        let said = text(&report);
        let (_, pasted) = said.lines().next().unwrap().split_once(" was at ").unwrap();
        assert_eq!(sent_until(pasted).unwrap().end.to_string(), at);
        report.last_act = None;
        assert!(text(&report).contains("nothing that happened.\n"), "{}", text(&report));
    }
}
