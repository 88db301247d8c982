use std::time::Duration;

use proptest::prelude::*;

use super::window_tests::{any_instant, any_zone, instant, zone};
use super::*;

fn wait(text: &str) -> WaitSpec {
    WaitSpec::parse(text).expect(text)
}

#[test]
fn the_canonical_text_says_the_same() {
    for (text, expected) in [
        ("3d", "3d"),
        ("3 days", "3d"),
        ("2 weeks", "14d"),
        ("1mo", "1mo"),
        ("1 month 2 weeks", "1mo14d"),
        ("1y", "12mo"),
        ("P1M", "1mo"),
        ("PT1M", "1m"),
        ("36h", "36h"),
        ("90m", "1h30m"),
        ("90 minutes", "1h30m"),
        ("1h30m", "1h30m"),
        ("45s", "45s"),
        ("2 business days", "2 business days"),
        (" 1  Business Day ", "1 business day"),
        ("until 09:00", "until 09:00"),
        ("until 9:00", "until 09:00"),
        ("until Tuesday", "until tuesday"),
        ("until tue 00:00", "until tuesday"),
        ("until tuesday 09:00", "until tuesday 09:00"),
    ] {
        assert_eq!(wait(text).to_string(), expected, "{text}");
        assert_eq!(wait(expected), wait(text), "{text}");
    }
}

#[test]
fn a_refusal_says_how_to_write_it() {
    for (text, part) in [
        ("", "`3d`"),
        ("soon", "`2 business days`"),
        ("3", "`3d` for days"),
        ("0d", "no time at all"),
        ("0 business days", "no time at all"),
        ("-3d", "in the past"),
        ("5 minutes ago", "in the past"),
        ("-2 business days", "in the past"),
        ("1.5 business days", "whole number"),
        ("1 week 2 business days", "alone"),
        ("1d 12h", "`36h`"),
        ("100ms", "fractions"),
        ("6y", "five years"),
        ("61mo", "five years"),
        ("50000h", "five years"),
        ("65535 business days", "five years"),
        ("until", "names no moment"),
        ("until noon", "names no moment"),
        ("until 25:00", "names no moment"),
        ("until 24:00", "`00:00` of the day after"),
        ("until tuesday 09:00 sharp", "names no moment"),
    ] {
        let error = WaitSpec::parse(text).expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    assert!(WaitSpec::parse("5y").is_ok());
}

/// Text, zone, arrival and due instant, both in UTC.
fn assert_due(text: &str, zone_name: &str, from: &str, expected: &str) {
    let due = wait(text).due(instant(from), &zone(zone_name));
    assert_eq!(due.at.to_string(), expected, "{text} in {zone_name} from {from}");
}

#[test]
fn is_over_at_the_local_time_a_person_would_name() {
    for (text, zone, from, expected) in [
        ("3d", "UTC", "2026-11-22T10:11:12.345Z", "2026-11-25T10:11:12.345Z"),
        // 31 January.
        ("1mo", "UTC", "2027-01-31T10:00:00Z", "2027-02-28T10:00:00Z"),
        ("1mo", "UTC", "2027-03-31T10:00:00Z", "2027-04-30T10:00:00Z"),
        ("3mo", "UTC", "2026-11-30T10:00:00Z", "2027-02-28T10:00:00Z"),
        ("12mo", "UTC", "2028-02-29T10:00:00Z", "2029-02-28T10:00:00Z"),
        ("48mo", "UTC", "2028-02-29T10:00:00Z", "2032-02-29T10:00:00Z"),
        // Friday, Saturday, Sunday, Wednesday.
        ("1 business day", "UTC", "2026-11-20T10:00:00Z", "2026-11-23T10:00:00Z"),
        ("2 business days", "UTC", "2026-11-20T10:00:00Z", "2026-11-24T10:00:00Z"),
        ("1 business day", "UTC", "2026-11-21T10:00:00Z", "2026-11-23T10:00:00Z"),
        ("1 business day", "UTC", "2026-11-22T10:00:00Z", "2026-11-23T10:00:00Z"),
        ("5 business days", "UTC", "2026-11-18T10:00:00Z", "2026-11-25T10:00:00Z"),
        // Still Friday in New York, Saturday in Rome.
        ("1 business day", "America/New_York", "2026-11-21T02:00:00Z", "2026-11-24T02:00:00Z"),
        ("1 business day", "Europe/Rome", "2026-11-20T23:30:00Z", "2026-11-22T23:30:00Z"),
        // Sunday; the moment itself is not after arrival.
        ("until 09:00", "UTC", "2026-11-22T08:59:59.999Z", "2026-11-22T09:00:00Z"),
        ("until 09:00", "UTC", "2026-11-22T09:00:00Z", "2026-11-23T09:00:00Z"),
        ("until tuesday", "UTC", "2026-11-22T09:00:00Z", "2026-11-24T00:00:00Z"),
        ("until tuesday", "UTC", "2026-11-24T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("until tuesday 09:00", "UTC", "2026-11-24T08:00:00Z", "2026-11-24T09:00:00Z"),
        ("until tuesday 09:00", "UTC", "2026-11-24T10:00:00Z", "2026-12-01T09:00:00Z"),
        ("until tuesday 09:00", "America/New_York", "2026-11-24T13:30:00Z", "2026-11-24T14:00:00Z"),
    ] {
        assert_due(text, zone, from, expected);
    }
}

#[test]
fn business_days_skip_days_off() {
    use crate::domain::country::Country;
    let rome = zone("Europe/Rome");
    let also = vec![OwnDay::parse("2026-12-24").unwrap()];
    let calendar = Calendar { holidays: Whose::Leads, also };
    let due = |text: &str, from: &str, country: &str| {
        let place = Place { zone: &rome, days_off: calendar.days_off(Country::parse(country)) };
        wait(text).due(instant(from), place).at.to_string()
    };
    // The 8th of December, a tuesday, is a holiday in Italy.
    assert_eq!(due("1 business day", "2026-12-07T10:00:00Z", "IT"), "2026-12-09T10:00:00Z");
    assert_eq!(due("1 business day", "2026-12-07T10:00:00Z", "DE"), "2026-12-08T10:00:00Z");
    assert_eq!(due("1 business day", "2026-12-08T10:00:00Z", "IT"), "2026-12-09T10:00:00Z");
    // From the wednesday before Christmas over the house's day, two holidays, a sunday.
    assert_eq!(due("1 business day", "2026-12-23T10:00:00Z", "IT"), "2026-12-28T10:00:00Z");
    assert_eq!(due("1d", "2026-12-07T10:00:00Z", "IT"), "2026-12-08T10:00:00Z");
    // Before a date of a campaign, by the house's own days.
    let expr = DateExpr::parse("starts - 1 business day").unwrap();
    let place = Place { zone: &rome, days_off: calendar.days_off(None) };
    let due = expr.due("2026-12-25T10:00".parse().unwrap(), place, &rome);
    assert_eq!(due.at.to_string(), "2026-12-23T09:00:00Z");
}

/// The table of zones that break schedulers.
#[test]
fn a_day_is_civil_and_an_hour_is_not() {
    for (text, zone, from, expected) in [
        // Europe/Rome, 2027-03-28, gap 02:00-03:00: 02:30 means 03:00.
        ("1d", "Europe/Rome", "2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z"),
        ("24h", "Europe/Rome", "2027-03-27T01:30:00Z", "2027-03-28T01:30:00Z"),
        ("1d", "Europe/Rome", "2027-03-27T11:00:00Z", "2027-03-28T10:00:00Z"),
        ("24h", "Europe/Rome", "2027-03-27T11:00:00Z", "2027-03-28T11:00:00Z"),
        ("until 02:30", "Europe/Rome", "2027-03-27T11:00:00Z", "2027-03-28T01:00:00Z"),
        ("until 02:30", "Europe/Rome", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"),
        // Europe/Rome, 2026-10-25, fold 02:00-03:00: the first 02:30, and not again in the second.
        ("1d", "Europe/Rome", "2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z"),
        ("1d", "Europe/Rome", "2026-10-24T10:00:00Z", "2026-10-25T11:00:00Z"),
        ("until 02:30", "Europe/Rome", "2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z"),
        ("until 02:30", "Europe/Rome", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ("until 02:30", "Europe/Rome", "2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z"),
        ("1d", "America/New_York", "2027-03-13T07:30:00Z", "2027-03-14T07:00:00Z"),
        ("1d", "America/New_York", "2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z"),
        // Cairo: a day without midnight, and a fold that ends at midnight.
        ("until friday", "Africa/Cairo", "2027-04-29T12:00:00Z", "2027-04-29T22:00:00Z"),
        ("1d", "Africa/Cairo", "2027-04-28T22:00:00Z", "2027-04-29T22:00:00Z"),
        ("until friday", "Africa/Cairo", "2027-10-28T20:30:00Z", "2027-10-28T22:00:00Z"),
        ("until 23:30", "Africa/Cairo", "2027-10-28T21:10:00Z", "2027-10-29T21:30:00Z"),
        // Half an hour.
        ("1d", "Australia/Lord_Howe", "2027-10-01T15:45:00Z", "2027-10-02T15:30:00Z"),
        ("1d", "Australia/Lord_Howe", "2027-04-02T14:40:00Z", "2027-04-03T14:40:00Z"),
        // Summer time the other way round.
        ("1d", "Africa/Casablanca", "2027-02-06T01:30:00Z", "2027-02-07T01:30:00Z"),
        ("1d", "Africa/Casablanca", "2027-03-13T02:30:00Z", "2027-03-14T02:00:00Z"),
        ("1mo", "Asia/Gaza", "2027-02-27T10:00:00Z", "2027-03-27T09:00:00Z"),
        // Apia lost 30 December 2011.
        ("1d", "Pacific/Apia", "2011-12-29T20:00:00Z", "2011-12-30T10:00:00Z"),
    ] {
        assert_due(text, zone, from, expected);
    }
}

#[test]
fn what_is_stored_is_the_local_time_asked_for() {
    let due = wait("1d").due(instant("2027-03-27T01:30:00Z"), &zone("Europe/Rome"));
    let civil = due.civil.expect("civil");
    // Not 03:00: other rules for the zone may bring 02:30 back.
    assert_eq!(
        (civil.local.to_string().as_str(), civil.zone.as_str()),
        ("2027-03-28T02:30:00", "Europe/Rome")
    );
    for likely in ["Europe/Rome", "Asia/Tokyo"] {
        assert_eq!(WaitSpec::rearm(&civil, &zone(likely)), due.at);
    }
    assert_eq!(wait("24h").due(instant("2027-03-27T01:30:00Z"), &zone("Europe/Rome")).civil, None);
    let never = wait("3d").due(crate::domain::time::Instant::NEVER, &zone("UTC"));
    assert!(never.at.is_never());
}

fn any_wait() -> impl Strategy<Value = WaitSpec> {
    let texts = prop_oneof![
        (1u16..60).prop_map(|n| format!("{n}d")),
        (1u16..12).prop_map(|n| format!("{n}mo")),
        (1u16..9, 1u16..20).prop_map(|(months, days)| format!("{months}mo {days}d")),
        (1u32..5000).prop_map(|n| format!("{n}m")),
        (1u32..500_000).prop_map(|n| format!("{n}s")),
        (1u16..30).prop_map(|n| format!("{n} business days")),
        (0u16..96).prop_map(|q| format!("until {}", window_text::Clock(q * 15))),
        (0usize..7, 0u16..96).prop_map(|(day, q)| {
            format!("until {} {}", weekday::name(weekday::WEEK[day]), window_text::Clock(q * 15))
        }),
    ];
    texts.prop_map(|text| wait(&text))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn is_over_after_it_began(wait in any_wait(), zone in any_zone(), from in any_instant()) {
        let due = wait.due(from, &zone);
        prop_assert!(due.at > from && !due.at.is_never());
        let longest = from + wait.approximate() + Duration::from_hours(1);
        prop_assert!(due.at <= longest, "{wait} from {from}: {} > {longest}", due.at);
        if let Some(civil) = &due.civil {
            prop_assert_eq!(WaitSpec::rearm(civil, &zone), due.at);
            // The clock reads what was asked for, or the gap's end.
            let clock = local(due.at, &zone);
            prop_assert!(clock == civil.local || resolve(civil.local, &zone) == due.at && clock > civil.local);
        }
        prop_assert_eq!(WaitSpec::parse(&wait.to_string()), Ok(wait));
    }

    #[test]
    fn a_later_arrival_is_never_over_earlier(
        wait in any_wait(), zone in any_zone(), from in any_instant(), minutes in 0i64..5000,
    ) {
        // Business days and months are not so: friday 23:59 leads to monday 23:59 and saturday
        // 00:00 to monday 00:00; 30 and 31 July both lead to 30 September.
        if matches!(wait, WaitSpec::BusinessDays(_) | WaitSpec::Civil { months: 1.., .. }) {
            return Ok(());
        }
        let later = crate::domain::time::Instant::from_millis(from.millis() + minutes * 60_000);
        // The second pass of a fold reads earlier than the end of the first.
        prop_assume!(resolve(local(later, &zone), &zone) == later);
        prop_assert!(wait.due(from, &zone).at <= wait.due(later, &zone).at);
    }

    #[test]
    fn no_text_panics(text in "(until )?[a-z0-9:. -]{0,30}|\\PC{0,20}|[0-9]{1,25}(d|mo|h|y|w)") {
        if let Ok(wait) = WaitSpec::parse(&text) {
            prop_assert!(wait.approximate() > Duration::ZERO);
        }
    }
}
