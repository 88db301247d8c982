//! Handing leads to sales, and what sales says.

use super::*;
use crate::domain::{
    address::Address,
    decision::NewMessage,
    hand_off::{Answer, HandOff, Persist, Receiver, Silence},
    people::{People, Person},
};

/// Ada, Ben and Cyd are sales. Leads are mql from 40 points on.
fn house(persist: Persist, to: Receiver) -> House {
    let mut house = House::new();
    let person = |name: &str| Person {
        name: name.to_uppercase(),
        address: Address::parse(&format!("{name}@example.com")).unwrap(),
        language: None,
    };
    let names = ["ada", "ben", "cyd"];
    house.0.people = People {
        persons: names.map(|name| (Name::new(name), person(name))).into(),
        teams: BTreeMap::from([(Name::new("sales"), names.map(Name::new).into())]),
    };
    house.engagement("visited()", 20, 4);
    house.stage(Stage::Lead, Stage::Mql, "engagement >= 40");
    house.stage(Stage::Recycled, Stage::Mql, "engagement >= 40");
    let stop = |reason: &str| StepKind::Stop { reason: Some(reason.into()) };
    let after = WaitSpec::parse("5d").unwrap();
    let step = HandOff {
        to,
        template: None,
        silence: Silence { after, persist },
        accepted: Some(StepIx(1)),
        returned: Some(StepIx(2)),
        silent: Some(StepIx(3)),
    };
    let steps =
        vec![StepKind::HandOff(step), stop("theirs"), stop("back"), stop("nobody answered")];
    house.workflow("qualify", steps, |_| {});
    house
}

fn team() -> Receiver {
    Receiver::People("sales".into())
}

fn owner_of(story: &Story<'_>, house: &House) -> Option<String> {
    let slot = house.0.schema.slot("owner").unwrap();
    story.state.attributes[slot.0].as_ref().map(ToString::to_string)
}

fn cards<'s>(story: &'s Story<'_>) -> Vec<&'s NewMessage> {
    let cards = story.last.messages.iter().filter(|it| it.kind == MessageKind::Internal);
    cards.collect()
}

/// A lead of 60 points, who is mql and handed to somebody.
fn handed<'h>(house: &'h House, attributes: &[(&str, &str)]) -> Story<'h> {
    let attributes = [&[("lead_status", "Not now")], attributes].concat();
    let mut story = Story::new(house, &attributes);
    for _ in 0..3 {
        story.happens(EventKind::PAGE_VISITED, None);
    }
    story.decide();
    assert_eq!(story.state.stage, Stage::Mql);
    assert_eq!(cards(&story).len(), 1);
    story
}

fn answer(story: &mut Story<'_>, kind: EventKind, reason: Option<&str>) {
    story.at(story.now + HOUR).happens(kind, reason);
}

fn ended<'s>(story: &'s Story<'_>) -> Option<&'s str> {
    Some(story.last.enrolments.first()?.ended.as_ref()?.reason.as_str())
}

#[test]
fn a_lead_is_handed_to_its_owner_or_to_one_of_the_team_who_then_owns_it() {
    let house = house(Persist::Remind, team());
    let owned = handed(&house, &[("owner", "BEN@example.com")]);
    assert_eq!((&*cards(&owned)[0].recipient, &*cards(&owned)[0].template), ("ben", "(card)"));
    assert_eq!(owner_of(&owned, &house).unwrap(), "BEN@example.com", "as the CRM wrote it");
    let free = handed(&house, &[]);
    assert_eq!(owner_of(&free, &house).unwrap(), *cards(&free)[0].recipient);
    free.is_settled();
    let made: Vec<_> = free.last.events.iter().map(|made| made.kind.as_str()).collect();
    assert_eq!(made, ["stage.changed", "handoff.made"]);
    let stranger = handed(&house, &[("owner", "rep_000007")]);
    assert_eq!(owner_of(&stranger, &house).unwrap(), "rep_000007");
}

#[test]
fn what_is_for_owners_goes_to_the_team_where_none_is_known() {
    let house = house(Persist::Remind, Receiver::Owner { else_to: "ada".into() });
    assert_eq!(&*cards(&handed(&house, &[("owner", "cyd")]))[0].recipient, "cyd");
    assert_eq!(&*cards(&handed(&house, &[("owner", "rep_000007")]))[0].recipient, "ada");
}

#[test]
fn who_accepts_owns_the_lead() {
    let house = house(Persist::Remind, team());
    let mut story = handed(&house, &[]);
    let other = if owner_of(&story, &house).unwrap() == "cyd" { "ada" } else { "cyd" };
    answer(&mut story, EventKind::HANDOFF_ACCEPTED, None);
    let event = story.state.new_events.last_mut().unwrap();
    event.data.insert("by".into(), Value::Text(other.into()));
    story.decide();
    assert_eq!((ended(&story), story.state.stage), (Some("theirs"), Stage::Mql));
    assert_eq!(owner_of(&story, &house).unwrap(), other);
    assert!(story.reasons().contains(&format!("accepted by {other}")), "{}", story.reasons());
}

#[test]
fn who_is_given_back_is_recycled_and_stays_so_until_they_stir_again() {
    let house = house(Persist::Remind, team());
    let mut story = handed(&house, &[]);
    let until = story.now + 90 * DAY;
    answer(&mut story, EventKind::HANDOFF_RETURNED, Some("not_now"));
    let event = story.state.new_events.last_mut().unwrap();
    event.data.insert("until".into(), Value::Date(until));
    story.decide();
    assert_eq!((ended(&story), story.state.stage), (Some("back"), Stage::Recycled));
    assert_eq!(story.state.attributes[Schema::LATER_UNTIL.0], Some(Value::Date(until)));
    story.is_settled();
    // The score that made them sales' is still there: it is no reason to hand them over again.
    story.at(story.now + DAY).decide();
    assert_eq!(story.state.stage, Stage::Recycled);
    // It fades, and then they come back by themselves.
    story.passes_until(wednesday() + 60 * DAY);
    assert_eq!(story.state.stage, Stage::Recycled);
    assert!(story.state.withheld.is_empty());
    for _ in 0..2 {
        story.happens(EventKind::PAGE_VISITED, None);
    }
    story.decide();
    assert_eq!(story.state.stage, Stage::Mql);
}

#[test]
fn the_wrong_person_is_disqualified_and_a_customer_stays_one() {
    let house = house(Persist::Remind, team());
    let mut wrong = handed(&house, &[]);
    answer(&mut wrong, EventKind::HANDOFF_RETURNED, Some("wrong_person"));
    wrong.decide();
    assert_eq!((ended(&wrong), wrong.state.stage), (Some("back"), Stage::Disqualified));
    let mut customer = Story::new(&house, &[]);
    customer.state.stage = Stage::Customer;
    customer.happens(EventKind::HANDOFF_RETURNED, Some("something of the CRM's own"));
    customer.decide();
    assert_eq!(customer.state.stage, Stage::Customer);
    // Somebody who was never handed over.
    let mut known = Story::new(&house, &[]);
    known.happens(EventKind::HANDOFF_RETURNED, Some("no_budget"));
    known.decide();
    assert_eq!(known.state.stage, Stage::Recycled);
}

#[test]
fn an_answer_to_one_hand_off_is_none_to_another() {
    let house = house(Persist::Remind, team());
    let mut story = handed(&house, &[]);
    let about = cards(&story)[0].about.clone();
    answer(&mut story, EventKind::HANDOFF_ACCEPTED, None);
    let event = story.state.new_events.last_mut().unwrap();
    event.about = Some(StepRef { step: "another".into(), ..about.clone() });
    story.decide();
    assert_eq!(ended(&story), None);
    answer(&mut story, EventKind::HANDOFF_ACCEPTED, None);
    story.state.new_events.last_mut().unwrap().about = Some(about);
    story.decide();
    assert_eq!(ended(&story), Some("theirs"));
}

#[test]
fn whoever_says_nothing_is_reminded_once() {
    let house = house(Persist::Remind, team());
    let mut story = handed(&house, &[]);
    let first = cards(&story)[0].clone();
    story.passes_until(wednesday() + 5 * DAY + HOUR);
    let again = cards(&story)[0].clone();
    assert_eq!((&again.recipient, again.about.visit), (&first.recipient, 2));
    story.is_settled();
    story.passes_until(wednesday() + 11 * DAY);
    assert_eq!((ended(&story), story.state.stage), (Some("nobody answered"), Stage::Mql));
}

#[test]
fn the_first_card_is_still_answered_after_the_second() {
    let house = house(Persist::Remind, team());
    let mut story = handed(&house, &[]);
    let about = cards(&story)[0].about.clone();
    story.passes_until(wednesday() + 6 * DAY);
    answer(&mut story, EventKind::HANDOFF_ACCEPTED, None);
    story.state.new_events.last_mut().unwrap().about = Some(about);
    story.decide();
    assert_eq!(ended(&story), Some("theirs"));
}

#[test]
fn each_of_the_team_gets_the_card_once() {
    let house = house(Persist::NextPerson, team());
    let mut story = handed(&house, &[]);
    let mut asked = vec![cards(&story)[0].recipient.clone()];
    let owner = owner_of(&story, &house);
    for days in [6, 11] {
        story.passes_until(wednesday() + days * DAY);
        asked.push(cards(&story)[0].recipient.clone());
        assert_eq!(owner_of(&story, &house), owner, "nobody has accepted");
    }
    story.passes_until(wednesday() + 20 * DAY);
    assert_eq!(ended(&story), Some("nobody answered"));
    asked.sort();
    assert_eq!(asked, ["ada", "ben", "cyd"].map(Name::new));
}

#[test]
fn a_lead_that_nobody_answers_for_may_come_back() {
    let house = house(Persist::Return, team());
    let mut story = handed(&house, &[]);
    story.passes_until(wednesday() + 6 * DAY);
    assert_eq!((ended(&story), story.state.stage), (Some("back"), Stage::Recycled));
    let made = story.last.events.iter().find(|made| made.kind == EventKind::HANDOFF_RETURNED);
    assert_eq!(made.unwrap().object.as_deref(), Some("no_answer"));
}

#[test]
fn who_bought_is_a_customer_though_sales_gave_them_back_before() {
    let mut house = house(Persist::Remind, team());
    house.stage(Stage::Recycled, Stage::Customer, r#"happened("deal.won")"#);
    let mut story = handed(&house, &[]);
    // Both come in by one import.
    story.at(story.now + DAY).happens(EventKind::DEAL_WON, None);
    let now = story.now;
    story.happens(EventKind::HANDOFF_RETURNED, Some("not_now")).occurred_at = now - HOUR;
    story.decide();
    assert_eq!(story.state.stage, Stage::Customer);
}

#[test]
fn of_several_dates_the_latest_holds_and_one_that_is_past_changes_nothing() {
    let house = house(Persist::Remind, team());
    let mut story = handed(&house, &[]);
    let start = story.now;
    let own = start + 30 * DAY;
    for (said, holds) in [
        (start - DAY, None),
        (own, Some(own)),
        (start + 9 * DAY, Some(own)),
        (own + DAY, Some(own + DAY)),
    ] {
        answer(&mut story, EventKind::HANDOFF_RETURNED, Some("not_now"));
        let event = story.state.new_events.last_mut().unwrap();
        event.data.insert("until".into(), Value::Date(said));
        story.decide();
        let known = story.state.attributes[Schema::LATER_UNTIL.0].clone();
        assert_eq!(known, holds.map(Value::Date), "{said}");
    }
}

#[test]
fn what_was_said_before_the_card_is_no_answer_to_it() {
    let house = house(Persist::Remind, team());
    let mut story = handed(&house, &[]);
    let before = story.now - DAY;
    answer(&mut story, EventKind::HANDOFF_ACCEPTED, None);
    story.state.new_events.last_mut().unwrap().occurred_at = before;
    story.decide();
    assert_eq!(ended(&story), None);
    // After a reminder, what was said of the first card still answers.
    let first = story.now;
    story.passes_until(wednesday() + 6 * DAY);
    answer(&mut story, EventKind::HANDOFF_ACCEPTED, None);
    story.state.new_events.last_mut().unwrap().occurred_at = first;
    story.decide();
    assert_eq!(ended(&story), Some("theirs"));
}

#[test]
fn another_word_moves_the_lead_by_what_is_said_now() {
    let mut house = house(Persist::Remind, team());
    let to_sales = house.0.workflows[0].workflow.steps.clone();
    house.workflow("again", Vec::new(), |workflow| {
        workflow.steps = to_sales;
        workflow.again = Again::Always;
        let (kind, object) = (EventKind::STAGE_CHANGED, Some("mql".into()));
        workflow.enter = Enter::On { kind, object, filter: None };
    });
    let corrected = |words: &[Option<&str>]| {
        let mut story = Story::new(&house, &[]);
        story.state.stage = Stage::Mql;
        let mut earlier: Option<&str> = None;
        for word in words {
            let kind = match word {
                None => EventKind::HANDOFF_ACCEPTED,
                Some(_) => EventKind::HANDOFF_RETURNED,
            };
            answer(&mut story, kind, *word);
            if let Some(earlier) = earlier {
                let event = story.state.new_events.last_mut().unwrap();
                event.data.insert(Answer::INSTEAD_OF.into(), Value::Text(earlier.into()));
            }
            earlier = *word;
            story.decide();
            assert!(cards(&story).is_empty(), "an old card is answered: there is no new one");
        }
        story.state.stage
    };
    assert_eq!(corrected(&[Some("wrong_person"), Some("not_now")]), Stage::Recycled);
    assert_eq!(corrected(&[Some("wrong_person"), None]), Stage::Mql);
    assert_eq!(corrected(&[Some("wrong_person"), None, Some("not_now")]), Stage::Recycled);
    assert_eq!(corrected(&[Some("no_budget"), None]), Stage::Mql);
    assert_eq!(corrected(&[Some("no_budget"), Some("wrong_person")]), Stage::Disqualified);
    // What another made of it stays.
    let mut story = Story::new(&house, &[]);
    story.state.stage = Stage::Disqualified;
    answer(&mut story, EventKind::HANDOFF_RETURNED, Some("not_now"));
    story.decide();
    assert_eq!(story.state.stage, Stage::Disqualified);
}

/// Two workflows that begin with the same hand-off.
fn two_houses(persist: Persist) -> House {
    let mut house = house(persist, team());
    let steps = house.0.workflows[0].workflow.steps.clone();
    house.workflow("also", Vec::new(), |workflow| workflow.steps = steps);
    house
}

fn ends<'s>(story: &'s Story<'_>) -> Vec<&'s str> {
    let ended = story.last.enrolments.iter().filter_map(|it| it.ended.as_ref());
    ended.map(|ended| ended.reason.as_str()).collect()
}

#[test]
fn a_lead_that_sales_has_is_not_handed_over_by_another_workflow_which_shares_the_outcome() {
    let house = two_houses(Persist::NextPerson);
    let mut story = handed(&house, &[]);
    assert_eq!(story.state.enrolments.len(), 2);
    assert!(story.reasons().contains("has handed it over"), "{}", story.reasons());
    answer(&mut story, EventKind::HANDOFF_RETURNED, Some("not_now"));
    story.decide();
    assert_eq!(ends(&story), ["back", "back"]);

    // Each of sales gets one card, and their silence is that of both.
    let mut story = handed(&house, &[]);
    let mut sent = 1;
    for _ in 0..3 {
        story.at(story.now + 5 * DAY).decide();
        sent += cards(&story).len();
    }
    assert_eq!((sent, ends(&story)), (3, vec!["nobody answered", "nobody answered"]));
}

#[test]
fn where_a_lead_is_taken_out_of_the_workflow_that_handed_it_over_the_other_does() {
    let house = two_houses(Persist::No);
    let mut story = handed(&house, &[]);
    story.state.enrolments.retain(|enrolment| !matches!(enrolment.phase, Phase::Waiting { .. }));
    story.at(story.now + DAY).decide();
    assert_eq!(cards(&story).len(), 1);
    answer(&mut story, EventKind::HANDOFF_ACCEPTED, None);
    story.decide();
    assert_eq!(ends(&story), ["theirs"]);
}
