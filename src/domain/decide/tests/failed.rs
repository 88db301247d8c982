//! Mails that were refused for good: what their workflow does.

use super::*;
use crate::domain::{decide::failed::PAUSE, stream::Stream};

/// Two mails a day apart, by a workflow that does this when one fails.
fn house(on_failure: MailFailure) -> House {
    let mut house = House::new();
    house.0.policy.window = Window::always();
    let steps = vec![email("first"), wait("1d"), email("second")];
    house.workflow("careful", steps, |workflow| workflow.on_failure = on_failure);
    house
}

/// The open mail, which is returned, is refused.
fn refused(story: &mut Story<'_>, hard: bool) -> OpenMessage {
    let open = story.state.open_message.take().expect("a mail to send");
    let event = story.happens(EventKind::MAIL_FAILED, Some(&open.template));
    (event.about, event.message) = (Some(open.about.clone()), Some(open.id));
    event.data.insert("reason".into(), Value::Text("554 looks like spam".into()));
    event.data.insert("hard".into(), Value::Bool(hard));
    story.decide();
    open
}

fn step(story: &Story<'_>) -> String {
    story.state.enrolments.iter().map(|enrolment| enrolment.step.to_string()).collect()
}

#[test]
fn each_word_does_what_it_says() {
    for (on_failure, stands_at) in [
        (MailFailure::Leave, ""),
        (MailFailure::Skip, "step-1"),
        (MailFailure::Retry, "step-0"),
        // What is held is parked, and no event; one that failed all the same cannot be mended.
        (MailFailure::Hold, ""),
    ] {
        let house = house(on_failure);
        let mut story = Story::cold(&house);
        story.decide();
        refused(&mut story, false);
        assert_eq!(step(&story), stands_at, "{on_failure:?}");
        assert!(story.reasons().contains("554 looks like spam"), "{}", story.reasons());
        // What did not leave counts for nothing.
        assert!(story.state.sends.is_empty() && story.state.received.is_empty());
    }
}

#[test]
fn a_mail_goes_once_more_after_a_day_and_then_its_lead_leaves() {
    let house = house(MailFailure::Retry);
    let mut story = Story::cold(&house);
    story.decide();
    let open = refused(&mut story, false);
    let again = story.now + PAUSE;
    assert_eq!((story.last.wake_at, story.mails().len()), (again, 0));
    story.is_settled();
    story.at(again).decide();
    assert_eq!(story.mails(), ["first"]);
    // The same mail, not another one.
    let second = story.state.open_message.clone().unwrap();
    assert_eq!((second.id, &second.about), (open.id, &open.about));
    refused(&mut story, false);
    assert_eq!(step(&story), "");
}

#[test]
fn one_that_leaves_the_second_time_goes_on_as_any() {
    let house = house(MailFailure::Retry);
    let mut story = Story::cold(&house);
    story.decide();
    refused(&mut story, false);
    story.at(story.now + PAUSE).decide();
    let open = story.state.open_message.take().unwrap();
    story.comes_to(EventKind::MAIL_SENT, open);
    assert_eq!((step(&story).as_str(), story.state.sends.len()), ("step-1", 1));
    assert_eq!(story.state.enrolments[0].doubt, None);
}

#[test]
fn who_has_no_mailbox_is_not_tried_again_and_who_has_left_neither() {
    let house = house(MailFailure::Retry);
    let mut story = Story::cold(&house);
    story.decide();
    refused(&mut story, true);
    assert_eq!(step(&story), "");

    let mut story = Story::cold(&house);
    story.decide();
    refused(&mut story, false);
    story.state.suppressed = Some(Suppression::Unsubscribed);
    story.passes_until(story.now + 2 * DAY);
    assert_eq!((story.mails().len(), step(&story).as_str()), (0, ""));
}

#[test]
fn a_step_says_it_for_itself_and_a_stream_goes_on_at_its_cadence() {
    let mut house = House::new();
    house.0.policy.window = Window::always();
    let mut steps = vec![email("first"), email("second")];
    let StepKind::Email { on_failure, .. } = &mut steps[0] else { unreachable!() };
    *on_failure = Some(MailFailure::Skip);
    house.workflow("careful", steps, |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    refused(&mut story, false);
    assert_eq!((step(&story).as_str(), story.mails()), ("step-1", vec!["second"]));
    refused(&mut story, false);
    assert_eq!(step(&story), "");

    let mut house = House::new();
    house.0.policy.window = Window::always();
    house.0.streams.insert("useful".into(), vec!["a".into(), "b".into()]);
    let stream = Stream { on_failure: Some(MailFailure::Skip), ..super::streams::stream(&["7d"]) };
    house.workflow("tips", vec![StepKind::Stream(stream)], |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    let first = refused(&mut story, false);
    assert_eq!((step(&story).as_str(), story.mails().len()), ("step-0", 0));
    story.passes_until(story.now + 7 * DAY);
    // It has not been had: it is the next one again, by a key of its own.
    let second = story.state.open_message.clone().unwrap();
    assert_eq!(second.template, first.template);
    assert!(second.about.visit > first.about.visit);
}
