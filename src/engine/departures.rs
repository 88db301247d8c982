//! Mails of a line keep their distance also at the door.
//!
//! Their places in line were given long before. Those who were held up on the last steps, by a busy processor or a slow
//! connection, would leave together with those behind them.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::domain::{
    pace::{self, Heads, Line},
    time::Instant,
};

/// For so long a mail waits at the door; for longer it is put back, so that others use the connection.
const PATIENCE: Duration = Duration::from_millis(250);

/// So many lines are remembered before those are forgotten that are free.
const MANY: usize = 10_000;

/// Where each line begins, by what has left from here.
#[derive(Debug, Default)]
pub(super) struct Departures(Mutex<Heads>);

/// What a mail at the door is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Departure {
    /// To leave then: in a moment.
    At(Instant),
    /// To come again then.
    NotBefore(Instant),
}

impl Departures {
    /// When a mail may leave that stands in these lines. Who is to leave takes its place.
    pub fn ask(&self, lines: &[Line], now: Instant) -> Departure {
        if lines.is_empty() {
            return Departure::At(now);
        }
        let mut heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = pace::first(&heads, lines, now);
        if at > now + PATIENCE {
            return Departure::NotBefore(at);
        }
        if heads.len() > MANY {
            let free = now.millis().saturating_mul(1_000);
            // Those of days are small numbers, and few.
            heads.retain(|_, head| *head > free || *head < free / 2);
        }
        pace::take(&mut heads, lines, at);
        Departure::At(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::pace::{Per, Rate};

    const NOON: Instant = Instant::from_millis(1_800_000_000_000);

    fn after(millis: u64) -> Instant {
        NOON + Duration::from_millis(millis)
    }

    #[test]
    fn who_comes_late_does_not_leave_together_with_those_behind() {
        let rate = Rate { mails: 10, per: Per::Second };
        let (departures, line) = (Departures::default(), [Line::rate("all", rate)]);
        let asked = [NOON; 4].map(|now| departures.ask(&line, now));
        assert_eq!(
            asked,
            [
                Departure::At(NOON),
                Departure::At(after(100)),
                Departure::At(after(200)),
                Departure::NotBefore(after(300)),
            ]
        );
        // Who is put back takes nobody's place.
        assert_eq!(departures.ask(&line, after(300)), Departure::At(after(300)));
        assert_eq!(departures.ask(&line, after(900)), Departure::At(after(900)));
        assert_eq!(departures.ask(&[], after(900)), Departure::At(after(900)));
    }
}
