//! Ways through a workflow, on both databases: rounds, arms, streams, other workflows, and what reports make of them.

use std::collections::BTreeSet;

use nurtured::{
    domain::name::Name,
    engine::{live::Live, report::workflow::workflow_report},
    store::records::Period,
};

use crate::support::{
    databases::for_each_database,
    engine::{Campaign, DAY, Rig},
};

const ENTER: &str = "enter:\n  when: stage == \"lead\"\n  existing: yes\n";

#[tokio::test(flavor = "multi_thread")]
async fn each_round_sends_its_mail_and_a_report_counts_leads() {
    for_each_database(async |db| {
        let steps = "steps:\n  - repeat: 2\n    steps:\n      - repeat: 2\n        steps:\n          - email: ask\n          \
                     - wait: 1d\n      - email: pause\n  - tag: done\n";
        let campaign = Campaign::new()
            .workflow("rounds", &format!("{ENTER}{steps}"))
            .mail("ask", "Ask")
            .mail("pause", "Pause");
        let rig = Rig::new(db, &campaign).await;
        let lead = rig.lead("a@example.com", &[]).await;
        let other = rig.lead("b@example.com", &[]).await;
        let begin = rig.clock.now();
        rig.walk(begin + 10 * DAY).await;
        for (lead, email) in [(lead, "a@example.com"), (other, "b@example.com")] {
            let all = ["Ask", "Ask", "Pause", "Ask", "Ask", "Pause"];
            assert_eq!(rig.subjects_to(email), all);
            let messages = rig.messages(lead).await;
            let keys: BTreeSet<_> =
                messages.iter().map(|it| (it.about.step.clone(), it.about.visit)).collect();
            assert_eq!(keys.len(), messages.len());
            let row = rig.enrolment(lead).await;
            assert_eq!(row.state, "finished");
        }
        let live = Live::load(&rig.store).await.unwrap().unwrap();
        let now = rig.clock.now();
        let period = Period::ALL;
        let name = Name::from("rounds");
        let report =
            workflow_report(&rig.store, &live.definitions, &name, period, now).await.unwrap();
        assert_eq!((report.enrolments, report.finished), (2, 2));
        let told: Vec<_> =
            report.steps.iter().map(|it| (&*it.step, it.entered, it.sent, it.mails)).collect();
        assert_eq!(
            told,
            [
                ("repeat.2", 2, 0, 0),
                ("repeat.2#2", 2, 0, 0),
                ("email.ask", 2, 2, 8),
                ("wait.1d", 2, 0, 0),
                ("email.pause", 2, 2, 4),
                ("tag.done", 2, 0, 0),
            ]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_with_what_a_release_adds() {
    for_each_database(async |db| {
        let steps = "steps:\n  - stream: useful\n    every: 7d\n";
        let with = |contents: &str| {
            let streams = format!("streams:\n  useful: {{ contents: [{contents}] }}\n");
            Campaign::new()
                .workflow("patient", &format!("{ENTER}{steps}"))
                .file("workflows/streams.yaml", &streams)
                .mail("one", "One")
                .mail("two", "Two")
                .mail("three", "Three")
        };
        let rig = Rig::new(db, &with("one, two")).await;
        let lead = rig.lead("a@example.com", &[]).await;
        let begin = rig.clock.now();
        rig.walk(begin + 30 * DAY).await;
        assert_eq!(rig.subjects_to("a@example.com"), ["One", "Two"]);
        let waits = rig.enrolment(lead).await;
        assert_eq!((&*waits.step, &*waits.state), ("stream.useful", "ready"));
        rig.apply(&with("three, one, two")).await;
        rig.walk(begin + 40 * DAY).await;
        assert_eq!(rig.subjects_to("a@example.com"), ["One", "Two", "Three"]);
        // The file is gone: who is inside keeps the last contents, and the release is no worse for it.
        let without = Campaign::new().mail("one", "One");
        rig.apply(&without).await;
        rig.walk(begin + 60 * DAY).await;
        assert_eq!(rig.enrolment(lead).await.state, "ready");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arms_are_the_same_on_both_databases_and_lead_elsewhere() {
    let arms = std::sync::Mutex::new(Vec::new());
    for_each_database(async |db| {
        let steps = "steps:\n  - split:\n      in: { weight: 1, then: [{ enrol: other }, { wait: 2d }, { leave: other }] }\n      \
                     out: 1\n  - wait: 30d\n";
        let campaign = Campaign::new()
            .workflow("test", &format!("{ENTER}{steps}"))
            .workflow("other", "enter: { by_hand: yes }\nsteps:\n  - email: hello\n  - wait: 20d\n")
            .mail("hello", "Hello");
        let rig = Rig::new(db, &campaign).await;
        let leads = rig.crowd(12, "example.com").await;
        let begin = rig.clock.now();
        rig.walk(begin + DAY).await;
        let mut taken = Vec::new();
        for lead in &leads {
            taken.push(rig.enrolments(*lead).await.iter().any(|it| &*it.workflow == "other"));
        }
        assert!(taken.contains(&true) && taken.contains(&false), "{taken:?}");
        arms.lock().unwrap().push(taken.clone());
        rig.walk(begin + 5 * DAY).await;
        for (lead, is_in) in leads.iter().zip(taken) {
            let ended: Vec<_> = rig
                .enrolments(*lead)
                .await
                .into_iter()
                .filter(|it| &*it.workflow == "other")
                .map(|it| it.state)
                .collect();
            assert_eq!(ended, if is_in { vec!["left"] } else { vec![] });
        }
    })
    .await;
    let arms = arms.into_inner().unwrap();
    assert!(arms.windows(2).all(|pair| pair[0] == pair[1]), "{arms:?}");
}
