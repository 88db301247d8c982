//! A database that was brought back does not know what was sent after the backup. It lives through that
//! time again, by a clock of its own, and counts each mail of it as in doubt.

use std::{sync::Arc, time::Duration};

use super::{Engine, live::LiveError, recording::Entry, sending::Line, tick::TickReport};
use crate::{
    domain::time::Instant,
    store::records::{Settled, Settlement},
};

/// What is due is done at its own instant. A daemon was never earlier than that, so that whatever one may have
/// sent by the end of the time is due in it.
const TICK: Duration = Duration::from_millis(1);

impl Engine {
    /// Decides and "sends" everything that became due from one instant to another, step by step as its
    /// leads would have come to it. What was parked may have been mended, and goes first. Must have a driven
    /// clock and relays that are [`Lost`](crate::mail::relay::Relay::Lost). Nobody is called: the daemon calls afterwards, by the keys of before.
    ///
    /// # Errors
    /// As of [`Engine::tick`]. Doing it again goes on where this ended.
    pub async fn live_through(
        self: &Arc<Self>,
        from: Instant,
        until: Instant,
    ) -> Result<TickReport, LiveError> {
        self.store.try_parked_again(from).await?;
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

impl Line {
    /// A mail that cannot be written here, parked or gone on without, may have been mended and handed to a relay that is
    /// lost, so it is in doubt; unless its lead had objected.
    pub(super) async fn may_have_left(&self, settlement: Settlement) -> Settlement {
        let Settlement { message, token, outcome, relay } = settlement;
        let outcome = match outcome {
            Settled::Parked { reason } | Settled::Failed { reason, .. }
                if self.outlet.is_lost()
                    && self.record.ask(Entry::Mark(message, token)).await == Some(true) =>
            {
                Settled::InDoubt { reason }
            }
            outcome => outcome,
        };
        Settlement { message, token, outcome, relay }
    }
}
