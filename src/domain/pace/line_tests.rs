//! What must hold of lines, whoever asks when.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;

use super::{
    super::{
        schedule::{Day, Window},
        time::{Instant, Zone},
    },
    Answer, Days, Heads, Line, Opening, Per, Rate, ask, first,
    line::slot,
    plan, take,
};

fn rate() -> impl Strategy<Value = Rate> {
    (1u32..3_000, prop::sample::select(Per::ALL.to_vec()))
        .prop_map(|(mails, per)| Rate { mails, per })
}

const FIRST: Day = Day(20_790); // a thursday
const ALL_DAYS: u8 = 0b111_1111;

fn zone() -> Zone {
    Zone::named("Europe/Rome").unwrap()
}

/// The line of days alone, on a step since a day.
fn along(steps: &[u32], step: usize, since: Day, weekdays: u8) -> Option<Line> {
    let days = Days::along(&Arc::from(steps), FIRST, (step, since), weekdays, zone())?;
    let [line, _] = Line::of_days("warm-up", days);
    Some(line)
}

/// Asks, and takes what it is given.
fn go(heads: &mut Heads, line: &Line, has_turn: bool, now: Instant) -> Result<Instant, Instant> {
    let lines = std::slice::from_ref(line);
    match ask(heads, lines, has_turn, Opening::default(), now) {
        Answer::Go(at) => {
            take(heads, lines, at);
            if !has_turn {
                plan(heads, lines, at);
            }
            Ok(at)
        }
        Answer::Wait(until, _) => Err(until),
        Answer::Full(..) => panic!("it is open at all hours"),
    }
}

#[test]
fn days_are_filled_one_after_the_other_and_newcomers_come_behind() {
    let mut heads = Heads::new();
    let at = |day: i64, hours: u64| {
        Day(FIRST.0 + day).begins(&zone()) + std::time::Duration::from_hours(hours)
    };
    let line = along(&[2, 3, 3, 3], 0, FIRST, ALL_DAYS).unwrap();
    // Before the first day, on it, and what is left over: three tomorrow, three the day after.
    assert_eq!(go(&mut heads, &line, false, at(-3, 9)), Err(at(0, 0)));
    assert_eq!(go(&mut heads, &line, true, at(0, 9)), Ok(at(0, 9)));
    assert_eq!(go(&mut heads, &line, false, at(0, 9)), Ok(at(0, 9)));
    for day in [1, 1, 1, 2] {
        assert_eq!(go(&mut heads, &line, false, at(0, 10)), Err(at(day, 0)));
    }
    let line = along(&[2, 3, 3, 3], 1, Day(FIRST.0 + 1), ALL_DAYS).unwrap();
    assert_eq!(go(&mut heads, &line, false, at(1, 0)), Err(at(2, 0)), "others were told today");
    for _ in 0..3 {
        assert_eq!(go(&mut heads, &line, true, at(1, 9)), Ok(at(1, 9)));
    }
    // It was told today, and today is full all the same.
    assert_eq!(go(&mut heads, &line, true, at(1, 9)), Err(at(2, 0)));
}

#[test]
fn days_off_are_told_nobody_and_whoever_comes_on_one_goes() {
    let mut heads = Heads::new();
    let at = |day: i64| Day(FIRST.0 + day).begins(&zone()) + std::time::Duration::from_hours(9);
    let weekdays = Window::parse("mon-fri 09:00-17:00").unwrap().weekdays();
    let line = along(&[1, 1, 1, 1, 1, 1], 0, FIRST, weekdays).unwrap();
    assert!(go(&mut heads, &line, false, at(0)).is_ok());
    // Friday, monday, tuesday.
    for day in [1, 4, 5] {
        let begins = Day(FIRST.0 + day).begins(&zone());
        assert_eq!(go(&mut heads, &line, false, at(0)), Err(begins));
    }
    assert_eq!(go(&mut heads, &line, false, at(2)), Ok(at(2)), "nobody else comes on saturday");
    assert_eq!(go(&mut heads, &line, false, at(2)), Err(Day(FIRST.0 + 6).begins(&zone())));
}

/// A day on which nothing leaves earns no step.
#[test]
fn days_off_earn_no_step_either() {
    let mut heads = Heads::new();
    let at = |day: i64| Day(FIRST.0 + day).begins(&zone()) + std::time::Duration::from_hours(9);
    let weekdays = Window::parse("mon-fri 09:00-17:00").unwrap().weekdays();
    // A friday.
    let line = along(&[1, 2, 3, 4, 5, 6, 7], 0, Day(FIRST.0 + 1), weekdays).unwrap();
    assert!(go(&mut heads, &line, false, at(1)).is_ok());
    for day in [4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 11] {
        let begins = Day(FIRST.0 + day).begins(&zone());
        assert_eq!(go(&mut heads, &line, false, at(1)), Err(begins));
    }
}

#[test]
fn a_turn_is_within_the_hours_of_its_day_and_who_has_none_then_is_told_nothing() {
    let (mut heads, zone) = (Heads::new(), zone());
    let window = Window::parse("mon-fri 09:00-17:00").unwrap();
    let opening = Opening { closes: None, window: Some((&window, (&zone).into())) };
    let lines = [along(&[1, 1, 1, 1], 0, FIRST, ALL_DAYS).unwrap()];
    let noon = |day: i64| Day(FIRST.0 + day).begins(&zone) + std::time::Duration::from_hours(12);
    take(&mut heads, &lines, noon(0));
    let nine = |day: i64| Day(FIRST.0 + day).begins(&zone) + std::time::Duration::from_hours(9);
    let answer = ask(&mut heads, &lines, false, opening, noon(0));
    assert_eq!(answer, Answer::Wait(nine(1), &lines[0]));
    // Saturday has room, but not for it: others may have that day.
    let answer = ask(&mut heads, &lines, false, opening, noon(0));
    assert_eq!(answer, Answer::Full(nine(4), &lines[0]));
    assert_eq!(first(&heads, &lines, noon(1)), noon(1));
}

proptest! {
    /// Whoever asks when: in no stretch of time do more leave than its length has room for, and one.
    #[test]
    fn no_line_is_ever_faster_than_its_rate(
        rates in prop::collection::vec(rate(), 2),
        asks in prop::collection::vec((0i64..4_000, any::<bool>()), 1..120),
    ) {
        let mut heads = Heads::new();
        let mut now = 0;
        let mut left = [Vec::new(), Vec::new()];
        for (pause, both) in asks {
            now += if pause < 3_000 { 0 } else { pause * 10 };
            let lines: Vec<Line> = rates
                .iter()
                .enumerate()
                .filter(|(index, _)| both || *index == 0)
                .map(|(index, rate)| Line::rate(index.to_string(), *rate))
                .collect();
            let (at, _) = slot(&heads, &lines, Instant::from_millis(now)).unwrap();
            prop_assert!(at.millis() >= now);
            take(&mut heads, &lines, at);
            for left in left.iter_mut().take(lines.len()) {
                left.push(at.millis());
            }
        }
        for (rate, left) in rates.iter().zip(&left) {
            prop_assert!(left.is_sorted());
            for (from, first) in left.iter().enumerate() {
                for (to, last) in left.iter().enumerate().skip(from) {
                    let room = (last - first + 1) * 1000 / rate.distance() + 1;
                    prop_assert!(i64::try_from(to - from).unwrap() <= room, "{rate}: {left:?}");
                }
            }
        }
    }
}

proptest! {
    /// Whoever asks when, and however the steps come: on no day more than its number. As long as steps come as they
    /// were foreseen, nobody waits while a day has room.
    #[test]
    fn no_day_has_more_than_its_number_and_no_mail_waits_while_a_day_has_room(
        steps in prop::collection::vec(1u32..8, 1..6),
        asks in prop::collection::vec((0u64..40, 1usize..9), 1..40),
        held in prop::option::of(1i64..4),
    ) {
        let mut steps = steps;
        steps.sort_unstable();
        let mut heads = Heads::new();
        let start = FIRST.begins(&zone());
        let mut agenda: BTreeSet<(Instant, bool, usize)> = BTreeSet::new();
        let (mut now, mut mail) = (start, 0);
        for (hours, mails) in asks {
            now = now + std::time::Duration::from_hours(hours);
            for _ in 0..mails {
                agenda.insert((now, true, mail));
                mail += 1;
            }
        }
        let mut left: BTreeMap<i64, u32> = BTreeMap::new();
        let mut waited: BTreeMap<i64, u32> = BTreeMap::new();
        let mut asked = 0;
        while let Some((now, is_new, mail)) = agenda.pop_first() {
            asked += 1;
            prop_assert!(asked < 100_000, "it does not come to an end");
            let day = Day::at(now, &zone());
            let further = held.map_or(day.since(FIRST), |held| day.since(FIRST).min(held));
            let step = usize::try_from(further).unwrap();
            let Some(line) = along(&steps, step, day, ALL_DAYS) else { continue };
            match go(&mut heads, &line, !is_new, now) {
                Ok(at) => *left.entry(Day::at(at, &zone()).0).or_default() += 1,
                Err(until) => {
                    prop_assert!(Day::at(until, &zone()) > day);
                    *waited.entry(day.0).or_default() += 1;
                    agenda.insert((until, false, mail));
                }
            }
        }
        for (day, number) in &left {
            let further = held.map_or(day - FIRST.0, |held| (day - FIRST.0).min(held));
            let most = steps[usize::try_from(further).unwrap()];
            prop_assert!(*number <= most, "{number} of {most} on {day}");
            if held.is_none() && waited.contains_key(day) {
                prop_assert_eq!(*number, most, "on {} somebody waits", day);
            }
        }
    }
}
