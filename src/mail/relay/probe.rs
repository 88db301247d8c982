//! Asking a relay whether it would take mail, without handing it any.

use std::time::Duration;

use super::{Delivery, Relay, connection::Connection};

impl Relay {
    /// Opens a connection as far as the first mail (greeting, TLS, login) and takes leave. A folder was tried
    /// when it was [configured](Relay::configured).
    ///
    /// # Errors
    /// At which stage it failed, and why; or that it took longer than `within`.
    pub async fn probe(&self, within: Duration) -> Result<(), String> {
        let Self::Smtp(relay) = self else { return Ok(()) };
        let opened = tokio::time::timeout(within, Connection::open(relay)).await;
        match opened.map_err(|_| format!("it has not answered for {within:?}"))? {
            Ok(connection) => {
                connection.quit(relay.timeouts.quit).await;
                Ok(())
            }
            Err(Delivery::Unreachable { reason, stage }) => {
                Err(format!("{}: {reason}", stage.word()))
            }
            Err(other) => Err(other.word().to_owned()),
        }
    }
}
