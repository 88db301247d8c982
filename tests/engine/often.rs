//! How often leads and companies are written to, through the whole engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::support::{
    databases::{NOON, for_each_database},
    engine::{Campaign, DAY, HOUR, Rig, Setup},
};
use nurtured::domain::{event::EventKind, id::LeadId, lead::Phase, time::Instant};

/// Mails a policy's further rules allow.
fn campaign(rules: &str, steps: usize) -> Campaign {
    let policy = format!(
        "policy:\n  zone: UTC\n  tracking: with insights\n  purposes:\n    \
         insights: {{ label: Insights, basis: [consent] }}\n{rules}"
    );
    let mut campaign = Campaign::new().file("workflows/policy.yaml", &policy);
    let mut text = String::from("enter:\n  event: lead.imported\nsteps:\n");
    for step in 0..steps {
        campaign = campaign.mail(&format!("mail-{step}"), &format!("Mail {step}"));
        text += &format!("  - email: mail-{step}\n  - wait: 1h\n");
    }
    campaign.workflow("chatty", &text)
}

/// Days since noon of the first day, of all mails to an address.
async fn days(rig: &Rig, lead: LeadId) -> Vec<i64> {
    let sent = rig.events(lead, &EventKind::MAIL_SENT).await;
    let day = |at: Instant| (at.millis() - NOON.millis()).div_euclid(86_400_000);
    sent.iter().map(|event| day(event.occurred_at)).collect()
}

#[tokio::test]
async fn a_lead_gets_no_more_mail_than_the_caps_allow_whichever_process_sends_it() {
    for_each_database(async |db| {
        let rules = "  caps:\n    - { mails: 1, per: day }\n    - { mails: 3, per: week }\n";
        let rig = Rig::new(db, &campaign(rules, 5)).await;
        let lead = rig.lead("ada@acme.example", &[]).await;
        rig.walk(NOON + 30 * HOUR).await;
        assert_eq!(rig.mails_to("ada@acme.example").len(), 2);
        // What was sent is known to whoever comes after.
        let (engine, _) = rig.restarted().await;
        let mut next = engine.tick(rig.clock.now()).await.unwrap().next_wake_at;
        while let Some(now) = next.filter(|now| *now <= NOON + 12 * DAY) {
            rig.clock.set(now);
            next = engine.tick(now).await.unwrap().next_wake_at;
        }
        assert_eq!(days(&rig, lead).await, [0, 0, 1, 6, 7]);
        assert!(rig.record(lead).await.enrolments.is_empty(), "none is dropped");
    })
    .await;
}

async fn crowd(rig: &Rig, people: usize) -> Vec<LeadId> {
    let names: Vec<String> = (0..people).map(|n| format!("p{n}@acme.example")).collect();
    rig.leads(&names, &[]).await
}

/// On which days of the calendar each of them was written to.
async fn written_to(rig: &Rig, leads: &[LeadId]) -> BTreeMap<LeadId, BTreeSet<i64>> {
    let mut found = BTreeMap::new();
    for &lead in leads {
        let sent = rig.events(lead, &EventKind::MAIL_SENT).await;
        let day = |at: Instant| at.millis().div_euclid(86_400_000);
        found.insert(lead, sent.iter().map(|event| day(event.occurred_at)).collect());
    }
    found
}

#[tokio::test]
async fn of_a_company_no_more_people_are_written_to_than_the_policy_says() {
    for_each_database(async |db| {
        let rules = "  accounts:\n    people: { at_most: 2, per: week }\n";
        let rig = Rig::new(db, &campaign(rules, 1)).await;
        let people = crowd(&rig, 5).await;
        let elsewhere = rig
            .leads(&["a@gmail.com".into(), "b@gmail.com".into(), "c@gmail.com".into()], &[])
            .await;
        // The CRM's word for the company goes before the domain.
        let branch = rig.lead("p9@acme-uk.example", &[("company", "  ACME Ltd ")]).await;
        let same = rig.lead("p8@acme-fr.example", &[("company", "Acme  ltd")]).await;
        rig.walk(NOON + HOUR).await;
        for lead in elsewhere.iter().chain([&branch, &same]) {
            assert_eq!(days(&rig, *lead).await.len(), 1);
        }
        let written = written_to(&rig, &people).await;
        assert_eq!(written.values().filter(|days| !days.is_empty()).count(), 2);
        let held = rig.record(*written.iter().find(|(_, days)| days.is_empty()).unwrap().0).await;
        let Phase::Ready { held: Some(held) } = &held.enrolments[0].phase else {
            panic!("{held:?}")
        };
        assert_eq!(held.reason, "2 people of a company in 7 days");
        rig.walk(NOON + 30 * DAY).await;
        let written = written_to(&rig, &people).await;
        let all: BTreeSet<i64> = written.values().flatten().copied().collect();
        for day in all {
            let in_week = |days: &&BTreeSet<i64>| days.range(day..day + 7).next().is_some();
            assert!(written.values().filter(in_week).count() <= 2, "from {day}: {written:?}");
        }
        assert!(written.values().all(|days| days.len() == 1), "{written:?}");
    })
    .await;
}

#[tokio::test]
async fn a_reply_stops_mail_to_the_whole_company_also_what_is_reserved() {
    for_each_database(async |db| {
        let rules = "  accounts:\n    reply_stops: 30d\n";
        let rig = Rig::new(db, &campaign(rules, 2)).await;
        let people = crowd(&rig, 3).await;
        let stranger = rig.lead("x@other.example", &[]).await;
        rig.walk(NOON + Duration::from_secs(60)).await;
        // Their second mails are reserved, and not handed over yet.
        let live = rig.engine.live().unwrap();
        rig.clock.set(NOON + 2 * HOUR);
        while rig.engine.decide_due(&live, rig.clock.now()).await.unwrap().claimed > 0 {}
        assert_eq!(rig.messages(people[1]).await.len(), 2);
        rig.happens(people[0], EventKind::LEAD_REPLIED, None).await;
        rig.walk(NOON + 29 * DAY).await;
        for &lead in &people {
            assert_eq!(days(&rig, lead).await.len(), 1, "the first alone");
        }
        assert_eq!(days(&rig, stranger).await.len(), 2);
        rig.walk(NOON + 32 * DAY).await;
        assert_eq!(days(&rig, people[1]).await, [0, 30]);
        assert_eq!(days(&rig, people[2]).await, [0, 30]);
    })
    .await;
}

/// Several daemons decide people of one company at the same time: whoever is slower decides again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_company_is_shared_by_all_who_decide() {
    for_each_database(async |db| {
        let rules = "  accounts:\n    people: { at_most: 1, per: month }\n";
        // Small batches: those of one company are in the hands of many.
        let setup = Setup { config: "[engine]\nbatch = 2\n".into(), ..Setup::default() };
        let rig = Rig::with(db, &campaign(rules, 1), setup).await;
        rig.tick().await;
        let mut people = Vec::new();
        for company in 0..6 {
            let names: Vec<String> =
                (0..12).map(|n| format!("p{n}@company-{company}.example")).collect();
            people.push(rig.leads(&names, &[]).await);
        }
        rig.decide_by_many(6).await;
        rig.walk(NOON + HOUR).await;
        for company in &people {
            let written = written_to(&rig, company).await;
            assert_eq!(written.values().filter(|days| !days.is_empty()).count(), 1);
        }
    })
    .await;
}
