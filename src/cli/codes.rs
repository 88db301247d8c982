//! `nurtured codes import POOL FILE`, `nurtured codes show [POOL]`

use std::{collections::BTreeSet, path::PathBuf};

use serde::Serialize;

use super::{context::Context, failure::Failure, findings, live::Live, progress, told};
use crate::{
    definitions::nearest,
    domain::name::Name,
    engine::import::{CodesImport, CodesReport, import_codes, rejects_beside},
    store::records::Pool,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Put discount codes into a pool
    #[command(long_about = told::<Import>())]
    Import(Import),
    /// Show how many codes are left
    Show(Show),
}

/// Reads a file with one code a line, or a CSV file with a column `code`. Done again it changes nothing:
/// what is in the pool stays as it is. Mails that were parked for want of a code get another try. Refused
/// rows do not make it fail: it exits with 0 and says how many there are.
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// The pool, as templates name it: {{ code("spring") }}
    #[arg(value_parser = pool)]
    pool: Name,
    /// The file
    file: PathBuf,
    /// Log a warning when fewer are left [default: as it was; 50 for a new pool]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(0..))]
    warn_below: Option<i64>,
    /// Where refused rows go [default: FILE.rejects.csv beside the file]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Say what would be done, write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Only this pool
    #[arg(value_parser = pool)]
    pool: Option<Name>,
}

fn pool(text: &str) -> Result<Name, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if text.is_empty() || text.len() > 60 || !text.chars().all(fits) {
        return Err("use lower-case letters, digits, `-` and `_`, at most 60".to_owned());
    }
    Ok(text.into())
}

#[derive(Serialize)]
struct Report {
    pools: Vec<Pool>,
}

pub(super) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Import(arguments) => import(context, arguments).await,
        Command::Show(arguments) => show(context, arguments).await,
    }
}

async fn import(context: &Context, arguments: Import) -> Result<(), Failure> {
    let store = context.store().await?;
    let before = store.code_pools().await?;
    // Codes are taken all the same where what is live cannot be read.
    let live = Live::load(&store).await.ok().flatten();
    let unused = unused(&arguments.pool, &before, live.as_ref());
    let import = CodesImport {
        rejects: arguments.rejects.unwrap_or_else(|| rejects_beside(&arguments.file)),
        file: arguments.file,
        pool: arguments.pool,
        warn_below: arguments.warn_below,
        dry_run: arguments.dry_run,
    };
    let bar = progress::bar(&context.output);
    let report = import_codes(&store, import, context.now(), progress::moved(&bar)).await;
    bar.finish_and_clear();
    let mut report = report?;
    report.notes.extend(unused);
    context.output.result(&report, || text(&report))?;
    store.close().await;
    Ok(())
}

fn text(report: &CodesReport) -> String {
    let figures =
        [("added", report.added), ("known already", report.known), ("rejected", report.rejected)];
    let mut lines = vec![findings::headline(report.dry_run, report.rows, &figures)];
    lines.push(format!("{} left in the pool.", report.left));
    findings::add_notes(&mut lines, &report.notes);
    findings::add_to(&mut lines, &report.findings, report.rejects_file.as_deref());
    lines.join("\n")
}

async fn show(context: &Context, arguments: Show) -> Result<(), Failure> {
    let store = context.store().await?;
    let mut pools = store.code_pools().await?;
    if let Some(name) = &arguments.pool {
        if pools.iter().all(|pool| pool.pool != *name) {
            let names = pools.iter().map(|pool| &pool.pool);
            return Err(Failure::unknown(format!("pool `{name}`"), names));
        }
        pools.retain(|pool| pool.pool == *name);
    }
    let report = Report { pools };
    context.output.result(&report, || {
        if report.pools.is_empty() {
            return "There is no pool of codes yet: nurtured codes import POOL FILE".to_owned();
        }
        report.pools.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    store.close().await;
    Ok(())
}

/// The pools of which codes are left.
pub(super) fn filled(pools: &[Pool]) -> BTreeSet<&str> {
    pools.iter().filter(|pool| pool.left > 0).map(|pool| pool.pool.as_str()).collect()
}

/// What to say where codes are put into a pool that no live mail names: its name may be a slip.
fn unused(pool: &Name, before: &[Pool], live: Option<&Live>) -> Option<String> {
    let taken = live.map(|live| live.renderer.all_pools()).unwrap_or_default();
    if taken.contains(pool) {
        return None;
    }
    let is_known = before.iter().any(|it| it.pool == *pool);
    let state = if is_known { "is there" } else { "is new" };
    let others = taken.into_iter().chain(before.iter().map(|it| &it.pool));
    let meant = nearest(pool, others.filter(|it| *it != pool).map(Name::as_str));
    let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    Some(format!("the pool `{pool}` {state}, and no live mail takes codes of it{meant}"))
}

/// A pool in a line, for every command that tells of it.
pub(super) fn line(pool: &Pool) -> String {
    let Pool { pool: name, left, given, warn_below } = pool;
    let low = if pool.is_low() { format!(" (fewer than {warn_below})") } else { String::new() };
    format!("{name}: {left} left{low}, {given} given")
}
