//! A relay that is down is asked now and then, not all the time.

use std::time::Duration;

use crate::domain::time::Instant;

/// Opens after some failures in a row; then one probe per interval may try. That the relay is down is told at
/// the first failure already where nothing was heard of it for an interval: few mails would else find it
/// down for hours and nobody know. But one failure holds no other mail back.
///
/// A pure state machine: it is asked before a connection is opened and told the outcome.
#[derive(Clone, Debug)]
pub struct Breaker {
    threshold: u32,
    interval: Duration,
    /// When it answered last.
    heard_at: Option<Instant>,
    /// It was told that the relay is down, and not yet that it is up again.
    is_down: bool,
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
    Down,
    Up,
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
        let state = State::Closed { failures: 0 };
        Self { threshold, interval, heard_at: None, is_down: false, state }
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

    /// How long one waits for the next probe.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// Others have found that it is down, or that it is not; that is no news of ours.
    pub fn learn(&mut self, probe_at: Option<Instant>) {
        match (probe_at, self.state) {
            (Some(probe_at), _) => self.state = State::Open { probe_at },
            (None, State::Open { .. }) => self.state = State::Closed { failures: 0 },
            (None, State::Closed { .. }) => {}
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

    /// The relay is of no use ([`Delivery::relay_is_down`](super::Delivery::relay_is_down)). `certain`: to any
    /// mail; else only several in a row show that.
    pub fn failed(&mut self, certain: bool, now: Instant) -> Option<Change> {
        let State::Closed { failures } = self.state else { return None };
        let failures = failures.saturating_add(1);
        let opens = failures >= self.threshold;
        self.state = if opens {
            State::Open { probe_at: now + self.interval }
        } else {
            State::Closed { failures }
        };
        let lately = self.heard_at.is_some_and(|heard| now < heard + self.interval);
        let is_news = !self.is_down && (opens || (certain && !lately));
        self.is_down |= is_news;
        is_news.then_some(Change::Down)
    }

    /// The relay answered, whatever it said about the mail.
    pub fn answered(&mut self, now: Instant) -> Option<Change> {
        self.heard_at = Some(now);
        self.state = State::Closed { failures: 0 };
        std::mem::take(&mut self.is_down).then_some(Change::Up)
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
        let changes: Vec<_> = (0..16).filter_map(|_| breaker.failed(true, at(0))).collect();
        assert_eq!(changes, [Change::Down], "sixteen workers fail at once, one line is logged");
        assert_eq!(breaker.permit(at(1)), Permit::NotBefore(at(30)));
        assert_eq!(breaker.permit(at(30)), Permit::Probe);
        assert_eq!(breaker.permit(at(30)), Permit::NotBefore(at(60)), "one probe");
        assert_eq!(breaker.failed(true, at(31)), None);
        assert_eq!(breaker.permit(at(60)), Permit::Probe);
        assert_eq!(breaker.answered(at(60)), Some(Change::Up));
        assert_eq!(breaker.answered(at(60)), None);
        assert_eq!(breaker.permit(at(61)), Permit::Go);
    }

    #[test]
    fn an_answer_forgets_earlier_failures() {
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            assert_eq!(breaker.answered(at(0)), None);
            assert_eq!(breaker.failed(true, at(29)), None);
        }
    }

    #[test]
    fn one_failure_of_a_relay_that_was_silent_is_told_and_holds_nothing_back() {
        let mut breaker = Breaker::default();
        assert_eq!(breaker.failed(false, at(0)), None, "that may be about a recipient");
        assert_eq!(breaker.failed(true, at(0)), Some(Change::Down), "it has never answered");
        assert_eq!((breaker.failed(true, at(1)), breaker.permit(at(1))), (None, Permit::Go));
        assert_eq!(breaker.answered(at(40)), Some(Change::Up));
        assert_eq!(breaker.failed(true, at(69)), None);
        assert_eq!(breaker.failed(true, at(70)), Some(Change::Down));
        // Told once, though it opens only now.
        assert!((0..3).all(|_| breaker.failed(true, at(71)).is_none()));
        assert_eq!(breaker.permit(at(71)), Permit::NotBefore(at(101)));
        let mut breaker = Breaker::default();
        let changes: Vec<_> = (0..5).filter_map(|_| breaker.failed(false, at(0))).collect();
        assert_eq!(changes, [Change::Down]);
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
                lines += usize::from(breaker.failed(true, now).is_some());
            }
        }
        assert!(connects < 60, "{connects} connects");
        assert_eq!(lines, 1);
    }

    #[test]
    fn a_clock_that_steps_back_does_not_hold_it_open() {
        let mut breaker = Breaker::new(1, Duration::from_secs(30));
        breaker.failed(true, at(100_000));
        assert_eq!(breaker.permit(at(0)), Permit::Probe);
        assert_eq!(breaker.permit(at(1)), Permit::NotBefore(at(30)));
    }
}
