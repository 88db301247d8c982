//! Steps that choose a way on arrival, and those that go round.

use super::*;
use crate::domain::{split::Arm, workflow::Case};

fn stop(reason: &str) -> StepKind {
    StepKind::Stop { reason: Some(reason.into()) }
}

fn end(story: &Story<'_>) -> String {
    story.last.enrolments[0].ended.as_ref().unwrap().reason.clone()
}

fn case(house: &mut House, name: Option<&str>, condition: &str, then: Option<usize>) -> Case {
    let condition = house.condition(condition, Scope::Workflow);
    Case { name: name.map(Name::new), condition, then: then.map(StepIx) }
}

#[test]
fn the_first_case_that_is_true_wins_and_is_asked_once() {
    let mut house = House::new();
    let cases = vec![
        case(&mut house, None, r#"country == "Italy""#, Some(2)),
        case(&mut house, Some("large"), r#"employees == "2000+""#, Some(3)),
        case(&mut house, None, r#"country == "France""#, None),
    ];
    let branch = StepKind::Branch { cases, otherwise: Some(StepIx(4)) };
    let steps = vec![branch, stop("below"), stop("italian"), stop("large"), stop("others")];
    house.workflow("reawaken", steps, |_| {});
    for (attributes, expected, told) in [
        (
            vec![("country", "Italy"), ("employees", "2000+")],
            "italian",
            r#"case 1: country == "Italy""#,
        ),
        (
            vec![("country", "France"), ("employees", "2000+")],
            "large",
            r#"large: employees == "2000+""#,
        ),
        (vec![("country", "France")], "below", r#"case 3: country == "France""#),
        (vec![], "others", "else: no case is true"),
    ] {
        let mut story =
            Story::new(&house, &[vec![("lead_status", "Not now")], attributes].concat());
        story.decide();
        assert_eq!(end(&story), expected);
        assert!(story.reasons().contains(told), "{}", story.reasons());
    }
}

#[test]
fn a_lead_takes_the_same_arm_each_time() {
    let mut house = House::new();
    let arm = |name: &str, weight, then: Option<usize>| Arm {
        name: name.into(),
        weight: std::num::NonZeroU32::new(weight).unwrap(),
        then: then.map(StepIx),
    };
    let arms = vec![arm("a", 2, Some(2)), arm("b", 1, Some(3)), arm("holdout", 1, None)];
    let steps = vec![StepKind::Split(arms), stop("below"), stop("a"), stop("b")];
    house.workflow("test", steps, |it| (it.enter, it.again) = (Enter::ByHand, Again::Always));
    let mut found = BTreeMap::new();
    for number in 0..40 {
        let mut story = Story::cold(&house);
        story.state.address = format!("lead.{number}@example.com").parse().unwrap();
        story.happens(EventKind::ENROLMENT_REQUESTED, Some("test"));
        story.decide();
        let first = end(&story);
        let name = if first == "below" { "holdout" } else { &first };
        assert!(story.reasons().contains(&format!("arm {name}: ")), "{}", story.reasons());
        for _ in 0..3 {
            story.at(story.now + DAY).happens(EventKind::ENROLMENT_REQUESTED, Some("test"));
            story.decide();
            assert_eq!(end(&story), first);
        }
        *found.entry(first).or_insert(0) += 1;
    }
    assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b", "below"]);
}

/// `go round` around the steps from 1 to before `after`, which must lead back.
fn repeat(times: u32, until: Option<Condition>) -> StepKind {
    StepKind::Repeat { times, until, body: Some(StepIx(1)) }
}

fn with_next(workflow: &mut Workflow, next: &[(usize, Option<usize>)]) {
    let mut steps: Vec<Step> = workflow.steps.iter().cloned().collect();
    for (step, to) in next {
        steps[*step].next = to.map(StepIx);
    }
    workflow.steps = Steps::new(steps, workflow.steps.first()).unwrap();
}

#[test]
fn each_round_sends_its_mails_anew_until_all_are_done() {
    let mut house = House::new();
    let steps = vec![repeat(3, None), email("report"), wait("7d"), stop("enough")];
    house.workflow("rounds", steps, |it| with_next(it, &[(0, Some(3)), (2, Some(0))]));
    let mut story = Story::cold(&house);
    story.decide();
    for round in 1..=3 {
        assert_eq!(story.mails(), ["report"]);
        assert_eq!(story.state.open_message.as_ref().unwrap().about.visit, round * 1000 + 1);
        story.sent();
        story.is_settled();
        story.passes_until(story.now + 8 * DAY);
    }
    assert_eq!(end(&story), "enough");
    assert!(story.reasons().contains("all 3 rounds are done"), "{}", story.reasons());
    assert_eq!(story.reserved.len(), 3);
}

#[test]
fn a_round_does_not_begin_once_it_is_true() {
    let mut house = House::new();
    let replied = house.condition("replied()", Scope::Workflow);
    let steps = vec![repeat(3, Some(replied)), email("report"), wait("7d"), stop("below")];
    house.workflow("rounds", steps, |it| with_next(it, &[(0, Some(3)), (2, Some(0))]));
    let mut story = Story::cold(&house);
    story.decide();
    story.sent();
    // Asked at the end of the round, not watched.
    story.at(story.now + DAY).happens(EventKind::LEAD_REPLIED, None);
    story.decide();
    assert!(story.state.enrolments[0].step == *"step-2");
    story.passes_until(story.now + 8 * DAY);
    assert_eq!(end(&story), "below");
    assert!(story.reasons().contains("until: replied()"), "{}", story.reasons());
}

#[test]
fn rounds_inside_of_rounds_have_keys_of_their_own_and_few_turns() {
    let mut house = House::new();
    let inner = StepKind::Repeat { times: 100, until: None, body: Some(StepIx(2)) };
    let steps = vec![repeat(5, None), inner, email("report"), stop("enough")];
    house.workflow("rounds", steps, |it| {
        with_next(it, &[(0, Some(3)), (1, Some(0)), (2, Some(1))]);
        it.window = Some(Window::parse("always").unwrap());
    });
    let mut story = Story::cold(&house);
    story.decide();
    for _ in 0..500 {
        assert!(story.state.enrolments[0].turns.len() <= 4);
        story.at(story.now + HOUR).sent();
    }
    assert_eq!(end(&story), "enough");
    assert_eq!(story.reserved.len(), 500);
}
