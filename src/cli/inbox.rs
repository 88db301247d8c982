//! `nurtured inbox accept < mail.eml`

use serde::Serialize;
use tokio::io::AsyncReadExt;

use super::{context::Context, failure::Failure, told};
use crate::{
    engine::inbox::{Accepted, Action, Envelope, Inbox},
    mail::unclaimed::Unclaimed,
    token::Keyring,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Take in one mail from standard input: a delivery report, a complaint, a reply
    #[command(long_about = told::<Arguments>())]
    Accept(Arguments),
}

/// For a mail server's pipe. A hard bounce or a complaint with our valid signature suppresses the lead's
/// address; everything else changes nothing but the lead's timeline. What is not about a mail of ours is
/// kept in the folder `[inbound] keep`. Any exit code but 0 means: offer it again. To Postfix say so by
/// 75, as docs/operations.md shows; or use `[lmtp] listen`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The envelope's recipients, where the mail server tells them
    #[arg(long = "recipient", value_name = "ADDRESS")]
    recipients: Vec<String>,
    /// The envelope's sender, where the mail server tells it; empty, `<>` or `MAILER-DAEMON` is none
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
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
    let null_sender = arguments.sender.as_deref().is_some_and(is_null);
    let envelope = Envelope::new(null_sender, &arguments.recipients);
    let unclaimed = Unclaimed::new(&config.inbound.keep);
    let inbox = Inbox { store: &store, keyring: &keyring, unclaimed: &unclaimed };
    let accepted = inbox.accept(&raw, &envelope, context.now()).await?;
    let report = Report { accepted };
    context.output.result(&report, || {
        let accepted = &report.accepted;
        let kind = accepted.kind.replace('_', " ");
        let folder = config.inbound.keep.display();
        match accepted.action {
            Action::Suppressed => format!("{kind}: the lead is not written to any more."),
            Action::Recorded => format!("{kind}: put on the lead's timeline."),
            Action::Duplicate => format!("{kind}: known already."),
            Action::Ignored => format!("{kind}: nothing to change."),
            Action::Kept => format!("{kind}, not about a mail of ours: kept in {folder}."),
            Action::Dropped => {
                format!("{kind}, not about a mail of ours: not kept, as {folder} is full.")
            }
        }
    })?;
    store.close().await;
    Ok(())
}

/// `MAILER-DAEMON` is what Postfix hands to a pipe for `<>`.
fn is_null(sender: &str) -> bool {
    let sender = sender.trim().trim_start_matches('<').trim_end_matches('>');
    sender.is_empty() || sender.eq_ignore_ascii_case("MAILER-DAEMON")
}
