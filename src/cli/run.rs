//! `nurtured run`: the daemon.

use super::{context::Context, failure::Failure};
use crate::daemon::{self, DaemonError, Signals};

/// Runs the daemon until it is told to stop: decides, sends, and answers the links of its mails.
///
/// SIGTERM or SIGINT: nothing new is begun, what is on its way is finished. A second one, or the end
/// of `[engine] grace`: it leaves at once.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) async fn run(context: &Context, _: &Arguments) -> Result<(), Failure> {
    let mut config = context.config()?;
    if let Some(database) = context.database() {
        database.clone_into(&mut config.database.url);
    }
    config.sending()?;
    daemon::init_logging(&config.log)?;
    let signals = Signals::of_the_system()?;
    daemon::run(config, context.clock.clone(), signals, daemon::wire).await?;
    Ok(())
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        Self::environment(error)
    }
}
