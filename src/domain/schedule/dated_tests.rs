use jiff::civil::date;

use super::dated::*;
use crate::domain::time::Zone;

fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap()
}

/// When it comes for a webinar on a local time in Rome, for a reader in a zone.
fn due(expr: &str, anchor: &str, reader: &str) -> String {
    let expr = DateExpr::parse(expr).unwrap();
    let due = expr.due(anchor.parse().unwrap(), &zone("Europe/Rome"), &zone(reader));
    due.at.to_string()
}

const WEBINAR: &str = "2027-04-15T11:00";

#[test]
fn with_an_hour_it_is_the_readers_own_clock_on_the_campaigns_day() {
    for (reader, at) in [
        ("Europe/Rome", "2027-03-25T08:30:00Z"),
        // Already in summer time.
        ("America/New_York", "2027-03-25T13:30:00Z"),
        ("Asia/Tokyo", "2027-03-25T00:30:00Z"),
    ] {
        assert_eq!(due("starts - 21d, 09:30", WEBINAR, reader), at, "{reader}");
    }
    assert_eq!(due("starts, 08:00", WEBINAR, "Europe/Rome"), "2027-04-15T06:00:00Z");
}

#[test]
fn without_an_hour_it_is_one_instant_for_everybody() {
    for reader in ["Europe/Rome", "America/New_York"] {
        assert_eq!(due("starts", WEBINAR, reader), "2027-04-15T09:00:00Z");
        assert_eq!(due("starts - 1h", WEBINAR, reader), "2027-04-15T08:00:00Z");
        assert_eq!(due("starts + 90m", WEBINAR, reader), "2027-04-15T10:30:00Z");
        // Three weeks before, on the clock of Rome, it is still winter.
        assert_eq!(due("starts - 3 weeks", WEBINAR, reader), "2027-03-25T10:00:00Z");
        assert_eq!(due("starts - 504h", WEBINAR, reader), "2027-03-25T09:00:00Z");
    }
    // Thursday.
    assert_eq!(due("starts - 4 business days", WEBINAR, "UTC"), "2027-04-09T09:00:00Z");
    assert_eq!(due("starts + 2 business days", WEBINAR, "UTC"), "2027-04-19T09:00:00Z");
    assert_eq!(due("starts - 2mo", WEBINAR, "UTC"), "2027-02-15T10:00:00Z");
}

#[test]
fn changes_of_the_clock_are_taken_as_everywhere() {
    // At 02:00 the clocks of Rome go to 03:00.
    let gap = "2027-03-29T11:00";
    assert_eq!(due("starts - 1d, 02:30", gap, "Europe/Rome"), "2027-03-28T01:00:00Z");
    // At 03:00 they go back to 02:00: the first of the two.
    let fold = "2027-11-01T11:00";
    assert_eq!(due("starts - 1d, 02:30", fold, "Europe/Rome"), "2027-10-31T00:30:00Z");
    // An hour before, whatever the clock reads then.
    assert_eq!(due("starts - 1h", "2027-03-28T03:00", "UTC"), "2027-03-28T00:00:00Z");
    assert_eq!(due("starts - 2h", "2027-10-31T03:00", "UTC"), "2027-10-31T00:00:00Z");
}

#[test]
fn a_date_prints_as_it_is_read() {
    for (written, text) in [
        ("starts", "starts"),
        ("starts-21d , 9:30", "starts - 21d, 09:30"),
        ("starts - 3 weeks 09:30", "starts - 21d, 09:30"),
        ("early_bird + 2 business days, 18:00", "early_bird + 2 business days, 18:00"),
        ("ends − 90m", "ends - 1h30m"),
        ("starts, 08:00", "starts, 08:00"),
    ] {
        let expr = DateExpr::parse(written).unwrap();
        assert_eq!(expr.to_string(), text);
        assert_eq!(DateExpr::parse(text).unwrap(), expr);
    }
}

#[test]
fn what_is_no_date_is_said() {
    for (written, said) in [
        ("", "names no date"),
        ("21d before", "names no date"),
        ("Starts", "names no date"),
        ("starts 21d", "is no date"),
        ("starts - ", "the wait is empty"),
        ("starts - soon", "is no wait"),
        ("starts - until monday", "is no date"),
        ("starts - 21d, 25:00", "is no hour of the day"),
        ("starts - 21d, 24:00", "is no hour of the day"),
        ("starts - 2h, 09:30", "count in days"),
        ("starts - 2d3h", "mixes days"),
    ] {
        let error = DateExpr::parse(written).unwrap_err().to_string();
        assert!(error.contains(said), "{written}: {error}");
    }
}

#[test]
fn a_deadline_is_a_time_or_a_date() {
    assert!(matches!(Deadline::parse("2d"), Ok(Deadline::After(_))));
    assert!(matches!(Deadline::parse("until friday 18:00"), Ok(Deadline::After(_))));
    assert!(matches!(Deadline::parse("starts - 1h"), Ok(Deadline::On(_))));
    assert!(Deadline::parse("0d").is_err());
}

#[test]
fn beyond_the_calendar_it_never_comes() {
    let expr = DateExpr::parse("starts + 4y").unwrap();
    let end = date(9999, 12, 1).at(0, 0, 0, 0);
    assert!(expr.due(end, &zone("UTC"), &zone("UTC")).at.is_never());
}
