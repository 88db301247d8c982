//! Who comes in by a date of its own.

use super::*;
use crate::domain::{
    decide::{Door, door},
    enter::{DateEntry, LATE},
    schedule::Occasion,
    value::ValueType,
    verdict::Verdict,
};

/// A house whose leads have contracts; `edit` makes the workflow that goes by their ends another.
fn house(offset: &str, yearly: bool, edit: impl FnOnce(&mut Workflow, &mut DateEntry)) -> House {
    let mut house = House::new();
    let slot = house.0.schema.declare("contract_end".into(), ValueType::Date);
    let shift = (!offset.is_empty()).then(|| Occasion::parse_shift(offset).unwrap());
    let occasion = Occasion::new(shift, Occasion::parse_time("09:00").unwrap(), yearly);
    let attribute = "contract_end".into();
    let mut entry = DateEntry { slot, attribute, occasion, filter: None, late: LATE };
    house.workflow("renewal", vec![wait("3d")], |w| {
        w.existing = false;
        edit(w, &mut entry);
        w.enter = Enter::Date(entry);
    });
    house
}

fn ends(story: &mut Story<'_>, house: &House, date: &str) {
    let slot = house.0.schema.slot("contract_end").unwrap().0;
    story.state.attributes[slot] = crate::domain::value::parse_date(date).map(Value::Date);
}

fn day(text: &str) -> Instant {
    format!("{text}:00Z").parse().unwrap()
}

#[test]
fn it_comes_in_at_its_hour_before_the_date_and_once() {
    let house = house("-60d", false, |w, _| w.again = Again::Always);
    let mut story = Story::new(&house, &[]);
    ends(&mut story, &house, "2027-05-31");
    story.decide();
    assert!(story.last.log.is_empty() && story.state.enrolments.is_empty());
    story.is_settled();
    let comes = day("2027-04-01T07:00");
    assert_eq!(story.last.wake_at, comes);
    story.at(comes).decide();
    assert_eq!(story.verbs(), [Verb::Entered]);
    assert_eq!(story.reasons(), "contract_end: 2027-04-01 09:00");
    story.is_settled();
    story.at(comes).decide();
    story.passes_until(comes + 30 * DAY);
    assert!(story.state.enrolments.is_empty());
    // The same day once more, by the clock of another zone.
    let mut moved = story.state.clone();
    (moved.zone, moved.decided_at) = (Zone::named("America/New_York").unwrap(), comes + HOUR);
    let there = day("2027-04-01T13:00");
    let decision = decide(&house.0, &moved, &Grants::default(), there);
    assert!(decision.enrolments.is_empty() && decision.log.is_empty(), "{:?}", decision.log);
    // A new contract is a new date.
    ends(&mut story, &house, "2028-05-31");
    story.decide();
    assert_eq!(story.last.wake_at, day("2028-04-01T07:00"));
    story.passes_until(day("2028-04-01T07:00"));
    assert_eq!(story.state.enrolments.len(), 1);
}

#[test]
fn a_date_that_is_moved_holds_and_one_that_is_gone_does_not() {
    let house = house("", false, |_, _| {});
    let mut story = Story::new(&house, &[]);
    ends(&mut story, &house, "2027-03-30");
    story.decide();
    ends(&mut story, &house, "2027-04-10");
    story.at(wednesday() + HOUR).decide();
    assert_eq!(story.last.wake_at, day("2027-04-10T07:00"));
    story.passes_until(day("2027-04-09T07:00"));
    assert!(story.state.enrolments.is_empty());
    let slot = house.0.schema.slot("contract_end").unwrap().0;
    story.state.attributes[slot] = None;
    story.decide();
    assert!(story.last.wake_at.is_never());
}

#[test]
fn what_was_before_the_workflow_or_before_we_knew_the_lead_is_past() {
    let house = house("", true, |_, _| {});
    let mut story = Story::new(&house, &[]);
    story.state.created_at = wednesday();
    ends(&mut story, &house, "2027-03-24");
    story.decide();
    assert!(story.last.log.is_empty() && story.state.enrolments.is_empty());
    assert_eq!(story.last.wake_at, day("2028-03-24T08:00"));

    let mut known = Story::new(&house, &[]);
    ends(&mut known, &house, "2027-03-23");
    known.decide();
    assert_eq!(known.last.wake_at, day("2028-03-23T08:00"), "it went live an hour after that");
}

#[test]
fn after_an_outage_it_is_taken_in_late_and_not_too_late() {
    let house = house("-60d", false, |_, _| {});
    let comes = day("2027-04-01T07:00");
    for (late, verb) in [(5 * HOUR, Verb::Entered), (25 * HOUR, Verb::NotEntered)] {
        let mut story = Story::new(&house, &[]);
        ends(&mut story, &house, "2027-05-31");
        story.decide();
        story.at(comes + late).decide();
        assert_eq!(story.verbs(), [verb], "{}", story.reasons());
        story.is_settled();
    }
}

#[test]
fn its_condition_is_asked_then_and_re_entry_is_as_ever() {
    let mut with = House::new();
    let italian = with.condition(r#"country == "Italy""#, Scope::Lead);
    let house = house("", true, |_, entry| entry.filter = Some(italian));
    let mut story = Story::new(&house, &[("country", "France")]);
    ends(&mut story, &house, "2027-03-30");
    story.decide();
    let comes = day("2027-03-30T07:00");
    story.passes_until(comes);
    assert!(story.state.enrolments.is_empty() && story.last.log.is_empty());
    let country = house.0.schema.slot("country").unwrap().0;
    story.state.attributes[country] = Some(Value::Text("Italy".into()));
    story.at(comes + HOUR).decide();
    assert!(story.state.enrolments.is_empty(), "it was asked at nine");
    story.passes_until(day("2028-03-30T07:00"));
    assert_eq!(story.state.enrolments.len(), 1);
    story.passes_until(day("2028-05-01T07:00"));
    assert!(story.last.wake_at.is_never(), "never again, so nothing is to come");
}

#[test]
fn the_mark_of_its_door_goes_by_its_date_and_condition() {
    let mark = |house: &House| house.0.door_mark(&house.0.workflows[0].workflow);
    let marks =
        [house("", false, |_, _| {}), house("-1d", false, |_, _| {}), house("", true, |_, _| {})];
    let marks: BTreeSet<i64> = marks.iter().map(mark).collect();
    assert_eq!(marks.len(), 3);
}

#[test]
fn a_date_that_was_given_when_it_was_past_is_not_said_to_be_missed() {
    let known = "when nobody looked";
    let unknown = "when nobody looked, or it was not known yet";
    let (import, answer) = (EventKind::LEAD_IMPORTED, EventKind::LEAD_ANSWERED);
    let days = |days: u32| wednesday() + days * DAY;
    for (event, comes, says) in [
        (None, "2027-03-30", known),
        (Some((import.clone(), days(9))), "2027-03-30", unknown),
        (Some((answer, days(9))), "2027-03-30", unknown),
        // Before that, so it says what it did then.
        (Some((import, days(1))), "2027-03-30", known),
        (Some((EventKind::PAGE_VISITED, days(9))), "2027-03-30", known),
    ] {
        let house = house("", false, |_, _| {});
        let mut story = Story::new(&house, &[]);
        story.decide();
        if let Some((kind, at)) = event {
            story.at(at).happens(kind, None);
        }
        ends(&mut story, &house, comes);
        story.at(days(10)).decide();
        assert_eq!(story.verbs(), [Verb::NotEntered]);
        assert_eq!(
            story.reasons(),
            format!("too late: contract_end came at 2027-03-30 09:00, {says}")
        );
        story.is_settled();
    }
}

#[test]
fn a_date_that_a_step_writes_is_not_said_to_be_missed() {
    let mut house = house("", false, |_, _| {});
    let slot = house.0.schema.slot("contract_end").unwrap();
    let past = crate::domain::value::parse_date("2027-03-30").map(Value::Date);
    house.workflow("first", vec![wait("10d"), StepKind::Set(vec![(slot, past)])], |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    story.passes_until(wednesday() + 10 * DAY);
    assert!(story.reasons().ends_with("or it was not known yet"), "{}", story.reasons());
}

#[test]
fn what_stands_between_a_lead_and_its_date_is_the_date() {
    let asks =
        |house: &House, story: &Story<'_>| match door(&house.0, &story.state, "renewal", story.now)
            .unwrap()
        {
            Door::Date { next, last, asked, .. } => (next, last, asked.map(Verdict::is_true)),
            other => panic!("{other:?}"),
        };
    let mut with = House::new();
    let italian = with.condition(r#"country == "Italy""#, Scope::Lead);
    for again in [Again::Always, Again::After(30 * DAY)] {
        let house = house("", true, |w, entry| {
            w.again = again;
            entry.filter = Some(italian.clone());
        });
        let mut story = Story::new(&house, &[("country", "Italy")]);
        story.decide();
        assert_eq!(asks(&house, &story), (None, None, Some(true)));
        ends(&mut story, &house, "2027-03-30");
        let (first, second) = (day("2027-03-30T07:00"), day("2028-03-30T07:00"));
        story.decide();
        assert_eq!(asks(&house, &story), (Some(first), None, Some(true)));
        story.passes_until(first + 10 * DAY);
        assert!(story.state.enrolments.is_empty() && story.state.passages.get(0).is_some());
        // It has been in, and comes in again on its next day.
        let country = house.0.schema.slot("country").unwrap().0;
        story.state.attributes[country] = None;
        assert_eq!(asks(&house, &story), (Some(second), Some(first), Some(false)));
    }
    // Its next day comes too soon for the re-entry rule.
    let soon = house("", true, |w, _| w.again = Again::After(400 * DAY));
    let mut story = Story::new(&soon, &[]);
    ends(&mut story, &soon, "2027-03-30");
    story.decide();
    story.passes_until(day("2027-04-10T07:00"));
    let stands = door(&soon.0, &story.state, "renewal", story.now);
    assert!(matches!(stands, Some(Door::Again(Some(_)))), "{stands:?}");
}
