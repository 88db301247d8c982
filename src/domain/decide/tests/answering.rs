//! What a lead says by a button, and what becomes of it.

use super::*;
use crate::domain::question::{Answer, Label, Question};

/// Asks `topic`, which sets `interest`, and `right-person`, whose `no` disqualifies.
fn house() -> House {
    let mut house = House::new();
    let slot = house.0.schema.declare("interest".into(), crate::domain::value::ValueType::Text);
    let answer = |value: &str, sets, stage| Answer {
        value: value.into(),
        label: Label::from(value),
        sets,
        stage,
    };
    let set = |value: &str| Some((slot, Value::Text(value.into())));
    let question = |answers| Question { title: Label::from("?"), answers };
    house.0.questions.insert(
        "topic".into(),
        question(vec![
            answer("pricing", set("pricing"), None),
            answer("downtime", set("downtime"), None),
        ]),
    );
    house.0.questions.insert(
        "right-person".into(),
        question(vec![answer("no", None, Some(Stage::Disqualified)), answer("yes", None, None)]),
    );
    house
}

fn answer(story: &mut Story<'_>, key: &str, value: &str) {
    let event = story.happens(EventKind::LEAD_ANSWERED, Some(key));
    event.data.insert("value".into(), Value::Text(value.into()));
}

#[test]
fn an_answer_sets_its_attribute_and_says_why() {
    let house = house();
    let mut story = Story::new(&house, &[]);
    answer(&mut story, "topic", "pricing");
    story.decide();
    let slot = house.0.schema.slot("interest").unwrap();
    assert_eq!(story.state.attributes[slot.0], Some(Value::Text("pricing".into())));
    assert!(story.reasons().contains("interest = pricing: answered `topic`: pricing"));
    answer(&mut story, "topic", "downtime");
    story.decide();
    assert_eq!(story.state.attributes[slot.0], Some(Value::Text("downtime".into())));
}

#[test]
fn an_answer_moves_the_stage_and_what_waits_for_it_goes_on() {
    let mut house = house();
    let condition = house.condition(r#"answered("right-person", "no")"#, Scope::Workflow);
    let leave = house.condition(r#"stage == "disqualified""#, Scope::Workflow);
    house.workflow(
        "reawaken",
        vec![wait_for(condition, None, None, None), email("bye")],
        |workflow| workflow.leave = Some(leave),
    );
    let mut story = Story::cold(&house);
    story.decide();
    answer(&mut story, "right-person", "yes");
    story.decide();
    assert_eq!(story.state.enrolments.len(), 1, "another answer is none of this");
    answer(&mut story, "right-person", "no");
    story.decide();
    assert_eq!(story.state.stage, Stage::Disqualified);
    assert!(story.reasons().contains("lead → disqualified: answered `right-person`: no"));
    assert_eq!(story.last.events[0].kind, EventKind::STAGE_CHANGED);
    assert!(story.state.enrolments.is_empty(), "it left");
    assert!(story.mails().is_empty());
}

#[test]
fn what_is_not_asked_any_more_is_noted_and_changes_nothing() {
    let house = house();
    let mut story = Story::new(&house, &[]);
    let before = story.state.attributes.clone();
    answer(&mut story, "gone", "yes");
    answer(&mut story, "topic", "gone");
    story.decide();
    assert_eq!(story.state.attributes, before);
    let reasons = story.reasons();
    assert!(reasons.contains("`gone`: yes; the question is not asked any more"), "{reasons}");
    assert!(reasons.contains("`topic`: gone; it is no answer any more"), "{reasons}");
}

#[test]
fn who_asked_for_later_is_left_in_peace_until_that_day() {
    let mut house = house();
    house.0.policy.window = Window::always();
    house.workflow("reawaken", vec![wait("1d"), email("report")], |_| {});
    house.workflow("booked", vec![wait("1d"), email("ticket")], |workflow| workflow.now = true);
    let mut story = Story::cold(&house);
    // Until Monday, 29 March: in Rome that begins on the 28th, at 22:00 UTC.
    let until: Instant = "2027-03-29T00:00:00Z".parse().unwrap();
    story.state.attributes[Schema::LATER_UNTIL.0] = Some(Value::Date(until));
    story.decide();
    story.at(wednesday() + DAY).decide();
    assert_eq!(story.mails(), ["ticket"], "what it asked for comes");
    story.sent();
    assert!(story.mails().is_empty());
    assert!(story.reasons().contains("asked to be written to later, from 29 Mar 2027"));
    let end: Instant = "2027-03-28T22:00:00Z".parse().unwrap();
    assert_eq!(story.last.wake_at, end);
    story.at(Instant::from_millis(end.millis() - 1)).decide();
    assert!(story.mails().is_empty());
    story.at(end).decide();
    assert_eq!(story.mails(), ["report"]);

    let about = story.state.open_message.as_ref().unwrap().about.clone();
    let ask = |state: &LeadState| {
        let version = Version("reawaken-1".into());
        may_send(&house.0, state, &about, MessageKind::Marketing, &version, end)
    };
    assert_eq!(ask(&story.state), MaySend::Now);
    let mut again = story.state.clone();
    again.attributes[Schema::LATER_UNTIL.0] = Some(Value::Date(until + 7 * DAY));
    assert!(matches!(ask(&again), MaySend::NotBefore(at, _) if at > end));
}

#[test]
fn later_said_while_a_mail_is_reserved_lets_what_was_asked_for_go_first() {
    let mut house = house();
    house.0.policy.window = Window::always();
    house.workflow("reawaken", vec![email("report")], |_| {});
    house.workflow("booked", vec![wait("1h"), email("ticket")], |workflow| workflow.now = true);
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.mails(), ["report"]);
    story.state.attributes[Schema::LATER_UNTIL.0] = Some(Value::Date(wednesday() + 30 * DAY));
    story.at(wednesday() + HOUR).decide();
    assert_eq!(story.last.withdraw.len(), 1, "it does not go now, and makes way");
}

/// What the lead asked for, as the sender finds it: the mail is reserved, or claimed and given back until
/// then, or the relay said later.
#[derive(Clone, Copy, Debug)]
enum Open {
    Reserved,
    GivenBack,
    Deferred,
    Claimed,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However often the lead changes their mind: no open mail waits for a day that is not asked for any
    /// more, and none stands in the way of others until that day.
    #[test]
    fn later_holds_as_long_as_it_is_asked_for_and_no_longer(
        open in prop_oneof![
            Just(Open::Reserved), Just(Open::GivenBack), Just(Open::Deferred), Just(Open::Claimed)
        ],
        days in proptest::collection::vec(proptest::option::of(1u32..700), 0..6),
        last in proptest::option::of(1u32..20),
    ) {
        let mut house = house();
        house.0.policy.window = Window::always();
        house.workflow("reawaken", vec![email("report")], |_| {});
        house.workflow("booked", vec![wait("40d"), email("ticket")], |it| it.now = true);
        let mut story = Story::cold(&house);
        story.decide();
        prop_assert_eq!(story.mails(), ["report"]);
        let ask = |story: &mut Story<'_>, days: Option<u32>| {
            let until = days.map(|days| Value::Date(wednesday() + DAY * days));
            story.state.attributes[Schema::LATER_UNTIL.0] = until;
        };
        for days in days.into_iter().chain([Some(650)]) {
            ask(&mut story, days);
            if days.is_some() && story.state.open_message.is_some() {
                match open {
                    Open::Reserved => &mut story,
                    Open::GivenBack => story.put_off(MessageState::Reserved, wednesday() + 650 * DAY),
                    Open::Deferred => story.put_off(MessageState::Deferred, story.now + HOUR),
                    Open::Claimed => story.put_off(MessageState::Claimed, story.now),
                };
            }
            story.at(story.now.next()).settle();
            story.is_settled();
            prop_assert!(days.is_none() || story.mails().is_empty());
        }
        ask(&mut story, last);
        story.settle();
        let sooner = wednesday() + DAY * (last.unwrap_or(0) + 2);
        story.passes_until(sooner);
        prop_assert_eq!(story.mails(), ["report"]);
        prop_assert!(story.state.open_message.as_ref().unwrap().due_at <= sooner);
    }
}
