//! When a mail leaves, and whose.

use super::*;

#[test]
fn a_member_of_the_segment_enters_and_gets_the_first_mail_inside_the_window() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report")], |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.mails(), ["report"]);
    assert_eq!(story.verbs(), [Verb::Entered, Verb::Reserved]);
    assert_eq!(story.state.enrolments[0].phase, Phase::Mailing);

    let mut other = Story::new(&house, &[("lead_status", "Open")]);
    assert!(other.decide().enrolments.is_empty());
    assert!(other.last.wake_at.is_never(), "nothing to wait for");
}

#[test]
fn outside_of_the_window_the_mail_is_held_until_it_opens() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report")], |_| {});
    let mut story = Story::cold(&house);
    let friday_evening: Instant = "2027-03-26T18:00:00Z".parse().unwrap();
    story.at(friday_evening).decide();
    assert!(story.mails().is_empty());
    assert_eq!(story.verbs(), [Verb::Entered, Verb::Held]);
    // Over the week-end the clocks go forward: Monday 09:00 in Rome is 07:00 UTC.
    let monday: Instant = "2027-03-29T07:00:00Z".parse().unwrap();
    assert_eq!(story.last.wake_at, monday);
    story.at(monday).decide();
    assert_eq!(story.mails(), ["report"]);
}

#[test]
fn on_a_holiday_of_the_leads_country_the_mail_is_held() {
    let mut house = House::new();
    house.0.policy.calendar = Calendar { holidays: Whose::Leads, also: Vec::new() };
    let steps = vec![wait("1 business day"), email("report")];
    house.workflow("reawaken", steps, |_| {});
    // The thursday before Good Friday, on which Italy works and Germany does not.
    let thursday: Instant = "2027-03-25T09:00:00Z".parse().unwrap();
    for (country, due) in [("IT", "2027-03-26T09:00:00Z"), ("DE", "2027-03-30T08:00:00Z")] {
        let mut story = Story::cold(&house);
        story.state.country = Country::parse(country);
        story.at(thursday).decide();
        assert_eq!(story.last.wake_at.to_string(), due, "{country}");
    }
    let mut house = House::new();
    house.0.policy.calendar = Calendar { holidays: Whose::Leads, also: Vec::new() };
    house.workflow("reawaken", vec![email("report")], |_| {});
    let mut story = Story::cold(&house);
    story.state.country = Country::parse("Germania");
    let friday: Instant = "2027-03-26T09:00:00Z".parse().unwrap();
    story.at(friday).decide();
    assert!(story.mails().is_empty());
    assert!(story.reasons().contains("26 Mar 2027 is a day off in DE"), "{}", story.reasons());
    // Easter Monday is one, too; the clocks have gone forward.
    assert_eq!(story.last.wake_at.to_string(), "2027-03-30T07:00:00Z");
    story.at(story.last.wake_at).decide();
    assert_eq!(story.mails(), ["report"]);
}

#[test]
fn two_workflows_write_one_after_the_other_the_more_important_first() {
    let mut house = House::new();
    house.workflow("low", vec![email("low-mail")], |w| w.priority = 1);
    house.workflow("high", vec![email("high-mail")], |w| w.priority = 9);
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.mails(), ["high-mail"]);
    assert!(story.reasons().contains("a mail of `high` is on its way"));
    story.sent();
    assert_eq!(story.mails(), ["low-mail"]);
}

#[test]
fn a_refused_want_is_held_until_the_slot() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report")], |_| {});
    let story = Story::cold(&house);
    let first = decide(&house.0, &story.state, &Grants::default(), story.now);
    let slot = story.now + HOUR;
    let mut grants = Grants::default();
    grants.refuse(&first.wants[0], slot, "the account has had its share".into());
    let second = decide(&house.0, &story.state, &grants, story.now);
    assert!(second.messages.is_empty());
    assert_eq!(second.wake_at, slot);
}

#[test]
fn what_was_reserved_is_judged_again_at_the_instant_of_sending() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report")], |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    let about = story.state.open_message.as_ref().unwrap().about.clone();
    let version = Version("reawaken-1".into());
    let ask = |state: &LeadState, about: &StepRef, now| {
        may_send(&house.0, state, about, MessageKind::Marketing, &version, now)
    };
    assert_eq!(ask(&story.state, &about, story.now), MaySend::Now);
    let night: Instant = "2027-03-24T22:00:00Z".parse().unwrap();
    assert!(matches!(ask(&story.state, &about, night), MaySend::NotBefore(..)));
    let mut objected = story.state.clone();
    objected.suppressed = Some(Suppression::Complained);
    assert!(matches!(ask(&objected, &about, story.now), MaySend::Never(_)));
    let elsewhere = StepRef { visit: 2, ..about };
    assert!(matches!(ask(&story.state, &elsewhere, story.now), MaySend::Never(_)));
}
