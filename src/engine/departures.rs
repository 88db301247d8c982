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

impl Departures {
    /// Waits for the moment in which a mail may leave that stands in these lines, all of a rate.
    ///
    /// # Errors
    /// When to come again, where it is to wait longer than it may here.
    pub async fn leave(&self, lines: &[Line], now: Instant) -> Result<(), Instant> {
        let at = self.ask(lines, now)?;
        // A sleep of nothing takes a millisecond or two.
        if at > now {
            tokio::time::sleep(Duration::from_millis(at.since(now).unsigned_abs())).await;
        }
        Ok(())
    }

    /// When a mail may leave, in a moment: it has taken its place. Or when it is to come again.
    fn ask(&self, lines: &[Line], now: Instant) -> Result<Instant, Instant> {
        if lines.is_empty() {
            return Ok(now);
        }
        let mut heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = pace::first(&heads, lines, now);
        if at > now + PATIENCE {
            return Err(at);
        }
        if heads.len() > MANY {
            let free = now.millis().saturating_mul(1_000);
            heads.retain(|_, head| *head > free);
        }
        pace::take(&mut heads, lines, at);
        Ok(at)
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
        assert_eq!(asked, [Ok(NOON), Ok(after(100)), Ok(after(200)), Err(after(300))]);
        // Who is put back takes nobody's place.
        assert_eq!(departures.ask(&line, after(300)), Ok(after(300)));
        assert_eq!(departures.ask(&line, after(900)), Ok(after(900)));
        assert_eq!(departures.ask(&[], after(900)), Ok(after(900)));
    }
}
