//! Mails that are ready, until a connection is free and their moment has come.
//!
//! Whoever has to keep its distance to others waits here, and not in the hands of a connection, which takes others
//! meanwhile.

use std::{collections::BTreeMap, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant as Beat, sleep_until},
};

use super::{
    preparing::Outgoing,
    sending::Line,
    traffic::OnItsWay,
    turns::{AT_THE_DOOR, MORE_SLOWLY},
};
use crate::domain::time::Instant;

/// For so long a mail waits for others of its lines; for longer it is put back, so that there is room for others.
const PATIENCE: Duration = Duration::from_millis(250);

/// And so long over all, where all connections are busy and others are always first.
const LONGEST: Duration = Duration::from_secs(2);

/// A mail for a connection.
pub(super) struct Next {
    pub mail: Outgoing,
    pub on_its_way: OnItsWay,
    /// It is not to be handed over now, but then, and why.
    pub put_back: Option<(Instant, &'static str)>,
}

/// One who waits, and since when.
struct Guest {
    mail: Outgoing,
    on_its_way: OnItsWay,
    /// By the engine's clock, and by that of those who sleep: a driven one may stand still meanwhile.
    came: (Instant, Beat),
}

impl Guest {
    fn now(&self) -> Instant {
        self.came.0 + self.came.1.elapsed()
    }
}

pub(super) struct Lobby {
    queue: mpsc::Receiver<(Outgoing, OnItsWay)>,
    is_closed: bool,
    /// By when they may leave, then in the order in which they came.
    waiting: BTreeMap<(Beat, u64), Guest>,
    count: u64,
}

impl Lobby {
    pub fn new(queue: mpsc::Receiver<(Outgoing, OnItsWay)>) -> Self {
        Self { queue, is_closed: false, waiting: BTreeMap::new(), count: 0 }
    }

    /// The next mail that may leave; of those who have waited the first. `None`: none will come any more.
    pub async fn next(&mut self, line: &Line) -> Option<Next> {
        loop {
            let first = self.waiting.first_entry();
            let at = first.as_ref().map(|first| first.key().0);
            let arrival = match first {
                Some(first) if first.key().0 <= Beat::now() || line.stop.is_cancelled() => {
                    Some(first.remove())
                }
                _ => tokio::select! {
                    biased;
                    () = line.stop.cancelled(), if at.is_some() => None,
                    () = sleep_until(at.unwrap_or_else(Beat::now)), if at.is_some() => None,
                    arrival = self.queue.recv(), if !self.is_closed => {
                        self.is_closed = arrival.is_none();
                        let came = || (line.engine.clock.now(), Beat::now());
                        arrival.map(|(mail, on_its_way)| Guest { mail, on_its_way, came: came() })
                    }
                    else => return None,
                },
            };
            let next = arrival.and_then(|guest| self.let_out(line, guest));
            if next.is_some() {
                return next;
            }
        }
    }

    /// Lets it go, puts it back, or has it wait.
    fn let_out(&mut self, line: &Line, guest: Guest) -> Option<Next> {
        let outlet = &line.outlet;
        let is_held_up = guest.on_its_way.is_probe || outlet.breaker().is_open();
        let in_line = guest.mail.in_line.as_ref();
        let put_back = match in_line.filter(|_| !is_held_up && !line.stop.is_cancelled()) {
            None => None,
            Some(in_line) => {
                let (engine, receiver) = (&line.engine, &guest.mail.receiver);
                if engine.throttles.levels(&outlet.name, receiver).is_slower_than(in_line.levels) {
                    // It stands in line there first.
                    Some((guest.now(), MORE_SLOWLY))
                } else {
                    let now = guest.now();
                    match engine.departures.leave(&in_line.lines, now) {
                        Ok(()) => None,
                        Err(at) if at <= now + PATIENCE && now <= guest.came.0 + LONGEST => {
                            let wait = Duration::from_millis(at.since(now).unsigned_abs());
                            self.count += 1;
                            self.waiting.insert((Beat::now() + wait, self.count), guest);
                            return None;
                        }
                        Err(at) => Some((at, AT_THE_DOOR)),
                    }
                }
            }
        };
        let Guest { mail, on_its_way, .. } = guest;
        Some(Next { mail, on_its_way, put_back })
    }
}
