//! Mails that may have arrived, and nobody knows.

use super::*;
use crate::domain::{
    caps::{Cap, Counted, Span},
    decide::doubt::PAUSE,
};

/// Two mails a day apart, at most one a day, by a workflow that does this when one is in doubt.
fn house(in_doubt: InDoubt) -> House {
    let mut house = House::new();
    house.0.policy.window = Window::always();
    house.0.policy.caps.caps = vec![Cap { mails: 1, span: Span::Days(1), counted: Counted::All }];
    let steps = vec![email("first"), wait("1d"), email("second")];
    house.workflow("careful", steps, |workflow| workflow.in_doubt = in_doubt);
    house
}

/// A lead whose first mail, which is returned, is in doubt.
fn doubtful(house: &House) -> (Story<'_>, OpenMessage) {
    let mut story = Story::cold(house);
    story.decide();
    let open = in_doubt(&mut story);
    (story, open)
}

fn in_doubt(story: &mut Story<'_>) -> OpenMessage {
    let open = story.state.open_message.take().expect("a mail to send");
    story.comes_to(EventKind::MAIL_IN_DOUBT, open.clone());
    open
}

fn step(story: &Story<'_>) -> String {
    story.state.enrolments.iter().map(|enrolment| enrolment.step.to_string()).collect()
}

#[test]
fn without_a_word_the_lead_goes_on_and_the_mail_counts() {
    let house = house(InDoubt::GoOn);
    let (story, _) = doubtful(&house);
    assert_eq!((step(&story).as_str(), story.state.sends.len()), ("step-1", 1));
    assert_eq!(story.state.enrolments[0].doubt, None);
}

#[test]
fn a_held_lead_stays_until_somebody_says_and_the_mail_counts() {
    let house = house(InDoubt::Hold);
    for (kind, stands_at, mails, counted) in [
        (EventKind::MAIL_SENT, "step-1", vec![], 1),
        (EventKind::MAIL_LOST, "step-0", vec!["first"], 0),
        (EventKind::MAIL_FAILED, "", vec![], 1),
    ] {
        let (mut story, open) = doubtful(&house);
        assert_eq!(story.reasons(), "its mail is in doubt: somebody is to say");
        story.is_settled();
        story.passes_until(story.now + 30 * DAY);
        assert_eq!((step(&story).as_str(), story.mails().len()), ("step-0", 0));
        assert_eq!(story.state.sends.len(), 1);
        story.comes_to(kind, open.clone());
        assert_eq!((step(&story).as_str(), story.mails()), (stands_at, mails));
        assert_eq!(story.state.sends.len(), counted);
        // The same mail, not another one.
        let again = story.state.open_message.as_ref();
        assert!(again.is_none_or(|again| (again.id, &again.about) == (open.id, &open.about)));
    }
}

#[test]
fn a_held_lead_whose_mail_was_lost_and_is_in_doubt_again_is_held_again() {
    let house = house(InDoubt::Hold);
    let (mut story, open) = doubtful(&house);
    story.comes_to(EventKind::MAIL_LOST, open);
    in_doubt(&mut story);
    assert_eq!((step(&story).as_str(), story.mails().len()), ("step-0", 0));
    assert_eq!(story.state.sends.len(), 1);
}

#[test]
fn a_mail_is_sent_once_more_after_a_pause_and_no_cap_counts_it_against_itself() {
    let house = house(InDoubt::Resend);
    let (mut story, open) = doubtful(&house);
    let again = story.now + PAUSE;
    assert_eq!((story.last.wake_at, story.state.sends.len()), (again, 1));
    story.is_settled();
    story.at(again).decide();
    assert_eq!(story.mails(), ["first"]);
    let second = story.state.open_message.clone().unwrap();
    assert_eq!((second.id, &second.about), (open.id, &open.about));
    let version = Version("careful-1".into());
    let kind = MessageKind::Marketing;
    let may = may_send(&house.0, &story.state, &open.about, kind, &version, story.now);
    assert_eq!(may, MaySend::Now);
    // In doubt again: enough.
    in_doubt(&mut story);
    assert_eq!((step(&story).as_str(), story.state.sends.len()), ("step-1", 1));
    story.passes_until(story.now + 2 * DAY);
    assert_eq!(story.mails(), ["second"]);
    assert_eq!(story.reserved.len(), 3);
}

#[test]
fn a_late_answer_settles_it_before_it_is_sent_once_more() {
    let house = house(InDoubt::Resend);
    let (mut story, open) = doubtful(&house);
    story.comes_to(EventKind::MAIL_SENT, open);
    assert_eq!((step(&story).as_str(), story.state.sends.len()), ("step-1", 1));
    story.passes_until(story.now + 12 * HOUR);
    assert!(story.mails().is_empty());
}

#[test]
fn nothing_is_sent_once_more_to_who_has_objected_or_left() {
    let house = house(InDoubt::Resend);
    let (mut story, _) = doubtful(&house);
    story.state.suppressed = Some(Suppression::Unsubscribed);
    story.passes_until(story.now + DAY);
    assert_eq!((story.mails().len(), step(&story).as_str()), (0, ""));

    let (mut story, _) = doubtful(&house);
    story.state.consents.clear();
    story.passes_until(story.now + DAY);
    assert_eq!((story.mails().len(), step(&story).as_str()), (0, ""));
}

#[test]
fn a_resend_that_is_taken_back_stays_the_same_mail() {
    let house = house(InDoubt::Resend);
    let (mut story, open) = doubtful(&house);
    story.at(story.now + PAUSE).decide();
    let slot = house.0.schema.slot("later_until").unwrap();
    let later = story.now + 5 * DAY;
    story.state.attributes[slot.0] = Some(Value::Date(later));
    story.settle();
    assert!(story.mails().is_empty());
    story.passes_until(later + DAY);
    let second = story.state.open_message.clone().expect("once more, later");
    assert_eq!((second.id, second.about), (open.id, open.about));
}
