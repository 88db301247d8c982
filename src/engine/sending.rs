//! The sending side: messages that are due are claimed, prepared, handed to the relay and settled.
//!
//! Each relay has a feeder, which claims as many messages as there is room for, and a worker for each connection.
//! The points of no return and the ends of all are written together, without waiting for company.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Engine, Outlet,
    group::Group,
    handing::work,
    live::Live,
    lobby::Lobby,
    preparing::Outgoing,
    recording::{Entry, Recorder},
    running::Turn,
    settling::Tally,
    traffic::{OnItsWay, Traffic},
};
use crate::{
    domain::{id::MessageId, time::Instant},
    mail::relay::{Permit, Relay},
    store::{
        Route, StoreError,
        records::{Settled, Settlement},
    },
};

/// Messages ready or on their way for each connection of the relay.
const ROOM_PER_CONNECTION: usize = 16;

/// Kilobytes of mails that are ready or on their way, over all relays: mails with files are large.
pub(super) const ROOM: u32 = 64 * 1024;

/// When mails are claimed again that could not be prepared.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The longest sleep of the feeder: a message that another process reserved is found by then.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// When the sending side ends by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Nothing is due and nothing is on its way.
    Quiet,
    /// It is told to stop.
    Stopped,
}

/// What the feeder and the workers of a relay share.
pub(super) struct Line {
    pub engine: Arc<Engine>,
    pub outlet: Arc<Outlet>,
    pub record: Group<Entry, bool>,
    pub traffic: Arc<Traffic>,
    pub stop: CancellationToken,
}

impl Engine {
    /// Sends until `until`, or until `stop`: then nothing more is claimed, and what is on its way is
    /// finished.
    pub async fn send(
        self: &Arc<Self>,
        until: Until,
        stop: &CancellationToken,
    ) -> Result<Tally, StoreError> {
        let tracker = TaskTracker::new();
        let recorder = Arc::new(Recorder::new(Arc::clone(self)));
        let record = recorder.start(&tracker);
        let line = |outlet: &Arc<Outlet>| {
            Arc::new(Line {
                engine: Arc::clone(self),
                outlet: Arc::clone(outlet),
                record: record.clone(),
                traffic: Arc::default(),
                stop: stop.clone(),
            })
        };
        let lines: Vec<Arc<Line>> = self.outlets.iter().map(line).collect();
        drop(record);
        // Where one cannot go on, none claims any more, and each finishes what it has begun.
        let halt = stop.child_token();
        let feeding = lines.iter().map(async |line| {
            let fed = line.run(&tracker, until, &halt).await;
            if fed.is_err() {
                halt.cancel();
            }
            fed
        });
        let on_its_way = || lines.iter().any(|line| !line.traffic.is_none());
        let fed = self.beating(on_its_way, futures::future::join_all(feeding)).await;
        drop(lines);
        tracker.close();
        self.beating(|| true, tracker.wait()).await;
        fed.into_iter().collect::<Result<(), StoreError>>()?;
        Ok(recorder.tally())
    }

    /// How long a claimed message may take: our own clock stops us before the lease runs out for others.
    fn time_of_a_claim(&self) -> Duration {
        self.config.engine.lease.mul_f64(0.9)
    }

    /// How much of that must be left at the point of no return, so that the relay's answer is heard. Under a
    /// lease that is too short for the relay, half of it: mails go on, and may be in doubt.
    #[must_use]
    pub fn headroom(&self, relay: &Relay) -> Duration {
        relay.after_the_point_of_no_return().min(self.time_of_a_claim() / 2)
    }

    /// Shows life while a slow relay is waited for; each mail on its way has a deadline of its own.
    async fn beating<T>(&self, waits: impl Fn() -> bool, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        let mut beats = tokio::time::interval(LONGEST_SLEEP);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = beats.tick() => if waits() { (self.on_turn)("send", Turn::Begun) },
            }
        }
    }
}

impl Line {
    /// Starts a worker for each connection, and feeds them.
    async fn run(
        self: &Arc<Self>,
        tracker: &TaskTracker,
        until: Until,
        halt: &CancellationToken,
    ) -> Result<(), StoreError> {
        let connections = self.outlet.relay.connections();
        let capacity = connections * ROOM_PER_CONNECTION;
        let (queue, arrivals) = mpsc::channel(capacity);
        let lobby = Arc::new(tokio::sync::Mutex::new(Lobby::new(arrivals)));
        for _ in 0..connections {
            tracker.spawn(work(Arc::clone(self), Arc::clone(&lobby)));
        }
        feed(self, &queue, capacity, until, halt).await
    }
}

/// Claims and prepares, never more than there is room for.
async fn feed(
    line: &Arc<Line>,
    queue: &mpsc::Sender<(Outgoing, OnItsWay)>,
    capacity: usize,
    until: Until,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let engine = &line.engine;
    while !stop.is_cancelled() {
        (engine.on_turn)("send", Turn::Begun);
        // Registered before looking, so that nothing that happens in between is missed.
        let (nudged, room) = (engine.outbox.notified(), line.traffic.less());
        tokio::pin!(nudged, room);
        nudged.as_mut().enable();
        room.as_mut().enable();

        let now = engine.clock.now();
        let permit = engine.permit(&line.outlet, now).await?;
        let route = engine.route(&line.outlet, now);
        let free = match permit {
            Permit::Go => worth_a_claim(capacity.saturating_sub(line.traffic.count()), capacity),
            Permit::Probe => 1,
            Permit::NotBefore(_) => 0,
        };
        let claimed = match engine.live() {
            Some(live) if free > 0 => claim(line, queue, &live, &route, free, permit, now).await?,
            _ => 0,
        };
        let idle = line.traffic.is_none();
        // As long as mails are on their way, their outcomes tell.
        if claimed > 0 || idle {
            (engine.on_turn)("send", Turn::Well);
        }
        if claimed > 0 {
            continue;
        }
        let blocked = matches!(permit, Permit::NotBefore(_));
        if until == Until::Quiet && idle && (blocked || free > 0) {
            return Ok(());
        }
        if free == 0 && !blocked {
            // Full: only room lets more in, whatever is due.
            tokio::select! {
                () = &mut room => {}
                () = stop.cancelled() => {}
            }
            continue;
        }
        let sleep = sleep_until_due(engine, &route, permit, now).await?;
        tokio::select! {
            () = &mut nudged => {}
            () = &mut room => {}
            () = tokio::time::sleep(sleep) => {}
            () = stop.cancelled() => {}
        }
    }
    Ok(())
}

/// In kilobytes; one mail always finds room.
fn weight(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(ROOM).clamp(1, ROOM)
}

/// A claim has its price, however many it takes: while half of the room is taken, the connections have
/// something to do.
const fn worth_a_claim(free: usize, capacity: usize) -> usize {
    if free * 2 < capacity { 0 } else { free }
}

async fn sleep_until_due(
    engine: &Engine,
    route: &Route,
    permit: Permit,
    now: Instant,
) -> Result<Duration, StoreError> {
    let due = match permit {
        Permit::NotBefore(probe) => probe,
        Permit::Go | Permit::Probe => engine.store.next_due_by(route).await?,
    };
    let millis = due.since(now).clamp(5, i64::try_from(LONGEST_SLEEP.as_millis()).unwrap_or(5));
    Ok(Duration::from_millis(millis.unsigned_abs()))
}

/// One claim: what may be sent goes into the queue, the rest is settled at once. Returns how many.
async fn claim(
    line: &Arc<Line>,
    queue: &mpsc::Sender<(Outgoing, OnItsWay)>,
    live: &Arc<Live>,
    route: &Route,
    free: usize,
    permit: Permit,
    now: Instant,
) -> Result<usize, StoreError> {
    let engine = &line.engine;
    let lease = engine.config.engine.lease;
    let claim = engine.claims.begin(tokio::time::Instant::now() + engine.time_of_a_claim());
    let token = claim.token;
    let limit = i64::try_from(free).unwrap_or(i64::MAX);
    let rows = engine.store.claim_messages(route, now, token, lease, limit).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let ids: Vec<MessageId> = rows.iter().map(|row| row.id).collect();
    let count = ids.len();
    let handed_on = Arc::new(AtomicBool::new(false));
    let is_handed_on = Arc::clone(&handed_on);
    let prepared = async {
        let live = engine.that_knows(live, &rows).await?;
        let (queue, traffic) = (queue.clone(), Arc::clone(&line.traffic));
        let (room, runtime) = (Arc::clone(&engine.room), tokio::runtime::Handle::current());
        let ready = move |mail: Outgoing| {
            is_handed_on.store(true, Ordering::SeqCst);
            let weight = weight(mail.letter.bytes.len());
            let room = runtime.block_on(Arc::clone(&room).acquire_many_owned(weight));
            let is_probe = permit == Permit::Probe;
            let on_its_way = traffic.begin(mail.claim.clone(), is_probe, room.ok());
            // Fails when no worker is left, which then ends the claim, too.
            let _ = queue.blocking_send((mail, on_its_way));
        };
        let is_probe = permit == Permit::Probe;
        engine.prepare(&live, (&line.outlet, is_probe), rows, &claim, now, ready).await
    };
    let ended = match prepared.await {
        Ok(ended) => ended,
        Err(error) => {
            // Given back: they would wait for the end of the lease.
            let reason = format!("it could not be prepared: {error}");
            let outcome = Settled::Released { due_at: now + TRIED_AGAIN_AFTER, reason };
            let released = ids.into_iter().map(|message| {
                let outcome = outcome.clone();
                let settlement = Settlement { message, token, outcome, relay: None };
                line.record.ask(Entry::End(settlement, None))
            });
            futures::future::join_all(released).await;
            return Err(error);
        }
    };
    let ends = ended.into_iter().map(async |settlement| {
        let settlement = line.may_have_left(settlement).await;
        line.record.ask(Entry::End(settlement, None)).await
    });
    futures::future::join_all(ends).await;
    if permit == Permit::Probe && !handed_on.load(Ordering::SeqCst) {
        engine.probe_again(&line.outlet, now).await?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mail_is_free_and_the_largest_finds_room() {
        let weights = [0, 1_024, 1_025, 30 << 20, 200 << 20].map(weight);
        assert_eq!(weights, [1, 1, 2, 30 * 1_024, ROOM]);
    }
}
