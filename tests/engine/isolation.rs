//! No lead stops the others: it is tried a few times, then set aside with its reason.

use std::collections::BTreeMap;

use nurtured::domain::{event::EventKind, id::LeadId, message::MessageState};

use crate::support::{
    databases::{NOON, for_each_database},
    engine::{Campaign, MINUTE, Rig, behind, bytes},
};

fn campaign() -> Campaign {
    Campaign::new()
        .workflow(
            "hello",
            "enter:\n  when: stage == \"lead\"\n  existing: yes\nsteps:\n  - email: cold/hello\n    id: hello\n",
        )
        .workflow("form", "enter:\n  event: form.submitted\nsteps:\n  - tag: came-by-a-form\n")
        .mail("cold/hello", "Hello")
}

/// The last word of a lead's timeline, if it says that the lead is parked.
async fn parked(rig: &Rig, lead: LeadId) -> Option<String> {
    let last = rig.store.timeline(lead, 1_000).await.unwrap().pop()?;
    (last.kind == "decision.parked").then_some(last.detail?)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_bad_leads_among_ten_thousand_are_parked_and_the_others_done() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        // What is asked here is who is decided: nobody waits for ten thousand mails.
        rig.store.pause(&"all".into(), "test", NOON).await.unwrap();
        let names: Vec<String> = (0..10_005).map(|n| format!("l{n}@example.com")).collect();
        let leads = rig.leads(&names, &[]).await;
        // Evenly among the others.
        let [unreadable, twice, nul, panics, no_past] = [7, 2_411, 4_800, 7_333, 9_999].map(|n| leads[n]);

        let set = async |column: &str, json: &str, lead: LeadId| {
            let value =
                if column == "memory" { bytes(db, json) } else { format!("'{json}'") };
            behind(db, format!("UPDATE leads SET {column} = {value} WHERE lead = {}", lead.0)).await;
        };
        set("profile", "{", unreadable).await;
        // The message that its decision will reserve is there already.
        behind(
            db,
            format!(
                "INSERT INTO messages (id, lead, enrolment, step, visit, recipient, kind, workflow, version, \
                 purpose, template, priority, state, due_at, attempts, stop_epoch, created_at) \
                 VALUES (1, {}, 1, 'hello', 1, '', 'marketing', 'hello', 'v', 'insights', \
                 'cold/hello', 0, 'sent', 0, 1, 0, 0)",
                twice.0
            ),
        )
        .await;
        // A NUL reaches the decision's log by a hit that settles now.
        let at = NOON.millis();
        let hit = format!(
            "{{\"rev\":1,\"kind\":\"form.submitted\",\"object\":\"a\\u0000b\",\"occurred_at\":{at},\
             \"recorded_at\":{at},\"judgement\":\"human\",\"settles_at\":null,\"message\":null,\
             \"about\":null,\"revises\":null,\"data\":{{}}}}"
        );
        set("memory", &format!("{{\"unsettled\":[{hit}]}}"), nul).await;
        // Counting its enrolments further overflows, which panics where arithmetic is checked.
        set("memory", &format!("{{\"next_enrolment\":{}}}", i64::MAX), panics).await;
        behind(db, format!("UPDATE events SET data = '{{' WHERE lead = {}", no_past.0)).await;

        let report = rig.tick().await;
        let bad = if cfg!(debug_assertions) { 5 } else { 4 };
        let mut reasons = BTreeMap::new();
        for number in [7, 2_411, 4_800, 7_333, 9_999] {
            if let Some(reason) = parked(&rig, leads[number]).await {
                assert!(!rig.states(leads[number]).await.iter().any(|(_, state)| state.is_open()));
                reasons.insert(number, reason);
            }
        }
        let decided = 10_005 - bad;
        assert_eq!(
            (report.parked, report.decided, report.reserved),
            (bad, decided, decided),
            "{reasons:#?}"
        );
        for (number, said) in [
            (7, "table `leads`, column `profile`"),
            (2_411, "messages"),
            (4_800, "NUL character"),
            (9_999, "table `events`, column `data`"),
        ] {
            assert!(reasons[&number].contains(said), "{number}: {reasons:#?}");
        }
        if cfg!(debug_assertions) {
            assert!(reasons[&7_333].contains("panicked: attempt to add with overflow"), "{reasons:#?}");
        }
        assert_eq!(reasons.len() as u64, bad);

        // They are not tried again, whatever happens to them.
        rig.happens(nul, EventKind::PAGE_VISITED, Some("/")).await;
        let report = rig.tick_after(MINUTE).await;
        assert_eq!((report.decided, report.parked), (0, 0));

        // Mended, a new release gives them another chance.
        set("profile", "{\"consents\":{\"insights\":{\"basis\":\"consent\",\"at\":1,\"source\":\"x\"}}}", unreadable).await;
        set("memory", "{}", nul).await;
        rig.apply(&campaign().mail("cold/hello", "Hello again")).await;
        let report = rig.tick_after(MINUTE).await;
        assert_eq!(report.parked, bad - 2);
        assert_eq!(parked(&rig, unreadable).await, None);
        assert_eq!(parked(&rig, nul).await, None);
        assert_eq!(rig.states(unreadable).await, [("cold/hello".into(), MessageState::Reserved)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_tries_is_as_configured() {
    for_each_database(async |db| {
        let setup = crate::support::engine::Setup {
            config: "[engine]\npark_after = 7\n".into(),
            ..Default::default()
        };
        let rig = Rig::with(db, &campaign(), setup).await;
        let lead = rig.lead("a@example.com", &[]).await;
        let bad = format!(
            "{{\"unsettled\":[{{\"rev\":1,\"kind\":\"form.submitted\",\"object\":\"a\\u0000b\",\
             \"occurred_at\":{0},\"recorded_at\":{0},\"judgement\":\"human\",\"settles_at\":null,\
             \"message\":null,\"about\":null,\"revises\":null,\"data\":{{}}}}]}}",
            NOON.millis()
        );
        let bad = bytes(db, &bad);
        behind(db, format!("UPDATE leads SET memory = {bad} WHERE lead = {}", lead.0)).await;
        let live = rig.engine.live();
        assert!(live.is_none(), "nothing was taken over yet");
        rig.engine.take_over().await.unwrap();
        let live = rig.engine.live().unwrap();
        for attempt in 1..=7 {
            let done = rig.engine.decide_due(&live, NOON).await.unwrap();
            assert_eq!((done.claimed, done.parked), (1, u64::from(attempt == 7)), "{attempt}");
        }
        assert_eq!(rig.engine.decide_due(&live, NOON).await.unwrap().claimed, 0);
    })
    .await;
}
