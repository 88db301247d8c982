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
        let came = tokio::time::Instant::now();
        loop {
            let present = now + came.elapsed();
            let Err(at) = self.ask(lines, present) else { return Ok(()) };
            if at > now + PATIENCE {
                return Err(at);
            }
            tokio::time::sleep(Duration::from_millis(at.since(present).unsigned_abs())).await;
        }
    }

    /// Takes the places of a mail that may leave now. Nobody takes one that is still to come: that would move its other
    /// lines on as well, past instants that others can use.
    ///
    /// # Errors
    /// When it may.
    fn ask(&self, lines: &[Line], now: Instant) -> Result<(), Instant> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = pace::first(&heads, lines, now);
        if at > now {
            return Err(at);
        }
        if heads.len() > MANY {
            let free = now.millis().saturating_mul(1_000);
            heads.retain(|_, head| *head > free);
        }
        pace::take(&mut heads, lines, now);
        Ok(())
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
        let rate = |mails| Rate { mails, per: Per::Second };
        let (departures, all) = (Departures::default(), Line::rate("all", rate(10)));
        let line = [all.clone()];
        assert_eq!([NOON; 2].map(|now| departures.ask(&line, now)), [Ok(()), Err(after(100))]);
        assert_eq!(departures.ask(&line, after(100)), Ok(()));
        assert_eq!(departures.ask(&line, after(900)), Ok(()));
        assert_eq!(departures.ask(&[], after(900)), Ok(()));
        // Who waits for one line takes nobody's place in another.
        let both = [all.clone(), Line::rate("slow", rate(1))];
        assert_eq!(departures.ask(&both, after(1_000)), Ok(()));
        assert_eq!(departures.ask(&both, after(1_100)), Err(after(2_000)));
        assert_eq!(departures.ask(&line, after(1_100)), Ok(()));
    }

    #[tokio::test]
    async fn who_waits_at_the_door_leaves_when_it_may_and_is_put_back_where_that_is_late() {
        let line = [Line::rate("all", Rate { mails: 5, per: Per::Second })];
        let departures = Departures::default();
        let began = tokio::time::Instant::now();
        assert_eq!(departures.leave(&line, NOON).await, Ok(()));
        assert_eq!(departures.leave(&line, NOON).await, Ok(()));
        assert!(began.elapsed() >= Duration::from_millis(200), "it has waited");
        let put_back = departures.leave(&line, NOON).await;
        assert!(put_back.is_err_and(|at| at >= after(400)), "{put_back:?}");
    }
}
