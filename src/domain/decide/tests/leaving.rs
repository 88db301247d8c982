//! Goals, leaves, objections, refusals: how a way ends.

use super::*;

#[test]
fn the_goal_ends_it_at_any_moment_and_withdraws_the_unsent_mail() {
    let mut house = House::new();
    let goal = house.condition(r#"stage in ["customer"]"#, Scope::Workflow);
    house.stage(Stage::Lead, Stage::Customer, r#"happened("deal.won")"#);
    house.workflow("reawaken", vec![email("report"), email("more")], |w| w.goal = Some(goal));
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.mails(), ["report"]);
    story.happens(EventKind::parse("deal.won").unwrap(), None);
    story.decide();
    assert_eq!(story.last.enrolments[0].ended.as_ref().unwrap().outcome, Outcome::Goal);
    assert_eq!(story.last.withdraw.len(), 1);
    assert!(story.state.enrolments.is_empty());
    assert_eq!(story.state.stage, Stage::Customer);

    let mut customer = Story::cold(&house);
    customer.state.stage = Stage::Customer;
    customer.decide();
    assert_eq!(customer.verbs(), [Verb::NotEntered]);
    assert!(customer.reasons().contains("goal is reached already"));
}

#[test]
fn an_objection_ends_everything() {
    let mut house = House::new();
    house.workflow("one", vec![wait("3d"), email("report")], |_| {});
    house.workflow("two", vec![wait("5d"), email("more")], |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.state.enrolments.len(), 2);
    story.state.suppressed = Some(Suppression::Unsubscribed);
    story.decide();
    assert!(story.state.enrolments.is_empty());
    assert!(story.reasons().contains("suppressed: unsubscribed"), "{}", story.reasons());
    assert!(story.last.wake_at.is_never());
}

#[test]
fn a_mail_refused_for_good_ends_the_passage_with_the_reason() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report"), email("more")], |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    let open = story.state.open_message.take().unwrap();
    let event = story.happens(EventKind::MAIL_FAILED, Some("report"));
    event.about = Some(open.about);
    event.data.insert("reason".into(), Value::Text("550 no such user".into()));
    story.decide();
    let ended = story.last.enrolments[0].ended.as_ref().unwrap();
    assert_eq!((ended.outcome, ended.reason.as_str()), (Outcome::Left, "550 no such user"));
}

#[test]
fn whoever_would_leave_at_once_gets_no_mail() {
    let mut house = House::new();
    let leave = house.condition(r#"stage == "disqualified""#, Scope::Workflow);
    house.workflow("reawaken", vec![email("report")], |w| w.leave = Some(leave));
    let mut story = Story::cold(&house);
    story.state.stage = Stage::Disqualified;
    story.decide();
    assert!(story.mails().is_empty() && story.state.enrolments.is_empty());
}
