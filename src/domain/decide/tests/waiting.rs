//! Waits, and what they wait for.

use super::*;

#[test]
fn a_wait_for_goes_on_by_the_click_or_by_the_time() {
    let mut house = House::new();
    let clicked = house.condition(r#"clicked("report")"#, Scope::Workflow);
    let steps = vec![
        email("report"),
        wait_for(clicked, Some("10d"), Some(StepIx(2)), Some(StepIx(3))),
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
        wait_for(condition, None, None, None),
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

/// A mail, ten days for an answer to it, and what was made of that.
fn asking(house: &mut House, condition: &str) {
    house.0.policy.tracking = Tracking::With("insights".into());
    house.0.policy.purposes.get_mut("insights").unwrap().basis.push(Basis::LegitimateInterest);
    let condition = house.condition(condition, Scope::Workflow);
    let stop = |reason: &str| StepKind::Stop { reason: Some(reason.into()) };
    let answer = wait_for(condition, Some("10d"), Some(StepIx(3)), Some(StepIx(4)));
    let steps = vec![email("report"), answer, stop("past"), stop("yes"), stop("silent")];
    house.workflow("reawaken", steps, |_| {});
}

/// How it ends, for a lead that is tracked or not, and clicks or not.
fn answer(house: &House, tracked: bool, clicks: bool) -> String {
    let mut story = Story::cold(house);
    if !tracked {
        story.state.consents.get_mut("insights").unwrap().basis = Basis::LegitimateInterest;
    }
    story.decide();
    story.sent();
    if clicks {
        story.happens(EventKind::MAIL_CLICKED, Some("report"));
    }
    story.at(wednesday() + 10 * DAY).decide();
    story.last.enrolments[0].ended.as_ref().unwrap().reason.clone()
}

#[test]
fn silence_of_those_who_are_not_watched_is_no_answer() {
    let mut house = House::new();
    asking(&mut house, r#"clicked("report") or engagement >= 20"#);
    assert_eq!(answer(&house, true, true), "yes");
    assert_eq!(answer(&house, true, false), "silent");
    assert_eq!(answer(&house, false, true), "yes", "what is known is known");
    assert_eq!(answer(&house, false, false), "past");
}

#[test]
fn what_tracking_has_no_part_in_is_answered_also_without() {
    let mut house = House::new();
    asking(&mut house, r#"country == "Italy""#);
    assert_eq!(answer(&house, true, false), "silent");
    assert_eq!(answer(&house, false, false), "silent");
}

#[test]
fn other_rules_of_the_zone_move_a_civil_wait() {
    let mut house = House::new();
    house.workflow("reawaken", vec![wait("1d"), email("report")], |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    let right = wednesday() + DAY;
    for stored in [right - HOUR, right + HOUR] {
        // As it was reckoned by the rules of then.
        let Phase::Waiting { due } = &mut story.state.enrolments[0].phase else { panic!() };
        due.at = stored;
        story.at(right - HOUR).decide();
        assert_eq!((story.last.wake_at, story.mails().len()), (right, 0));
        assert!(story.decide().changes_nothing());
    }
    story.at(right).decide();
    assert_eq!(story.mails(), ["report"]);
}
