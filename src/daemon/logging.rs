//! Logs go to standard error: text for people, JSON for collectors. They name leads and messages by
//! their ids, never by address.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt};

use super::DaemonError;
use crate::config::{Log, LogFormat};

/// Overrides `[log] filter`.
const VARIABLE: &str = "NURTURED_LOG";

/// Starts logging. Does nothing when it has been started.
///
/// # Errors
/// When the filter cannot be read.
pub fn init(log: &Log) -> Result<(), DaemonError> {
    let (from, directives) = match std::env::var(VARIABLE) {
        Ok(directives) if !directives.is_empty() => (VARIABLE, directives),
        _ => ("[log] filter", log.filter.clone()),
    };
    // What the scheduler says of itself helps nobody; a directive of the reader's own goes before it.
    let filter =
        EnvFilter::try_new(format!("tokio_cron_scheduler=warn,{directives}")).map_err(|error| {
            DaemonError::Environment(format!(
                "{from} is not a filter: {error}: write `info` or `nurtured=debug,info`"
            ))
        })?;
    let started = match log.format {
        LogFormat::Json => {
            fmt().with_env_filter(filter).with_writer(std::io::stderr).json().try_init()
        }
        LogFormat::Text => {
            let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour).try_init()
        }
    };
    if started.is_err() {
        tracing::debug!("logging had been started before");
    }
    Ok(())
}
