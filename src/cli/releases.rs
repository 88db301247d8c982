//! `nurtured releases`: what was made live, when, by whom and why.

use serde::Serialize;

use super::{context::Context, failure::Failure, tables};
use crate::{definitions::fingerprint, domain::id::ReleaseId, store::records::ReleaseRow};

/// Lists the releases of this database, the live one first.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// So many of them
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    last: u16,
}

#[derive(Serialize)]
struct Report {
    releases: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    #[serde(serialize_with = "crate::domain::id::as_text")]
    release: ReleaseId,
    live: bool,
    live_at: String,
    who: String,
    reason: String,
    /// Of the folder that it was made of: the same folder, the same hash.
    hash: String,
    /// How many files it is made of.
    artefacts: usize,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let store = context.store().await?;
    let found = store.releases(arguments.last.into()).await?;
    store.close().await;
    let row = |(place, release): (usize, ReleaseRow)| Row {
        release: release.id,
        live: place == 0,
        live_at: release.at.to_string(),
        hash: fingerprint(&release.manifest),
        artefacts: release.manifest.len(),
        who: release.who,
        reason: release.reason,
    };
    let report = Report { releases: found.into_iter().enumerate().map(row).collect() };
    context.output.result(&report, || text(&report))
}

fn text(report: &Report) -> String {
    if report.releases.is_empty() {
        return "Nothing was made live yet.".to_owned();
    }
    let mut table = tables::new(&["Release", "", "At (UTC)", "Who", "Hash", "Why"]);
    for row in &report.releases {
        let live = if row.live { "live" } else { "" };
        let (release, at) = (row.release.to_string(), tables::minute(&row.live_at));
        table.add_row([&release, live, &at, &row.who, &row.hash, &row.reason]);
    }
    table.to_string()
}
