//! Relays that warm up, through the whole engine.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use nurtured::{
    domain::{event::EventKind, fleet::Fleet, schedule::Day, time::Instant},
    engine::{
        Engine,
        report::{budget::budget, ramps::ramps_report},
    },
    store::records::NewEvent,
};

use crate::support::{
    databases::{NOON, TestDatabase, for_each_database},
    engine::{Campaign, DAY, HOUR, MINUTE, Rig, Setup},
    smtp::{Act, At, Moment, Script, say},
};

const POLICY: &str = "policy:\n  zone: UTC\n  window: daily 09:00-19:00\n  tracking: with insights\n  \
    purposes:\n    insights: { label: Insights, basis: [consent] }\n";
const GOOGLE: &str =
    "  pacing:\n    providers:\n      google: { domains: [gmail.com], rate: 600 per hour }\n";

fn campaign(rest: &str) -> Campaign {
    Campaign::new()
        .file("workflows/policy.yaml", &format!("{POLICY}{rest}"))
        .mail("hello", "Hello")
        .workflow("cold", "enter:\n  event: lead.imported\nsteps:\n  - email: hello\n")
}

/// A monday, at noon; the warm-up begins on it.
async fn rig(db: &TestDatabase, rest: &str, ramp: &str, relay: Script) -> Rig {
    let first = Day::at(NOON, &nurtured::domain::time::Zone::utc());
    let main = format!("warm_up = \"{first}\"\nramp = {ramp}\n");
    Rig::with(db, &campaign(rest), Setup { main, relay, ..Setup::default() }).await
}

/// How many left on each day from the first on.
fn by_day(sent: &[Instant], days: usize) -> Vec<usize> {
    let first = NOON - 12 * HOUR;
    let mut found = vec![0; days];
    for at in sent {
        found[usize::try_from(at.since(first) / 86_400_000).unwrap()] += 1;
    }
    found
}

/// Passes at each wake-up until an instant, by engines in turn.
async fn walk(rig: &Rig, engines: &[std::sync::Arc<Engine>], until: Instant) {
    let mut next = Some(rig.clock.now());
    for engine in engines.iter().cycle() {
        let Some(now) = next.filter(|now| *now <= until) else { break };
        rig.clock.set(now);
        next = engine.tick(now).await.unwrap().next_wake_at;
    }
    rig.clock.set(until);
    engines[0].tick(until).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_day_takes_its_number_spread_and_over_a_restart_and_two_engines() {
    for_each_database(async |db| {
        let rig = rig(db, "", "[8, 16, 24, 24]", Script::new()).await;
        let leads = rig.crowd(100, "acme.example").await;
        rig.walk(NOON + 5 * HOUR).await;
        let (other, _) = rig.restarted().await;
        if db.url.file().is_some() {
            walk(&rig, &[other], NOON + 9 * DAY).await;
        } else {
            walk(&rig, &[rig.engine.clone(), other], NOON + 9 * DAY).await;
        }
        let at = rig.sent(&leads).await;
        // Until the window closes at seven: one each hour. Then each day its number, and after the last no limit.
        assert_eq!(by_day(&at, 10), [7, 16, 24, 24, 29, 0, 0, 0, 0, 0]);
        for (first, second) in at.iter().zip(&at[1..]).take(50) {
            assert!(*second >= *first + 20 * MINUTE, "no burst: {first}, {second}");
        }
        let standing = rig.store.ramps().await.unwrap();
        assert_eq!((standing.len(), standing[0].1.step), (1, 4));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_again_counts_once_on_its_day() {
    for_each_database(async |db| {
        // The first three are put off.
        let asked = AtomicUsize::new(0);
        let relay = Script::new().on(move |moment: Moment<'_>| {
            let is_early = moment.at == At::Rcpt && asked.fetch_add(1, Ordering::SeqCst) < 3;
            if is_early { say("451 4.7.1 try again later") } else { Act::Default }
        });
        let rig = rig(db, "", "[4, 16]", relay).await;
        let leads = rig.crowd(20, "acme.example").await;
        // One each hour until seven: four of the first day, and their three second tries.
        rig.walk(NOON + 2 * DAY).await;
        assert_eq!(by_day(&rig.sent(&leads).await, 3), [4, 16, 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_leave_today_is_told_a_day_and_asks_no_sooner() {
    for_each_database(async |db| {
        let rig = rig(db, "", "[4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]", Script::new()).await;
        let leads = rig.crowd(20, "acme.example").await;
        rig.tick().await;
        let mut told: BTreeMap<i64, usize> = BTreeMap::new();
        for &lead in &leads {
            let row = rig.enrolment(lead).await;
            if let Some(until) = row.due_at {
                let noon = NOON - 12 * HOUR;
                *told.entry(until.since(noon) / 86_400_000).or_default() += 1;
            }
        }
        assert_eq!(told, [(0, 3), (1, 4), (2, 4), (3, 4), (4, 4)].into(), "one has left");
        // Newcomers come behind them.
        let late = rig.crowd(1, "late.example").await;
        rig.walk(NOON + 4 * DAY + 7 * HOUR).await;
        assert_eq!(by_day(&rig.sent(&leads).await, 5), [4, 4, 4, 4, 4]);
        assert_eq!(rig.sent(&late).await, []);
        rig.walk(NOON + 5 * DAY).await;
        assert_eq!(rig.sent(&late).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_held_while_mail_is_put_off_and_resumed_after_a_day_that_went_well() {
    for_each_database(async |db| {
        let asked = std::sync::Arc::new(AtomicUsize::new(0));
        let counted = std::sync::Arc::clone(&asked);
        // Each sixth mail of the first day is put off once.
        let relay = Script::new().on(move |moment: Moment<'_>| {
            if moment.at != At::Rcpt || !moment.line.contains("gmail.com") {
                return Act::Default;
            }
            let nth = counted.fetch_add(1, Ordering::SeqCst);
            if nth < 30 && nth % 6 == 5 { say("451 4.7.1 try again later") } else { Act::Default }
        });
        let rig = rig(db, GOOGLE, "[40, 80, 160]", relay).await;
        let google = rig.crowd(170, "gmail.com").await;
        let others = rig.crowd(280, "acme.example").await;
        rig.walk(NOON + DAY).await;
        let standing = |ramps: &[nurtured::store::Ramp], whose: &str| {
            let found = ramps.iter().find(|((_, receivers), _)| receivers == whose);
            found.map(|(_, standing)| (standing.step, standing.held.clone())).unwrap()
        };
        let ramps = rig.store.ramps().await.unwrap();
        let (step, held) = standing(&ramps, "google");
        assert_eq!(step, 0);
        assert!(held.unwrap().contains("were deferred, more than 10 %"));
        assert_eq!(standing(&ramps, "others"), (1, None), "the others take it");
        rig.walk(NOON + 2 * DAY).await;
        let ramps = rig.store.ramps().await.unwrap();
        assert_eq!(standing(&ramps, "google"), (1, None));
        rig.walk(NOON + 2 * DAY + 9 * HOUR).await;
        let google = by_day(&rig.sent(&google).await, 4);
        assert!(google[0] <= 40 && google[1] == 40 && google[2] == 80, "{google:?}");
        let others = by_day(&rig.sent(&others).await, 4);
        assert!(others[0] <= 40 && others[1] == 80 && others[2] == 160, "{others:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bounces_take_it_down_and_what_there_is_to_come_is_told() {
    for_each_database(async |db| {
        let rig = rig(db, "", "[40, 80, 160]", Script::new()).await;
        let leads = rig.crowd(400, "acme.example").await;
        rig.walk(NOON + DAY + 10 * HOUR).await;
        let mut bounced = 0;
        for &lead in &leads {
            let Some(mail) = rig.messages(lead).await.pop().filter(|_| bounced < 12) else {
                continue;
            };
            let sent = rig.events(lead, &EventKind::MAIL_SENT).await;
            if !sent.is_empty() {
                let now = rig.clock.now();
                let mut event = NewEvent::new(lead, EventKind::MAIL_BOUNCED, now, "test");
                (event.object, event.message) = (Some("hard".into()), Some(mail.id));
                rig.store.record_events(&[event], now).await.unwrap();
                bounced += 1;
            }
        }
        rig.walk(NOON + 2 * DAY).await;
        let definitions = &rig.engine.live().unwrap().definitions;
        let fleet: &Fleet = &rig.engine.fleet;
        let ramps = ramps_report(&rig.store, definitions, fleet, rig.clock.now()).await.unwrap();
        let line = &ramps[0];
        assert_eq!((ramps.len(), line.step, line.a_day), (1, 1, Some(40)));
        assert!(
            line.held.as_ref().unwrap().starts_with("12 of 80 were refused for good"),
            "{line:?}"
        );
        assert!((15..=40).contains(&line.used), "{line:?}");
        let told = budget(&rig.store, definitions, fleet, rig.clock.now()).await.unwrap();
        let mails = rig.sent(&leads).await.len() as u64;
        assert_eq!(told.days.iter().map(|day| day.leave).sum::<u64>(), 400 - mails);
        assert_eq!(told.days[0].leave, u64::from(40 - line.used));
        assert_eq!(told.days[1].capacity, Some(80));
        assert!(told.drains_on.is_some(), "{told:#?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_sends_no_more_a_day_than_it_says() {
    for_each_database(async |db| {
        let workflow = "enter:\n  event: lead.imported\nsend: { at_most: 16 per day }\nsteps:\n  - email: hello\n";
        let rig = Rig::new(db, &campaign("").workflow("cold", workflow)).await;
        let leads = rig.crowd(40, "acme.example").await;
        rig.walk(NOON + 4 * DAY).await;
        assert_eq!(by_day(&rig.sent(&leads).await, 4), [14, 16, 10, 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_by_a_relay_before_its_first_day() {
    for_each_database(async |db| {
        let main = "warm_up = \"2100-01-01\"\n".to_owned();
        let rig = Rig::with(db, &campaign(""), Setup { main, ..Setup::default() }).await;
        let leads = rig.crowd(3, "acme.example").await;
        rig.walk(NOON + 3 * DAY).await;
        assert_eq!(rig.sent(&leads).await, []);
        let row = rig.enrolment(leads[0]).await;
        assert_eq!(row.due_at.unwrap().to_string(), "2100-01-01T09:00:00Z");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_will_not_leave_before_its_date_is_told() {
    for_each_database(async |db| {
        let workflow = "campaign: fair\nenter:\n  event: lead.imported\nsend: { at_most: 8 per day, not_after: starts }\n\
                        steps:\n  - email: hello\n";
        let fair = "campaign: fair\ntitle: The fair\ndates: { starts: 2026-12-31 09:00 }\n";
        let campaign =
            campaign("").workflow("cold", workflow).file("workflows/fair.campaign.yaml", fair);
        let rig = Rig::new(db, &campaign).await;
        let leads = rig.crowd(40, "acme.example").await;
        rig.tick().await;
        let live = rig.engine.live().unwrap();
        let told = budget(&rig.store, &live.definitions, &rig.engine.fleet, NOON).await.unwrap();
        // Seven until the evening of the first day, eight on each of two more.
        let [late] = &told.too_late[..] else { panic!("{told:#?}") };
        assert_eq!((&*late.workflow, late.mails), ("cold", 17));
        assert_eq!(late.not_after.to_string(), "2026-12-31T09:00:00Z");
        rig.walk(NOON + 5 * DAY).await;
        assert_eq!(rig.sent(&leads).await.len(), 23, "as it was told");
    })
    .await;
}
