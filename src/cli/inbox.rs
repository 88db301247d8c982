//! `nurtured inbox accept < mail.eml`

use serde::Serialize;
use tokio::io::AsyncReadExt;

use super::{context::Context, failure::Failure, told};
use crate::{
    domain::address::Address,
    engine::inbox::{Accepted, Action, accept},
    token::Keyring,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Take in one mail from standard input: a delivery report, a complaint, a reply
    #[command(long_about = told::<Arguments>())]
    Accept(Arguments),
}

/// For a mail server's pipe. A hard bounce or a complaint with our valid signature suppresses the lead's
/// address; everything else changes nothing but the lead's timeline. Any exit code but 0 means: offer it
/// again. To Postfix say so by 75, as docs/operations.md shows; or use `[lmtp] listen`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The envelope's recipients, where the mail server tells them
    #[arg(long = "recipient", value_name = "ADDRESS")]
    recipients: Vec<String>,
}

/// A little more than the largest mail that is read.
const LIMIT: u64 = 6 * 1024 * 1024;

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    accepted: Accepted,
}

pub(super) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let Command::Accept(arguments) = command;
    let config = context.config()?;
    let store = Context::open(&config).await?;
    let keyring = Keyring::load(&config.secrets.file.path()?)?;
    let mut raw = Vec::new();
    tokio::io::stdin()
        .take(LIMIT)
        .read_to_end(&mut raw)
        .await
        .map_err(|error| Failure::environment(format!("standard input cannot be read: {error}")))?;
    // What is no address of ours cannot carry our signature.
    let envelope: Vec<Address> =
        arguments.recipients.iter().filter_map(|text| Address::parse(text).ok()).collect();
    let accepted = accept(&store, &keyring, &raw, &envelope, context.now()).await?;
    let report = Report { accepted };
    context.output.result(&report, || {
        let accepted = &report.accepted;
        let kind = accepted.kind.replace('_', " ");
        match (accepted.matched, accepted.action) {
            (false, _) => format!("{kind}, not about a mail of ours: nothing was changed."),
            (true, Action::Suppressed) => format!("{kind}: the lead is not written to any more."),
            (true, Action::Recorded) => format!("{kind}: put on the lead's timeline."),
            (true, Action::Duplicate) => format!("{kind}: known already."),
            (true, Action::Ignored) => format!("{kind}: nothing to change."),
        }
    })?;
    store.close().await;
    Ok(())
}
