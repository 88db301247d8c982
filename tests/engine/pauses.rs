//! Leads and companies that are paused: nothing goes to them, nobody looks at them again and again, and what
//! was held goes when they are taken up.

use nurtured::{
    domain::{message::MessageState, pause::Scope},
    engine::report::idle::{Around, idle_report},
    store::By,
};

use crate::support::{
    databases::for_each_database,
    engine::{Campaign, DAY, HOUR, MINUTE, Rig, SECOND},
};

fn campaign() -> Campaign {
    let steps = "enter:\n  when: stage == \"lead\"\n  existing: yes\nsteps:\n  - email: cold/one\n  - wait: 1d\n  \
                 - tag: had-one\n  - email: cold/two\n    not_after: 3d\n  - tag: the-end\n";
    Campaign::new().workflow("first", steps).mail("cold/one", "One").mail("cold/two", "Two")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_lead_is_held_with_the_reason_and_goes_on_when_it_is_taken_up() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let paused = rig.lead("paused@example.com", &[]).await;
        rig.lead("other@example.com", &[]).await;
        rig.engine.take_over().await.unwrap();
        let live = rig.engine.live().unwrap();
        rig.engine.decide_due(&live, rig.clock.now()).await.unwrap();
        assert_eq!(rig.states(paused).await, [("cold/one".into(), MessageState::Reserved)]);

        let scope = Scope::Lead(paused);
        let by = By { who: "ada", because: Some("in talks") };
        rig.store.pause(&scope, by, rig.clock.now()).await.unwrap();
        let report = rig.tick_after(SECOND).await;
        assert_eq!((report.sent, report.cancelled), (1, 1), "what was reserved is taken back");
        rig.tick_after(SECOND).await;
        assert_eq!(rig.subjects_to("paused@example.com"), [""; 0]);
        let held = rig.enrolment(paused).await;
        assert_eq!(held.state, "ready");
        let (around, now) = (Around::default(), rig.clock.now());
        let idle = idle_report(&rig.store, Some(&live.definitions), &around, now).await.unwrap();
        let causes = idle.causes;
        let cause = causes.iter().find(|cause| cause.cause == "paused").unwrap();
        assert_eq!(cause.says, format!("the lead {paused} is paused; 1 lead at a mail"));

        // Nothing is looked at meanwhile.
        let wake = rig.engine.next_wake_at().await.unwrap();
        assert!(wake >= rig.clock.now() + HOUR, "{wake}");
        let report = rig.tick_after(HOUR).await;
        assert_eq!((report.decided, report.sent), (0, 0));

        rig.store.resume(&scope, rig.clock.now()).await.unwrap();
        assert_eq!(rig.tick_after(SECOND).await.sent, 1);
        assert_eq!(rig.subjects_to("paused@example.com"), ["One"]);

        // Waits go on as time does, and a dated mail expires.
        rig.store.pause(&scope, "ada", rig.clock.now()).await.unwrap();
        rig.walk(rig.clock.now() + 2 * DAY).await;
        assert!(rig.record(paused).await.profile.tags.contains("had-one"));
        assert!(!rig.record(paused).await.profile.tags.contains("the-end"));
        rig.walk(rig.clock.now() + 4 * DAY).await;
        assert!(rig.record(paused).await.profile.tags.contains("the-end"));
        assert_eq!(rig.subjects_to("paused@example.com"), ["One"]);
        assert_eq!(rig.subjects_to("other@example.com"), ["One", "Two"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_company_is_held_as_a_whole_and_nobody_else() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let scope = Scope::Account("acme ltd".into());
        rig.store.pause(&scope, "ada", rig.clock.now()).await.unwrap();
        for (email, company) in [
            ("a@acme.example", "ACME Ltd"),
            ("b@gmail.com", "acme ltd"),
            ("c@acme.example", "Other"),
        ] {
            rig.lead(email, &[("company", company)]).await;
        }
        assert_eq!(rig.tick().await.sent, 1);
        assert_eq!(rig.tick_after(HOUR).await.sent, 0);
        assert_eq!(rig.subjects_to("c@acme.example"), ["One"]);
        rig.store.resume(&scope, rig.clock.now()).await.unwrap();
        assert_eq!(rig.tick_after(MINUTE).await.sent, 2);
        for to in ["a@acme.example", "b@gmail.com"] {
            assert_eq!(rig.subjects_to(to), ["One"]);
        }
    })
    .await;
}

/// Sending goes on beside; once `pause` has returned, no mail of these goes out any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_races_with_sending_holds_from_its_return_on() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let emails: Vec<String> = (0..60).map(|n| format!("p{n}@acme.example")).collect();
        let leads = rig.leads(&emails, &[]).await;
        rig.engine.take_over().await.unwrap();
        let live = rig.engine.live().unwrap();
        while rig.engine.decide_due(&live, rig.clock.now()).await.unwrap().claimed > 0 {}
        let ticking = {
            let (engine, now) = (rig.engine.clone(), rig.clock.now());
            tokio::spawn(async move { engine.tick(now).await.unwrap() })
        };
        while rig.smtp.count() == 0 {
            tokio::task::yield_now().await;
        }
        let now = rig.clock.now();
        rig.store.pause(&Scope::Account("@acme.example".into()), "ada", now).await.unwrap();
        rig.store.pause(&Scope::Lead(leads[59]), "ada", now).await.unwrap();
        // Whatever is past its point of no return now may still arrive, and nothing else.
        let mut may = 0;
        for lead in &leads {
            let states = rig.states(*lead).await;
            let left = [MessageState::Transmitting, MessageState::Sent];
            may += usize::from(states.iter().any(|(_, state)| left.contains(state)));
        }
        ticking.await.unwrap();
        for _ in 0..3 {
            rig.tick_after(MINUTE).await;
        }
        assert_eq!(rig.smtp.count(), may);
        rig.store.resume(&Scope::Account("@acme.example".into()), rig.clock.now()).await.unwrap();
        rig.store.resume(&Scope::Lead(leads[59]), rig.clock.now()).await.unwrap();
        rig.tick_after(MINUTE).await;
        for email in &emails {
            assert_eq!(rig.subjects_to(email), ["One"], "{email}");
        }
    })
    .await;
}
