//! So many mails a day: a line whose head says how many of its days are full.

use std::{fmt, sync::Arc};

use super::super::{
    schedule::Day,
    time::{Instant, Zone},
};

/// So many mails on each day of a zone, growing from day to day or always the same.
///
/// Its head is a day and how many have left on it: the first day with room is that day, or today if that is later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Days {
    zone: Zone,
    /// None leaves before.
    first: Day,
    /// What each step lets out in a day; never empty.
    steps: Arc<[u32]>,
    /// On which step it is, and since which day.
    step: usize,
    since: Day,
    /// After the last step there is no end to what leaves; else it stays.
    ends: bool,
    /// Weekdays on which mails leave, as [`Window::weekdays`](super::super::schedule::Window::weekdays) has them.
    weekdays: u8,
    /// Whether it is looked ahead along it: each day to come is thought to be a step further.
    is_ahead: bool,
}

impl Days {
    /// As many on each day.
    #[must_use]
    pub fn each(mails: u32, weekdays: u8, zone: Zone) -> Self {
        let (first, steps) = (Day::MIN, Arc::from([mails.max(1)]));
        Self { zone, first, steps, step: 0, since: first, ends: false, weekdays, is_ahead: false }
    }

    /// Along the steps of a ramp, on `step` since a day. `None`: past its last.
    #[must_use]
    pub fn along(
        steps: &Arc<[u32]>,
        first: Day,
        (step, since): (usize, Day),
        weekdays: u8,
        zone: Zone,
    ) -> Option<Self> {
        steps.get(step)?;
        let steps = Arc::clone(steps);
        Some(Self { zone, first, steps, step, since, ends: true, weekdays, is_ahead: false })
    }

    /// How many leave today.
    #[must_use]
    pub fn mails(&self) -> u32 {
        self.steps.get(self.step).copied().unwrap_or(u32::MAX)
    }

    #[must_use]
    pub fn day_of(&self, at: Instant) -> Day {
        Day::at(at, &self.zone)
    }

    /// How many have left on a day, by the head.
    #[must_use]
    pub fn taken(&self, head: i64, on: Day) -> u32 {
        let (day, taken) = unpacked(head);
        if day == on { taken } else { 0 }
    }

    /// The same, looked ahead along: for those who are told a day on which to come.
    pub(super) fn ahead(&self) -> Self {
        Self { is_ahead: true, ..self.clone() }
    }

    /// The first instant from `from` on at which there is room, where the line begins at `head`.
    pub(super) fn first(&self, head: i64, from: Instant) -> Instant {
        let today = self.day_of(from);
        let (full, taken) = unpacked(head);
        let mut day = today.max(full).max(self.first);
        let mut taken = if day == full { taken } else { 0 };
        // A week has an open day.
        for _ in 0..14 {
            if taken < self.on(day) && (!self.is_ahead || self.is_weekday(day)) {
                break;
            }
            (day, taken) = (day.next(), 0);
        }
        if day == today { from } else { day.begins(&self.zone) }
    }

    /// Where it begins after one more has left at an instant.
    pub(super) fn after(&self, head: i64, at: Instant) -> i64 {
        let (day, (full, taken)) = (self.day_of(at), unpacked(head));
        let taken = if full >= day { taken.saturating_add(1) } else { 1 };
        packed(full.max(day), taken)
    }

    /// Of a line that is looked ahead along: where it begins after one has left who was told no day. Where that day
    /// is told to others already, or is none of its weekdays, it stays.
    pub(super) fn after_newcomer(&self, head: i64, at: Instant) -> i64 {
        let day = self.day_of(at);
        let is_counted = unpacked(head).0 <= day && self.is_weekday(day);
        if is_counted { self.after(head, at) } else { head }
    }

    /// Whether newcomers go by the days that are told to others: on days that nobody is told, they do not.
    pub(super) fn tells_of(&self, at: Instant) -> bool {
        self.is_weekday(self.day_of(at))
    }

    /// How many leave on a day.
    fn on(&self, day: Day) -> u32 {
        let further = if self.is_ahead { self.weekdays_before(day) } else { 0 };
        let step = self.step.saturating_add(usize::try_from(further).unwrap_or(0));
        match (self.steps.get(step), self.ends) {
            (Some(mails), _) => *mails,
            (None, true) => u32::MAX,
            (None, false) => self.steps.last().copied().unwrap_or(u32::MAX),
        }
    }

    /// Its days before a day, from the one that the step is for: each may earn a step.
    fn weekdays_before(&self, day: Day) -> i64 {
        let days = day.since(self.since).max(0);
        let rest = (1..=days % 7).filter(|back| self.is_weekday(Day(day.0 - back))).count();
        days / 7 * i64::from(self.weekdays.count_ones()) + i64::try_from(rest).unwrap_or(0)
    }

    fn is_weekday(&self, day: Day) -> bool {
        self.weekdays & (1 << day.weekday()) != 0
    }
}

fn unpacked(head: i64) -> (Day, u32) {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // its lower half
    let taken = head as u32;
    (Day(head >> 32), taken)
}

fn packed(day: Day, taken: u32) -> i64 {
    (day.0 << 32) | i64::from(taken)
}

/// `500 a day`, `50, 100, 250 … 100000 a day`. What it lets out today is not said: a turn is good as long as this
/// stays.
impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mails) in self.steps.iter().take(3).enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{mails}")?;
        }
        if let (4.., Some(last)) = (self.steps.len(), self.steps.last()) {
            write!(f, " … {last}")?;
        }
        f.write_str(" a day")
    }
}
