//! An event for the reader's calendar (RFC 5545), as it goes with a mail (RFC 6047).
//!
//! It is published (RFC 5546 §3.2.1): a reader's program offers to add it and asks for no answer, so that
//! none comes to the sender as a mail. A later one with the same UID replaces it.

use std::fmt;

use icalendar::{Calendar, Component, Event as Written, EventLike, EventStatus, Property};
use jiff::{civil::Date, tz::TimeZone};

use super::{
    compose::{BadLetter, Party},
    header_text::one_line,
};
use crate::domain::time::Instant;

/// The longest text of an event.
const LONGEST: usize = 1_000;

/// What the part says of itself; the same as in the calendar (RFC 6047 §2.4).
pub(super) const CONTENT_TYPE: &str = "text/calendar; charset=utf-8; method=PUBLISH";
pub(super) const FILE: &str = "event.ics";

/// What happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    pub title: String,
    pub starts: When,
    /// After `starts`, and of the same kind; of days, the first that is not in it.
    pub ends: When,
    pub location: Option<String>,
    pub url: Option<String>,
    pub about: Option<String>,
}

/// When an event begins or ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum When {
    At(Instant),
    Day(Date),
}

/// An event, and which one it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The same for all readers and all revisions.
    pub uid: String,
    /// A revision has a larger one.
    pub sequence: u32,
    pub event: Event,
}

impl Entry {
    /// The calendar, lines folded at 75 octets and ended by CRLF.
    pub(super) fn write(&self, organizer: &Party, now: Instant) -> Result<String, BadLetter> {
        let Event { title, starts, ends, location, url, about } = &self.event;
        let text = |text: &str| one_line(text, LONGEST);
        let mut event = Written::new();
        event
            .uid(&self.uid)
            .sequence(self.sequence)
            .summary(&text(title))
            .status(EventStatus::Confirmed)
            .append_property(Property::new("DTSTAMP", in_utc(now)))
            .append_property(starts.property("DTSTART"))
            .append_property(ends.property("DTEND"))
            .append_property(cal_address("ORGANIZER", organizer));
        if let Some(location) = location {
            event.location(&text(location));
        }
        if let Some(about) = about {
            event.description(&text(about));
        }
        if let Some(url) = url {
            event.url(url);
        }
        let mut calendar = Calendar::empty();
        calendar
            .append_property(("VERSION", "2.0"))
            .append_property(("PRODID", "-//nurtured//nurtured//EN"))
            .append_property(("METHOD", "PUBLISH"))
            .push(event.done());
        let mut written = String::new();
        fmt::Write::write_fmt(&mut written, format_args!("{calendar}"))
            .map_err(|_| BadLetter::Refused("the calendar cannot be written".to_owned()))?;
        Ok(written)
    }
}

impl When {
    fn property(self, key: &str) -> Property {
        match self {
            Self::At(at) => Property::new(key, in_utc(at)),
            Self::Day(day) => {
                let day = day.strftime("%Y%m%d").to_string();
                Property::new(key, &day).add_parameter("VALUE", "DATE").done()
            }
        }
    }
}

/// Needs no description of a time zone: every program shows it on its reader's clock.
fn in_utc(at: Instant) -> String {
    at.timestamp().to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn cal_address(key: &str, party: &Party) -> Property {
    let mut property = Property::new(key, format!("mailto:{}", party.address.as_str()));
    let name = party.name.as_deref().map(|name| one_line(name, LONGEST).replace('"', "'"));
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        property.add_parameter("CN", &name);
    }
    property.done()
}

#[cfg(test)]
mod tests {
    use icalendar::CalendarComponent;

    use super::*;

    fn webinar() -> Entry {
        let at = |text: &str| When::At(text.parse().unwrap());
        Entry {
            uid: "webinar.on-the-day.spring@bounce.example.com".into(),
            sequence: 7,
            event: Event {
                title: "Approvals, in two days; live: \\o/ „così“ über 100 Werke und noch ein paar Wörter mehr"
                    .into(),
                starts: at("2027-10-14T09:00:00Z"),
                ends: at("2027-10-14T09:45:00Z"),
                location: Some("Online".into()),
                url: Some("https://www.example.com/webinar/join?a=1,2;3".into()),
                about: Some("Line one\nLine two".into()),
            },
        }
    }

    fn sender(name: &str) -> Party {
        Party::new(Some(name), "ada@example.com".parse().unwrap())
    }

    fn written(entry: &Entry, name: &str) -> String {
        entry.write(&sender(name), "2027-10-01T08:00:00.250Z".parse().unwrap()).unwrap()
    }

    #[test]
    fn lines_end_as_they_should_and_none_is_too_long() {
        let text = written(&webinar(), "Ada Rossi");
        assert!(text.ends_with("END:VCALENDAR\r\n"));
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
        assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
        assert!(text.contains("\r\n "), "its title is folded");
        for line in [
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//nurtured//nurtured//EN\r\nMETHOD:PUBLISH\r\n",
            "\r\nDTSTAMP:20271001T080000Z\r\n",
            "\r\nDTSTART:20271014T090000Z\r\n",
            "\r\nDTEND:20271014T094500Z\r\n",
            "\r\nSEQUENCE:7\r\n",
            "\r\nORGANIZER;CN=Ada Rossi:mailto:ada@example.com\r\n",
            "\r\nURL:https://www.example.com/webinar/join?a=1,2;3\r\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert_eq!(text.matches("UID:").count(), 1);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let entry = webinar();
        let read: Calendar = written(&entry, "Rossi; Ada: \"the boss\", Srl").parse().unwrap();
        let [CalendarComponent::Event(event)] = &read.components[..] else { panic!("{read:?}") };
        assert_eq!(event.get_summary(), Some(entry.event.title.as_str()));
        assert_eq!(event.get_uid(), Some(entry.uid.as_str()));
        assert_eq!(event.get_sequence(), Some(7));
        assert_eq!(event.get_description(), Some("Line one Line two"));
        assert_eq!(event.get_url(), entry.event.url.as_deref());
        let organizer = &event.properties()["ORGANIZER"];
        assert_eq!(organizer.value(), "mailto:ada@example.com");
        let name = organizer.params()["CN"].value().trim_matches('"').to_owned();
        assert_eq!(name, "Rossi; Ada: 'the boss', Srl");
    }

    #[test]
    fn nothing_that_a_value_holds_makes_a_line_of_its_own() {
        let mut entry = webinar();
        entry.event.title = "x\r\nATTENDEE:mailto:eve@example.com".into();
        entry.event.location = Some("y\nBEGIN:VALARM".into());
        let text = written(&entry, "Eve\r\nATTACH:https://example.com");
        for line in text.split("\r\n") {
            assert!(
                !["ATTENDEE", "BEGIN:VALARM", "ATTACH"].iter().any(|bad| line.starts_with(bad))
            );
        }
    }

    #[test]
    fn a_day_as_a_whole_has_no_hour() {
        let mut entry = webinar();
        (entry.event.starts, entry.event.ends) =
            (When::Day("2027-10-14".parse().unwrap()), When::Day("2027-10-15".parse().unwrap()));
        let text = written(&entry, "Ada");
        for line in ["\r\nDTSTART;VALUE=DATE:20271014\r\n", "\r\nDTEND;VALUE=DATE:20271015\r\n"] {
            assert!(text.contains(line), "{text}");
        }
    }
}
