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

/// What a mail is late by on its last steps.
const LATENESS: Duration = Duration::from_millis(10);

/// So many lines are remembered before those are forgotten that are free.
const MANY: usize = 10_000;

/// Where each line begins, by what has left from here.
#[derive(Debug, Default)]
pub(super) struct Departures(Mutex<Heads>);

impl Departures {
    /// Takes the places of a mail that may leave now in these lines, all of a rate. Nobody takes one that is still to
    /// come: that would move its other lines on as well, past instants that others can use.
    ///
    /// # Errors
    /// When it may.
    pub fn leave(&self, lines: &[Line], now: Instant) -> Result<(), Instant> {
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
        for line in lines {
            pace::take(&mut heads, std::slice::from_ref(line), now - lateness(line));
        }
        Ok(())
    }
}

/// So late a mail may be without those behind it being late for it, though never by more than one mail: nobody wakes up to
/// the microsecond, and what is lost each time is a pace that is not kept (the tolerance of GCRA, ITU-T I.371).
fn lateness(line: &Line) -> Duration {
    line.distance().min(LATENESS)
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
        assert_eq!(departures.leave(&line, NOON), Ok(()));
        assert_eq!(departures.leave(&line, NOON), Err(after(90)));
        assert_eq!(departures.leave(&line, after(90)), Ok(()));
        // Whoever is late by less is not waited for by the others.
        assert_eq!(departures.leave(&line, after(195)), Ok(()));
        assert_eq!(departures.leave(&line, after(195)), Err(after(290)));
        assert_eq!(departures.leave(&line, after(900)), Ok(()));
        assert_eq!(departures.leave(&[], after(900)), Ok(()));
        // Who waits for one line takes nobody's place in another.
        let both = [all.clone(), Line::rate("slow", rate(1))];
        assert_eq!(departures.leave(&both, after(1_000)), Ok(()));
        assert_eq!(departures.leave(&both, after(1_100)), Err(after(1_990)));
        assert_eq!(departures.leave(&line, after(1_100)), Ok(()));
    }
}
