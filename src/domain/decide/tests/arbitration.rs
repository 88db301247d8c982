//! Several workflows, one lead: whose mail goes, and what does not go makes way.

use super::*;

/// A report by segment, and by a form a whitepaper.
fn house(whitepaper: impl FnOnce(&mut Workflow)) -> House {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report"), wait("1d")], |_| {});
    house.workflow("asked", vec![email("whitepaper"), wait("5d")], |w| {
        w.enter = Enter::On { kind: EventKind::FORM_SUBMITTED, object: None, filter: None };
        whitepaper(w);
    });
    house
}

fn asks(story: &mut Story<'_>) {
    story.happens(EventKind::FORM_SUBMITTED, None);
    story.settle();
}

#[test]
fn what_is_asked_for_on_saturday_does_not_wait_for_mondays_mail() {
    let house = house(|w| w.now = true);
    let mut story = Story::cold(&house);
    let friday: Instant = "2027-03-26T16:29:00Z".parse().unwrap();
    let monday: Instant = "2027-03-29T07:00:00Z".parse().unwrap();
    story.at(friday).decide();
    // The window closed before it was its turn.
    story.put_off(MessageState::Reserved, monday);
    story.at(friday + DAY);
    asks(&mut story);
    assert_eq!(story.mails(), ["whitepaper"]);
    story.sent();
    assert_eq!((story.mails().len(), story.last.wake_at), (0, monday));
    story.at(monday).decide();
    assert_eq!(story.mails(), ["report"]);
    assert_eq!(story.state.open_message.as_ref().unwrap().about.visit, 2);
}

#[test]
fn a_paused_workflow_keeps_no_other_from_writing() {
    let house = house(|w| w.priority = -1);
    let mut story = Story::cold(&house);
    story.decide();
    story.paused = BTreeSet::from(["reawaken".into()]);
    assert!(story.decide().withdraw.is_empty(), "nobody wants its place");
    asks(&mut story);
    assert_eq!(story.mails(), ["whitepaper"]);
    story.sent();
    assert!(story.mails().is_empty());
    assert_eq!(story.reasons().matches("paused").count(), 0, "told already");
    story.at(wednesday() + DAY + HOUR).decide();
    assert!(story.mails().is_empty());
    story.paused.clear();
    story.decide();
    assert_eq!(story.mails(), ["report"]);
}

#[test]
fn a_paused_workflow_reserves_nothing_and_says_so_once() {
    let house = house(|_| {});
    let mut story = Story::cold(&house);
    story.paused = BTreeSet::from(["reawaken".into()]);
    story.decide();
    assert!(story.mails().is_empty());
    assert!(story.reasons().ends_with("; paused"), "{}", story.reasons());
    assert!(story.decide().changes_nothing());
}

#[test]
fn a_mail_that_the_relay_put_off_makes_way_and_is_tried_no_sooner() {
    let house = house(|w| w.priority = -1);
    let mut story = Story::cold(&house);
    story.decide();
    let later = wednesday() + 3 * HOUR;
    story.put_off(MessageState::Deferred, later);
    asks(&mut story);
    assert_eq!(story.mails(), ["whitepaper"]);
    story.sent();
    assert_eq!((story.mails().len(), story.last.wake_at), (0, later));
    story.at(later).decide();
    assert_eq!(story.mails(), ["report"]);
}

#[test]
fn the_higher_in_rank_goes_before_what_is_only_reserved() {
    for (now, priority, goes_first) in
        [(false, 1, true), (true, 0, true), (false, 0, false), (false, -1, false)]
    {
        let house = house(|w| (w.now, w.priority) = (now, priority));
        let mut story = Story::cold(&house);
        story.decide();
        asks(&mut story);
        let first = if goes_first { ["whitepaper"] } else { ["report"] };
        assert_eq!(story.mails(), first);
        story.sent();
        let second = if goes_first { ["report"] } else { ["whitepaper"] };
        assert_eq!(story.mails(), second);
    }
}

#[test]
fn what_the_sender_has_in_hand_is_waited_for() {
    let house = house(|w| w.now = true);
    for state in [MessageState::Claimed, MessageState::Transmitting] {
        let mut story = Story::cold(&house);
        story.decide();
        story.put_off(state, wednesday());
        asks(&mut story);
        assert_eq!(story.mails(), ["report"]);
        assert!(story.reasons().ends_with("a mail of `reawaken` is on its way"));
    }
}

#[test]
fn a_mail_that_waits_for_less_than_its_window_keeps_its_place() {
    let house = house(|w| w.priority = -1);
    let mut story = Story::cold(&house);
    story.decide();
    // As in staging, or while the machine is too busy to render.
    story.put_off(MessageState::Reserved, wednesday() + HOUR);
    asks(&mut story);
    assert_eq!(story.mails(), ["report"]);
}

#[test]
fn two_mails_that_the_relay_puts_off_do_not_chase_each_other_for_ever() {
    let house = house(|w| w.priority = -1);
    let mut story = Story::cold(&house);
    story.decide();
    asks(&mut story);
    for hours in 1..100 {
        let until = story.now + 2 * HOUR;
        story.put_off(MessageState::Deferred, until);
        story.settle();
        story.at(wednesday() + hours * HOUR).settle();
    }
    assert!(story.reserved.len() <= 8, "{:?}", story.reserved);
    assert!(story.state.open_message.is_some(), "the last one stays until it is settled");
}

/// What may become of the open mail, and of whose mail is paused.
#[derive(Clone, Debug)]
enum Turn {
    Sent,
    Claimed,
    /// By the relay, for so many hours.
    Deferred(u32),
    /// For want of hours, or for less.
    Released,
    Pause(usize),
    Resume(usize),
}

const NAMES: [&str; 3] = ["one", "two", "three"];
const WINDOWS: [&str; 3] = ["mon-fri 09:00-17:30", "daily 06:00-22:00", "always"];

fn turns() -> impl Strategy<Value = Vec<(u32, Turn)>> {
    let turn = prop_oneof![
        2 => Just(Turn::Sent),
        1 => Just(Turn::Claimed),
        4 => (1u32..96).prop_map(Turn::Deferred),
        3 => Just(Turn::Released),
        1 => (0usize..3).prop_map(Turn::Pause),
        1 => (0usize..3).prop_map(Turn::Resume),
    ];
    proptest::collection::vec((prop_oneof![0u32..3, 0u32..2000], turn), 1..40)
}

/// Three workflows of two mails each, that all want the same lead.
fn rivals(ranks: &[(bool, i32, usize)]) -> House {
    let mut house = House::new();
    for (name, &(now, priority, window)) in NAMES.into_iter().zip(ranks) {
        house.workflow(name, vec![email(name), wait("3h"), email(&format!("{name}-2"))], |w| {
            (w.now, w.priority) = (now, priority);
            w.window = Some(Window::parse(WINDOWS[window]).unwrap());
        });
    }
    house
}

fn take(story: &mut Story<'_>, turn: &Turn) {
    let now = story.now;
    match *turn {
        Turn::Pause(index) => {
            story.paused.insert(NAMES[index].into());
        }
        Turn::Resume(index) => {
            story.paused.remove(NAMES[index]);
        }
        _ if story.state.open_message.is_none() => {}
        Turn::Sent => {
            story.sent();
        }
        Turn::Claimed => {
            story.put_off(MessageState::Claimed, now);
        }
        Turn::Deferred(hours) => {
            story.put_off(MessageState::Deferred, now + hours * HOUR);
        }
        Turn::Released => {
            story.put_off(MessageState::Reserved, now + HOUR);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// However mails are put off and paused: one is open at a time, none is reserved for ever anew, and
    /// in the end each has gone, once.
    #[test]
    fn every_mail_goes_once_and_none_is_chased_for_ever(
        ranks in proptest::collection::vec((any::<bool>(), 0i32..3, 0usize..3), 3),
        turns in turns(),
    ) {
        let house = rivals(&ranks);
        let mut story = Story::cold(&house);
        story.decide();
        let mut pauses = 0;
        for (minutes, turn) in turns {
            story.passes_until(story.now + minutes * Duration::from_secs(60));
            pauses += u64::from(matches!(turn, Turn::Pause(_)));
            take(&mut story, &turn);
            story.settle();
            story.is_settled();
        }
        for about in &story.reserved {
            prop_assert!(about.visit <= MOST_VISITS + pauses, "{about:?}");
        }
        story.paused.clear();
        story.settle();
        for _ in 0..100 {
            if story.state.open_message.is_some() {
                story.sent();
            } else if !story.last.wake_at.is_never() {
                story.at(story.last.wake_at).decide();
            }
        }
        prop_assert!(story.state.enrolments.is_empty(), "{:?}", story.state.enrolments);
        prop_assert_eq!(story.state.sends.len(), 6);
    }
}
