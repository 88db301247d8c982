//! Who comes in when a clock ticks.

use super::*;
use crate::domain::{
    enter::{LATE, Ticking},
    schedule::Ticks,
};

fn house() -> House {
    let mut house = House::new();
    let who = house.condition(r#"country == "Italy""#, Scope::Lead);
    let ticking =
        Ticking { ticks: Ticks::parse("0 9 1 * *").unwrap(), zone: None, who, late: LATE };
    house.workflow("monthly", vec![wait("3d")], |w| {
        (w.enter, w.again) = (Enter::Schedule(Box::new(ticking)), Again::Always);
    });
    house
}

fn ticks(story: &mut Story<'_>, workflow: &str, at: Instant) {
    story.happens(EventKind::SCHEDULE_TICKED, Some(workflow)).occurred_at = at;
    story.decide();
}

#[test]
fn each_tick_takes_in_whom_it_is_for_and_nobody_is_in_twice() {
    let house = house();
    let live = &house.0.workflows[0];
    let first = house.0.next_tick(live, wednesday()).unwrap();
    assert_eq!(first, "2027-04-01T07:00:00Z".parse().unwrap());
    assert_eq!(house.0.next_tick(live, Instant::DAWN), house.0.next_tick(live, live.since.door.at));
    let mut story = Story::new(&house, &[("country", "Italy")]);
    story.decide();
    assert!(story.last.wake_at.is_never(), "a tick is an event");
    ticks(story.at(first), "monthly", first);
    assert_eq!(story.verbs(), [Verb::Entered]);
    assert_eq!(story.state.enrolments[0].entry.as_ref().unwrap().at, first);
    story.is_settled();
    ticks(story.at(first + DAY), "monthly", first + DAY);
    assert_eq!(story.reasons(), "it is inside already");
    story.passes_until(first + 5 * DAY);
    ticks(story.at(first + 6 * DAY), "weekly", first + 6 * DAY);
    assert!(story.state.enrolments.is_empty(), "another workflow's clock");
    ticks(&mut story, "monthly", first + 6 * DAY);
    assert_eq!(story.state.enrolments.len(), 1);

    let mut other = Story::new(&house, &[("country", "France")]);
    ticks(other.at(first), "monthly", first);
    assert!(other.state.enrolments.is_empty() && other.last.log.is_empty());
    let mut before = Story::new(&house, &[("country", "Italy")]);
    ticks(&mut before, "monthly", wednesday() - 2 * DAY);
    assert_eq!(before.reasons(), "it happened before the workflow went live");
}
