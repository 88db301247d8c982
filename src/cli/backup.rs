//! `nurtured backup FILE`: the whole database in one file, while the daemon runs.

use std::path::PathBuf;

use serde::Serialize;

use super::{context::Context, failure::Failure};
/// Copies the whole database into a new file, beside a running daemon, and looks whether it is sound.
///
/// The secrets file is not in it: keep a copy of that, too. PostgreSQL is copied by its own pg_dump; on it
/// this command says how.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file to make; one that is there is never written over
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Serialize)]
struct Report {
    database: String,
    file: String,
    bytes: u64,
    secrets_file: String,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config()?;
    let url = Context::database_url(&config)?;
    let file = &arguments.file;
    if let Some(options) = url.for_tools() {
        let name = file.display();
        return Err(Failure::usage(format!("{url} is copied by PostgreSQL's own tool"))
            .hint(format!("run: pg_dump --format=custom --file={name} {options}")));
    }
    let store = Context::open(&config).await?;
    let bytes = store.copy_to(file).await?;
    store.close().await;
    let report = Report {
        database: url.to_string(),
        file: file.display().to_string(),
        bytes,
        secrets_file: config.secrets.file.to_string(),
    };
    context.output.result(&report, || {
        format!(
            "Wrote {}, {} KB; it is whole and sound. Keep a copy of {} beside it: without that, links in \
             mails already sent stop working.",
            report.file,
            report.bytes.div_ceil(1_000),
            report.secrets_file
        )
    })
}
