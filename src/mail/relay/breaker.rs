//! A relay that is down is asked now and then, not all the time.

use std::time::Duration;

use crate::domain::time::Instant;

/// Opens after some failures to connect in a row; then one probe per interval may try.
///
/// A pure state machine: it is asked before a connection is opened and told the outcome.
#[derive(Clone, Debug)]
pub struct Breaker {
    threshold: u32,
    interval: Duration,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Closed { failures: u32 },
    Open { probe_at: Instant },
}

/// May a connection be opened now?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Permit {
    Go,
    /// Go, alone: the relay was down, and this one finds out.
    Probe,
    NotBefore(Instant),
}

/// The relay went down or came back: to be logged, once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    Opened,
    Closed,
}

impl Default for Breaker {
    /// Five failures; a probe every half minute.
    fn default() -> Self {
        Self::new(5, Duration::from_secs(30))
    }
}

impl Breaker {
    #[must_use]
    pub const fn new(threshold: u32, interval: Duration) -> Self {
        Self { threshold, interval, state: State::Closed { failures: 0 } }
    }

    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// While it is open: from when on a probe may try.
    #[must_use]
    pub const fn probe_at(&self) -> Option<Instant> {
        match self.state {
            State::Open { probe_at } => Some(probe_at),
            State::Closed { .. } => None,
        }
    }

    /// Asks; a probe that is granted is the only one for an interval, also when its outcome is never
    /// told.
    pub fn permit(&mut self, now: Instant) -> Permit {
        match self.state {
            State::Closed { .. } => Permit::Go,
            // A clock that stepped back must not hold the relay shut for longer than an interval.
            State::Open { probe_at } if now >= probe_at || probe_at > now + self.interval => {
                self.state = State::Open { probe_at: now + self.interval };
                Permit::Probe
            }
            State::Open { probe_at } => Permit::NotBefore(probe_at),
        }
    }

    /// The relay could not be reached ([`Delivery::relay_is_down`](super::Delivery::relay_is_down)).
    pub fn failed(&mut self, now: Instant) -> Option<Change> {
        let State::Closed { failures } = self.state else { return None };
        let failures = failures.saturating_add(1);
        if failures < self.threshold {
            self.state = State::Closed { failures };
            return None;
        }
        self.state = State::Open { probe_at: now + self.interval };
        Some(Change::Opened)
    }

    /// The relay answered, whatever it said about the mail.
    pub fn answered(&mut self) -> Option<Change> {
        let was_open = self.is_open();
        self.state = State::Closed { failures: 0 };
        was_open.then_some(Change::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1000;

    fn at(seconds: i64) -> Instant {
        Instant::from_millis(1_800_000_000_000 + seconds * SECOND)
    }

    #[test]
    fn it_opens_once_and_closes_once() {
        let mut breaker = Breaker::default();
        let changes: Vec<_> = (0..16).filter_map(|_| breaker.failed(at(0))).collect();
        assert_eq!(changes, [Change::Opened], "sixteen workers fail at once, one line is logged");
        assert_eq!(breaker.permit(at(1)), Permit::NotBefore(at(30)));
        assert_eq!(breaker.permit(at(30)), Permit::Probe);
        assert_eq!(breaker.permit(at(30)), Permit::NotBefore(at(60)), "one probe");
        assert_eq!(breaker.failed(at(31)), None);
        assert_eq!(breaker.permit(at(60)), Permit::Probe);
        assert_eq!(breaker.answered(), Some(Change::Closed));
        assert_eq!(breaker.answered(), None);
        assert_eq!(breaker.permit(at(61)), Permit::Go);
    }

    #[test]
    fn an_answer_forgets_earlier_failures() {
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            assert_eq!(breaker.failed(at(0)), None);
            assert_eq!(breaker.answered(), None);
        }
    }

    #[test]
    fn ten_minutes_without_a_relay_are_few_connects_and_few_lines() {
        let mut breaker = Breaker::default();
        let (mut connects, mut lines) = (0, 0);
        for tick in 0..60_000 {
            let now = at(0) + Duration::from_millis(tick * 10);
            // Sixteen workers that want to send all the time.
            let eager = (0..16).filter(|_| !matches!(breaker.permit(now), Permit::NotBefore(_)));
            for _ in 0..eager.count() {
                connects += 1;
                lines += usize::from(breaker.failed(now).is_some());
            }
        }
        assert!(connects < 60, "{connects} connects");
        assert_eq!(lines, 1);
    }

    #[test]
    fn a_clock_that_steps_back_does_not_hold_it_open() {
        let mut breaker = Breaker::new(1, Duration::from_secs(30));
        breaker.failed(at(100_000));
        assert_eq!(breaker.permit(at(0)), Permit::Probe);
        assert_eq!(breaker.permit(at(1)), Permit::NotBefore(at(30)));
    }
}
