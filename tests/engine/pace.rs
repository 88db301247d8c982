//! How fast mails leave, through the whole engine.

use std::time::Duration;

use crate::support::{
    databases::{NOON, for_each_database},
    engine::{Campaign, DAY, HOUR, MINUTE, Rig, SECOND, Setup},
};
use nurtured::domain::{event::EventKind, id::LeadId, time::Instant};

fn campaign(pacing: &str, window: &str) -> Campaign {
    let policy = format!(
        "policy:\n  zone: UTC\n  window: {window}\n  tracking: with insights\n  purposes:\n    \
         insights: {{ label: Insights, basis: [consent] }}\n  pacing:\n{pacing}"
    );
    let steps = "enter:\n  event: lead.imported\nsteps:\n  - email: hello\n";
    Campaign::new()
        .file("workflows/policy.yaml", &policy)
        .mail("hello", "Hello")
        .workflow("cold", steps)
}

/// In no stretch as long as the period more than so many.
fn is_kept(sent: &[Instant], mails: usize, period: Duration) {
    for (index, first) in sent.iter().enumerate() {
        if let Some(next) = sent.get(index + mails) {
            assert!(
                *next >= *first + period,
                "{first} and {mails} more within {period:?}: {sent:?}"
            );
        }
    }
}

#[tokio::test]
async fn mails_keep_their_distance_and_no_domain_waits_for_another() {
    for_each_database(async |db| {
        let pacing = "    all: 60 per minute\n    each_domain: 6 per minute\n    providers:\n      \
                      google: { domains: [gmail.com, googlemail.com], rate: 120 per hour }\n";
        let rig = Rig::new(db, &campaign(pacing, "always")).await;
        let mut google = rig.crowd(20, "gmail.com").await;
        google.extend(rig.crowd(20, "googlemail.com").await);
        let acme = rig.crowd(12, "acme.example").await;
        let other = rig.lead("one@other.example", &[]).await;
        rig.walk(NOON + 10 * SECOND).await;
        assert_eq!(rig.sent(&[other]).await.len(), 1, "a crowd for others is not in its way");
        let late = rig.lead("two@other.example", &[]).await;
        rig.walk(NOON + HOUR).await;
        let (to_google, to_acme) = (rig.sent(&google).await, rig.sent(&acme).await);
        assert_eq!((to_google.len(), to_acme.len()), (40, 12));
        is_kept(&to_google, 1, 30 * SECOND);
        is_kept(&to_acme, 1, 10 * SECOND);
        // And no slower, but for the moments that they stand in the line of all.
        assert!(*to_google.last().unwrap() <= NOON + 39 * 30 * SECOND + 5 * SECOND);
        assert!(*to_acme.last().unwrap() <= NOON + 11 * 10 * SECOND + 5 * SECOND);
        let all: Vec<LeadId> = google.into_iter().chain(acme).chain([other, late]).collect();
        is_kept(&rig.sent(&all).await, 1, SECOND);
    })
    .await;
}

/// What leads ask for goes at once, however much of it, and holds back nobody who shares only a faster line with it.
#[tokio::test]
async fn what_is_asked_for_goes_at_once_and_its_line_alone_moves_on() {
    for_each_database(async |db| {
        let pacing = "    all: 60 per minute\n    each_domain: 60 per hour\n";
        let asked =
            "enter:\n  event: form.submitted\nsend: { now: yes }\nsteps:\n  - email: ticket\n";
        let campaign = campaign(pacing, "always").mail("ticket", "Ticket").workflow("asked", asked);
        let rig = Rig::new(db, &campaign).await;
        let crowd = rig.crowd(20, "acme.example").await;
        rig.tick_at(NOON + MINUTE).await;
        for &lead in &crowd {
            rig.happens(lead, EventKind::FORM_SUBMITTED, None).await;
        }
        rig.walk(NOON + 3 * MINUTE).await;
        let tickets = rig.sent(&crowd).await.len();
        assert!(tickets >= 20, "{tickets}");
        let other = rig.lead("one@other.example", &[]).await;
        rig.walk(NOON + 4 * MINUTE).await;
        assert_eq!(rig.sent(&[other]).await.len(), 1);
    })
    .await;
}

/// A turn is worth what its line was: with another pace, or none, everybody asks anew.
#[tokio::test]
async fn a_pace_that_was_wrong_is_forgotten_when_it_is_mended() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign("    all: 1 per hour\n", "always")).await;
        let leads = rig.crowd(20, "acme.example").await;
        rig.walk(NOON + 2 * MINUTE).await;
        assert_eq!(rig.sent(&leads).await.len(), 1);
        rig.apply(&campaign("    all: 1 per second\n", "always")).await;
        rig.walk(NOON + 90 * MINUTE).await;
        let at = rig.sent(&leads).await;
        assert_eq!(at.len(), 20);
        is_kept(&at, 1, SECOND);
    })
    .await;
}

/// Who comes late to its turn is not sent to the end of the queue.
#[tokio::test]
async fn turns_that_came_at_the_same_time_are_taken_one_after_the_other() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign("    all: 60 per hour\n", "always")).await;
        let leads = rig.crowd(120, "acme.example").await;
        rig.walk(NOON + 5 * MINUTE).await;
        // Half an hour in which nothing runs; those whose turn it was are not behind all others.
        rig.walk_from(NOON + 35 * MINUTE, NOON + 100 * MINUTE).await;
        let at = rig.sent(&leads).await;
        is_kept(&at, 1, MINUTE);
        assert!(at.len() >= 65, "{}", at.len());
    })
    .await;
}

#[tokio::test]
async fn a_mailing_is_spread_over_its_window_and_goes_on_the_next_day() {
    for_each_database(async |db| {
        let pacing = "    workflows: { cold: 10 per hour }\n";
        let rig = Rig::new(db, &campaign(pacing, "daily 09:00-12:30")).await;
        // At noon: five until the window closes, then thirty-five a day.
        let leads = rig.crowd(50, "acme.example").await;
        rig.walk(NOON + 3 * DAY).await;
        let at = rig.sent(&leads).await;
        assert_eq!(at.len(), 50);
        is_kept(&at, 1, 6 * MINUTE);
        let by = |until: Instant| at.iter().filter(|at| **at < until).count();
        assert_eq!((by(NOON + HOUR), by(NOON + DAY + HOUR)), (5, 40));
    })
    .await;
}

#[tokio::test]
async fn what_an_outage_kept_back_does_not_burst() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign("    all: 60 per hour\n", "always")).await;
        let leads = rig.crowd(30, "acme.example").await;
        rig.walk(NOON + 3 * MINUTE).await;
        assert_eq!(rig.sent(&leads).await.len(), 4);
        // Nothing runs for half an hour.
        rig.clock.set(NOON + 35 * MINUTE);
        let (engine, _) = rig.restarted().await;
        let mut next = engine.tick(rig.clock.now()).await.unwrap().next_wake_at;
        while let Some(now) = next.filter(|now| *now <= NOON + 2 * HOUR) {
            rig.clock.set(now);
            next = engine.tick(now).await.unwrap().next_wake_at;
        }
        let at = rig.sent(&leads).await;
        assert_eq!(at.len(), 30);
        is_kept(&at, 1, MINUTE);
    })
    .await;
}

/// Places go on being given while a relay stalls. What was not used in time is lined up anew.
#[tokio::test]
async fn what_a_slow_relay_kept_back_for_less_than_a_minute_does_not_burst() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign("    all: 60 per minute\n", "always")).await;
        rig.tick().await;
        let leads = rig.crowd(120, "acme.example").await;
        let live = rig.engine.live().unwrap();
        for second in 0..50 {
            rig.clock.set(NOON + second * SECOND);
            rig.engine.decide_due(&live, rig.clock.now()).await.unwrap();
        }
        assert_eq!(rig.sent(&leads).await.len(), 0);
        rig.walk_from(NOON + 50 * SECOND, NOON + HOUR).await;
        let at = rig.sent(&leads).await;
        assert_eq!(at.len(), 120);
        // Those whose time was a moment ago, and no more.
        is_kept(&at, 8, SECOND);
        is_kept(&at, 68, MINUTE);
    })
    .await;
}

/// Several daemons give places in the same lines at the same time: no place is given twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pace_is_kept_by_all_together() {
    for_each_database(async |db| {
        let setup = Setup { config: "[engine]\nbatch = 3\n".into(), ..Setup::default() };
        let pacing = "    all: 30 per minute\n    each_domain: 6 per minute\n";
        let rig = Rig::with(db, &campaign(pacing, "always"), setup).await;
        rig.tick().await;
        let mut leads = Vec::new();
        for company in 0..5 {
            leads.push(rig.crowd(12, &format!("company-{company}.example")).await);
        }
        rig.decide_by_many(6).await;
        rig.walk(NOON + HOUR).await;
        for company in &leads {
            let at = rig.sent(company).await;
            assert_eq!(at.len(), 12);
            is_kept(&at, 1, 10 * SECOND);
        }
        let all = rig.sent(&leads.concat()).await;
        is_kept(&all, 1, 2 * SECOND);
    })
    .await;
}

#[tokio::test]
async fn what_was_due_during_an_outage_leaves_at_the_pace_of_catching_up_and_nothing_else_does() {
    for_each_database(async |db| {
        let policy = "policy:\n  zone: UTC\n  tracking: with insights\n  catch_up: 20 per minute\n  purposes:\n    \
                      insights: { label: Insights, basis: [consent] }\n";
        let steps = "enter:\n  event: lead.imported\nsteps:\n  - wait: 1h\n  - email: hello\n";
        let campaign = Campaign::new()
            .file("workflows/policy.yaml", policy)
            .mail("hello", "Hello")
            .workflow("cold", steps);
        let rig = Rig::new(db, &campaign).await;
        let overdue = rig.crowd(50, "a.example").await;
        rig.tick().await;
        // Nothing runs from then on; others have come meanwhile, and are due in time.
        rig.clock.set(NOON + HOUR * 3);
        let fresh = rig.crowd(50, "b.example").await;
        rig.walk_from(NOON + HOUR * 3, NOON + HOUR * 5).await;
        let late = rig.sent(&overdue).await;
        assert_eq!(late.len(), 50);
        is_kept(&late, 20, MINUTE);
        assert!(late[49] < NOON + HOUR * 3 + MINUTE * 4, "and no slower: {late:?}");
        assert_eq!(rig.sent(&fresh).await, vec![NOON + HOUR * 4; 50]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_lay_ready_during_an_outage_do_not_burst_either() {
    for_each_database(async |db| {
        let policy = "policy:\n  zone: UTC\n  tracking: with insights\n  catch_up: 20 per minute\n  purposes:\n    \
                      insights: { label: Insights, basis: [consent] }\n";
        let campaign = Campaign::new()
            .file("workflows/policy.yaml", policy)
            .mail("hello", "Hello")
            .workflow("cold", "enter:\n  event: lead.imported\nsteps:\n  - email: hello\n");
        let rig = Rig::new(db, &campaign).await;
        let leads = rig.crowd(50, "a.example").await;
        rig.store.pause(&"relay:main".into(), "test", NOON).await.unwrap();
        rig.tick().await;
        rig.store.resume(&"relay:main".into(), NOON).await.unwrap();
        rig.walk_from(NOON + HOUR, NOON + HOUR * 2).await;
        let at = rig.sent(&leads).await;
        assert_eq!(at.len(), 50);
        is_kept(&at, 20, MINUTE);
    })
    .await;
}

#[tokio::test]
async fn at_most_may_change_from_hours_to_days_and_back() {
    for_each_database(async |db| {
        let workflow = |at_most: &str| {
            let steps = format!(
                "enter:\n  event: lead.imported\nsend: {{ at_most: {at_most} }}\nsteps:\n  - email: hello\n"
            );
            Campaign::new().mail("hello", "Hello").workflow("cold", &steps)
        };
        let rig = Rig::new(db, &workflow("240 per hour")).await;
        let mut now = NOON;
        for (round, at_most) in ["500 per day", "240 per hour", "40 per day"].iter().enumerate() {
            let leads = rig.crowd(5, &format!("d{round}.example")).await;
            rig.walk(now + HOUR).await;
            assert_eq!(rig.sent(&leads).await.len(), 5, "before {at_most}");
            rig.apply(&workflow(at_most)).await;
            now = now + HOUR;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_keeps_its_distance_holds_no_connection_meanwhile() {
    for_each_database(async |db| {
        let pacing =
            "    providers:\n      slow: { domains: [slow.example], rate: 5 per second }\n";
        let setup = Setup { connections: 1, ..Setup::default() };
        let rig = Rig::with(db, &campaign(pacing, "always"), setup).await;
        let live = async || {
            rig.engine.take_over().await.unwrap();
            rig.engine.live().unwrap()
        };
        // Nothing was handed over for two seconds, so the two for the slow provider come together; behind them others.
        rig.crowd(2, "slow.example").await;
        assert_eq!(rig.engine.decide_due(&live().await, NOON).await.unwrap().reserved, 2);
        rig.clock.set(NOON + SECOND);
        rig.crowd(4, "other.example").await;
        assert_eq!(rig.engine.decide_due(&live().await, NOON).await.unwrap().reserved, 4);
        assert_eq!(rig.tick_at(NOON + 2 * SECOND).await.sent, 6);
        let to: Vec<String> = rig.smtp.mails().iter().map(|mail| mail.to[0].clone()).collect();
        assert!(to[0].ends_with("@slow.example") && to[1].ends_with("@other.example"), "{to:?}");
    })
    .await;
}
