//! Coming in by a date of the lead, and when a clock ticks.

use nurtured::domain::{event::EventKind, id::LeadId};

use crate::support::{
    databases::{NOON, for_each_database},
    engine::{Campaign, DAY, HOUR, MINUTE, Rig, at},
};

fn campaign() -> Campaign {
    Campaign::new()
        .file("workflows/attributes.yaml", "attributes:\n  contract_end: date\n")
        .workflow(
            "renewal",
            "enter:\n  date: contract_end\n  offset: -1 week\nsteps:\n  - email: renewal\n",
        )
        .workflow(
            "hourly",
            "enter:\n  schedule: \"0 * * * *\"\n  who: country == \"Italy\"\n  late: 90m\n  \
             again: always\nsteps:\n  - email: news\n",
        )
        .mail("renewal", "Your contract")
        .mail("news", "News")
}

async fn entered(rig: &Rig, lead: LeadId, workflow: &str) -> usize {
    let enrolments = rig.enrolments(lead).await;
    enrolments.iter().filter(|it| it.workflow.as_str() == workflow).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tick_takes_in_whom_it_is_for() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let italian = rig.lead("a@example.com", &[("country", "Italy")]).await;
        let french = rig.lead("b@example.com", &[("country", "France")]).await;
        let report = rig.tick().await;
        assert_eq!((report.sent, report.next_wake_at), (0, Some(NOON + HOUR)));
        let report = rig.tick_at(NOON + HOUR).await;
        assert_eq!((report.sent, report.next_wake_at), (1, Some(NOON + 2 * HOUR)));
        assert_eq!(rig.tick_after(MINUTE).await.sent, 0);
        assert_eq!(rig.tick_at(NOON + 2 * HOUR).await.sent, 1);
        assert_eq!(entered(&rig, italian, "hourly").await, 2);
        assert_eq!(entered(&rig, french, "hourly").await, 0);
        let events = rig.store.events_of(italian).await.unwrap();
        let ticks = events.iter().filter(|it| it.kind == EventKind::SCHEDULE_TICKED);
        assert_eq!(ticks.count(), 2);
    })
    .await;
}

/// Down from 12:30 to 15:40; of the hours 13, 14 and 15 the last is made up for.
#[tokio::test(flavor = "multi_thread")]
async fn of_the_ticks_of_an_outage_one_is_made_up_for_and_the_others_are_listed() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let lead = rig.lead("a@example.com", &[("country", "Italy")]).await;
        rig.tick_at(NOON + 30 * MINUTE).await;
        let now = NOON + 3 * HOUR + 40 * MINUTE;
        rig.clock.set(now);
        let (engine, _) = rig.restarted().await;
        assert_eq!(engine.tick(now).await.unwrap().sent, 1);
        assert_eq!(entered(&rig, lead, "hourly").await, 1);
        let missed = rig.store.missed_ticks(9).await.unwrap();
        let hours: Vec<_> = missed.iter().map(|it| it.at).collect();
        assert_eq!(hours, [NOON + 2 * HOUR, NOON + HOUR]);
        assert_eq!(rig.tick_after(MINUTE).await.sent, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_schedule_begins_anew_and_makes_up_for_nothing() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        rig.lead("a@example.com", &[("country", "Italy")]).await;
        rig.tick().await;
        rig.clock.set(NOON + 90 * MINUTE);
        let daily = campaign().workflow(
            "hourly",
            "enter:\n  schedule: \"0 9 * * *\"\n  zone: Asia/Tokyo\n  who: country == \"Italy\"\n\
             steps:\n  - email: news\n",
        );
        rig.apply(&daily).await;
        let report = rig.tick().await;
        assert_eq!((report.sent, report.next_wake_at), (0, Some(NOON + 12 * HOUR)));
        assert!(rig.store.missed_ticks(9).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_the_lead_lets_it_in_at_nine_on_its_own_clock() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let end = (NOON + 20 * DAY).to_string();
        let attributes = [("contract_end", &end[..10]), ("zone", "Asia/Tokyo")];
        let lead = rig.lead("a@example.com", &attributes).await;
        rig.tick().await;
        let comes = at(&format!("{}T00:00:00Z", &(NOON + 13 * DAY).to_string()[..10]));
        rig.tick_at(comes - MINUTE).await;
        assert_eq!(entered(&rig, lead, "renewal").await, 0);
        assert_eq!(rig.tick_at(comes).await.sent, 1);
        assert_eq!(rig.subjects_to("a@example.com"), ["Your contract"]);
        assert_eq!(rig.tick_after(DAY).await.sent, 0);
    })
    .await;
}
