//! Into other workflows, and out of them.

use super::*;

fn enrol(workflow: &str) -> StepKind {
    StepKind::Enrol(workflow.into())
}

fn leave(workflow: &str) -> StepKind {
    StepKind::Leave(workflow.into())
}

fn inside(story: &Story<'_>) -> Vec<String> {
    story.state.enrolments.iter().map(|it| it.workflow.to_string()).collect()
}

#[test]
fn a_step_enrols_as_a_person_would_and_goes_on() {
    let mut house = House::new();
    house.workflow("first", vec![enrol("second"), wait("7d"), enrol("second")], |_| {});
    house.workflow("second", vec![wait("2d")], |it| it.enter = Enter::ByHand);
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(inside(&story), ["first", "second"]);
    assert!(story.reasons().contains("by first"), "{}", story.reasons());
    story.is_settled();
    story.passes_until(wednesday() + 8 * DAY);
    assert_eq!(inside(&story), [""; 0]);
    assert!(story.verbs().contains(&Verb::NotEntered), "again: never");
    assert!(story.reasons().contains("the re-entry rule"), "{}", story.reasons());
}

#[test]
fn what_is_left_is_ended_and_its_mail_taken_back() {
    let mut house = House::new();
    house.workflow("first", vec![email("report")], |_| {});
    house.workflow("second", vec![leave("first"), leave("nobody"), wait("2d")], |it| {
        it.enter = Enter::ByHand;
    });
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.mails(), ["report"]);
    story.happens(EventKind::ENROLMENT_REQUESTED, Some("second"));
    story.decide();
    assert_eq!((inside(&story), story.mails().len()), (vec!["second".to_owned()], 0));
    let change = story.last.enrolments.iter().find(|it| &*it.enrolment.workflow == "first");
    let ended = change.unwrap().ended.as_ref().unwrap();
    assert_eq!((ended.outcome, ended.reason.as_str()), (Outcome::Left, "by second"));
}

#[test]
fn workflows_that_enrol_into_each_other_end_a_decision_all_the_same() {
    let mut house = House::new();
    for (one, other) in [("first", "second"), ("second", "first")] {
        house.workflow(one, vec![enrol(other)], |it| {
            (it.enter, it.again) = (Enter::ByHand, Again::Always);
        });
    }
    let mut story = Story::cold(&house);
    story.happens(EventKind::ENROLMENT_REQUESTED, Some("first"));
    let decision = story.decide();
    assert!(decision.enrolments.len() <= 2 * ROUNDS, "{}", decision.enrolments.len());
    assert!(story.last.wake_at > story.now);
    let entered = story.verbs().into_iter().filter(|verb| *verb == Verb::Entered).count();
    assert_eq!((entered, story.last.wake_at), (2, Instant::NEVER), "and for ever");
    assert!(story.reasons().contains("in this very moment; by second"), "{}", story.reasons());
    story.is_settled();
    // Once more is another moment.
    story.at(wednesday() + HOUR).happens(EventKind::ENROLMENT_REQUESTED, Some("first"));
    story.decide();
    let entered = story.verbs().into_iter().filter(|verb| *verb == Verb::Entered).count();
    assert_eq!(entered, 2);
}

#[test]
fn who_is_taken_out_and_in_again_by_another_goes_round_once() {
    let mut house = House::new();
    house.workflow("first", vec![enrol("second"), email("report")], |it| {
        (it.enter, it.again) = (Enter::ByHand, Again::Always);
    });
    house.workflow("second", vec![leave("first"), enrol("first")], |it| {
        (it.enter, it.again) = (Enter::ByHand, Again::Always);
    });
    let mut story = Story::cold(&house);
    story.happens(EventKind::ENROLMENT_REQUESTED, Some("first"));
    story.decide();
    assert_eq!((inside(&story).len(), story.mails().len()), (0, 0));
    assert!(story.last.wake_at.is_never());
}

#[test]
fn a_workflow_that_is_not_live_any_more_stops_nobody() {
    let mut house = House::new();
    house.workflow("first", vec![enrol("gone"), leave("gone"), wait("7d")], |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(inside(&story), ["first"]);
    assert!(story.reasons().contains("no such workflow is live"), "{}", story.reasons());
}
