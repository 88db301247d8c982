//! Settling: what became of claimed messages, written together with what it decides.

use std::sync::Arc;

use super::{Engine, deciding::Decided, live::Live};
use crate::{
    domain::{id::MessageId, time::Instant},
    store::{
        StoreError,
        records::{ClaimToken, Settled, Settlement},
    },
};

/// What a settle came to, by the message's new state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub sent: u64,
    pub failed: u64,
    pub in_doubt: u64,
    /// A relay said "later".
    pub deferred: u64,
    /// Given back without a relay's word: not allowed now, no relay there, or left behind by a process
    /// that ended.
    pub released: u64,
    pub cancelled: u64,
    pub parked: u64,
    /// Claims that were no longer ours.
    pub stale: u64,
    /// Messages that the decisions on these outcomes reserved.
    pub reserved: u64,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.failed += other.failed;
        self.in_doubt += other.in_doubt;
        self.deferred += other.deferred;
        self.released += other.released;
        self.cancelled += other.cancelled;
        self.parked += other.parked;
        self.stale += other.stale;
        self.reserved += other.reserved;
    }

    fn count(&mut self, settled: &Settled) {
        match settled {
            Settled::Sent { .. } => self.sent += 1,
            Settled::Failed { .. } => self.failed += 1,
            Settled::InDoubt { .. } => self.in_doubt += 1,
            Settled::Deferred { counted: true, .. } => self.deferred += 1,
            Settled::Deferred { .. } | Settled::Released { .. } => self.released += 1,
            Settled::Cancelled { .. } => self.cancelled += 1,
            Settled::Parked { .. } => self.parked += 1,
            // No try to send.
            Settled::Said { .. } => {}
        }
    }
}

impl Engine {
    /// Writes outcomes, and decides and advances the leads concerned in the same transaction, in which
    /// other messages are taken past their point of no return. Returns for each of these whether it
    /// may be handed over.
    ///
    /// If deciding is what fails, the outcomes are written without it: their events have made the
    /// leads due, and the lead that cannot be decided is found and parked there.
    pub async fn settle(
        &self,
        live: &Arc<Live>,
        settlements: &[Settlement],
        marks: &[(MessageId, ClaimToken)],
        now: Instant,
    ) -> Result<(Tally, Vec<bool>), StoreError> {
        let mut live = Arc::clone(live);
        let mut batch = self.store.settle(settlements, marks, now).await?;
        if self.is_behind(&live, &batch) {
            batch.give_back().await?;
            live = self.catch_up(&live).await?;
            batch = self.store.settle(settlements, marks, now).await?;
        }
        let live = &live;
        let mut refused = batch.refused.clone();
        let mut done = Decided::default();
        let marked = match self.decide_and_commit(live, batch, now, &mut done).await {
            Ok(left) => {
                // The outcomes are written: whoever could not be decided is due, and is counted then.
                if let Err(error) = self.count_failures(&left.failed, now, &mut done).await {
                    tracing::warn!(%error, "failed attempts could not be counted");
                }
                left.marked
            }
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "outcomes are written without deciding on them");
                let batch = self.store.settle(settlements, marks, now).await?;
                refused.clone_from(&batch.refused);
                self.store.commit(batch, Vec::new(), now).await?.marked
            }
        };
        let mut tally = Tally { reserved: done.reserved, ..Tally::default() };
        for settlement in settlements {
            if refused.contains(&settlement.message) {
                tally.stale += 1;
                tracing::warn!(message = %settlement.message, "stale_token: the claim was no longer ours");
            } else {
                tally.count(&settlement.outcome);
            }
        }
        (self.on_settled)(&tally);
        self.nudge.notify_one();
        if tally.reserved > 0 {
            self.outbox.notify_waiters();
        }
        Ok((tally, marked))
    }

    /// What an earlier process, or a lease that ran out, left behind: before the point of no return
    /// a message is due again, after it is in doubt.
    ///
    /// `everything`: nobody can be at work on this database, so no lease is waited for. Otherwise what is
    /// being sent from here is left alone: a clock that jumped ahead has ended no lease.
    pub async fn recover(
        &self,
        live: &Arc<Live>,
        everything: bool,
        now: Instant,
    ) -> Result<Tally, StoreError> {
        use crate::domain::message::MessageState;
        let expired = self.store.expired_claims(now, everything).await?;
        let settlements: Vec<Settlement> = expired
            .into_iter()
            .filter(|(_, token)| everything || !self.claims.holds(*token))
            .map(|(message, token)| Settlement {
                message: message.id,
                token,
                relay: None,
                outcome: if message.state == MessageState::Transmitting {
                    Settled::InDoubt {
                        reason: "the process ended before the relay's answer".into(),
                    }
                } else {
                    Settled::Released { due_at: now, reason: "the claim was not used".into() }
                },
            })
            .collect();
        let mut tally = Tally::default();
        for some in settlements.chunks(500) {
            tally.add(self.settle(live, some, &[], now).await?.0);
        }
        Ok(tally)
    }
}
