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

/// Leads are mql from 40 points on and fall back below 10.
fn house_of(release: i64, points: i64) -> House {
    let mut house = House::new();
    house.0.release = ReleaseId(release);
    house.engagement("visited()", points, 4);
    house.stage(Stage::Lead, Stage::Mql, "engagement >= 40");
    house.stage(Stage::Mql, Stage::Lead, "engagement < 10");
    house
}

fn visits(story: &mut Story<'_>, count: usize) {
    for _ in 0..count {
        story.happens(EventKind::PAGE_VISITED, None);
    }
    story.decide();
}

#[test]
fn no_stage_falls_by_a_release_alone() {
    let (before, after) = (house_of(1, 20), house_of(2, 4));
    let mut story = Story::new(&before, &[]);
    visits(&mut story, 2);
    assert_eq!(story.state.stage, Stage::Mql);
    story.at(wednesday() + HOUR).under(&after).decide();
    assert_eq!(story.state.stage, Stage::Mql);
    assert_eq!(
        story.reasons(),
        "stays mql: not what happened but a new release alone makes it lead"
    );
    assert_eq!(story.booked(), [("(all)", -32)]);
    story.at(wednesday() + 2 * HOUR).decide();
    assert!(story.last.changes_nothing(), "told once: {:?}", story.last);
    // The rule applies again once it has been false.
    visits(&mut story, 1);
    assert!(story.state.withheld.is_empty());
    story.at(story.last.wake_at).decide();
    assert_eq!(story.state.stage, Stage::Lead);
}

#[test]
fn a_stage_falls_by_what_happened_since_also_under_a_new_release() {
    let (before, after) = (house_of(1, 20), house_of(2, 19));
    let mut story = Story::new(&before, &[]);
    visits(&mut story, 2);
    // Time passed and nobody looked.
    story.at(wednesday() + 90 * DAY).under(&after).decide();
    assert_eq!(story.state.stage, Stage::Lead);
}

#[test]
fn a_release_that_changes_nothing_writes_nothing() {
    let (before, after) = (house_of(1, 20), house_of(2, 20));
    let mut story = Story::new(&before, &[]);
    visits(&mut story, 1);
    assert!(story.under(&after).decide().changes_nothing());
}

#[test]
fn beyond_its_cap_a_rule_books_no_more() {
    let house = house_of(1, 10);
    let mut story = Story::new(&house, &[]);
    visits(&mut story, 4);
    assert_eq!(story.booked(), [("visited()", 10); 4]);
    story.at(wednesday() + HOUR);
    visits(&mut story, 1);
    assert_eq!(story.booked(), [("visited()", -10), ("visited()", 10)]);
    assert_eq!(story.last.ledger[0].at, wednesday(), "what fades no longer is what was oldest");
}

#[test]
fn nothing_is_booked_twice_where_the_clock_went_back() {
    let house = house_of(1, 10);
    let mut story = Story::new(&house, &[]);
    visits(&mut story, 1);
    for hours in [5, 3, 1] {
        story.now = wednesday() - hours * HOUR;
        visits(&mut story, 1);
        assert_eq!(story.booked(), [("visited()", 10)]);
    }
}

#[test]
fn a_settled_hit_that_was_a_machines_after_all_is_booked_back() {
    let house = house_of(1, 10);
    let mut story = Story::new(&house, &[]);
    let visit = story.happens(EventKind::PAGE_VISITED, None);
    visit.judgement = Judgement::Unsure;
    visit.settles_at = Some(wednesday() + Duration::from_secs(20));
    let target = visit.rev;
    assert!(story.decide().ledger.is_empty());
    story.at(story.last.wake_at).decide();
    assert_eq!(story.booked(), [("visited()", 10)]);
    let revision = story.at(wednesday() + HOUR).happens(EventKind::JUDGEMENT_REVISED, None);
    revision.judgement = Judgement::Machine;
    revision.revises = Some(target);
    story.decide();
    assert_eq!(story.booked(), [("visited()", -10)]);
    assert!(story.last.ledger[0].reason.ends_with("judged a machine's hit"));
    assert_eq!(story.last.ledger[0].event, Some(target));
    assert_eq!(story.state.booked, crate::domain::score::Booked::default());
}

#[test]
fn no_ground_but_consent_lets_behaviour_be_looked_at() {
    let mut house = House::new();
    house.0.policy.tracking = Tracking::With("insights".into());
    house.0.policy.purposes.get_mut("insights").unwrap().basis = Basis::ALL.to_vec();
    let mut story = Story::cold(&house);
    for basis in Basis::ALL {
        story.state.consents.get_mut("insights").unwrap().basis = basis;
        assert_eq!(tracked(&house.0, &story.state), basis == Basis::Consent, "{basis:?}");
    }
}
