//! Streams: what comes next, when, and what becomes of who has had it all.

use super::*;
use crate::domain::stream::{Exhausted, Stream};

pub(super) fn stream(every: &[&str]) -> Stream {
    Stream {
        name: "useful".into(),
        every: every.iter().map(|text| WaitSpec::parse(text).unwrap()).collect(),
        most: None,
        when_exhausted: Exhausted::Wait,
        now: None,
        not_after: None,
        in_doubt: None,
        on_failure: None,
    }
}

fn stop() -> StepKind {
    StepKind::Stop { reason: Some("below".into()) }
}

/// A house in which a workflow sends a stream with these contents.
fn house(stream: Stream, contents: &[&str]) -> House {
    let mut house = House::new();
    house.0.streams.insert("useful".into(), contents.iter().map(|it| Name::new(it)).collect());
    house.workflow("nurture", vec![StepKind::Stream(stream), stop()], |it| {
        it.window = Some(Window::parse("always").unwrap());
    });
    house
}

/// The same with other contents, released later.
fn edited(house: &House, contents: &[&str]) -> House {
    let mut later = House(house.0.clone());
    later.0.release = ReleaseId(house.0.release.0 + 1);
    later.0.streams.insert("useful".into(), contents.iter().map(|it| Name::new(it)).collect());
    later
}

/// Sends what comes, and says which days after the first mail it came.
fn sends(story: &mut Story<'_>, mails: usize) -> Vec<(String, i64)> {
    let begin = story.now;
    let mut sent = Vec::new();
    for _ in 0..mails {
        while story.mails().is_empty() && !story.last.wake_at.is_never() {
            story.at(story.last.wake_at).decide();
        }
        let Some(mail) = story.mails().first().map(ToString::to_string) else { break };
        let days = (story.now.millis() - begin.millis() + 43_200_000) / 86_400_000;
        sent.push((mail, days));
        story.sent();
        story.is_settled();
    }
    sent
}

fn end(story: &Story<'_>) -> String {
    story.last.enrolments[0].ended.as_ref().unwrap().reason.clone()
}

#[test]
fn a_lead_gets_what_it_never_had_in_the_order_of_the_list() {
    let house = house(stream(&["7d"]), &["a", "b", "c", "d"]);
    let mut story = Story::cold(&house);
    // By another workflow, long ago.
    story.state.received.insert("b".into(), wednesday() - 300 * DAY);
    story.decide();
    let sent = sends(&mut story, 9);
    assert_eq!(sent, [("a".to_owned(), 0), ("c".to_owned(), 7), ("d".to_owned(), 14)]);
    let visits: Vec<u64> = story.reserved.iter().map(|about| about.visit).collect();
    assert_eq!(visits, [1, 1001, 2001]);
}

#[test]
fn of_a_list_of_waits_the_last_one_repeats() {
    let house = house(stream(&["1d", "2d", "4d"]), &["a", "b", "c", "d", "e"]);
    let mut story = Story::cold(&house);
    story.decide();
    let days: Vec<i64> = sends(&mut story, 9).into_iter().map(|(_, days)| days).collect();
    assert_eq!(days, [0, 1, 3, 7, 11]);
}

#[test]
fn who_has_had_all_waits_for_what_is_added_and_gets_it_at_once() {
    let before = house(stream(&["7d"]), &["a", "b"]);
    let mut story = Story::cold(&before);
    story.decide();
    assert_eq!(sends(&mut story, 9).len(), 2);
    story.passes_until(story.now + 8 * DAY);
    assert!(story.reasons().contains("it has had all of the stream `useful`"));
    assert!(story.last.wake_at.is_never(), "nothing to wait for but a release");
    story.is_settled();
    let after = edited(&before, &["c", "a", "b"]);
    story.at(story.now + 90 * DAY).under(&after).decide();
    assert_eq!(story.mails(), ["c"]);
    // Before the cadence has it, nothing comes.
    story.sent();
    let more = edited(&after, &["c", "d"]);
    story.at(story.now + DAY).under(&more).decide();
    assert_eq!(story.mails(), [""; 0]);
    assert_eq!(sends(&mut story, 1), [("d".to_owned(), 6)]);
}

#[test]
fn what_was_added_is_not_too_late_for_having_been_waited_for() {
    let dated = Stream { not_after: Some(Deadline::parse("2d").unwrap()), ..stream(&["7d"]) };
    let before = house(dated, &["a"]);
    let mut story = Story::cold(&before);
    story.decide();
    sends(&mut story, 1);
    story.passes_until(story.now + 30 * DAY);
    let after = edited(&before, &["a", "b"]);
    story.under(&after).decide();
    assert_eq!(story.mails(), ["b"]);
    // It does not leave in time: the same content is tried when the next mail is due.
    story.put_off(MessageState::Deferred, story.now + 5 * DAY);
    story.passes_until(story.now + 3 * DAY);
    assert_eq!(story.mails(), [""; 0]);
    assert_eq!(sends(&mut story, 1)[0].0, "b");
}

#[test]
fn a_stream_ends_after_so_many_mails_or_when_it_is_exhausted_and_may_go_on() {
    let short = house(Stream { most: Some(2), ..stream(&["7d"]) }, &["a", "b", "c"]);
    let mut story = Story::cold(&short);
    story.decide();
    assert_eq!(sends(&mut story, 9).len(), 2);
    assert_eq!(end(&story), "below");
    assert!(story.reasons().contains("up_to: 2 mails of the stream"));

    let over = Stream { when_exhausted: Exhausted::GoOn, ..stream(&["7d"]) };
    let over = house(over, &["a"]);
    let mut story = Story::cold(&over);
    story.decide();
    sends(&mut story, 1);
    story.passes_until(story.now + 8 * DAY);
    assert_eq!(end(&story), "below");
}

#[test]
fn a_mail_in_doubt_is_no_reason_to_send_another_content() {
    let again = Stream { in_doubt: Some(InDoubt::Resend), ..stream(&["7d"]) };
    let house = house(again, &["a", "b"]);
    let mut story = Story::cold(&house);
    story.decide();
    let open = story.state.open_message.take().unwrap();
    let id = open.id;
    story.comes_to(EventKind::MAIL_IN_DOUBT, open);
    story.passes_until(story.now + HOUR);
    let open = story.state.open_message.as_ref().unwrap();
    assert_eq!((open.id, open.about.visit), (id, 1), "the same mail");
    story.state.open_message.as_mut().unwrap().template = "a".into();
    story.sent();
    story.passes_until(story.now + 8 * DAY);
    assert_eq!(story.mails(), ["b"]);
}

#[test]
fn a_mail_that_made_way_is_chosen_anew() {
    let mut house = house(stream(&["7d"]), &["a", "b"]);
    house.workflow("urgent", vec![email("a")], |it| {
        (it.enter, it.priority) = (Enter::ByHand, 10);
        it.window = Some(Window::parse("always").unwrap());
    });
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.mails(), ["a"]);
    story.happens(EventKind::ENROLMENT_REQUESTED, Some("urgent"));
    story.settle();
    assert_eq!(story.state.open_message.as_ref().unwrap().workflow.as_str(), "urgent");
    story.sent();
    assert_eq!(story.mails(), ["b"], "it has had the other one meanwhile");
}

#[test]
fn what_was_put_off_and_made_way_is_too_late_as_soon_as_a_mail_of_its_own_step_would_be() {
    let not_after = Some(Deadline::parse("2d").unwrap());
    let of_stream =
        StepKind::Stream(Stream { not_after: not_after.clone(), ..stream(&["7d", "7d"]) });
    let alone = StepKind::Email {
        template: "a".into(),
        now: None,
        not_after,
        in_doubt: None,
        on_failure: None,
    };
    for step in [alone, of_stream] {
        let mut house = House::new();
        house.0.streams.insert("useful".into(), vec!["a".into(), "c".into()]);
        let always = || Some(Window::parse("always").unwrap());
        house.workflow("dated", vec![step, wait("7d")], |it| it.window = always());
        house.workflow("urgent", vec![email("b")], |it| {
            (it.enter, it.priority, it.window) = (Enter::ByHand, 10, always());
        });
        let mut story = Story::cold(&house);
        story.decide();
        assert_eq!(story.mails(), ["a"]);
        story.put_off(MessageState::Deferred, wednesday() + 5 * DAY);
        story.happens(EventKind::ENROLMENT_REQUESTED, Some("urgent"));
        story.settle();
        assert_eq!(story.state.open_message.as_ref().unwrap().workflow.as_str(), "urgent");
        story.sent();
        story.is_settled();
        assert_eq!(story.last.wake_at, wednesday() + 2 * DAY);
        story.at(wednesday() + 2 * DAY).decide();
        assert!(story.reasons().starts_with("expired: not_after 2d"), "{}", story.reasons());
        let goes_on: Instant = "2027-04-02T08:00:00Z".parse().unwrap();
        assert_eq!(story.last.wake_at, goes_on, "a week later on the lead's clock");
        story.is_settled();
    }
}
