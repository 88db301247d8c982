//! Coming in: by an event, by hand; once a click has settled; and by what rule again.

use nurtured::{
    domain::{event::EventKind, message::MessageState, value::Value},
    store::records::NewEvent,
};

use crate::support::{
    databases::for_each_database,
    engine::{Campaign, DAY, Read, Rig, SECOND},
};

fn campaign() -> Campaign {
    Campaign::new()
        .workflow(
            "whitepaper",
            "enter:\n  event: form.submitted\n  object: whitepaper\n  again: after 30d\n\
             leave: replied()\nsteps:\n  - email: welcome/whitepaper\n",
        )
        .workflow("invited", "enter:\n  by_hand: yes\nsteps:\n  - email: welcome/invitation\n  - wait: 3d\n")
        .workflow(
            "curious",
            "enter:\n  event: mail.clicked\n  object: welcome/whitepaper\nsteps:\n  - tag: curious\n",
        )
        .mail("welcome/whitepaper", "Your whitepaper")
        .mail("welcome/invitation", "You are invited")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_enters_its_workflow_and_no_other() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let lead = rig.lead("a@example.com", &[]).await;
        assert_eq!(rig.tick().await.reserved, 0);
        rig.happens(lead, EventKind::FORM_SUBMITTED, Some("webinar")).await;
        assert_eq!(rig.tick_after(SECOND).await.reserved, 0);
        rig.happens(lead, EventKind::FORM_SUBMITTED, Some("whitepaper")).await;
        assert_eq!(rig.tick_after(SECOND).await.sent, 1);
        assert_eq!(rig.subjects_to("a@example.com"), ["Your whitepaper"]);
        assert_eq!(rig.enrolment(lead).await.workflow.as_str(), "whitepaper");

        // Again within thirty days: not, and it says why. After them: yes.
        rig.clock.set(rig.clock.now() + DAY);
        rig.happens(lead, EventKind::FORM_SUBMITTED, Some("whitepaper")).await;
        assert_eq!(rig.tick_after(SECOND).await.sent, 0);
        let last = rig.store.timeline(lead, 1).await.unwrap().remove(0);
        assert_eq!(
            (last.kind.as_str(), last.detail.as_deref()),
            ("decision.not_entered", Some("the re-entry rule"))
        );
        rig.clock.set(rig.clock.now() + 30 * DAY);
        rig.happens(lead, EventKind::FORM_SUBMITTED, Some("whitepaper")).await;
        assert_eq!(rig.tick_after(SECOND).await.sent, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_enters_when_it_has_settled() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let lead = rig.lead("a@example.com", &[]).await;
        rig.happens(lead, EventKind::FORM_SUBMITTED, Some("whitepaper")).await;
        rig.tick().await;
        let read = Read::of(&rig.mails_to("a@example.com")[0]);
        rig.clock.set(rig.clock.now() + 60 * SECOND);
        let answer = rig.browser.get(&read.links[0]).send().await.unwrap();
        assert!(answer.status().is_redirection());
        let report = rig.tick().await;
        assert_eq!(rig.enrolments(lead).await.len(), 1, "not yet: it may be a machine");
        assert_eq!(report.next_wake_at.unwrap().since(rig.clock.now()), 20_000);
        rig.tick_at(report.next_wake_at.unwrap()).await;
        assert!(rig.record(lead).await.profile.tags.contains("curious"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_hand_enters_only_whom_was_named() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let lead = rig.lead("a@example.com", &[]).await;
        let other = rig.lead("b@example.com", &[]).await;
        rig.tick().await;
        rig.happens(lead, EventKind::ENROLMENT_REQUESTED, Some("invited")).await;
        assert_eq!(rig.tick().await.sent, 1);
        assert_eq!(rig.states(lead).await, [("welcome/invitation".into(), MessageState::Sent)]);
        assert!(rig.enrolments(other).await.is_empty());
        // Twice is once.
        rig.happens(lead, EventKind::ENROLMENT_REQUESTED, Some("invited")).await;
        assert_eq!(rig.tick_after(SECOND).await.sent, 0);
        let last = rig.store.timeline(lead, 1).await.unwrap().remove(0);
        assert_eq!(last.detail.as_deref(), Some("it is inside already"));
        rig.tick_after(3 * DAY).await;
        assert_eq!(rig.enrolment(lead).await.state, "finished");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_appointment_has_a_way_of_its_own() {
    for_each_database(async |db| {
        let campaign = Campaign::new()
            .workflow(
                "visit",
                "enter:\n  event: appointment.booked\n  each: appointment_id\nsteps:\n  \
                 - wait_for: happened(\"appointment.held\")\n    up_to: 30d\n    then:\n      - email: thanks\n",
            )
            .mail("thanks", "It was nice to meet you");
        let rig = Rig::new(db, &campaign).await;
        let lead = rig.lead("a@example.com", &[]).await;
        rig.tick().await;
        let happens = async |kind: &str, id: &str| {
            let now = rig.clock.now();
            let mut event = NewEvent::new(lead, EventKind::parse(kind).unwrap(), now, "test");
            event.data.insert("appointment_id".into(), Value::Text(id.into()));
            rig.store.record_events(&[event], now).await.unwrap();
        };
        happens("appointment.booked", "17").await;
        happens("appointment.booked", "18").await;
        rig.tick_after(SECOND).await;
        assert_eq!(rig.enrolments(lead).await.len(), 2);
        rig.clock.set(rig.clock.now() + DAY);
        happens("appointment.held", "18").await;
        assert_eq!(rig.tick().await.sent, 1);
        let mut states: Vec<_> = rig.enrolments(lead).await.into_iter().map(|it| it.state).collect();
        states.sort();
        assert_eq!(states, ["finished", "waiting"]);
        // What is about the other one is remembered over a decision that only notes it.
        happens("appointment.held", "17").await;
        assert_eq!(rig.tick_after(SECOND).await.sent, 1);
        happens("appointment.booked", "18").await;
        assert_eq!(rig.tick_after(SECOND).await.sent, 0);
        assert_eq!(rig.enrolments(lead).await.len(), 2);
    })
    .await;
}
