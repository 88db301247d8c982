//! Points, their ledger, and the stages that they move.

use super::*;

#[test]
fn a_click_judged_a_machines_in_time_never_counts() {
    let mut house = House::new();
    house.engagement("clicked()", 10, 3);
    let mut story = Story::cold(&house);
    let click = story.happens(EventKind::MAIL_CLICKED, Some("report"));
    click.judgement = Judgement::Unsure;
    click.settles_at = Some(wednesday() + 20 * Duration::from_secs(1));
    let target = click.rev;
    story.decide();
    let revision = story.happens(EventKind::JUDGEMENT_REVISED, Some("report"));
    revision.judgement = Judgement::Machine;
    revision.revises = Some(target);
    story.decide();
    story.at(wednesday() + HOUR).decide();
    let engagement = house.0.scoring.engagement(&story.state.facts, story.now);
    assert_eq!(engagement, MilliPoints(0));
}

#[test]
fn points_move_the_stage_and_every_point_is_in_the_ledger() {
    let mut house = House::new();
    house.engagement(r#"visited("/pricing")"#, 25, 2);
    house.fit(r#"seniority == "vp""#, 20);
    house.stage(Stage::Lead, Stage::Mql, "fit >= 20 and engagement >= 40");
    house.stage(Stage::Mql, Stage::Lead, "engagement < 10");
    let mut story = Story::new(&house, &[("seniority", "vp")]);
    story.decide();
    assert_eq!(story.last.ledger.len(), 1);
    assert_eq!(story.last.ledger[0].score, ScoreKind::Fit);
    story.happens(EventKind::PAGE_VISITED, Some("/pricing"));
    story.decide();
    assert_eq!(story.last.ledger.len(), 1);
    story.happens(EventKind::PAGE_VISITED, Some("/pricing"));
    story.decide();
    assert_eq!(story.state.stage, Stage::Mql);
    assert_eq!(story.last.events[0].object.as_deref(), Some("mql"));
    // 50 points with a half-life of 30 days are 10 after about 69.7 days.
    let falls = story.last.wake_at;
    assert!(falls > wednesday() + 69 * DAY && falls < wednesday() + 71 * DAY, "{falls}");
    story.at(falls).decide();
    assert_eq!(story.state.stage, Stage::Lead);
}

#[test]
fn without_a_ground_for_tracking_engagement_is_unknown_and_not_zero() {
    let mut house = House::new();
    house.0.policy.tracking = Tracking::With("insights".into());
    house.segment("asleep", "engagement < 10");
    let asleep = house.0.segments.len() - 1;
    let mut story = Story::cold(&house);
    story.decide();
    assert!(story.state.segments[asleep].is_some());
    story.state.consents.clear();
    story.decide();
    assert!(story.state.segments[asleep].is_none(), "silence is not lack of interest");
}

#[test]
fn a_fit_rule_that_changes_its_points_is_booked_with_the_difference() {
    let mut house = House::new();
    house.fit(r#"seniority == "vp""#, 20);
    let mut story = Story::new(&house, &[("seniority", "vp")]);
    story.decide();
    let (state, now) = (story.state.clone(), story.now);
    house.0.scoring.fit[0].points = MilliPoints::points(30);
    let decision = decide(&house.0, &state, &Grants::default(), now);
    assert_eq!(decision.ledger.len(), 1);
    assert_eq!(decision.ledger[0].points, MilliPoints::points(10));
}
