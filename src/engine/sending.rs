//! The sending side: messages that are due are claimed, prepared, handed to the relay and settled.
//!
//! A feeder claims as many messages as there is room for; each connection of the relay has a worker.
//! The commits at the point of no return, and those of the outcomes, are grouped across workers
//! without waiting for company.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Engine, group::Group, handing::work, live::Live, preparing::Outgoing, running::Turn,
    settling::Tally,
};
use crate::{
    domain::{id::MessageId, time::Instant},
    mail::relay::Permit,
    store::{
        StoreError,
        records::{ClaimToken, Settled, Settlement},
    },
};

/// Messages ready or on their way for each connection of the relay.
const ROOM_PER_CONNECTION: usize = 8;

/// The longest sleep of the feeder: a message that another process reserved is found by then.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// Between two tries to write outcomes.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// When the sending side ends by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Nothing is due and nothing is on its way.
    Quiet,
    /// It is told to stop.
    Stopped,
}

/// What the feeder and the workers share.
pub(super) struct Line {
    pub engine: Arc<Engine>,
    pub marks: Group<(MessageId, ClaimToken), bool>,
    pub ends: Group<Settlement, ()>,
    pub in_flight: AtomicUsize,
    /// A message left the line.
    pub room: Notify,
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
        let tally = Arc::new(Mutex::new(Tally::default()));
        let line = Arc::new(Line {
            engine: Arc::clone(self),
            marks: self.start_marks(&tracker),
            ends: self.start_ends(&tracker, Arc::clone(&tally)),
            in_flight: AtomicUsize::new(0),
            room: Notify::new(),
            stop: stop.clone(),
        });
        let connections = self.relay.connections();
        let (queue, arrivals) = mpsc::channel(connections * ROOM_PER_CONNECTION);
        let arrivals = Arc::new(tokio::sync::Mutex::new(arrivals));
        for _ in 0..connections {
            tracker.spawn(work(Arc::clone(&line), Arc::clone(&arrivals)));
        }
        let feeding = feed(&line, &queue, connections * ROOM_PER_CONNECTION, until, stop);
        let on_its_way = || line.in_flight.load(Ordering::SeqCst) > 0;
        let fed = self.beating(on_its_way, feeding).await;
        drop((queue, line));
        tracker.close();
        self.beating(|| true, tracker.wait()).await;
        fed?;
        let tally = *tally.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tally)
    }

    /// How long a claimed message may take: our own clock stops us before the lease runs out for others.
    fn time_of_a_claim(&self) -> Duration {
        self.config.engine.lease.mul_f64(0.9)
    }

    /// How much of that must be left at the point of no return, so that the relay's answer is heard. Under a
    /// lease that is too short for the relay, half of it: mails go on, and may be in doubt.
    #[must_use]
    pub fn headroom(&self) -> Duration {
        self.relay.after_the_point_of_no_return().min(self.time_of_a_claim() / 2)
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

    fn start_marks(
        self: &Arc<Self>,
        tracker: &TaskTracker,
    ) -> Group<(MessageId, ClaimToken), bool> {
        let engine = Arc::clone(self);
        Group::start(tracker, 256, move |marks: Vec<(MessageId, ClaimToken)>| {
            let engine = Arc::clone(&engine);
            async move {
                match engine.store.mark_transmitting(&marks, engine.clock.now()).await {
                    Ok(answers) => answers,
                    Err(error) => {
                        (engine.on_turn)("send", Turn::Failed(&error));
                        tracing::error!(%error, "the point of no return cannot be written; nothing is handed over");
                        Vec::new()
                    }
                }
            }
        })
    }

    fn start_ends(
        self: &Arc<Self>,
        tracker: &TaskTracker,
        tally: Arc<Mutex<Tally>>,
    ) -> Group<Settlement, ()> {
        let engine = Arc::clone(self);
        Group::start(tracker, 256, move |ends: Vec<Settlement>| {
            let (engine, tally) = (Arc::clone(&engine), Arc::clone(&tally));
            async move {
                match engine.settle_in_time(&ends).await {
                    Some(settled) => {
                        tally.lock().unwrap_or_else(PoisonError::into_inner).add(settled);
                        vec![(); ends.len()]
                    }
                    None => Vec::new(),
                }
            }
        })
    }

    /// Settles, and tries again for as long as the claims are ours: an answer of the relay that is not
    /// written down would be in doubt. `None`: recovery settles it when the leases are over.
    async fn settle_in_time(&self, ends: &[Settlement]) -> Option<Tally> {
        let live = self.live()?;
        let deadline = tokio::time::Instant::now() + self.config.engine.lease;
        let mut pause = SHORTEST_PAUSE;
        loop {
            let settled = self.settle(&live, ends, self.clock.now()).await;
            let turn = settled.as_ref().map_or_else(Turn::Failed, |_| Turn::Well);
            (self.on_turn)("send", turn);
            match settled {
                Ok(settled) => return Some(settled),
                Err(error)
                    if error.is_transient() && tokio::time::Instant::now() + pause < deadline =>
                {
                    if pause == SHORTEST_PAUSE {
                        tracing::warn!(%error, messages = ends.len(), "outcomes are written again");
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => {
                    tracing::error!(%error, messages = ends.len(), "outcomes cannot be written");
                    return None;
                }
            }
        }
    }
}

/// Claims and prepares, never more than there is room for.
async fn feed(
    line: &Arc<Line>,
    queue: &mpsc::Sender<Outgoing>,
    capacity: usize,
    until: Until,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let engine = &line.engine;
    while !stop.is_cancelled() {
        (engine.on_turn)("send", Turn::Begun);
        // Registered before looking, so that nothing that happens in between is missed.
        let (nudged, room) = (engine.outbox.notified(), line.room.notified());
        tokio::pin!(nudged, room);
        nudged.as_mut().enable();
        room.as_mut().enable();

        let now = engine.clock.now();
        let in_flight = line.in_flight.load(Ordering::SeqCst);
        let permit = engine.breaker().permit(now);
        let free = match permit {
            Permit::Go => capacity.saturating_sub(in_flight),
            Permit::Probe => 1,
            Permit::NotBefore(_) => 0,
        };
        let claimed = match engine.live() {
            Some(live) if free > 0 => claim(line, queue, &live, free, now).await?,
            _ => 0,
        };
        let idle = line.in_flight.load(Ordering::SeqCst) == 0;
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
        let sleep = sleep_until_due(engine, permit, now).await?;
        tokio::select! {
            () = &mut nudged => {}
            () = &mut room => {}
            () = tokio::time::sleep(sleep) => {}
            () = stop.cancelled() => {}
        }
    }
    Ok(())
}

async fn sleep_until_due(
    engine: &Engine,
    permit: Permit,
    now: Instant,
) -> Result<Duration, StoreError> {
    let due = match permit {
        Permit::NotBefore(probe) => probe,
        Permit::Go | Permit::Probe => engine.store.next_due_message().await?,
    };
    let millis = due.since(now).clamp(5, i64::try_from(LONGEST_SLEEP.as_millis()).unwrap_or(5));
    Ok(Duration::from_millis(millis.unsigned_abs()))
}

/// One claim: what may be sent goes into the queue, the rest is settled at once. Returns how many.
async fn claim(
    line: &Arc<Line>,
    queue: &mpsc::Sender<Outgoing>,
    live: &Arc<Live>,
    free: usize,
    now: Instant,
) -> Result<usize, StoreError> {
    let engine = &line.engine;
    let lease = engine.config.engine.lease;
    let claim = engine.claims.begin(tokio::time::Instant::now() + engine.time_of_a_claim());
    let token = claim.token;
    let limit = i64::try_from(free).unwrap_or(i64::MAX);
    let rows = engine.store.claim_messages(now, token, lease, limit).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let ids: Vec<MessageId> = rows.iter().map(|row| row.id).collect();
    let count = ids.len();
    let prepared = async {
        let live = engine.that_knows(live, &rows).await?;
        engine.prepare(&live, rows, &claim, now).await
    };
    let (outgoing, ended) = match prepared.await {
        Ok(sorted) => sorted,
        Err(error) => {
            // Given back: they would wait for the end of the lease.
            let reason = format!("it could not be prepared: {error}");
            let outcome = Settled::Released { due_at: now, reason };
            let released = ids.into_iter().map(|message| {
                line.ends.ask(Settlement { message, token, outcome: outcome.clone(), relay: None })
            });
            futures::future::join_all(released).await;
            return Err(error);
        }
    };
    line.in_flight.fetch_add(outgoing.len(), Ordering::SeqCst);
    for mail in outgoing {
        if queue.send(mail).await.is_err() {
            break;
        }
    }
    let ends = ended
        .into_iter()
        .map(async |settlement| line.ends.ask(line.may_have_left(settlement).await).await);
    futures::future::join_all(ends).await;
    Ok(count)
}
