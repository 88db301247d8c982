//! What is said of why a lead did not get a mail, and why it went where it went, case by case.

use nurtured::{
    domain::{event::EventKind, id::LeadId, value::Value, verdict::Truth},
    engine::{
        rehearsal::Chronicle,
        report::{
            why::{Moment, Subject, why},
            why_not::{Bar, why_not},
        },
    },
    store::records::NewEvent,
};

use super::{answers::answers, webhooks};
use crate::support::{
    crm::Crm,
    databases::for_each_database,
    engine::{Campaign, DAY, HOUR, MINUTE, Rig, SECOND, Setup},
    smtp::{self, Act, Script, say},
};

/// Of a lead, now.
async fn moment<T>(rig: &Rig, lead: LeadId, tell: impl FnOnce(&Moment<'_>) -> T) -> T {
    rig.engine.take_over().await.unwrap();
    let live = rig.engine.live().unwrap();
    let chronicle = Chronicle::of(&rig.store).await.unwrap();
    let pasts = rig.store.pasts(&[lead]).await.unwrap();
    let about = (&pasts.known[0], &chronicle);
    let now = rig.clock.now();
    tell(&Moment::of(&rig.store, about, &live.definitions, None, now).await.unwrap())
}

async fn bars(rig: &Rig, lead: LeadId, subject: Subject) -> Vec<Bar> {
    moment(rig, lead, |moment| why_not(moment, &subject)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_advised_to_enrol_where_that_would_be_refused() {
    for_each_database(async |db| {
        let door = "enter:\n  when: country == \"Italy\"\n  existing: no\n";
        let campaign = Campaign::new()
            .workflow(
                "visit",
                "enter:\n  event: appointment.booked\n  each: appointment_id\nsteps:\n  - wait: 3d\n",
            )
            .workflow("once", &format!("{door}steps:\n  - tag: been\n"))
            .workflow("monthly", &format!("{door}  again: after 30d\nsteps:\n  - tag: been\n"))
            .workflow("led", "enter:\n  by_hand: yes\nsteps:\n  - tag: led\n")
            .workflow("leads", "enter:\n  event: form.submitted\nsteps:\n  - enrol: led\n");
        let rig = Rig::new(db, &Campaign::new()).await;
        let lead = rig.lead("a@example.com", &[("country", "Italy")]).await;
        rig.tick().await;
        rig.clock.set(rig.clock.now() + MINUTE);
        rig.apply(&campaign).await;
        rig.tick().await;
        for name in ["once", "monthly"] {
            rig.happens(lead, EventKind::ENROLMENT_REQUESTED, Some(name)).await;
        }
        rig.tick_after(SECOND).await;
        assert!(rig.enrolments(lead).await.iter().all(|it| it.state == "finished"));

        let last = async |name: &str| {
            let bar = bars(&rig, lead, Subject::Workflow(name.into())).await.pop().unwrap();
            (bar.bar, bar.says, bar.advice.unwrap_or_default())
        };
        let (bar, _, advice) = last("visit").await;
        assert_eq!(bar, "event");
        assert_eq!(advice, "it enters by an event that carries `appointment_id`, and not by hand");
        let (bar, says, advice) = last("once").await;
        assert_eq!((bar, advice.as_str()), ("again", ""));
        assert!(says.contains("comes in only once: `again: never`"), "{says}");
        let (bar, _, advice) = last("monthly").await;
        assert_eq!(bar, "existing");
        assert!(advice.ends_with(" asks for it by hand, from 2027-01-27 13:01 on"), "{advice}");
        let (bar, says, advice) = last("led").await;
        assert_eq!((bar, says.as_str()), ("by_hand", "it comes in by hand, or by an `enrol` step of `leads`"));
        assert_eq!(advice, "`nurtured enrol led EMAIL` asks for it by hand");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_each_passage_it_is_said_what_it_is_about_and_by_what_it_went_on() {
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
        for (kind, id) in [
            ("appointment.booked", "L1"),
            ("appointment.booked", "L2"),
            ("appointment.held", "L2"),
            ("appointment.held", "L1"),
        ] {
            rig.clock.set(rig.clock.now() + DAY);
            let now = rig.clock.now();
            let mut event = NewEvent::new(lead, EventKind::parse(kind).unwrap(), now, "test");
            event.data.insert("appointment_id".into(), Value::Text(id.into()));
            rig.store.record_events(&[event], now).await.unwrap();
            rig.tick().await;
        }
        let subject = Subject::Workflow("visit".into());
        let told = moment(&rig, lead, |moment| why(moment, Some(&subject))).await;
        let keys: Vec<_> = told.stories.iter().map(|it| it.key.as_ref().unwrap().to_string()).collect();
        assert_eq!(keys, ["appointment_id L1", "appointment_id L2"]);
        for story in &told.stories {
            let went_on: Vec<_> = story.lines.iter().filter(|it| it.what == "advanced").collect();
            assert!(!went_on.is_empty());
            for line in went_on {
                assert_eq!(line.conditions[0].value, Truth::True, "{line:#?}");
            }
        }
        // What commands show of it.
        let said = answers(
            db,
            &[
                "why a@example.com --at 2026-12-30T13:00:00Z",
                "why a@example.com --workflow visit --at 2027-01-01T12:00:00Z",
                "leads show a@example.com",
                "--json leads show a@example.com",
            ],
        )
        .await;
        for part in [
            "In `visit` for appointment_id L2 since ",
            "\nvisit for appointment_id L2: finished on ",
            " visit for appointment_id L1 ",
            "\"key\": \"L2\"",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_live_then_is_known_then() {
    for_each_database(async |db| {
        let led = "enter:\n  by_hand: yes\nsteps:\n  - email: hello\n";
        let with = Campaign::new().workflow("led", led).mail("hello", "Hello");
        let rig = Rig::new(db, &with).await;
        rig.lead("a@example.com", &[]).await;
        rig.tick().await;
        rig.clock.set(rig.clock.now() + DAY);
        let without = with.without("workflows/led.yaml").without("templates/hello.md");
        rig.apply(&without).await;
        rig.tick().await;
        let said = answers(
            db,
            &[
                "why-not a@example.com --workflow led --at 2026-12-28T13:00:00Z",
                "why-not a@example.com --mail hello --at 2026-12-28T13:00:00Z",
                "why-not a@example.com --workflow led --at 2026-12-29T12:00:00Z",
            ],
        )
        .await;
        assert_eq!(said.matches("1. `led`: it comes in by hand alone").count(), 2, "{said}");
        assert_eq!(said.matches("error: there is no workflow `led`").count(), 1, "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_failed_is_said_to_have_failed_when_and_why() {
    let careful = |word: &str, text: &str| {
        let rest = format!(
            "enter:\n  when: stage == \"lead\"\n  existing: yes\nsend: {{ on_failure: {word} }}\n\
             steps:\n  - email: cold/one\n  - wait: 1d\n  - email: cold/two\n"
        );
        let campaign = Campaign::new().workflow("careful", &rest);
        campaign.text("cold/one", "One", text).mail("cold/two", "Two")
    };
    let one = || Subject::Mail("cold/one".into());
    let words = |bars: &[Bar]| bars.iter().map(|bar| bar.bar).collect::<Vec<_>>();
    let says = "it failed on 2026-12-28 12:00, by `careful`, at its step `email.cold/one`: ";
    // It cannot be written.
    for_each_database(async |db| {
        let rig = Rig::new(db, &careful("skip", "Hello {{ first_name }}")).await;
        let lead = rig.lead("a@example.com", &[]).await;
        rig.tick().await;
        let told = bars(&rig, lead, one()).await;
        assert_eq!(words(&told), ["failed"]);
        let (start, why) = told[0].says.split_at(says.len());
        assert!(start == says && why.contains("first_name"), "{}", told[0].says);
        rig.tick_after(2 * DAY).await;
        let later = bars(&rig, lead, one()).await;
        assert_eq!(words(&later), ["failed", "ended", "again"]);
        assert_eq!(later[0].says, told[0].says);
    })
    .await;
    // It is refused.
    for_each_database(async |db| {
        let relay = Script::new().on(|moment: smtp::Moment<'_>| match moment.at {
            smtp::At::Dot => say("554 5.7.1 looks like spam"),
            _ => Act::Default,
        });
        let setup = Setup { relay, ..Setup::default() };
        let rig = Rig::with(db, &careful("leave", "Hello"), setup).await;
        let lead = rig.lead("a@example.com", &[]).await;
        rig.tick().await;
        rig.tick_after(SECOND).await;
        let told = bars(&rig, lead, one()).await;
        assert_eq!(words(&told), ["failed", "ended", "again"]);
        assert!(told[0].says.contains("554 5.7.1 looks like spam"), "{}", told[0].says);
        // Of another mail of it that is no news.
        assert_eq!(
            words(&bars(&rig, lead, Subject::Mail("cold/two".into())).await),
            ["ended", "again"]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_webhook_waits_for_its_answer() {
    for_each_database(async |db| {
        let crm = Crm::start(&[503; 64]).await;
        let rig = webhooks::rig(db, &crm, "    on_failure: hold\n", webhooks::ALLOWED).await;
        let lead = rig.lead("ann@a.example", &[]).await;
        rig.tick().await;
        let says = async || {
            let told = moment(&rig, lead, |moment| why(moment, None)).await;
            told.standing.unwrap().inside.remove(0).says
        };
        assert_eq!(says().await, "waits for the answer of webhook `crm`");
        for _ in 0..64 {
            rig.tick_after(HOUR).await;
        }
        let says = says().await;
        let start = "waits for the answer of webhook `crm`, which was called in vain: ";
        assert!(says.starts_with(start) && says.contains("503"), "{says}");
    })
    .await;
}
