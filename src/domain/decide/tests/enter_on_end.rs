//! Who comes in by the end of another workflow.

use super::*;

/// `first` over the segment `cold`, and `second` for those whose way through it ends so.
fn house(steps: Vec<StepKind>, outcome: Option<Outcome>, again: Again) -> House {
    let mut house = House::new();
    let goal = house.condition("replied()", Scope::Workflow);
    let leave = house.condition(r#"country == "France""#, Scope::Workflow);
    house.workflow("first", steps, |w| {
        (w.goal, w.leave, w.again) = (Some(goal), Some(leave), again);
    });
    house.workflow("second", vec![wait("1d")], |w| {
        w.enter = Enter::Ended { workflow: "first".into(), outcome };
        w.again = again;
    });
    house
}

fn inside(story: &Story<'_>) -> String {
    let inside: Vec<&str> = story.state.enrolments.iter().map(|it| it.workflow.as_str()).collect();
    inside.join(" ")
}

/// How the first one ends, and whether the second is entered by it.
fn ends(outcome: Option<Outcome>, end: Outcome) -> bool {
    let house = house(vec![wait("1d")], outcome, Again::Never);
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(inside(&story), "first");
    story.at(wednesday() + HOUR);
    match end {
        Outcome::Finished => {
            story.at(wednesday() + DAY);
        }
        Outcome::Goal => {
            story.happens(EventKind::LEAD_REPLIED, None);
        }
        Outcome::Left => {
            let country = house.0.schema.slot("country").unwrap().0;
            story.state.attributes[country] = Some(Value::Text("France".into()));
        }
        Outcome::Cancelled => {
            story.happens(EventKind::ENROLMENT_CANCELLED, None);
        }
    }
    story.decide();
    story.is_settled();
    let entered = inside(&story) == "second";
    if entered {
        assert!(story.reasons().contains(&format!("first: {}", end.word())), "{}", story.reasons());
    }
    story.decide();
    assert_eq!(inside(&story) == "second", entered, "by no later decision");
    entered
}

#[test]
fn it_comes_in_at_once_as_the_other_has_ended() {
    use Outcome::{Cancelled, Finished, Goal, Left};
    for end in [Finished, Goal, Left] {
        assert!(ends(None, end), "{end:?}");
        for wanted in [Finished, Goal, Left] {
            assert_eq!(ends(Some(wanted), end), wanted == end, "{wanted:?} {end:?}");
        }
    }
    assert!(!ends(None, Cancelled), "somebody took it out");
}

#[test]
fn re_entry_and_grounds_are_as_ever() {
    let mut house = house(vec![wait("1d")], None, Again::Never);
    let goal = house.condition("replied()", Scope::Lead);
    house.workflow("third", vec![email("report")], |w| {
        w.enter = Enter::Ended { workflow: "second".into(), outcome: None };
        w.goal = Some(goal);
        w.purpose = "offers".into();
    });
    let mut story = Story::cold(&house);
    story.decide();
    story.passes_until(wednesday() + 3 * DAY);
    assert_eq!(inside(&story), "");
    assert!(story.last.log.iter().any(|line| line.what == Verb::NotEntered), "no ground");
}

#[test]
fn nobody_goes_round_and_round_in_one_decision() {
    let tag = || vec![StepKind::Tag { add: vec!["seen".into()], remove: vec![] }];
    let mut house = House::new();
    for (name, other) in [("ping", "pong"), ("pong", "ping")] {
        house.workflow(name, tag(), |w| {
            w.enter = Enter::Ended { workflow: other.into(), outcome: None };
            w.again = Again::Always;
        });
    }
    let mut story = Story::cold(&house);
    story.happens(EventKind::ENROLMENT_REQUESTED, Some("ping"));
    story.decide();
    let entered = story.verbs().into_iter().filter(|verb| *verb == Verb::Entered).count();
    assert_eq!((entered, story.state.enrolments.len()), (2, 0));
    assert!(story.reasons().contains("in this very moment"), "{}", story.reasons());
    story.is_settled();
}

#[test]
fn a_chain_that_is_longer_than_a_decision_loses_nobody() {
    for (chain, outcome) in [(9, None), (10, Some(Outcome::Finished)), (40, None)] {
        let mut house = House::new();
        for place in 0..=chain {
            let tag = StepKind::Tag { add: vec![format!("seen-{place}").into()], remove: vec![] };
            let step = if place == chain { wait("7d") } else { tag };
            house.workflow(&format!("w{place}"), vec![step], |w| {
                w.enter = match place {
                    0 => Enter::ByHand,
                    _ => Enter::Ended { workflow: format!("w{}", place - 1).into(), outcome },
                };
            });
        }
        let mut story = Story::cold(&house);
        story.happens(EventKind::ENROLMENT_REQUESTED, Some("w0"));
        story.decide();
        story.passes_until(wednesday() + HOUR);
        assert_eq!(inside(&story), format!("w{chain}"));
        story.is_settled();
    }
}
