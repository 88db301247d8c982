//! Dates of a campaign: steps that wait for one, mails that leave by one or not at all.

use super::*;
use crate::domain::campaign::{Campaign, CampaignDate};

/// A webinar that begins at a local time in Rome.
fn webinar(house: &mut House, starts: &str) {
    let date = CampaignDate { local: starts.parse().unwrap(), is_day: false, written_at: (1, 1) };
    let campaign = Campaign {
        name: "spring".into(),
        file: String::new(),
        title: "Spring".into(),
        about: String::new(),
        zone: Zone::named("Europe/Rome").unwrap(),
        dates: BTreeMap::from([(Name::new("starts"), date)]),
        variables: BTreeMap::new(),
        utm: BTreeMap::new(),
        costs: Vec::new(),
    };
    house.0.campaigns.insert("spring".into(), campaign);
}

fn at(text: &str, if_past: bool, then: usize) -> StepKind {
    StepKind::At { date: DateExpr::parse(text).unwrap(), if_past, then: Some(StepIx(then)) }
}

fn dated(template: &str, not_after: &str) -> StepKind {
    let not_after = Some(Deadline::parse(not_after).unwrap());
    StepKind::Email {
        template: template.into(),
        now: None,
        not_after,
        in_doubt: None,
        on_failure: None,
    }
}

/// The invitation on the Thursday after next, at half past nine, then a word afterwards.
fn inviting(if_past: bool, starts: &str) -> House {
    let mut house = House::new();
    webinar(&mut house, starts);
    // As the steps of a file are laid out: past the first is past what stands inside of it.
    let invite = Step {
        id: "at.invite".into(),
        kind: at("starts - 21d, 09:30", if_past, 1),
        next: Some(StepIx(2)),
    };
    let step = |id: &str, kind, next| Step { id: id.into(), kind, next };
    let steps = vec![
        invite,
        step("invite", email("invitation"), Some(StepIx(2))),
        step("word", email("word"), None),
    ];
    house.workflow("webinar", Vec::from([email("unused")]), |workflow| {
        workflow.campaign = Some("spring".into());
        workflow.steps = Steps::new(steps, Some(StepIx(0))).unwrap();
    });
    house
}

#[test]
fn a_step_with_a_date_waits_for_it() {
    let house = inviting(false, "2027-04-22T11:00");
    let mut story = Story::cold(&house);
    story.decide();
    let thursday: Instant = "2027-04-01T07:30:00Z".parse().unwrap();
    assert_eq!((story.mails().len(), story.last.wake_at), (0, thursday));
    story.is_settled();
    story.at(thursday).decide();
    assert_eq!(story.mails(), ["invitation"]);
}

#[test]
fn a_step_whose_date_is_past_when_the_lead_comes_is_passed_over_with_a_word() {
    let house = inviting(false, "2027-04-10T11:00");
    let mut late = Story::cold(&house);
    late.decide();
    assert_eq!(late.mails(), ["word"]);
    assert_eq!(late.verbs(), [Verb::Entered, Verb::Skipped, Verb::Reserved]);
    let line = &late.last.log[1];
    assert_eq!(line.step.as_deref(), Some("invite"));
    assert!(line.reason.starts_with("its time was past: starts - 21d, 09:30"), "{}", line.reason);

    let house = inviting(true, "2027-04-10T11:00");
    let mut told_otherwise = Story::cold(&house);
    told_otherwise.decide();
    assert_eq!(told_otherwise.mails(), ["invitation"]);
}

#[test]
fn who_waited_for_it_is_not_too_late_when_nobody_looked_in_time() {
    let house = inviting(false, "2027-04-22T11:00");
    let mut story = Story::cold(&house);
    story.decide();
    story.at("2027-04-01T11:00:00Z".parse().unwrap()).decide();
    assert_eq!(story.mails(), ["invitation"]);
}

#[test]
fn a_date_that_is_moved_moves_those_who_wait_for_it() {
    let (before, mut later) =
        (inviting(false, "2027-04-22T11:00"), inviting(false, "2027-04-29T11:00"));
    later.0.release = ReleaseId(2);
    let mut story = Story::cold(&before);
    story.decide();
    story.at(wednesday() + DAY).under(&later).decide();
    let moved: Instant = "2027-04-08T07:30:00Z".parse().unwrap();
    assert_eq!(story.last.wake_at, moved);
    let Phase::Waiting { due } = &story.state.enrolments[0].phase else { panic!() };
    assert_eq!(due.at, moved);
    story.is_settled();

    // Into the past, before anybody could be written to.
    let mut earlier = inviting(false, "2027-04-12T11:00");
    earlier.0.release = ReleaseId(3);
    story.under(&earlier).decide();
    assert_eq!(story.verbs(), [Verb::Skipped, Verb::Reserved]);
    assert_eq!(story.mails(), ["word"]);
}

/// A mail that must leave by a date or not at all, then another.
fn offering(not_after: &str, starts: &str) -> House {
    let mut house = House::new();
    webinar(&mut house, starts);
    house.workflow("webinar", vec![dated("offer", not_after), email("word")], |workflow| {
        workflow.campaign = Some("spring".into());
    });
    house
}

#[test]
fn a_mail_that_cannot_leave_in_time_expires_and_its_lead_goes_on() {
    // Over on Saturday, and the window opens on Monday.
    let house = offering("starts - 1h", "2027-03-27T11:00");
    let mut story = Story::cold(&house);
    story.at("2027-03-26T17:00:00Z".parse().unwrap()).decide();
    let over: Instant = "2027-03-27T09:00:00Z".parse().unwrap();
    assert_eq!((story.verbs().last(), story.last.wake_at), (Some(&Verb::Held), over));
    story.at(over).decide();
    assert_eq!(story.verbs(), [Verb::Expired, Verb::Held]);
    assert!(story.reasons().starts_with("expired: not_after starts - 1h"), "{}", story.reasons());
    story.passes_until("2027-03-29T07:00:00Z".parse().unwrap());
    assert_eq!(story.mails(), ["word"]);
}

#[test]
fn a_reserved_or_deferred_mail_expires_too_and_one_with_the_relay_does_not() {
    let house = offering("2h", "2027-04-22T11:00");
    for state in [MessageState::Reserved, MessageState::Claimed, MessageState::Deferred] {
        let mut story = Story::cold(&house);
        story.decide();
        story.put_off(state, wednesday() + 5 * HOUR);
        story.at(wednesday() + 2 * HOUR).decide();
        assert_eq!(story.last.withdraw.len(), 1, "{state:?}");
        assert!(story.last.withdraw[0].1.starts_with("expired: not_after 2h"));
        story.at(story.now.next()).decide();
        assert_eq!(story.mails(), ["word"]);
    }
    let mut story = Story::cold(&house);
    story.decide();
    story.put_off(MessageState::Transmitting, wednesday());
    story.at(wednesday() + 2 * HOUR).decide();
    assert!(story.last.withdraw.is_empty());
    story.sent();
    assert_eq!(story.mails(), ["word"]);
}

#[test]
fn a_parked_mail_is_over_with_its_time() {
    let house = offering("2h", "2027-04-22T11:00");
    let mut story = Story::cold(&house);
    story.decide();
    // What is parked is not open.
    story.state.open_message = None;
    story.at(wednesday() + 2 * HOUR).decide();
    let change = &story.last.enrolments[0];
    assert!(change.gave_up.as_deref().unwrap().starts_with("expired"), "{change:?}");
    assert_eq!(story.mails(), ["word"]);
}

#[test]
fn what_is_too_late_is_not_let_through_at_the_instant_of_sending() {
    let house = offering("2h", "2027-04-22T11:00");
    let mut story = Story::cold(&house);
    story.decide();
    let about = story.state.open_message.as_ref().unwrap().about.clone();
    let version = Version("webinar-1".into());
    let ask = |now| may_send(&house.0, &story.state, &about, MessageKind::Marketing, &version, now);
    let over = wednesday() + 2 * HOUR;
    assert_eq!(ask(Instant::from_millis(over.millis() - 1)), MaySend::Now);
    let MaySend::NotBefore(until, reason) = ask(over) else { panic!() };
    assert!(until > over && reason.starts_with("expired"), "{reason}");
    let workflow = &house.0.structures[&version];
    assert_eq!(closes(&house.0, &story.state, workflow, &about, wednesday()), Some(over));
}

#[test]
fn a_mail_that_was_asked_for_goes_at_once_beside_others_that_keep_hours() {
    let mut house = House::new();
    let asked = StepKind::Email {
        template: "asked".into(),
        now: Some(true),
        not_after: None,
        in_doubt: None,
        on_failure: None,
    };
    house.workflow("webinar", vec![asked, email("word")], |_| {});
    let mut story = Story::cold(&house);
    story.at("2027-03-26T18:00:00Z".parse().unwrap()).decide();
    assert_eq!(story.mails(), ["asked"]);
    story.sent();
    assert!(story.mails().is_empty());
    story.passes_until("2027-03-29T07:00:00Z".parse().unwrap());
    assert_eq!(story.mails(), ["word"]);

    let mut objected = Story::cold(&house);
    objected.state.suppressed = Some(Suppression::Unsubscribed);
    objected.decide();
    assert!(objected.mails().is_empty());
}

/// Which outcome, by the events that came.
fn outcome(events: &[&str], after: Duration) -> String {
    let mut house = House::new();
    let mut awaited = |name: &str, then| {
        let condition = house.condition(&format!("happened(\"webinar.{name}\")"), Scope::Workflow);
        Awaited { name: Some(name.into()), condition, then }
    };
    let awaited = vec![
        awaited("attended", Some(StepIx(2))),
        awaited("missed", Some(StepIx(3))),
        awaited("left", None),
    ];
    let up_to = Some(Deadline::parse("3d").unwrap());
    let stop = |reason: &str| StepKind::Stop { reason: Some(reason.into()) };
    let wait = StepKind::WaitFor { awaited, up_to, otherwise: Some(StepIx(4)) };
    let steps = vec![wait, stop("past"), stop("thanks"), stop("sorry"), stop("nothing")];
    house.workflow("webinar", steps, |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    story.at(wednesday() + HOUR);
    for event in events {
        story.happens(EventKind::parse(event).unwrap(), None);
    }
    story.decide();
    if story.last.enrolments.is_empty() {
        story.at(wednesday() + after).decide();
    }
    let ended = story.last.enrolments[0].ended.as_ref();
    ended.map_or_else(String::new, |ended| ended.reason.clone())
}

#[test]
fn the_first_outcome_that_is_true_in_the_order_of_the_file_is_taken() {
    assert_eq!(outcome(&["webinar.attended"], HOUR), "thanks");
    assert_eq!(outcome(&["webinar.missed"], HOUR), "sorry");
    assert_eq!(outcome(&["webinar.missed", "webinar.attended"], HOUR), "thanks");
    assert_eq!(outcome(&["webinar.left"], HOUR), "past", "without a branch it goes on");
    assert_eq!(outcome(&[], 4 * DAY), "nothing");
}
