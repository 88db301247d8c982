use proptest::prelude::*;

use super::*;
use crate::domain::{
    country::Country,
    time::{Instant, Zone},
};

pub(super) const ZONES: [&str; 11] = [
    "Europe/Rome",
    "America/New_York",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Gaza",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "America/Nuuk",
    "Asia/Kathmandu",
    "UTC",
];

pub(super) fn zone(name: &str) -> Zone {
    Zone::named(name).expect(name)
}

pub(super) fn instant(text: &str) -> Instant {
    text.parse().expect(text)
}

fn window(text: &str) -> Window {
    Window::parse(text).expect(text)
}

#[test]
fn the_canonical_text_says_the_same() {
    for (text, expected) in [
        ("mon-fri 09:00-17:30", "mon-fri 09:00-17:30"),
        (" Mon - Fri  9:00 - 17:30 ", "mon-fri 09:00-17:30"),
        ("weekdays 09:00-17:30", "mon-fri 09:00-17:30"),
        ("daily 08:00-20:00", "daily 08:00-20:00"),
        ("sunday,monday,tues,wed,thu,fri,sat 08:00-20:00", "daily 08:00-20:00"),
        ("mon,wed,fri 09:00-12:00", "mon,wed,fri 09:00-12:00"),
        ("mon,tue 09:00-12:00", "mon,tue 09:00-12:00"),
        ("fri-mon 09:00-12:00", "mon,fri-sun 09:00-12:00"),
        ("mon-fri 14:00-17:30, 09:00-12:00", "mon-fri 09:00-12:00, 14:00-17:30"),
        ("mon 09:00-12:00,12:00-13:00,12:30-14:00", "mon 09:00-14:00"),
        ("mon-thu 09:00-18:00; fri 09:00-12:00", "mon-thu 09:00-18:00; fri 09:00-12:00"),
        ("weekends 00:00-24:00", "sat,sun 00:00-24:00"),
        ("daily 00:00-24:00", "always"),
        ("fri 20:00-02:00", "fri 20:00-02:00"),
        ("daily 22:00-2:00", "daily 22:00-02:00"),
        ("daily 22:00-00:00", "daily 22:00-24:00"),
        ("fri 20:00-23:00, 22:00-02:00", "fri 20:00-02:00"),
        ("fri 20:00-24:00; sat 00:00-02:00", "fri 20:00-24:00; sat 00:00-02:00"),
        ("Always", "always"),
    ] {
        assert_eq!(window(text).to_string(), expected, "{text}");
        assert_eq!(window(expected), window(text), "{text}");
    }
}

#[test]
fn a_refusal_says_how_to_write_it() {
    for (text, part) in [
        ("", "mon-fri 09:00-17:30"),
        ("09:00-17:30", "on which days"),
        ("mon-fri", "no hours"),
        ("mon-fri 9-17", "write them like `09:00-17:30`"),
        ("mon-fri 09:00", "write them like"),
        ("mon-fri 09:00-25:00", "write them like"),
        ("mon-fri 09:60-10:00", "write them like"),
        ("mon-fri 24:00-24:00", "never open"),
        ("mon-fri 09:00-09:00", "never open"),
        ("mun-fri 09:00-17:30", "`mun` is no day"),
        ("mo-fri 09:00-17:30", "`mo` is no day"),
        ("mon-fri-sun 09:00-17:30", "is no day"),
        ("mon 09:00-12:00; ", "no hours"),
        ("mon 09:00-12:00,", "`` are no hours"),
        ("daily 24:00-06:00", "the day after"),
        ("mon +9:00-12:00", "is no day"),
        ("mon 09:00-+9:30", "write them like"),
    ] {
        let error = Window::parse(text).expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

/// `now` in UTC, then when it opens next and closes after that.
fn assert_opens(text: &str, zone_name: &str, now: &str, opens: &str, closes: &str) {
    let (window, zone) = (window(text), zone(zone_name));
    let open = window.next_open(instant(now), &zone);
    assert_eq!(open.to_string(), opens, "{text} in {zone_name} at {now} opens");
    let close = window.closes(open, &zone).map_or_else(String::new, |at| at.to_string());
    assert_eq!(close, closes, "{text} in {zone_name} at {opens} closes");
}

#[test]
fn opens_on_the_clock_of_the_lead() {
    for (text, zone, now, opens, closes) in [
        // A Friday evening.
        (
            "mon-fri 09:00-17:30",
            "Europe/Rome",
            "2026-11-20T17:00:00Z",
            "2026-11-23T08:00:00Z",
            "2026-11-23T16:30:00Z",
        ),
        (
            "mon-fri 09:00-17:30",
            "America/New_York",
            "2026-11-20T17:00:00Z",
            "2026-11-20T17:00:00Z",
            "2026-11-20T22:30:00Z",
        ),
        (
            "mon-fri 09:00-17:30",
            "Asia/Kathmandu",
            "2026-11-20T17:00:00Z",
            "2026-11-23T03:15:00Z",
            "2026-11-23T11:45:00Z",
        ),
        // The end is outside, the start inside.
        (
            "daily 09:00-12:00, 14:00-17:30",
            "UTC",
            "2026-11-20T12:00:00Z",
            "2026-11-20T14:00:00Z",
            "2026-11-20T17:30:00Z",
        ),
        (
            "daily 09:00-12:00, 14:00-17:30",
            "UTC",
            "2026-11-20T11:59:59.999Z",
            "2026-11-20T11:59:59.999Z",
            "2026-11-20T12:00:00Z",
        ),
        // Midnight between two open stretches is no closing.
        (
            "fri 20:00-24:00; sat 00:00-06:00",
            "UTC",
            "2026-11-20T00:00:00Z",
            "2026-11-20T20:00:00Z",
            "2026-11-21T06:00:00Z",
        ),
        // Across midnight: saturday morning is friday's.
        (
            "fri 20:00-02:00",
            "Europe/Rome",
            "2026-11-20T23:30:00Z",
            "2026-11-20T23:30:00Z",
            "2026-11-21T01:00:00Z",
        ),
        (
            "fri 20:00-02:00",
            "Europe/Rome",
            "2026-11-20T00:30:00Z",
            "2026-11-20T19:00:00Z",
            "2026-11-21T01:00:00Z",
        ),
        // One night touches the next day's hours.
        (
            "fri 20:00-02:00; sat 01:00-05:00",
            "UTC",
            "2026-11-20T00:00:00Z",
            "2026-11-20T20:00:00Z",
            "2026-11-21T05:00:00Z",
        ),
    ] {
        assert_opens(text, zone, now, opens, closes);
    }
    assert_eq!(Window::always().closes(Instant::DAWN, &Zone::utc()), None);
    assert_eq!(
        window("mon 09:00-10:00").closes(instant("2026-11-20T12:00:00Z"), &Zone::utc()),
        None
    );
    assert_eq!(window("mon 09:00-10:00").next_open(Instant::NEVER, &Zone::utc()), Instant::NEVER);
}

/// The table of zones that break schedulers.
#[test]
fn a_gap_opens_after_itself_and_a_fold_opens_once() {
    for (text, zone, now, opens, closes) in [
        // Gap 02:00-03:00: 02:30 means 03:00.
        (
            "daily 02:30-09:00",
            "Europe/Rome",
            "2027-03-27T22:00:00Z",
            "2027-03-28T01:00:00Z",
            "2027-03-28T07:00:00Z",
        ),
        (
            "daily 01:00-02:30",
            "Europe/Rome",
            "2027-03-27T22:00:00Z",
            "2027-03-28T00:00:00Z",
            "2027-03-28T01:00:00Z",
        ),
        // Between two stretches there is nothing but the gap: they are one.
        (
            "daily 01:00-02:00, 03:00-04:00",
            "Europe/Rome",
            "2027-03-27T22:00:00Z",
            "2027-03-28T00:00:00Z",
            "2027-03-28T02:00:00Z",
        ),
        // Into the gap, from the evening before.
        (
            "sat 22:00-02:30",
            "Europe/Rome",
            "2027-03-27T12:00:00Z",
            "2027-03-27T21:00:00Z",
            "2027-03-28T01:00:00Z",
        ),
        // All of it in the gap: not that day; once a week: not that week.
        (
            "daily 02:15-02:30",
            "Europe/Rome",
            "2027-03-27T22:00:00Z",
            "2027-03-29T00:15:00Z",
            "2027-03-29T00:30:00Z",
        ),
        (
            "sun 02:15-02:30",
            "Europe/Rome",
            "2027-03-27T22:00:00Z",
            "2027-04-04T00:15:00Z",
            "2027-04-04T00:30:00Z",
        ),
        // Fold 02:00-03:00: the first 02:15, and closed in the second.
        (
            "daily 02:15-02:30",
            "Europe/Rome",
            "2026-10-24T22:00:00Z",
            "2026-10-25T00:15:00Z",
            "2026-10-25T00:30:00Z",
        ),
        (
            "daily 02:15-02:30",
            "Europe/Rome",
            "2026-10-25T01:20:00Z",
            "2026-10-26T01:15:00Z",
            "2026-10-26T01:30:00Z",
        ),
        (
            "daily 02:15-09:00",
            "Europe/Rome",
            "2026-10-25T01:01:00Z",
            "2026-10-25T01:01:00Z",
            "2026-10-25T08:00:00Z",
        ),
        (
            "daily 01:15-01:30",
            "America/New_York",
            "2026-11-01T04:00:00Z",
            "2026-11-01T05:15:00Z",
            "2026-11-01T05:30:00Z",
        ),
        (
            "daily 02:30-05:00",
            "America/New_York",
            "2027-03-14T05:00:00Z",
            "2027-03-14T07:00:00Z",
            "2027-03-14T09:00:00Z",
        ),
        // A day without 00:00: the day is not skipped.
        (
            "fri 00:00-01:30",
            "Africa/Cairo",
            "2027-04-29T12:00:00Z",
            "2027-04-29T22:00:00Z",
            "2027-04-29T22:30:00Z",
        ),
        // A fold that ends at midnight: 23:00-24:00 comes twice and is open all the while.
        (
            "thu 22:00-24:00",
            "Africa/Cairo",
            "2027-10-28T12:00:00Z",
            "2027-10-28T19:00:00Z",
            "2027-10-28T22:00:00Z",
        ),
        (
            "thu 23:15-23:30",
            "Africa/Cairo",
            "2027-10-28T21:20:00Z",
            "2027-11-04T21:15:00Z",
            "2027-11-04T21:30:00Z",
        ),
        // Half an hour.
        (
            "daily 01:40-01:50",
            "Australia/Lord_Howe",
            "2027-04-03T14:00:00Z",
            "2027-04-03T14:40:00Z",
            "2027-04-03T14:50:00Z",
        ),
        (
            "daily 02:15-04:00",
            "Australia/Lord_Howe",
            "2027-10-02T14:00:00Z",
            "2027-10-02T15:30:00Z",
            "2027-10-02T17:00:00Z",
        ),
        // Summer time the other way round, around Ramadan.
        (
            "daily 02:15-02:45",
            "Africa/Casablanca",
            "2027-02-07T00:00:00Z",
            "2027-02-07T01:15:00Z",
            "2027-02-07T01:45:00Z",
        ),
        (
            "daily 02:15-04:00",
            "Africa/Casablanca",
            "2027-03-14T00:00:00Z",
            "2027-03-14T02:00:00Z",
            "2027-03-14T03:00:00Z",
        ),
        // There the day's last hour is left out: the next day's begins where it would end.
        (
            "daily 00:00-23:00",
            "America/Nuuk",
            "2027-03-27T12:00:00Z",
            "2027-03-27T12:00:00Z",
            "2027-03-29T00:00:00Z",
        ),
        // Apia lost 30 December 2011.
        (
            "fri 00:00-24:00",
            "Pacific/Apia",
            "2011-12-29T12:00:00Z",
            "2012-01-05T10:00:00Z",
            "2012-01-06T10:00:00Z",
        ),
    ] {
        assert_opens(text, zone, now, opens, closes);
    }
}

/// What the clock reads, and in the second pass of a fold the last minute of the first.
fn reading(now: Instant, zone: &Zone) -> jiff::civil::DateTime {
    let clock = local(now, zone);
    if resolve(clock, zone) >= now {
        return clock;
    }
    let put_back = zone.tz().preceding(now.next().timestamp()).next().expect("a change");
    zone.tz().to_datetime(put_back.timestamp() - jiff::SignedDuration::from_secs(1))
}

/// Open by looking at the clock, knowing nothing of stretches.
fn open_by_the_clock(window: &Window, now: Instant, zone: &Zone) -> bool {
    let clock = reading(now, zone);
    let minute =
        u16::from(clock.hour().unsigned_abs()) * 60 + u16::from(clock.minute().unsigned_abs());
    let opened = |date: jiff::civil::Date, minute: u16| {
        let hours = window.days[weekday::index(date.weekday())].iter();
        hours.clone().any(|(start, end)| (*start..*end).contains(&minute))
    };
    opened(clock.date(), minute) || opened(clock.date().yesterday().unwrap(), minute + 1440)
}

fn any_window() -> impl Strategy<Value = Window> {
    let hours = (0u16..96, 1u16..20).prop_map(|(start, length)| {
        let (start, end) = (start * 15, (start + length) * 15);
        format!("{}-{}", window_text::Clock(start), window_text::Clock(end))
    });
    let days = prop::collection::vec(0usize..7, 1..5);
    prop::collection::vec((days, prop::collection::vec(hours, 1..4)), 1..3).prop_map(|groups| {
        let groups: Vec<String> = groups
            .into_iter()
            .map(|(days, hours)| {
                let days: Vec<_> =
                    days.into_iter().map(|day| weekday::short(weekday::WEEK[day])).collect();
                format!("{} {}", days.join(","), hours.join(", "))
            })
            .collect();
        window(&groups.join("; "))
    })
}

pub(super) fn any_zone() -> impl Strategy<Value = Zone> {
    prop::sample::select(&ZONES[..]).prop_map(zone)
}

/// Between 2026 and 2029, mostly in the days around a change of some clock, on whole minutes.
pub(super) fn any_instant() -> impl Strategy<Value = Instant> {
    const CHANGES: [&str; 9] = [
        "2027-03-28T01:00:00Z",
        "2026-10-25T01:00:00Z",
        "2027-03-14T07:00:00Z",
        "2027-04-29T22:00:00Z",
        "2027-10-28T21:00:00Z",
        "2027-04-03T15:00:00Z",
        "2027-10-02T15:30:00Z",
        "2027-02-07T02:00:00Z",
        "2027-03-14T02:00:00Z",
    ];
    let near =
        (prop::sample::select(&CHANGES[..]), -3000i64..3000).prop_map(|(change, minutes)| {
            Instant::from_millis(instant(change).millis() + minutes * 60_000)
        });
    let some =
        (29_450_000i64..31_000_000).prop_map(|minutes| Instant::from_millis(minutes * 60_000));
    prop_oneof![3 => near, 1 => some]
}

fn minutes_between(from: Instant, to: Instant) -> impl Iterator<Item = Instant> {
    let minutes = to.since(from) / 60_000;
    (0..minutes.min(3000)).map(move |minute| Instant::from_millis(from.millis() + minute * 60_000))
}

fn calendar(country: &str, also: &[&str]) -> (Calendar, Option<Country>) {
    let also = also.iter().map(|day| OwnDay::parse(day).unwrap()).collect();
    (Calendar { holidays: Whose::Leads, also }, Country::parse(country))
}

#[test]
fn a_day_off_shuts_what_opens_on_it() {
    let rome = zone("Europe/Rome");
    let (calendar, italy) = calendar("Italy", &["2026-12-24", "12-31"]);
    let place = Place { zone: &rome, days_off: calendar.days_off(italy) };
    for (text, now, opens, closes) in [
        // The 8th of December is a holiday, a tuesday.
        (
            "mon-fri 09:00-17:30",
            "2026-12-07T17:00:00Z",
            "2026-12-09T08:00:00Z",
            "2026-12-09T16:30:00Z",
        ),
        // Christmas Eve by the house, Christmas, Saint Stephen's on a saturday; then the 31st and the 1st.
        (
            "mon-fri 09:00-17:30",
            "2026-12-24T09:00:00Z",
            "2026-12-28T08:00:00Z",
            "2026-12-28T16:30:00Z",
        ),
        ("thu 09:00-17:30", "2026-12-23T09:00:00Z", "2027-01-07T08:00:00Z", "2027-01-07T16:30:00Z"),
        // The night before goes on into the holiday; its own night does not begin.
        (
            "daily 22:00-02:00",
            "2026-12-07T23:30:00Z",
            "2026-12-07T23:30:00Z",
            "2026-12-08T01:00:00Z",
        ),
        (
            "daily 22:00-02:00",
            "2026-12-08T02:00:00Z",
            "2026-12-09T21:00:00Z",
            "2026-12-10T01:00:00Z",
        ),
        // Open at all hours, until the holiday begins.
        ("always", "2026-12-05T02:00:00Z", "2026-12-05T02:00:00Z", "2026-12-07T23:00:00Z"),
        ("always", "2026-12-08T02:00:00Z", "2026-12-08T23:00:00Z", "2026-12-23T23:00:00Z"),
    ] {
        let window = window(text);
        let open = window.next_open(instant(now), place);
        assert_eq!(open.to_string(), opens, "{text} at {now} opens");
        let close = window.closes(open, place).unwrap();
        assert_eq!(close.to_string(), closes, "{text} at {opens} closes");
    }
    // Whose country is not known has the house's days alone.
    let nowhere = Place { zone: &rome, days_off: calendar.days_off(None) };
    let monday = window("mon-fri 09:00-17:30").next_open(instant("2026-12-07T17:00:00Z"), nowhere);
    assert_eq!(monday.to_string(), "2026-12-08T08:00:00Z");
}

#[test]
fn a_window_that_does_not_open_in_some_year_is_told() {
    let always: Vec<String> = (1..=12)
        .flat_map(|month| (1..=31).map(move |day| format!("{month:02}-{day:02}")))
        .collect();
    let always = always.iter().filter_map(|day| OwnDay::parse(day)).collect();
    let shut = Calendar { holidays: Whose::Nobodys, also: always };
    assert_eq!(Window::always().year_without(shut.days_off(None)), Some(2026));
    let (italian, italy) = calendar("Italy", &[]);
    assert_eq!(window("thu 09:00-17:30").year_without(italian.days_off(italy)), None);
    assert_eq!(Window::always().year_without(DaysOff::default()), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_next_opening_is_the_first(window in any_window(), zone in any_zone(), now in any_instant()) {
        let opens = window.next_open(now, &zone);
        prop_assert!(opens >= now && !opens.is_never());
        prop_assert!(open_by_the_clock(&window, opens, &zone), "closed at {opens}");
        prop_assert_eq!(window.next_open(opens, &zone), opens);
        for between in minutes_between(now, opens) {
            prop_assert!(!open_by_the_clock(&window, between, &zone), "open at {between}");
        }
        let closes = window.closes(opens, &zone).expect("not open for ever");
        prop_assert!(!open_by_the_clock(&window, closes, &zone), "still open at {closes}");
        for between in minutes_between(opens, closes) {
            prop_assert!(open_by_the_clock(&window, between, &zone), "closed at {between}");
            prop_assert_eq!(window.next_open(between, &zone), between);
        }
        prop_assert_eq!(window.closes(now, &zone).is_some(), opens == now);
    }

    #[test]
    fn a_later_start_never_opens_earlier(
        window in any_window(), zone in any_zone(), now in any_instant(), minutes in 0i64..20_000,
    ) {
        let later = Instant::from_millis(now.millis() + minutes * 60_000);
        prop_assert!(window.next_open(now, &zone) <= window.next_open(later, &zone));
    }

    #[test]
    fn its_text_parses_back(window in any_window()) {
        prop_assert_eq!(Window::parse(&window.to_string()), Ok(window));
    }

    #[test]
    fn no_text_panics(text in "[a-z0-9:;, -]{0,40}|\\PC{0,20}") {
        let _ = Window::parse(&text);
    }
}
