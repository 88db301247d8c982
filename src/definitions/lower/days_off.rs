//! The house rules of clock and calendar: `zones:`, `quiet:`, `calendar:`, and what they leave of a window.

use std::collections::BTreeMap;

use super::read;
use crate::{
    definitions::{
        nearest::meant,
        node::Node,
        problem::{File, Span, quote},
        schema,
    },
    domain::{
        country::Country,
        holiday::Holidays,
        policy::Policy,
        schedule::{Calendar, OwnDay, QuietHours, Whose, Window},
        time::Zone,
    },
};

/// `US: America/New_York`
pub(super) fn zones(file: &File<'_>, node: &Node) -> BTreeMap<Country, Zone> {
    let entries = read::map(file, node, "`zones`").unwrap_or_default();
    let zones = entries.iter().filter_map(|(key, node)| {
        let country = country(file, key.span, &key.text);
        let zone = super::policy::zone(file, node);
        Some((country?, zone?))
    });
    zones.collect()
}

/// A code, or a name.
fn country(file: &File<'_>, at: Span, written: &str) -> Option<Country> {
    let found = Country::parse(written);
    if found.is_none() {
        let message = format!("`{}` is no country", quote(written));
        // Every two letters are near some code.
        let hint = (written.chars().count() > 3)
            .then(|| meant(written, Country::names()))
            .flatten()
            .unwrap_or_else(|| "write its code of two letters, as IT, or its name".to_owned());
        file.error("unknown-country", at, message, Some(hint));
    }
    found
}

/// `21:00-08:00`
pub(super) fn quiet(file: &File<'_>, node: &Node) -> Option<QuietHours> {
    match read::text(file, node, "quiet")?.parse() {
        Ok(quiet) => Some(quiet),
        Err(error) => {
            let error: crate::domain::schedule::WindowError = error;
            file.error("bad-window", node.span, error.to_string(), None);
            None
        }
    }
}

pub(super) fn calendar(file: &File<'_>, node: &Node) -> Calendar {
    let mut calendar = Calendar::default();
    let Some(fields) = read::Fields::open(file, node, "`calendar`", &schema::DAYS_OFF) else {
        return calendar;
    };
    if let Some(node) = fields.get("holidays") {
        calendar.holidays = match node.text() {
            Some(schema::BY_COUNTRY) => Whose::Leads,
            Some("none") => Whose::Nobodys,
            _ => {
                let countries = read::list(file, node, "holidays").unwrap_or_default();
                Whose::Of(countries.iter().filter_map(|node| holidays(file, node)).collect())
            }
        };
    }
    let also = fields.get("also").and_then(|node| read::list(file, node, "also"));
    calendar.also = also.unwrap_or_default().iter().filter_map(|node| day(file, node)).collect();
    calendar
}

/// Those of a country.
fn holidays(file: &File<'_>, node: &Node) -> Option<&'static Holidays> {
    let written = read::text(file, node, "holidays")?;
    let country = country(file, node.span, written)?;
    let found = Holidays::of(country);
    if found.is_none() {
        let known: Vec<&str> = Holidays::countries().into_iter().map(Country::code).collect();
        let message = format!("the holidays of {country} are not known");
        let hint = format!("list its days under `also:`; known are {}", known.join(", "));
        file.error("unknown-country", node.span, message, Some(hint));
    }
    found
}

fn day(file: &File<'_>, node: &Node) -> Option<OwnDay> {
    let written = read::text(file, node, "also")?;
    let found = OwnDay::parse(written);
    if found.is_none() {
        let (message, hint) = super::dates::no_such_day(written).unwrap_or_else(|| {
            let hint = "write: 2026-12-24, or 12-24 for each year".to_owned();
            (format!("`{}` is no day", quote(written)), Some(hint))
        });
        file.error("bad-date", node.span, message, hint);
    }
    found
}

/// What the house rules leave of a window; one that never opens is reported.
pub(super) fn kept(
    file: &File<'_>,
    node: &Node,
    window: &Window,
    policy: &Policy,
) -> Option<Window> {
    let kept = policy.quiet.map_or_else(|| window.clone(), |quiet| window.without(quiet));
    let (why, hint) = if let (true, Some(quiet)) = (kept.is_never(), policy.quiet) {
        (format!("all of it is within the quiet hours, {quiet}"), "open it at other hours")
    } else if let Some((year, country)) = shut(&kept, &policy.calendar) {
        let whose = country.map(|country| format!(" in {country}")).unwrap_or_default();
        let hint = "open it on other days, or take days out of the policy's calendar";
        (format!("in {year} all its days are days off{whose}"), hint)
    } else {
        return Some(kept);
    };
    let message = format!("`{window}` is never open: {why}");
    file.error("window-never-opens", node.span, message, Some(hint.to_owned()));
    None
}

/// A year in which a window opens on no day, for leads of which country.
fn shut(window: &Window, calendar: &Calendar) -> Option<(i16, Option<Country>)> {
    let countries = match calendar.holidays {
        Whose::Leads => Holidays::countries(),
        Whose::Nobodys | Whose::Of(_) => Vec::new(),
    };
    let mut all = std::iter::once(None).chain(countries.into_iter().map(Some));
    all.find_map(|country| Some((window.year_without(calendar.days_off(country))?, country)))
}
