//! Windows on every clock against Python's zoneinfo, which knows nothing of how we reckon them.

use std::{
    fmt::Write as _,
    io::Write as _,
    process::{Command, Stdio},
};

use jiff::{Timestamp, civil::Date, tz};
use nurtured::domain::{
    schedule::{Calendar, OwnDay, Place, Whose, Window},
    time::{Instant, Zone},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::support::skipped::skipped;

const CASES: usize = 12_000;
const SEED: u64 = 2026;
/// Seconds since the epoch: 2025-01-01 and 2037-01-01.
const SPAN: (i64, i64) = (1_735_689_600, 2_114_380_800);
/// How long before the end of it a case is at the latest, in seconds.
const MARGIN: i64 = 90 * 86_400;
/// Those that break schedulers: they get half of the cases.
const HARD: [&str; 8] = [
    "Europe/Rome",
    "America/New_York",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Gaza",
    "Pacific/Apia",
    "America/Sao_Paulo",
];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A zone, and the instants between [`SPAN`] at which its offset changes.
struct Clock {
    zone: Zone,
    changes: Vec<i64>,
}

/// What is asked of both.
struct Case {
    clock: usize,
    /// For each weekday the minutes since midnight between which it is open.
    days: [Vec<(u16, u16)>; 7],
    off: Vec<Date>,
    now: i64,
}

#[test]
fn windows_open_when_python_says_so() {
    let python = Command::new("python3").args(["-c", "import zoneinfo"]).output();
    if !python.is_ok_and(|output| output.status.success()) {
        skipped("windows against Python's zoneinfo: no python3 with zoneinfo");
        return;
    }
    let clocks = clocks();
    let cases = cases(&clocks);
    let answers = ask(&clocks, &cases);
    let differ: Vec<&str> =
        answers["differ"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let (mut compared, mut open, mut wrong) = (0, 0, String::new());
    for (case, theirs) in cases.iter().zip(answers["answers"].as_array().unwrap()) {
        let zone = &clocks[case.clock].zone;
        if differ.contains(&zone.name()) {
            continue;
        }
        let ours = case.answer(zone);
        compared += 1;
        open += usize::from(ours == case.now);
        if theirs.as_i64() != Some(ours) {
            let at = |at: i64| Timestamp::from_second(at).unwrap().to_string();
            let theirs = theirs.as_i64().map_or("never".to_owned(), at);
            let (text, off) = (case.text(), &case.off);
            let (now, ours) = (at(case.now), at(ours));
            let name = zone.name();
            writeln!(wrong, "{name} `{text}` without {off:?} at {now}: {ours}, Python {theirs}")
                .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    eprintln!(
        "{compared} cases, {open} of them open, in {} zones; rules of other versions: {differ:?}",
        clocks.len() - differ.len()
    );
    if compared < CASES {
        let left_out = CASES - compared;
        skipped(&format!(
            "windows against Python's zoneinfo: {left_out} of {CASES} cases, whose zones ({}) it knows by \
             other rules than ours",
            differ.join(", ")
        ));
    }
    assert!(differ.len() * 2 < clocks.len(), "hardly a zone has the same rules: {differ:?}");
}

fn clocks() -> Vec<Clock> {
    let (from, until) = (Timestamp::from_second(SPAN.0), Timestamp::from_second(SPAN.1));
    let (from, until) = (from.unwrap(), until.unwrap());
    // `right/` counts leap seconds, `posix/` is the same once more.
    let mut names: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
    names.retain(|name| !name.starts_with("right/") && !name.starts_with("posix/"));
    names.sort();
    let zones = names.iter().filter_map(|name| Zone::named(name).ok());
    let clocks: Vec<Clock> = zones
        .map(|zone| {
            let mut offset = zone.tz().to_offset(from);
            let following = zone.tz().following(from).take_while(|it| it.timestamp() < until);
            let changes = following.filter_map(|change| {
                let is_new = change.offset() != offset;
                offset = change.offset();
                is_new.then(|| change.timestamp().as_second())
            });
            let changes = changes.collect();
            Clock { zone, changes }
        })
        .collect();
    assert!(clocks.len() > 400, "{} zones", clocks.len());
    clocks
}

fn cases(clocks: &[Clock]) -> Vec<Case> {
    let mut random = StdRng::seed_from_u64(SEED);
    let hard: Vec<usize> = HARD
        .iter()
        .map(|name| clocks.iter().position(|clock| clock.zone.name() == *name).expect(name))
        .collect();
    (0..CASES)
        .map(|number| {
            let clock = if number % 2 == 0 {
                hard[random.random_range(0..hard.len())]
            } else {
                random.random_range(0..clocks.len())
            };
            let mut days = window(&mut random);
            let now = near_a_change(&clocks[clock], &mut days, &mut random)
                .unwrap_or_else(|| random.random_range(SPAN.0..SPAN.1 - MARGIN));
            let today = Timestamp::from_second(now).unwrap().to_zoned(tz::TimeZone::UTC).date();
            let off = (0..random.random_range(0..4usize))
                .map(|_| {
                    let days = random.random_range(-2..8i64);
                    today.checked_add(jiff::Span::new().days(days)).unwrap()
                })
                .collect();
            Case { clock, days, off, now }
        })
        .collect()
}

/// Mostly some hours or days from a change of the clock, with hours that begin and end around it.
fn near_a_change(
    clock: &Clock,
    days: &mut [Vec<(u16, u16)>; 7],
    random: &mut StdRng,
) -> Option<i64> {
    let changes = &clock.changes;
    if changes.is_empty() || random.random_bool(0.3) {
        return None;
    }
    let change = changes[random.random_range(0..changes.len())];
    let hours = if random.random_bool(0.5) { 2 } else { 60 };
    let now = change + random.random_range(-hours * 3600..=hours * 3600);
    if !(SPAN.0..SPAN.1 - MARGIN).contains(&now) {
        return None;
    }
    let before = Timestamp::from_second(change - 1).unwrap().to_zoned(clock.zone.tz().clone());
    let quarter = i32::from(before.hour()) * 4 + i32::from(before.minute()) / 15;
    for hours in days {
        let start = quarter + random.random_range(-8..6);
        if let Ok(start @ 0..96) = u16::try_from(start) {
            hours.push((start * 15, (start + random.random_range(1..8u16)) * 15));
        }
    }
    Some(now)
}

/// Stretches of quarters of an hour, apart from each other on their day, some into the next day.
fn window(random: &mut StdRng) -> [Vec<(u16, u16)>; 7] {
    let mut days: [Vec<(u16, u16)>; 7] = std::array::from_fn(|_| Vec::new());
    loop {
        for hours in &mut days {
            let mut from = 0;
            while random.random_bool(0.4) && from < 95 {
                let start = random.random_range(from..96u16);
                let end = random.random_range(start + 1..(start + 40).min(start + 96));
                hours.push((start * 15, end * 15));
                from = end + 1;
            }
        }
        if days.iter().any(|hours| !hours.is_empty()) {
            return days;
        }
    }
}

impl Case {
    fn text(&self) -> String {
        let clock = |minutes: u16| {
            let minutes = if minutes > 1440 { minutes - 1440 } else { minutes };
            format!("{:02}:{:02}", minutes / 60, minutes % 60)
        };
        let hours = |hours: &[(u16, u16)]| {
            let hours =
                hours.iter().map(|(start, end)| format!("{}-{}", clock(*start), clock(*end)));
            hours.collect::<Vec<_>>().join(", ")
        };
        let days = DAYS.iter().zip(&self.days).filter(|(_, on)| !on.is_empty());
        days.map(|(day, on)| format!("{day} {}", hours(on))).collect::<Vec<_>>().join("; ")
    }

    /// When it next opens; now, if it is open.
    fn answer(&self, zone: &Zone) -> i64 {
        let window = Window::parse(&self.text()).unwrap();
        let also = self.off.iter().map(|date| OwnDay::Once(*date)).collect();
        let calendar = Calendar { holidays: Whose::Nobodys, also };
        let place = Place { zone, days_off: calendar.days_off(None) };
        let now = Instant::from_millis(self.now * 1000);
        let opens = window.next_open(now, place);
        assert_eq!(window.is_open(now, place), opens == now);
        assert_eq!(opens.millis() % 1000, 0);
        opens.millis() / 1000
    }
}

fn ask(clocks: &[Clock], cases: &[Case]) -> Value {
    let zones: serde_json::Map<String, Value> =
        clocks.iter().map(|it| (it.zone.name().to_owned(), json!(it.changes))).collect();
    let cases: Vec<Value> = cases
        .iter()
        .map(|case| {
            let zone = clocks[case.clock].zone.name();
            json!({ "zone": zone, "days": case.days, "off": case.off, "now": case.now })
        })
        .collect();
    let asked = json!({ "span": SPAN, "zones": zones, "cases": cases });
    let oracle = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/civil/oracle.py");
    let mut python = Command::new("python3")
        .arg(oracle)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(asked.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    serde_json::from_slice(&output.stdout).unwrap()
}
