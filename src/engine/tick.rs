//! One pass at a given instant: everything that is due, to quiescence.

use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{
    Engine, deciding::Decided, live::LiveError, running::Conflicts, sending::Until, settling::Tally,
};
use crate::{domain::time::Instant, store::StoreError};

/// How many runs of batches a pass may decide; only definitions that chase their own tail come this far.
const RUNS: usize = 1_000_000;

/// What a pass came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TickReport {
    pub decided: u64,
    pub reserved: u64,
    pub sent: u64,
    /// By the relay, or since they may not leave yet.
    pub deferred: u64,
    pub failed: u64,
    pub in_doubt: u64,
    pub cancelled: u64,
    /// Steps whose date was past, and mails that did not leave in time.
    pub skipped: u64,
    /// Leads and messages.
    pub parked: u64,
    /// When there is something to do again with no new event; `null` for never. As RFC 3339 in JSON.
    #[serde(serialize_with = "rfc3339")]
    pub next_wake_at: Option<Instant>,
}

#[allow(clippy::ref_option)] // serde's signature
fn rfc3339<S: serde::Serializer>(at: &Option<Instant>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.to_string()).serialize(serializer)
}

impl TickReport {
    fn add_decided(&mut self, decided: Decided) {
        self.decided += decided.decided;
        self.reserved += decided.reserved;
        self.cancelled += decided.cancelled;
        self.skipped += decided.skipped;
        self.parked += decided.parked;
    }

    fn add_tally(&mut self, tally: Tally) {
        self.reserved += tally.reserved;
        self.sent += tally.sent;
        self.deferred += tally.deferred + tally.released;
        self.failed += tally.failed;
        self.in_doubt += tally.in_doubt;
        self.cancelled += tally.cancelled;
        self.parked += tally.parked;
    }

    /// Sums up two passes; the later one knows when to look again.
    pub fn then(&mut self, later: &Self) {
        self.decided += later.decided;
        self.reserved += later.reserved;
        self.sent += later.sent;
        self.deferred += later.deferred;
        self.failed += later.failed;
        self.in_doubt += later.in_doubt;
        self.cancelled += later.cancelled;
        self.skipped += later.skipped;
        self.parked += later.parked;
        self.next_wake_at = later.next_wake_at;
    }
}

impl Engine {
    /// Does everything that is due at `now`: takes over the live release, wakes the leads of its
    /// sweep, decides, sends, settles, until nothing is left. A
    /// driven clock must stand at `now`; by the system's the pass goes on as time does.
    pub async fn tick(self: &Arc<Self>, now: Instant) -> Result<TickReport, LiveError> {
        let mut report = TickReport::default();
        self.take_over().await?;
        let Some(live) = self.live() else { return Ok(report) };
        self.guard(now).await?;
        self.follow_relays().await?;
        while self.sweep(now).await? {}
        let stop = CancellationToken::new();
        for _ in 0..RUNS {
            let decided = self.decide_all(&live, now).await?;
            report.add_decided(decided);
            let tally = self.send(Until::Quiet, &stop).await?;
            report.add_tally(tally);
            // When all else is decided: who it is for is asked of leads as they were decided last.
            let rung = self.ring(now).await?;
            let called = self.call().await?;
            if decided.claimed == 0 && tally == Tally::default() && !rung && called == 0 {
                break;
            }
        }
        report.next_wake_at = Some(self.next_wake_at().await?).filter(|at| !at.is_never());
        Ok(report)
    }

    async fn decide_all(
        self: &Arc<Self>,
        live: &Arc<super::live::Live>,
        now: Instant,
    ) -> Result<Decided, StoreError> {
        let mut sum = Decided::default();
        let mut conflicts = Conflicts::default();
        for _ in 0..RUNS {
            let mut done = Decided::default();
            let run = self.decide_run(live, now, &mut done).await;
            sum.add(done);
            match run {
                Ok(()) if done.claimed == 0 => break,
                Ok(()) => conflicts = Conflicts::default(),
                Err(error) if conflicts.forgive(&error, &done) => {
                    tokio::time::sleep(Conflicts::PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(sum)
    }

    /// The earliest instant at which there is something to do: a lead is due, a clock ticks, a call is
    /// to be made, or a message is due, though none sooner than a relay that is down is asked again, and none of a relay that is paused.
    pub async fn next_wake_at(&self) -> Result<Instant, StoreError> {
        let now = self.clock.now();
        let mut next = self.store.next_wake_at().await?.min(self.next_tick_at().await);
        next = next.min(self.next_call_at(now).await?);
        for outlet in self.outlets.iter().filter(|outlet| !outlet.is_paused()) {
            let due = self.store.next_due_by(&self.route(outlet, now)).await?;
            next = next.min(due.max(outlet.asked_again_at()));
        }
        Ok(next)
    }
}
