//! Waits, and what they wait for.

use super::*;

#[test]
fn a_wait_for_goes_on_by_the_click_or_by_the_time() {
    let mut house = House::new();
    let clicked = house.condition(r#"clicked("report")"#, Scope::Workflow);
    let steps = vec![
        email("report"),
        StepKind::WaitFor {
            condition: clicked,
            up_to: Some(WaitSpec::parse("10d").unwrap()),
            then: Some(StepIx(2)),
            otherwise: Some(StepIx(3)),
        },
        StepKind::Stop { reason: Some("interested".into()) },
        StepKind::Stop { reason: Some("silent".into()) },
    ];
    house.workflow("reawaken", steps, |_| {});

    let mut keen = Story::cold(&house);
    keen.decide();
    keen.sent();
    // Ten days on the lead's clock, which is put forward in between.
    assert_eq!(keen.last.wake_at, keen.now + 10 * DAY - HOUR);
    keen.at(wednesday() + DAY).happens(EventKind::MAIL_CLICKED, Some("report"));
    keen.decide();
    let ended = keen.last.enrolments[0].ended.as_ref().unwrap();
    assert_eq!((ended.outcome, ended.reason.as_str()), (Outcome::Finished, "interested"));

    let mut silent = Story::cold(&house);
    silent.decide();
    silent.sent();
    silent.at(wednesday() + 10 * DAY).decide();
    assert_eq!(silent.last.enrolments[0].ended.as_ref().unwrap().reason, "silent");
}

#[test]
fn an_unsure_click_counts_once_it_has_settled() {
    let mut house = House::new();
    let condition = house.condition(r#"clicked("report")"#, Scope::Workflow);
    let steps = vec![
        email("report"),
        StepKind::WaitFor { condition, up_to: None, then: None, otherwise: None },
        StepKind::Tag { add: vec!["stirred".into()], remove: vec![] },
    ];
    house.workflow("reawaken", steps, |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    story.sent();
    let settles = story.now + 20 * Duration::from_secs(1);
    let click = story.happens(EventKind::MAIL_CLICKED, Some("report"));
    click.judgement = Judgement::Unsure;
    click.settles_at = Some(settles);
    story.decide();
    assert!(story.state.tags.is_empty());
    assert_eq!(story.last.wake_at, settles);
    story.at(settles).decide();
    assert!(story.state.tags.contains("stirred"));
}
