//! What the people at the desk can do: pause, hold back, and not run two engines on one file.

use nurtured::{
    domain::message::MessageState,
    store::{Store, StoreError},
};

use crate::support::{
    databases::for_each_database,
    engine::{Campaign, DAY, HOUR, MINUTE, Rig, SECOND, Setup},
};

fn campaign() -> Campaign {
    let steps = "enter:\n  when: stage == \"lead\"\n  existing: yes\nsteps:\n  - email: MAIL\n  - wait: 1d\n  - tag: TAG\n";
    let steps = |mail: &str, tag: &str| steps.replace("MAIL", mail).replace("TAG", tag);
    Campaign::new()
        .workflow("first", &format!("priority: 5\n{}", steps("cold/one", "had-one")))
        .workflow("second", &steps("cold/two", "had-two"))
        .mail("cold/one", "One")
        .mail("cold/two", "Two")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_is_not_sent_until_it_is_resumed() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let lead = rig.lead("a@example.com", &[]).await;
        rig.store.pause(&"all".into(), "ada", rig.clock.now()).await.unwrap();
        let report = rig.tick().await;
        assert_eq!((report.decided > 0, report.reserved, report.sent), (true, 1, 0));
        assert_eq!(rig.tick_after(HOUR).await.sent, 0);
        assert_eq!(rig.states(lead).await, [("cold/one".into(), MessageState::Reserved)]);

        // Only one of the two goes on; the other reserves nothing meanwhile.
        rig.store.pause(&"second".into(), "ada", rig.clock.now()).await.unwrap();
        rig.store.resume(&"all".into(), rig.clock.now()).await.unwrap();
        let report = rig.tick_after(MINUTE).await;
        assert_eq!((report.sent, report.reserved), (1, 0));
        assert_eq!(rig.subjects_to("a@example.com"), ["One"]);
        assert_eq!(rig.tick_after(2 * DAY).await.sent, 0);
        assert!(rig.record(lead).await.profile.tags.contains("had-one"), "what is no mail goes on");

        rig.store.resume(&"second".into(), rig.clock.now()).await.unwrap();
        assert_eq!(rig.tick_after(MINUTE).await.sent, 1);
        assert_eq!(rig.subjects_to("a@example.com"), ["One", "Two"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_workflow_keeps_no_other_from_writing() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        // Its mail is reserved already when `first` is paused, and `second` waits behind it.
        let early = rig.lead("early@example.com", &[]).await;
        rig.engine.take_over().await.unwrap();
        let live = rig.engine.live().unwrap();
        rig.engine.decide_due(&live, rig.clock.now()).await.unwrap();
        assert_eq!(rig.states(early).await, [("cold/one".into(), MessageState::Reserved)]);
        rig.store.pause(&"first".into(), "ada", rig.clock.now()).await.unwrap();
        let late = rig.lead("late@example.com", &[]).await;
        // The withdrawal is written, then the other is reserved.
        assert_eq!(rig.tick_after(SECOND).await.cancelled, 1);
        rig.tick_after(SECOND).await;
        for to in ["early@example.com", "late@example.com"] {
            assert_eq!(rig.subjects_to(to), ["Two"]);
        }
        assert_eq!(rig.enrolments(late).await[0].state, "ready");
        assert_eq!(rig.tick_after(2 * DAY).await.sent, 0);
        rig.store.resume(&"first".into(), rig.clock.now()).await.unwrap();
        assert_eq!(rig.tick_after(SECOND).await.sent, 2);
        for to in ["early@example.com", "late@example.com"] {
            assert_eq!(rig.subjects_to(to), ["Two", "One"]);
        }
        let states = rig.states(early).await;
        assert_eq!(states[0], ("cold/one".into(), MessageState::Cancelled));
        assert_eq!(states.len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_staging_only_our_own_are_written_to() {
    for_each_database(async |db| {
        let staging = Setup {
            config: "[delivery]\nonly_to = [\"*@ours.example\"]\n".into(),
            ..Setup::default()
        };
        let rig = Rig::with(db, &campaign(), staging).await;
        let ours = rig.lead("ada@ours.example", &[]).await;
        let theirs = rig.lead("bob@theirs.example", &[]).await;
        let report = rig.tick().await;
        assert_eq!(report.sent, 2, "both mails to Ada");
        assert_eq!(
            rig.smtp.mails().iter().filter(|mail| mail.to != ["ada@ours.example"]).count(),
            0
        );
        assert_eq!(rig.enrolments(ours).await.len(), 2);
        let waiting = rig.messages(theirs).await.remove(0);
        assert_eq!(waiting.state, MessageState::Reserved);
        assert!(waiting.reason.unwrap().contains("only_to"));
        assert!(waiting.due_at > rig.clock.now(), "it is not looked at all the time");
        for _ in 0..5 {
            rig.tick_after(HOUR).await;
        }
        assert_eq!(rig.smtp.count(), 2);
        // Staging is over.
        let open = Setup { start: rig.clock.now() + HOUR, ..Setup::default() };
        let campaign = campaign().mail("cold/one", "One, at last");
        let rig = Rig::with(db, &campaign, open).await;
        assert_eq!(rig.tick().await.sent, 2);
        assert_eq!(rig.subjects_to("bob@theirs.example"), ["One, at last", "Two"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_has_one_engine() {
    for_each_database(async |db| {
        let engine = db.store.engine_lock().unwrap();
        let second = Store::open(&db.url).await.unwrap();
        if db.name == "sqlite" {
            assert_eq!(second.engine_lock().err(), Some(StoreError::EngineRunning));
            drop(engine);
            assert!(second.engine_lock().is_ok(), "the end of the first sets it free");
        } else {
            assert!(second.engine_lock().is_ok(), "several share a server");
        }
        second.close().await;
    })
    .await;
}
