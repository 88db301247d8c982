//! A database that was brought back does not know what was sent after the backup. It lives through that
//! time again, by a clock of its own, and counts each mail of it as in doubt.

use std::{sync::Arc, time::Duration};

use super::{Engine, live::LiveError, tick::TickReport};
use crate::domain::time::Instant;

/// What is due is done at its own instant. A daemon was never earlier than that, so that whatever one may have
/// sent by the end of the time is due in it.
const TICK: Duration = Duration::from_millis(1);

impl Engine {
    /// Decides and "sends" everything that became due from one instant to another, step by step as its
    /// leads would have come to it. Must have a driven clock and a relay that is
    /// [`Lost`](crate::mail::relay::Relay::Lost).
    ///
    /// # Errors
    /// As of [`Engine::tick`]. Doing it again goes on where this ended.
    pub async fn live_through(
        self: &Arc<Self>,
        from: Instant,
        until: Instant,
    ) -> Result<TickReport, LiveError> {
        let mut sum = TickReport::default();
        let mut now = from;
        while now <= until {
            self.clock.set(now);
            let pass = self.tick(now).await?;
            sum.then(&pass);
            let Some(next) = pass.next_wake_at else { break };
            now = next.max(now + TICK);
        }
        Ok(sum)
    }
}
