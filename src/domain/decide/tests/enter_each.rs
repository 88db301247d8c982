//! Workflows that a lead is in once for each key of the events that it enters by.

use super::*;
use crate::domain::lead::Passages;

fn kind(text: &str) -> EventKind {
    EventKind::parse(text).unwrap()
}

/// A reminder for each appointment, until it was held; then thanks.
fn house(again: Again) -> House {
    let mut house = House::new();
    let held = house.condition(r#"happened("appointment.held")"#, Scope::Keyed);
    let leave = house.condition(r#"happened("appointment.off") or replied()"#, Scope::Keyed);
    let thanks = StepKind::Tag { add: vec!["thanked".into()], remove: vec![] };
    house.workflow("visit", vec![wait_for(held, Some("30d"), None, None), thanks], |w| {
        let kind = kind("appointment.booked");
        w.enter = Enter::On { kind, object: None, filter: None };
        (w.each, w.again, w.leave) = (Some("id".into()), again, Some(leave));
    });
    house
}

fn about(story: &mut Story<'_>, what: &str, id: &str) {
    let event = story.happens(kind(what), None);
    if !id.is_empty() {
        event.data.insert("id".into(), Value::Text(id.into()));
    }
}

fn inside(story: &Story<'_>) -> String {
    let entry =
        |it: &crate::domain::lead::Enrolment| it.entry.as_ref().unwrap().value("id").unwrap();
    let ids: Vec<String> = story.state.enrolments.iter().map(|it| entry(it).to_string()).collect();
    ids.join(" ")
}

#[test]
fn each_appointment_has_its_own_way_and_ends_by_its_own_events() {
    let house = house(Again::Never);
    let mut story = Story::cold(&house);
    for id in ["a", "b", "c", "b"] {
        about(&mut story, "appointment.booked", id);
    }
    story.decide();
    assert_eq!(inside(&story), "a b c");
    assert!(story.reasons().ends_with("it is inside already, for the same key"));
    story.is_settled();
    story.at(wednesday() + DAY);
    about(&mut story, "appointment.held", "b");
    about(&mut story, "appointment.off", "c");
    // Of which it is not said, counts for none.
    about(&mut story, "appointment.held", "");
    story.decide();
    assert_eq!(inside(&story), "a");
    assert!(story.state.tags.contains("thanked"));
    story.is_settled();
    // What nurtured itself notices is about all of them.
    story.at(wednesday() + 2 * DAY).happens(EventKind::LEAD_REPLIED, None);
    story.decide();
    assert_eq!(inside(&story), "");
    about(&mut story, "appointment.booked", "b");
    story.decide();
    assert_eq!(story.reasons(), "the re-entry rule, for the same key");
    about(&mut story, "appointment.booked", "d");
    story.decide();
    assert_eq!(inside(&story), "d");
}

#[test]
fn what_has_happened_in_the_same_moment_counts_and_what_was_before_does_not() {
    let house = house(Again::Always);
    let mut story = Story::cold(&house);
    about(&mut story, "appointment.held", "a");
    about(&mut story, "appointment.booked", "a");
    story.decide();
    assert_eq!(inside(&story), "a");
    about(&mut story, "appointment.booked", "b");
    story.at(wednesday() + HOUR);
    about(&mut story, "appointment.held", "a");
    about(&mut story, "appointment.held", "b");
    story.decide();
    assert_eq!(inside(&story), "");
    about(&mut story, "appointment.booked", "a");
    story.decide();
    assert_eq!(inside(&story), "a", "again: always");
}

#[test]
fn other_appointments_do_not_push_out_ones_own() {
    let house = house(Again::Never);
    let mut story = Story::cold(&house);
    about(&mut story, "appointment.booked", "a");
    story.decide();
    story.at(wednesday() + HOUR);
    about(&mut story, "appointment.held", "a");
    for other in 0..20 {
        about(&mut story, "appointment.held", &format!("x{other}"));
    }
    story.decide();
    assert_eq!(inside(&story), "");
}

#[test]
fn what_is_remembered_of_keys_is_bounded() {
    let house = house(Again::Never);
    let mut story = Story::cold(&house);
    for n in 0..Passages::KEYS + 10 {
        about(&mut story, "appointment.booked", &format!("k{n}"));
    }
    story.decide();
    assert_eq!(story.state.enrolments.len(), Passages::KEYS);
    assert!(story.reasons().contains("no room"), "{}", story.reasons());
    story.at(wednesday() + HOUR).happens(EventKind::LEAD_REPLIED, None);
    story.decide();
    for n in 0..30 {
        story.at(story.now + DAY);
        about(&mut story, "appointment.booked", &format!("m{n}"));
        story.decide();
        story.at(story.now + HOUR);
        about(&mut story, "appointment.held", &format!("m{n}"));
        story.decide();
    }
    let remembered = story.state.passages.by_name(&house.0.workflows).len();
    assert!(remembered <= Passages::KEYS + 1, "{remembered}");
}

#[test]
fn nobody_enters_without_a_key() {
    let house = house(Again::Never);
    let mut story = Story::cold(&house);
    about(&mut story, "appointment.booked", "");
    story.happens(EventKind::ENROLMENT_REQUESTED, Some("visit"));
    story.decide();
    assert_eq!(story.verbs(), [Verb::NotEntered, Verb::NotEntered]);
    assert!(story.reasons().starts_with("it is for each `id`, and there is none"));
}

#[test]
fn what_was_entered_by_one_key_and_ended_by_another_is_bounded_as_well() {
    let by_id = house(Again::Always);
    let mut by_place = house(Again::Always);
    let LiveWorkflow { workflow, since } = by_place.0.workflows[0].clone();
    let mut workflow = (*workflow).clone();
    workflow.version = Version("visit-2".into());
    (workflow.each, workflow.on_change) =
        (Some("place".into()), OnChange::Migrate(BTreeMap::new()));
    let workflow = Arc::new(workflow);
    by_place.0.structures.insert(workflow.version.clone(), Arc::clone(&workflow));
    by_place.0.workflows = vec![LiveWorkflow { workflow, since }].into();
    let times = i64::try_from(Passages::KEYS).unwrap() * 2;
    let released = |house: &House, release: i64| {
        let mut house = House(house.0.clone());
        house.0.release = ReleaseId(release);
        house
    };
    let houses: Vec<(House, House)> = (1..=times)
        .map(|time| (released(&by_id, 2 * time), released(&by_place, 2 * time + 1)))
        .collect();
    let mut story = Story::cold(&by_id);
    for (time, (by_id, by_place)) in houses.iter().enumerate() {
        story.at(story.now + HOUR).under(by_id);
        about(&mut story, "appointment.booked", &format!("k{time}"));
        story.decide();
        story.at(story.now + HOUR).under(by_place).decide();
        assert_eq!(story.state.enrolments[0].version.to_string(), "visit-2");
        story.happens(EventKind::LEAD_REPLIED, None);
        story.decide();
        assert_eq!(inside(&story), "");
    }
    let remembered = story.state.passages.by_name(&by_id.0.workflows).len();
    assert!(remembered <= Passages::KEYS + 1, "{remembered}");
}
