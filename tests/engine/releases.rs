//! A release while leads are on their way.

use nurtured::{
    domain::message::MessageState,
    engine::{
        releasing::{self, Applied},
        sending::Until,
    },
};
use tokio_util::sync::CancellationToken;

use crate::support::{
    databases::for_each_database,
    engine::{Campaign, DAY, MINUTE, Read, Rig, SECOND, behind},
};

const ENTER: &str = "enter:\n  when: stage == \"lead\"\n  existing: no\n";

/// One mail, a day, another mail.
fn before() -> Campaign {
    Campaign::new()
        .workflow(
            "way",
            &format!("{ENTER}steps:\n  - email: cold/one\n  - wait: 1d\n  - email: cold/two\n"),
        )
        .mail("cold/one", "One")
        .mail("cold/two", "Two")
}

/// A week instead of the day, and another mail at its end.
fn after() -> Campaign {
    Campaign::new()
        .workflow(
            "way",
            &format!("{ENTER}steps:\n  - email: cold/one\n  - wait: 7d\n  - email: cold/three\n"),
        )
        .mail("cold/one", "One, better said")
        .mail("cold/three", "Three")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_on_the_way_keeps_it_and_newcomers_take_the_new_one() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &before()).await;
        rig.clock.set(rig.clock.now() + SECOND);
        let early = rig.lead("early@example.com", &[]).await;
        rig.tick().await;
        let old = rig.enrolment(early).await.version;

        rig.clock.set(rig.clock.now() + MINUTE);
        rig.apply(&after()).await;
        let late = rig.lead("late@example.com", &[]).await;
        rig.tick().await;
        assert_eq!(rig.subjects_to("late@example.com"), ["One, better said"]);
        assert_eq!(rig.enrolment(early).await.version, old, "the sweep moves nobody");
        assert_ne!(rig.enrolment(late).await.version, old);

        // The mail that the folder no longer has is still there for those who need it.
        rig.tick_after(DAY).await;
        assert_eq!(rig.subjects_to("early@example.com"), ["One", "Two"]);
        assert_eq!(rig.subjects_to("late@example.com").len(), 1);
        assert_eq!(rig.enrolment(early).await.state, "finished");
        rig.tick_after(7 * DAY).await;
        assert_eq!(rig.subjects_to("late@example.com"), ["One, better said", "Three"]);
        assert_eq!(rig.subjects_to("early@example.com").len(), 2, "the way is not gone twice");

        // The same folder again is nothing new, though the release holds more than the folder.
        let now = rig.clock.now();
        let again =
            releasing::apply(&rig.store, &after().artefacts(), "test", "", now).await.unwrap();
        assert!(matches!(again, Applied::Unchanged(_)), "{again:?}");

        // After a restart with nothing in memory it is the same.
        let (engine, _) = rig.restarted().await;
        assert_eq!(engine.tick(rig.clock.now()).await.unwrap().sent, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_deleted_from_the_folder_is_live_no_more() {
    for_each_database(async |db| {
        let full = before()
            .workflow("other", "enter: { by_hand: yes }\nsteps:\n  - tag: in\n")
            .mail("cold/extra", "Extra")
            .file("workflows/segments.yaml", "segments:\n  extra: stage == \"mql\"\n")
            .file(
                "workflows/people.yaml",
                "people:\n  ada: { name: Ada, email: ada@ours.example }\n",
            )
            .file("workflows/attributes.yaml", "attributes:\n  seats: number\n")
            .file(
                "workflows/scoring.yaml",
                "scoring:\n  engagement: [{ on: clicked(), points: 5, cap: 10 }]\n",
            )
            .file("templates/layouts/other.html", "{{ content }}{{ postal_address }}")
            .file("templates/partials/foot.html", "x");
        let rig = Rig::new(db, &full).await;
        for file in [
            "workflows/other.yaml",
            "templates/cold/extra.md",
            "workflows/segments.yaml",
            "workflows/people.yaml",
            "workflows/attributes.yaml",
            "workflows/scoring.yaml",
            "templates/layouts/other.html",
            "templates/partials/foot.html",
        ] {
            let rest = full.clone().without(file);
            rig.apply(&rest).await;
            let live = rig.store.live_release().await.unwrap().unwrap();
            assert_eq!(live.manifest.len(), rest.artefacts().len(), "{file}");
            rig.apply(&full).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_a_mail_are_always_the_live_ones() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &before()).await;
        rig.clock.set(rig.clock.now() + SECOND);
        rig.lead("a@example.com", &[]).await;
        rig.tick().await;
        rig.apply(&before().mail("cold/two", "Two, better said")).await;
        rig.tick_after(DAY).await;
        assert_eq!(rig.subjects_to("a@example.com"), ["One", "Two, better said"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_lacks_a_value_waits_for_the_mended_release() {
    for_each_database(async |db| {
        let greeting = "Good morning {{ first_name }},\n\n[read on](https://www.example.com/)\n";
        let broken = before().text("cold/one", "One", greeting);
        let rig = Rig::new(db, &broken).await;
        rig.clock.set(rig.clock.now() + SECOND);
        let nameless = rig.lead("nameless@example.com", &[]).await;
        let named = rig.lead("ann@example.com", &[("first_name", "Ann")]).await;
        let report = rig.tick().await;
        assert_eq!((report.sent, report.parked), (1, 1));
        let message = rig.messages(nameless).await.remove(0);
        assert_eq!(message.state, MessageState::Parked);
        assert!(message.reason.unwrap().contains("first_name"));
        assert_eq!(rig.enrolment(nameless).await.state, "mailing");
        assert!(Read::of(&rig.mails_to("ann@example.com")[0]).text.contains("Good morning Ann,"));
        // It is not tried all the time.
        let report = rig.tick_after(MINUTE).await;
        assert_eq!((report.sent, report.parked), (0, 0));

        let mended = "---\nsubject: One\nlayout: mail\ndefaults: { first_name: there }\n---\n";
        rig.apply(&before().file("templates/cold/one.md", &format!("{mended}{greeting}"))).await;
        let report = rig.tick_after(MINUTE).await;
        assert_eq!((report.sent, report.parked), (1, 0));
        assert!(
            Read::of(&rig.mails_to("nameless@example.com")[0]).text.contains("Good morning there,")
        );
        assert_eq!(rig.enrolment(nameless).await.state, "waiting");
        assert_eq!(rig.mails_to("ann@example.com").len(), 1, "who had it does not get it again");
        assert_eq!(rig.enrolment(named).await.state, "waiting");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_no_leaves_those_alone_who_were_there() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &Campaign::new()).await;
        let old = rig.lead("old@example.com", &[]).await;
        rig.tick().await;
        rig.clock.set(rig.clock.now() + DAY);
        rig.apply(&before()).await;
        rig.tick().await;
        assert!(rig.enrolments(old).await.is_empty());
        let timeline = rig.store.timeline(old, 100).await.unwrap();
        let why = timeline.iter().find(|line| line.kind == "decision.not_entered").unwrap();
        assert!(why.detail.as_ref().unwrap().contains("existing: no"), "{why:?}");

        rig.clock.set(rig.clock.now() + SECOND);
        let new = rig.lead("new@example.com", &[]).await;
        rig.tick().await;
        assert_eq!(rig.enrolment(new).await.state, "waiting");
        // Nor does a later release let them in.
        rig.clock.set(rig.clock.now() + DAY);
        rig.apply(&after()).await;
        rig.tick().await;
        assert!(rig.enrolments(old).await.is_empty());

        // With `existing: yes` they come in.
        let all = Campaign::new().workflow(
            "everybody",
            "enter:\n  when: stage == \"lead\"\n  existing: yes\nsteps:\n  - tag: in\n",
        );
        rig.clock.set(rig.clock.now() + DAY);
        rig.apply(&all).await;
        rig.tick().await;
        assert!(rig.record(old).await.profile.tags.contains("in"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_decided_by_what_has_been_replaced() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &Campaign::new()).await;
        rig.tick().await;
        let stale = rig.engine.live().unwrap();
        rig.clock.set(rig.clock.now() + DAY);
        rig.apply(&before()).await;
        rig.clock.set(rig.clock.now() + SECOND);
        let lead = rig.lead("a@example.com", &[]).await;
        rig.engine.decide_due(&stale, rig.clock.now()).await.unwrap();
        assert_eq!(rig.enrolment(lead).await.workflow, "way");
        let release = rig.store.live_release().await.unwrap().unwrap();
        assert_eq!(rig.engine.live_release(), Some(release.id));
        assert_eq!(rig.record(lead).await.decided_under, release.id);
        assert_eq!(release.live_since["way"].release, release.id);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_behind_sends_what_another_one_has_reserved() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &before()).await;
        rig.tick().await;
        rig.clock.set(rig.clock.now() + MINUTE);
        rig.apply(&after()).await;
        let lead = rig.lead("a@example.com", &[]).await;
        let other = rig.with_relay(rig.smtp.addr.port());
        other.take_over().await.unwrap();
        other.decide_due(&other.live().unwrap(), rig.clock.now()).await.unwrap();
        assert_ne!(rig.engine.live_release(), other.live_release());

        let tally = rig.engine.send(Until::Quiet, &CancellationToken::new()).await.unwrap();
        assert_eq!((tally.sent, tally.cancelled), (1, 0));
        assert_eq!(rig.subjects_to("a@example.com"), ["One, better said"]);
        assert_eq!(rig.enrolment(lead).await.state, "waiting");
        assert_eq!(rig.engine.live_release(), other.live_release());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_a_structure_that_nobody_knows_waits() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &before()).await;
        rig.engine.take_over().await.unwrap();
        rig.clock.set(rig.clock.now() + SECOND);
        let lead = rig.lead("a@example.com", &[]).await;
        rig.engine.decide_due(&rig.engine.live().unwrap(), rig.clock.now()).await.unwrap();
        let known = rig.enrolment(lead).await.version;
        let renamed = async |version: &str| {
            for table in ["enrolments", "messages"] {
                behind(db, format!("UPDATE {table} SET version = '{version}'")).await;
            }
        };
        renamed("of-tomorrow").await;
        rig.tick().await;
        let message = rig.messages(lead).await.remove(0);
        assert_eq!(message.state, MessageState::Reserved, "{:?}", message.reason);
        assert_eq!(message.due_at, rig.clock.now() + MINUTE);
        renamed(known.0.as_str()).await;
        assert_eq!(rig.tick_after(MINUTE).await.sent, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wider_segment_lets_nobody_in_at_once_who_was_known_before() {
    for_each_database(async |db| {
        let campaign = |countries: &str| {
            let segments = format!("segments:\n  near: 'country in [{countries}]'\n");
            let enter = "enter:\n  segment: near\n  existing: no\nsteps:\n  - tag: in\n";
            Campaign::new().file("workflows/segments.yaml", &segments).workflow("near", enter)
        };
        let rig = Rig::new(db, &campaign("\"Italy\"")).await;
        rig.clock.set(rig.clock.now() + SECOND);
        let italian = rig.lead("i@example.com", &[("country", "Italy")]).await;
        let french = rig.lead("f@example.com", &[("country", "France")]).await;
        rig.tick().await;
        assert!(rig.record(italian).await.profile.tags.contains("in"));

        rig.clock.set(rig.clock.now() + DAY);
        rig.apply(&campaign("\"Italy\", \"France\"")).await;
        rig.tick_after(SECOND).await;
        assert!(rig.enrolments(french).await.is_empty());
        let newcomer = rig.lead("n@example.com", &[("country", "France")]).await;
        rig.tick_after(SECOND).await;
        assert!(rig.record(newcomer).await.profile.tags.contains("in"));
        // What does not touch the condition leaves it its age.
        rig.clock.set(rig.clock.now() + DAY);
        let before = rig.store.live_release().await.unwrap().unwrap();
        rig.apply(&campaign("\"Italy\", \"France\"").mail("cold/one", "One")).await;
        let after = rig.store.live_release().await.unwrap().unwrap();
        assert_eq!(before.live_since, after.live_since);
    })
    .await;
}
