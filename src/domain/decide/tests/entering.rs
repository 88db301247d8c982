//! Who comes in, and who does not.

use super::*;

#[test]
fn without_a_ground_nobody_enters_and_the_reason_is_told_once() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report")], |_| {});
    let mut story = Story::cold(&house);
    let ground = story.state.consents.remove("insights").unwrap();
    story.decide();
    assert_eq!(story.reasons(), "no ground for the purpose `insights`");
    story.decide();
    assert!(story.last.log.is_empty());
    story.state.consents.insert("insights".into(), ground);
    story.decide();
    assert_eq!(story.mails(), ["report"], "consent came later");
}

#[test]
fn those_inside_when_it_goes_live_stay_out_unless_the_file_says_otherwise() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report")], |w| w.existing = false);
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.verbs(), [Verb::NotEntered]);
    let slot = house.0.schema.slot("lead_status").unwrap().0;
    story.state.attributes[slot] = None;
    story.at(wednesday() + HOUR).decide();
    story.state.attributes[slot] = Some(Value::Text("No budget".into()));
    story.at(wednesday() + 2 * HOUR).decide();
    assert_eq!(story.mails(), ["report"], "it went out and came in again");

    let mut newcomer = Story::cold(&house);
    newcomer.state.created_at = wednesday();
    newcomer.decide();
    assert_eq!(newcomer.mails(), ["report"]);
}

#[test]
fn re_entry_follows_the_rule() {
    let mut house = House::new();
    house.workflow("never", vec![wait("1d")], |_| {});
    house.workflow("after", vec![wait("1d")], |w| w.again = Again::After(30 * DAY));
    house.workflow("always", vec![wait("1d")], |w| w.again = Again::Always);
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.state.enrolments.len(), 3);
    story.at(wednesday() + DAY).decide();
    assert!(story.state.enrolments.is_empty());
    assert_eq!(story.last.wake_at, story.now + 30 * DAY);
    story.at(story.now + 30 * DAY).decide();
    let inside: Vec<_> = story.state.enrolments.iter().map(|e| e.workflow.as_str()).collect();
    assert_eq!(inside, ["after"], "`always` wants the condition to have been false in between");
    let slot = house.0.schema.slot("lead_status").unwrap().0;
    let status = story.state.attributes[slot].take();
    story.decide();
    story.state.attributes[slot] = status;
    story.at(story.now + HOUR).decide();
    let inside: Vec<_> = story.state.enrolments.iter().map(|e| e.workflow.as_str()).collect();
    assert_eq!(inside, ["after", "always"]);
}

#[test]
fn an_event_enters_once_and_not_if_it_is_older_than_the_workflow() {
    let mut house = House::new();
    let enter = Enter::On {
        kind: EventKind::FORM_SUBMITTED,
        object: Some("whitepaper".into()),
        filter: None,
    };
    house.workflow("welcome", vec![email("thanks"), wait("3d")], |w| w.enter = enter);
    let mut story = Story::new(&house, &[]);
    story.happens(EventKind::FORM_SUBMITTED, Some("webinar"));
    story.decide();
    assert!(story.state.enrolments.is_empty());
    story.happens(EventKind::FORM_SUBMITTED, Some("whitepaper"));
    story.happens(EventKind::FORM_SUBMITTED, Some("whitepaper"));
    story.decide();
    assert_eq!(story.state.enrolments.len(), 1);
    assert_eq!(
        story.state.enrolments[0].entry.as_ref().unwrap().object.as_deref(),
        Some("whitepaper")
    );

    let mut old = Story::new(&house, &[]);
    let event = old.happens(EventKind::FORM_SUBMITTED, Some("whitepaper"));
    event.occurred_at = wednesday() - 300 * DAY;
    old.decide();
    assert!(old.state.enrolments.is_empty());
    assert_eq!(old.reasons(), "it happened before the workflow went live");
}

#[test]
fn of_several_events_the_one_that_fits_enters() {
    let mut house = House::new();
    let filter = house.condition("entry.seats >= 20", Scope::Workflow);
    let enter = Enter::On { kind: EventKind::FORM_SUBMITTED, object: None, filter: Some(filter) };
    house.workflow("welcome", vec![email("thanks")], |w| w.enter = enter);
    let mut story = Story::new(&house, &[]);
    for seats in [5.0, 50.0] {
        let event = story.happens(EventKind::FORM_SUBMITTED, None);
        event.data.insert("seats".into(), Value::Number(seats));
    }
    story.decide();
    assert_eq!(story.mails(), ["thanks"]);
}

#[test]
fn a_change_of_stage_enters_as_any_event() {
    let mut house = House::new();
    house.stage(Stage::Lead, Stage::Mql, r#"visited("/pricing")"#);
    let enter =
        Enter::On { kind: EventKind::STAGE_CHANGED, object: Some("mql".into()), filter: None };
    house.workflow("hand-over", vec![email("hello")], |w| w.enter = enter);
    let mut story = Story::new(&house, &[]);
    story.happens(EventKind::PAGE_VISITED, Some("/pricing"));
    story.decide();
    assert_eq!(story.mails(), ["hello"]);
}

#[test]
fn a_stage_or_a_score_that_is_crossed_enters() {
    let mut house = House::new();
    house.engagement("visited()", 10, 30);
    house.stage(Stage::Lead, Stage::Mql, "engagement >= 60");
    for (name, when) in [("mql", r#"stage == "mql""#), ("hot", "engagement >= 40")] {
        let when = house.condition(when, Scope::Lead);
        house.workflow(name, vec![wait("1d")], |w| {
            (w.enter, w.existing, w.again) = (Enter::When(when), false, Again::Always);
        });
    }
    let mut story = Story::new(&house, &[]);
    let visits = |story: &mut Story<'_>, times: usize| {
        for _ in 0..times {
            story.happens(EventKind::PAGE_VISITED, None);
        }
        story.decide();
        let inside = story.state.enrolments.iter().map(|it| it.workflow.as_str());
        inside.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(visits(&mut story, 3), "");
    assert_eq!(visits(&mut story, 2), "hot");
    story.at(wednesday() + 2 * DAY);
    assert_eq!(visits(&mut story, 2), "mql", "it stays above 40 all along");
    // Fades below, with nobody looking but time, and comes up once more.
    story.passes_until(wednesday() + 300 * DAY);
    assert_eq!(visits(&mut story, 6), "hot");
}

#[test]
fn by_hand_the_re_entry_rule_holds_as_ever() {
    let mut house = House::new();
    house.workflow("reawaken", vec![wait("1d")], |w| w.enter = Enter::ByHand);
    let mut story = Story::cold(&house);
    for expected in [Verb::Entered, Verb::NotEntered] {
        story.happens(EventKind::ENROLMENT_REQUESTED, Some("reawaken"));
        story.decide();
        assert_eq!(story.verbs(), [expected], "{}", story.reasons());
        story.at(story.now + 2 * DAY).decide();
    }
    story.happens(EventKind::ENROLMENT_REQUESTED, Some("reawakn"));
    assert_eq!(story.decide().log[0].reason, "no such workflow is live");
}

/// Whoever asks for the whitepaper gets it, until they reply.
fn whitepaper_house(steps: Vec<StepKind>) -> House {
    let mut house = House::new();
    let leave = house.condition("replied()", Scope::Workflow);
    let enter = Enter::On { kind: EventKind::FORM_SUBMITTED, object: None, filter: None };
    house.workflow("whitepaper", steps, |w| (w.enter, w.leave) = (enter, Some(leave)));
    house
}

#[test]
fn what_happened_between_the_entering_event_and_its_decision_counts() {
    let house = whitepaper_house(vec![email("whitepaper")]);
    let mut story = Story::new(&house, &[]);
    story.happens(EventKind::FORM_SUBMITTED, None);
    story.at(wednesday() + HOUR).happens(EventKind::LEAD_REPLIED, None);
    story.at(wednesday() + 2 * HOUR).decide();
    assert!(story.mails().is_empty());
    assert_eq!(story.reasons(), "it would leave at once: replied()");

    let mut before = Story::new(&house, &[]);
    before.happens(EventKind::LEAD_REPLIED, None);
    before.at(wednesday() + HOUR).happens(EventKind::FORM_SUBMITTED, None);
    before.at(wednesday() + 2 * HOUR).decide();
    assert_eq!(before.mails(), ["whitepaper"], "what was before it does not count");
}

#[test]
fn an_event_that_enters_once_it_has_settled_misses_nothing() {
    let mut house = House::new();
    let seen = house.condition("visited()", Scope::Workflow);
    let again = house.condition("clicked()", Scope::Workflow);
    let wait_for = |condition| wait_for(condition, None, None, None);
    let enter = Enter::On { kind: EventKind::MAIL_CLICKED, object: None, filter: None };
    let tag = StepKind::Tag { add: vec!["seen".into()], remove: vec![] };
    house.workflow("curious", vec![wait_for(seen), tag, wait_for(again)], |w| w.enter = enter);
    let mut story = Story::new(&house, &[]);
    let settles = wednesday() + Duration::from_secs(20);
    let click = story.happens(EventKind::MAIL_CLICKED, Some("report"));
    (click.judgement, click.settles_at) = (Judgement::Unsure, Some(settles));
    story.decide();
    story.at(wednesday() + Duration::from_secs(9)).happens(EventKind::PAGE_VISITED, None);
    story.decide();
    story.at(settles).decide();
    assert!(story.state.tags.contains("seen"));
    assert_eq!(story.state.enrolments.len(), 1, "the entering click itself is none since");
}

#[test]
fn whoever_would_leave_at_once_does_not_use_up_the_re_entry() {
    let mut house = House::new();
    let leave = house.condition("not has(country)", Scope::Workflow);
    house.workflow("reawaken", vec![email("report")], |w| {
        (w.leave, w.again) = (Some(leave), Again::After(DAY));
    });
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.reasons(), "it would leave at once: not has(country)");
    assert!(
        story.state.passages == crate::domain::lead::Passages::default()
            && story.last.wake_at.is_never()
    );
    let country = house.0.schema.slot("country").unwrap().0;
    story.state.attributes[country] = Some(Value::Text("Italy".into()));
    story.decide();
    assert_eq!(story.mails(), ["report"]);
}

#[test]
fn what_happens_after_the_clock_went_back_is_not_older_than_the_workflow() {
    let house = whitepaper_house(vec![email("whitepaper")]);
    let mut story = Story::new(&house, &[]);
    story.decide();
    // The workflow went live a day ago by a clock that was ahead by a week.
    story.now = wednesday() - 8 * DAY;
    story.happens(EventKind::FORM_SUBMITTED, None).occurred_at = wednesday() - 300 * DAY;
    story.decide();
    assert_eq!(story.reasons(), "it happened before the workflow went live");
    story.happens(EventKind::FORM_SUBMITTED, None);
    story.decide();
    assert_eq!(story.verbs()[0], Verb::Entered, "{}", story.reasons());

    // Who was not decided with it live may well have done it before.
    let mut stranger = Story::new(&house, &[]);
    stranger.now = wednesday() - 8 * DAY;
    stranger.happens(EventKind::FORM_SUBMITTED, None);
    stranger.decide();
    assert_eq!(stranger.reasons(), "it happened before the workflow went live");
}

/// Leads of some countries, of those that come in from now on.
fn countries(release: i64, countries: &str, changed: (i64, Instant)) -> House {
    let mut house = House::new();
    house.0.release = ReleaseId(release);
    house.segment("near", &format!("country in [{countries}]"));
    let near = house.condition(r#"in_segment("near")"#, Scope::Lead);
    house.workflow("near", vec![email("report")], |w| {
        (w.enter, w.existing) = (Enter::When(near), false);
    });
    let mut workflows = house.0.workflows.to_vec();
    workflows[0].since.door = Door { mark: 0, at: changed.1, release: ReleaseId(changed.0) };
    house.0.workflows = workflows.into();
    house
}

#[test]
fn a_wider_condition_takes_in_only_those_who_come_in_from_then_on() {
    let changed = wednesday() + HOUR;
    let italy = countries(1, r#""Italy""#, (1, wednesday() - DAY));
    let both = countries(2, r#""Italy", "France""#, (2, changed));
    let mut known = Story::new(&italy, &[("country", "France")]);
    known.decide();
    known.at(changed + HOUR).under(&both).decide();
    assert!(known.state.enrolments.is_empty());
    assert_eq!(known.reasons(), "existing: no, and it was in when the condition was changed");
    known.at(changed + DAY).decide();
    assert!(known.last.changes_nothing(), "{:?}", known.last);

    let mut moved = Story::new(&italy, &[("country", "Spain")]);
    moved.decide();
    moved.at(changed + HOUR).under(&both).decide();
    let country = both.0.schema.slot("country").unwrap().0;
    moved.state.attributes[country] = Some(Value::Text("France".into()));
    moved.decide();
    assert_eq!(moved.mails(), ["report"]);

    let mut fresh = Story::new(&both, &[("country", "France")]);
    fresh.state.created_at = wednesday();
    fresh.at(changed + HOUR).decide();
    assert_eq!(
        fresh.mails(),
        ["report"],
        "it came when the workflow was live, if by the old condition"
    );
}

#[test]
fn the_mark_of_a_door_goes_by_all_that_its_condition_rests_on() {
    let mark = |house: &House| house.0.door_mark(&house.0.workflows[0].workflow);
    let now = (1, wednesday());
    let italy = mark(&countries(1, r#""Italy""#, now));
    assert_eq!(italy, mark(&countries(7, r#""Italy""#, (3, wednesday()))));
    assert_ne!(italy, mark(&countries(1, r#""France""#, now)), "a segment that it names");
    let mut scored = countries(1, r#""Italy""#, now);
    scored.engagement("visited()", 10, 3);
    assert_eq!(italy, mark(&scored), "it does not ask for scores");
    let by_temperature = |hot| {
        let mut house = House::new();
        house.0.scoring.hot = MilliPoints::points(hot);
        let hot = house.condition(r#"temperature == "hot""#, Scope::Lead);
        house.workflow("hot", vec![email("report")], |w| w.enter = Enter::When(hot));
        mark(&house)
    };
    assert_ne!(by_temperature(50), by_temperature(30));
}
