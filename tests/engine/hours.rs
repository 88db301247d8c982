//! The lead's own hours, and passes that have nothing to do.

use std::time::Duration;

use nurtured::domain::time::{Instant, Zone};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::{runtime::Handle, sync::mpsc, task::block_in_place, time::timeout};

use crate::support::{
    databases::{TestDatabase, for_each_database},
    engine::{Campaign, DAY, Rig, SECOND, Setup, at, behind},
    postgres,
    smtp::{Act, At, Moment, Script},
};

fn campaign() -> Campaign {
    Campaign::new()
        .workflow(
            "mornings",
            "enter:\n  when: stage == \"lead\"\n  existing: yes\nsend:\n  window: mon-fri 09:00-17:30\n\
             steps:\n  - email: cold/one\n  - wait: until 09:00\n  - email: cold/two\n",
        )
        .mail("cold/one", "One")
        .mail("cold/two", "Two")
}

/// Passes at each wake-up until an instant; when each mail was sent, by address.
async fn walk(rig: &Rig, until: Instant) -> Vec<(String, Instant)> {
    let mut sent = Vec::new();
    let mut report = rig.tick().await;
    loop {
        let known = sent.len();
        let now = rig.clock.now();
        sent.extend(rig.smtp.mails()[known..].iter().map(|mail| (mail.to[0].clone(), now)));
        match report.next_wake_at {
            Some(next) if next <= until => report = rig.tick_at(next).await,
            _ => return sent,
        }
    }
}

fn local(at: Instant, zone: &str) -> String {
    let zone = Zone::named(zone).unwrap();
    at.timestamp().to_zoned(zone.tz().clone()).strftime("%a %F %T").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_lead_is_written_to_at_nine_on_its_own_clock() {
    // Saturday noon before the clocks change: in Lord Howe by half an hour, on Sunday.
    let cases = [
        (
            "Australia/Lord_Howe",
            "2027-04-03T12:00:00Z",
            ["Mon 2027-04-05 09:00:00", "Tue 2027-04-06 09:00:00"],
        ),
        (
            "America/New_York",
            "2027-03-13T17:00:00Z",
            ["Mon 2027-03-15 09:00:00", "Tue 2027-03-16 09:00:00"],
        ),
        (
            "America/New_York",
            "2026-10-31T17:00:00Z",
            ["Mon 2026-11-02 09:00:00", "Tue 2026-11-03 09:00:00"],
        ),
        (
            "Africa/Cairo",
            "2027-04-29T16:00:00Z",
            ["Fri 2027-04-30 09:00:00", "Mon 2027-05-03 09:00:00"],
        ),
        (
            "Europe/Rome",
            "2027-03-26T17:00:00Z",
            ["Mon 2027-03-29 09:00:00", "Tue 2027-03-30 09:00:00"],
        ),
        (
            "Asia/Kolkata",
            "2027-01-01T13:00:00Z",
            ["Mon 2027-01-04 09:00:00", "Tue 2027-01-05 09:00:00"],
        ),
    ];
    for (zone, start, expected) in cases {
        for_each_database(async |db| {
            let start = at(start);
            let rig = Rig::with(db, &campaign(), Setup { start, ..Setup::default() }).await;
            rig.lead("a@example.com", &[("zone", zone)]).await;
            let sent = walk(&rig, start + 7 * DAY).await;
            let sent: Vec<String> = sent.iter().map(|(_, at)| local(*at, zone)).collect();
            assert_eq!(sent, expected, "{zone}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_around_the_world_each_in_their_morning() {
    for_each_database(async |db| {
        let start = at("2027-01-03T00:00:00Z");
        let rig = Rig::with(db, &campaign(), Setup { start, ..Setup::default() }).await;
        let zones = [
            "Pacific/Auckland",
            "Asia/Tokyo",
            "Europe/Rome",
            "America/New_York",
            "Pacific/Honolulu",
        ];
        for (number, zone) in zones.iter().enumerate() {
            rig.lead(&format!("l{number}@example.com"), &[("zone", zone)]).await;
        }
        let sent = walk(&rig, start + 2 * DAY).await;
        let order: Vec<&str> = sent[..5].iter().map(|(to, _)| to.as_str()).collect();
        assert_eq!(order, ["l0", "l1", "l2", "l3", "l4"].map(|name| format!("{name}@example.com")));
        for ((_, at), zone) in sent.iter().zip(zones) {
            assert_eq!(local(*at, zone), "Mon 2027-01-04 09:00:00");
        }
    })
    .await;
}

/// Countries as a CRM writes them, no zones.
#[tokio::test(flavor = "multi_thread")]
async fn by_its_country_a_lead_has_its_clock_and_its_days_off() {
    const POLICY: &str = "policy:\n  zone: UTC\n  zones: { Brazil: America/Manaus }\n  quiet: 21:00-09:30\n  \
                          calendar: { holidays: by country, also: [2027-03-30] }\n  tracking: with insights\n  \
                          purposes:\n    insights: { label: Insights, basis: [consent] }\n";
    for_each_database(async |db| {
        // The thursday before Easter, in the evening in Europe.
        let start = at("2027-03-25T20:00:00Z");
        let campaign = campaign().file("workflows/policy.yaml", POLICY);
        let rig = Rig::with(db, &campaign, Setup { start, ..Setup::default() }).await;
        let leads = [
            ("Italia", "Europe/Rome", "Fri 2027-03-26 09:30:00"),
            // Good Friday, Easter Monday, and a day of the house's own.
            ("Germany", "Europe/Berlin", "Wed 2027-03-31 09:30:00"),
            ("United Kingdom", "Europe/London", "Mon 2027-03-29 09:30:00"),
            // Still thursday, within hours.
            ("USA", "America/New_York", "Thu 2027-03-25 16:00:00"),
            ("Brasil", "America/Manaus", "Thu 2027-03-25 16:00:00"),
            ("Atlantis", "UTC", "Fri 2027-03-26 09:30:00"),
        ];
        for (number, (country, _, _)) in leads.iter().enumerate() {
            rig.lead(&format!("l{number}@example.com"), &[("country", country)]).await;
        }
        let sent = walk(&rig, start + 6 * DAY).await;
        for (number, (country, zone, expected)) in leads.iter().enumerate() {
            let first = sent.iter().find(|(to, _)| *to == format!("l{number}@example.com"));
            assert_eq!(local(first.unwrap().1, zone), *expected, "{country}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_misses_its_window_waits_for_the_next() {
    for_each_database(async |db| {
        let start = at("2027-01-04T17:29:59Z");
        let rig = Rig::with(db, &campaign(), Setup { start, ..Setup::default() }).await;
        let lead = rig.lead("a@example.com", &[]).await;
        rig.store.pause(&"all".into(), "ada", start).await.unwrap();
        assert_eq!(rig.tick().await.reserved, 1);
        rig.store.resume(&"all".into(), rig.clock.now()).await.unwrap();
        // Reserved within the window, and judged again when it would leave.
        let report = rig.tick_after(SECOND).await;
        assert_eq!((report.sent, report.deferred), (0, 1));
        assert_eq!(report.next_wake_at, Some(at("2027-01-05T09:00:00Z")));
        let reason = rig.messages(lead).await.remove(0).reason.unwrap();
        assert!(reason.contains("outside of the window"), "{reason}");
        assert_eq!(rig.tick_at(at("2027-01-05T09:00:00Z")).await.sent, 1);
    })
    .await;
}

/// On PostgreSQL, where a lock of somebody else holds up the mark alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_closes_while_the_point_of_no_return_is_written_is_kept() {
    let Some(db) = TestDatabase::postgres().await else { return };
    let url = postgres::url_text(&db.url);
    let (locked, mut lock) = mpsc::unbounded_channel();
    let place = url.clone();
    let relay = Script::new().on(move |moment: Moment<'_>| {
        if (moment.at, moment.nth) == (At::Data, 1) {
            let lock = async {
                let mut somebody = PgConnection::connect(&place).await.unwrap();
                somebody.execute("BEGIN; LOCK TABLE messages").await.unwrap();
                somebody
            };
            let somebody = block_in_place(|| Handle::current().block_on(lock));
            locked.send(somebody).unwrap();
        }
        Act::Default
    });
    let start = at("2027-01-04T17:29:59Z");
    let rig = Rig::with(&db, &campaign(), Setup { start, relay, ..Setup::default() }).await;
    rig.lead("a@example.com", &[]).await;
    let closing = async {
        let somebody: PgConnection = lock.recv().await.unwrap();
        let mut watcher = PgConnection::connect(&url).await.unwrap();
        // Other tests wait for locks of their own on the same server.
        let waits = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND relation = 'messages'::regclass \
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut watcher).await.unwrap() == 0 {}
        rig.clock.set(start + SECOND);
        somebody.close().await.unwrap();
        watcher.close().await.unwrap();
    };
    let closing = timeout(Duration::from_secs(60), closing);
    let (report, closed) = tokio::join!(rig.engine.tick(start), closing);
    closed.expect("the mark waits for the lock");
    let report = report.unwrap();
    assert_eq!((report.sent, report.in_doubt, report.deferred), (0, 0, 1), "{report:?}");
    assert_eq!((rig.smtp.count(), rig.smtp.refused().len()), (0, 0));
    rig.walk(at("2027-01-05T09:00:00Z")).await;
    assert_eq!(rig.subjects_to("a@example.com"), ["One"]);
    db.store.close().await;
    postgres::drop_database(&db.url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_pass_at_the_same_instant_does_nothing() {
    for_each_database(async |db| {
        let start = at("2027-01-04T09:00:00Z");
        let rig = Rig::with(db, &campaign(), Setup { start, ..Setup::default() }).await;
        let names: Vec<String> = (0..50).map(|n| format!("l{n}@example.com")).collect();
        rig.leads(&names, &[]).await;
        let mut now = start;
        for _ in 0..4 {
            let first = rig.tick_at(now).await;
            let connections = rig.smtp.connections();
            let again = rig.tick_at(now).await;
            let nothing = nurtured::engine::tick::TickReport {
                next_wake_at: first.next_wake_at,
                ..Default::default()
            };
            assert_eq!(again, nothing);
            assert_eq!(rig.smtp.connections(), connections);
            let Some(next) = first.next_wake_at else { break };
            assert!(next > now);
            now = next;
        }
        assert_eq!(rig.smtp.count(), 100);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_rules_of_time_zones_move_those_who_wait_for_a_local_time() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let lead = rig.lead("a@example.com", &[("zone", "Europe/Rome")]).await;
        rig.tick().await;
        let due = rig.enrolment(lead).await.due_at.unwrap();
        assert_eq!(local(due, "Europe/Rome")[15..], *"09:00:00");
        rig.engine.follow_zone_rules().await.unwrap();
        // As an older tzdata would have had it.
        behind(db, "UPDATE enrolments SET due_at = due_at + 3600000".into()).await;
        behind(db, "UPDATE lead_timer SET wake_at = wake_at + 3600000".into()).await;
        behind(db, "UPDATE meta SET value = '1' WHERE key = 'zone_rules'".into()).await;
        rig.engine.follow_zone_rules().await.unwrap();
        assert_eq!(rig.tick_after(SECOND).await.next_wake_at, Some(due));
        assert_eq!(rig.enrolment(lead).await.due_at, Some(due));
        assert_eq!(rig.tick_at(due).await.sent, 1);
    })
    .await;
}
