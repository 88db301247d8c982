//! Another version goes live while people are in flight.

use super::*;
use crate::domain::workflow::STAY;
use crate::domain::{lead::Enrolment, on_change::Landing};

/// A way of these steps, one after the other, that says what becomes of those in another version.
fn way(
    release: i64,
    steps: &[(&str, StepKind)],
    on_change: impl FnOnce(&Steps) -> OnChange,
) -> House {
    let mut house = House::new();
    house.0.release = ReleaseId(release);
    let last = steps.len();
    let steps = steps.iter().enumerate().map(|(index, (id, kind))| Step {
        id: (*id).into(),
        kind: kind.clone(),
        next: (index + 1 < last).then_some(StepIx(index + 1)),
    });
    let steps = Steps::new(steps.collect(), Some(StepIx(0))).unwrap();
    house.workflow("way", vec![], |w| {
        w.version = Version(format!("way-{release}").into());
        w.on_change = on_change(&steps);
        w.steps = steps;
    });
    house
}

fn pinned(steps: &[(&str, StepKind)]) -> House {
    way(1, steps, |_| OnChange::Pin)
}

/// Those of gone steps come to others; to `end` they end.
fn migrates(steps: &[(&str, StepKind)], map: &[(&str, &str)]) -> House {
    way(2, steps, |steps| {
        let map = map.iter().map(|(from, to)| (Name::new(from), steps.find(to)));
        OnChange::Migrate(map.collect())
    })
}

/// The earlier structures are still known, as long as somebody is in them.
fn with_structures(mut house: House, before: &House) -> House {
    for (version, structure) in &before.0.structures {
        house.0.structures.entry(version.clone()).or_insert_with(|| Arc::clone(structure));
    }
    house
}

fn only(story: &Story<'_>) -> Enrolment {
    assert_eq!(story.state.enrolments.len(), 1);
    story.state.enrolments[0].clone()
}

fn due(story: &Story<'_>) -> Instant {
    match only(story).phase {
        Phase::Waiting { due } => due.at,
        phase => panic!("{phase:?}"),
    }
}

#[test]
fn who_is_pinned_goes_on_as_before() {
    let before = pinned(&[("a", wait("2d")), ("b", email("report"))]);
    let after = with_structures(way(2, &[("a", wait("9d"))], |_| OnChange::Pin), &before);
    let mut story = Story::cold(&before);
    story.decide();
    let there = only(&story);
    story.under(&after).decide();
    assert_eq!(only(&story), there);
}

#[test]
fn a_wait_is_counted_from_when_it_began_whatever_its_length_is_now() {
    let before = pinned(&[("a", wait("2d")), ("b", email("report"))]);
    for (length, days) in [("120h", 5), ("24h", 1), ("48h", 2)] {
        let after =
            migrates(&[("new", email("hello")), ("a", wait(length)), ("b", email("report"))], &[]);
        let after = with_structures(after, &before);
        let mut story = Story::cold(&before);
        story.decide();
        let armed = only(&story).armed_at;
        story.at(wednesday() + 3 * HOUR);
        story.under(&after).decide();
        let there = only(&story);
        assert_eq!((&*there.step, &*there.version.0, there.visit), ("a", "way-2", 1));
        assert_eq!((there.armed_at, due(&story)), (armed, armed + days * DAY));
        assert_eq!(story.verbs(), [Verb::Migrated]);
        story.is_settled();
        // It has not been at the new first step.
        let steps = &after.0.workflows[0].workflow.steps;
        assert_eq!(steps.way(&there.turns, "a"), Some(vec![StepIx(1)]));
    }
}

#[test]
fn a_wait_that_is_over_by_its_new_length_ends_at_once() {
    let before = pinned(&[("a", wait("9d")), ("b", email("report"))]);
    let after = migrates(&[("a", wait("1d")), ("b", email("report"))], &[]);
    let after = with_structures(after, &before);
    let mut story = Story::cold(&before);
    story.decide();
    story.at(wednesday() + 2 * DAY);
    story.under(&after).decide();
    assert_eq!(story.mails(), ["report"]);
}

#[test]
fn the_deadline_of_a_wait_for_is_counted_anew_too() {
    let build = |release, up_to| {
        let mut house = House::new();
        house.0.release = ReleaseId(release);
        let clicked = house.condition("clicked()", Scope::Workflow);
        house.workflow("way", vec![wait_for(clicked, Some(up_to), None, None)], |w| {
            w.version = Version(format!("way-{release}").into());
            w.on_change = OnChange::Migrate(BTreeMap::new());
        });
        house
    };
    let before = build(1, "2d");
    let after = with_structures(build(2, "168h"), &before);
    let mut story = Story::cold(&before);
    story.decide();
    story.under(&after).decide();
    assert_eq!(due(&story), wednesday() + 7 * DAY);
}

#[test]
fn an_open_mail_of_a_step_that_remains_stays() {
    let before = pinned(&[("a", email("report")), ("b", email("more"))]);
    let steps = [("a", email("report")), ("new", wait("1d")), ("b", email("more"))];
    let after = with_structures(migrates(&steps, &[]), &before);
    let mut story = Story::cold(&before);
    story.decide();
    story.under(&after).decide();
    assert!(story.last.withdraw.is_empty() && story.last.enrolments[0].has_migrated);
    assert_eq!((story.mails(), only(&story).phase), (vec!["report"], Phase::Mailing));
    story.sent();
    assert_eq!(&*only(&story).step, "new");
}

#[test]
fn an_open_mail_of_a_step_that_is_gone_is_withdrawn_and_the_next_one_goes() {
    let before = pinned(&[("a", email("report")), ("b", email("more"))]);
    let after = migrates(&[("c", email("other")), ("b", email("more"))], &[("a", "c")]);
    let after = with_structures(after, &before);
    let mut story = Story::cold(&before);
    story.decide();
    story.under(&after).decide();
    assert_eq!(story.last.withdraw.len(), 1);
    story.at(story.now.next()).decide();
    assert_eq!(story.mails(), ["other"]);
    assert_eq!(only(&story).visit, STAY + 1);
}

#[test]
fn what_is_with_the_relay_already_is_let_be_and_what_comes_of_it_is_no_matter_here() {
    let before = pinned(&[("a", email("report")), ("b", email("more"))]);
    let after = with_structures(migrates(&[("c", wait("1d"))], &[("a", "c"), ("b", "c")]), &before);
    let mut story = Story::cold(&before);
    story.decide();
    story.put_off(MessageState::Transmitting, wednesday());
    story.under(&after).decide();
    assert!(story.last.withdraw.is_empty());
    story.sent();
    assert_eq!(&*only(&story).step, "c");
    assert_eq!(story.state.sends.len(), 1);
}

#[test]
fn a_step_that_sends_another_mail_now_sends_that_one() {
    let before = pinned(&[("a", email("report"))]);
    let after = with_structures(migrates(&[("a", email("better"))], &[]), &before);
    let mut story = Story::cold(&before);
    story.decide();
    story.under(&after).settle();
    assert_eq!((story.mails(), only(&story).visit), (vec!["better"], 2));
}

#[test]
fn a_parked_mail_of_a_step_that_is_gone_is_given_up() {
    let before = pinned(&[("a", email("report"))]);
    let after = with_structures(migrates(&[("c", wait("1d"))], &[("a", "c")]), &before);
    let mut story = Story::cold(&before);
    story.decide();
    story.state.open_message = None;
    story.under(&after).decide();
    assert!(story.last.enrolments[0].gave_up.is_some());
}

#[test]
fn who_is_at_a_step_that_is_mapped_to_the_end_has_finished() {
    let before = pinned(&[("a", email("report")), ("b", email("more"))]);
    let after = with_structures(migrates(&[("b", email("more"))], &[("a", "end")]), &before);
    let mut story = Story::cold(&before);
    story.decide();
    story.under(&after).decide();
    assert_eq!(story.last.enrolments[0].ended.as_ref().unwrap().outcome, Outcome::Finished);
    assert_eq!(story.last.withdraw.len(), 1);
}

#[test]
fn who_is_at_a_step_that_is_gone_without_a_rule_moves_as_soon_as_there_is_one() {
    let before = pinned(&[("a", wait("1d")), ("b", wait("2d"))]);
    let after = with_structures(migrates(&[("b", wait("72h"))], &[]), &before);
    let mut story = Story::cold(&before);
    story.decide();
    story.under(&after).decide();
    assert_eq!(&*only(&story).version.0, "way-1");
    assert!(story.last.log.is_empty());
    story.at(wednesday() + DAY).decide();
    let (there, now) = (only(&story), story.now);
    assert_eq!((&*there.version.0, &*there.step), ("way-2", "b"));
    assert_eq!(due(&story), now + 3 * DAY);
}

#[test]
fn drain_lets_them_finish_what_they_are_at() {
    let steps = [("a", email("report")), ("b", wait("2d")), ("c", email("more"))];
    let before = pinned(&steps);
    let after = with_structures(way(2, &[("x", wait("1d"))], |_| OnChange::Drain), &before);
    let ended = |story: &Story<'_>| {
        let ended = story.last.enrolments[0].ended.clone().unwrap();
        assert!(ended.reason.contains("drain") && ended.outcome == Outcome::Left, "{ended:?}");
        ended.at
    };
    let mut mailing = Story::cold(&before);
    mailing.decide();
    mailing.under(&after).decide();
    assert_eq!(mailing.mails(), ["report"]);
    mailing.sent();
    ended(&mailing);

    let mut waiting = Story::cold(&before);
    waiting.decide();
    waiting.sent();
    waiting.under(&after).decide();
    assert!(waiting.last.changes_nothing());
    waiting.passes_until(wednesday() + 3 * DAY);
    assert_eq!(ended(&waiting), wednesday() + 2 * DAY);

    // A mail that has not been reserved yet is no longer sent.
    let mut held = Story::cold(&before);
    held.paused.insert("way".into());
    held.decide();
    held.under(&after).decide();
    ended(&held);
}

#[test]
fn cancel_lets_them_leave_now() {
    let before = pinned(&[("a", email("report"))]);
    let after = with_structures(way(2, &[("a", email("report"))], |_| OnChange::Cancel), &before);
    let mut story = Story::cold(&before);
    story.decide();
    story.under(&after).decide();
    assert_eq!(story.last.enrolments[0].ended.as_ref().unwrap().outcome, Outcome::Cancelled);
    assert_eq!(story.last.withdraw.len(), 1);
}

/// Steps by number: mails and waits, some with the same id as something else before.
fn some_steps() -> impl Strategy<Value = Vec<(&'static str, StepKind)>> {
    const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let kind = prop_oneof![
        Just(email("report")),
        Just(email("more")),
        Just(wait("1d")),
        Just(wait("36h")),
        Just(wait("2 business days")),
        Just(StepKind::Tag { add: vec!["t".into()], remove: vec![] }),
    ];
    (Just(IDS.to_vec()).prop_shuffle(), proptest::collection::vec(kind, 1..6))
        .prop_map(|(ids, kinds)| ids.into_iter().zip(kinds).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever is edited, three times over: who is in flight is at a step of its version, on a way that leads
    /// there, no mail has the key of another, and deciding twice changes nothing.
    #[test]
    fn whoever_migrates_is_at_a_step_that_there_is(
        versions in proptest::collection::vec(
            (some_steps(), proptest::collection::vec(0..7_usize, 6), 0..80_i64, any::<bool>()), 2..5
        )
    ) {
        let mut houses: Vec<House> = Vec::new();
        for (number, (steps, map, ..)) in versions.iter().enumerate() {
            let house = way(i64::try_from(number).unwrap() + 1, steps, |new| {
                let gone = ["a", "b", "c", "d", "e", "f"].into_iter().zip(map);
                let gone = gone.filter(|(id, to)| new.find(id).is_none() && **to < 6);
                let to = |to: usize| (to < new.len()).then_some(StepIx(to));
                OnChange::Migrate(gone.map(|(id, at)| (Name::new(id), to(*at))).collect())
            });
            let house = houses.last().map_or_else(|| way(1, steps, |_| OnChange::Pin), |before| {
                with_structures(house, before)
            });
            houses.push(house);
        }
        let mut story = Story::cold(&houses[0]);
        for (number, (.., hours, sends)) in versions.iter().enumerate() {
            if number > 0 {
                story.under(&houses[number]);
            }
            story.settle();
            for enrolment in &story.state.enrolments {
                let structure = &houses[number].0.structures[&enrolment.version];
                prop_assert!(structure.steps.find(&enrolment.step).is_some(), "{enrolment:?}");
                let way = structure.steps.way(&enrolment.turns, &enrolment.step);
                prop_assert!(way.is_some(), "{enrolment:?}");
                let newest = &houses[number].0.workflows[0].workflow;
                prop_assert!(
                    enrolment.version == newest.version || newest.landing(&enrolment.step).is_none()
                );
            }
            story.is_settled();
            if *sends && story.state.open_message.is_some() {
                story.sent();
            }
            story.settle();
            let until = story.now + HOUR * u32::try_from(*hours).unwrap();
            story.passes_until(until);
        }
    }
}

#[test]
fn where_somebody_lands_is_said_by_the_new_version() {
    let house =
        migrates(&[("a", wait("1d")), ("b", wait("1d"))], &[("gone", "b"), ("over", "end")]);
    let workflow = &house.0.workflows[0].workflow;
    assert_eq!(workflow.landing("a"), Some(Landing::Same(StepIx(0))));
    assert_eq!(workflow.landing("gone"), Some(Landing::Other(StepIx(1))));
    assert_eq!(workflow.landing("over"), Some(Landing::End));
    assert_eq!(workflow.landing("nowhere"), None);
}
