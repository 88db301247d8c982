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
    let config = context.config()?;
    config.sending()?;
    daemon::init_logging(&config.log)?;
    let signals = Signals::of_the_system()?;
    let folder = context.dir.clone();
    let wire = async |parts: &daemon::Parts| daemon::wire(parts, folder).await;
    daemon::run(config, context.clock.clone(), signals, wire).await?;
    Ok(())
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        Self::environment(error)
    }
}
