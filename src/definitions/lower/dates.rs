//! Keys that tell time by a date of the workflow's campaign: `at`, `not_after`, `up_to`.

use jiff::civil::Date;

use super::{read, workflow::Known};
use crate::{
    definitions::{
        nearest::did_you_mean,
        node::Node,
        problem::{File, quote},
    },
    domain::{
        campaign::Campaign,
        name::Name,
        schedule::{DateExpr, Deadline, WaitSpec},
    },
};

/// Which dates a workflow may name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dates<'a> {
    /// It names no campaign.
    None,
    /// Its campaign is not there, or has problems: told already.
    Unknown,
    Of(&'a Campaign),
}

/// What to say of a day that no calendar has, `2026-10-32`, and what to write instead.
pub(super) fn no_such_day(written: &str) -> Option<(String, Option<String>)> {
    let day = written.get(..10)?;
    let figures: Vec<&str> = day.split('-').collect();
    let [year, month, last] = figures[..] else { return None };
    let is_day = (year.len(), month.len(), last.len()) == (4, 2, 2)
        && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if !is_day || day.parse::<Date>().is_ok() {
        return None;
    }
    let first = format!("{year}-{month}-01").parse::<Date>().ok();
    let hint =
        first.map(|first| format!("the last day of that month is {}", first.last_of_month()));
    Some((format!("there is no day {day}"), hint))
}

/// `starts - 21d, 09:30`
pub(super) fn date(
    file: &File<'_>,
    node: &Node,
    what: &str,
    known: &Known<'_>,
) -> Option<DateExpr> {
    let written = read::text(file, node, what)?;
    match DateExpr::parse(written) {
        Ok(date) => is_known(file, node, &date, known).then_some(date),
        Err(error) => {
            file.error("bad-date", node.span, error.to_string(), None);
            None
        }
    }
}

/// `starts - 1h`, or a time from then on: `2d`
pub(super) fn deadline(
    file: &File<'_>,
    node: &Node,
    what: &str,
    known: &Known<'_>,
) -> Option<Deadline> {
    let written = read::text(file, node, what)?;
    let parsed = match (known.dates, WaitSpec::parse(written)) {
        // Who names no campaign means no date of one.
        (Dates::None, Err(error)) if DateExpr::parse(written).is_err() => Err(error.to_string()),
        _ => Deadline::parse(written).map_err(|error| error.to_string()),
    };
    match parsed {
        Ok(Deadline::On(date)) => is_known(file, node, &date, known).then_some(Deadline::On(date)),
        Ok(after) => Some(after),
        Err(message) => {
            file.error("bad-wait", node.span, message, None);
            None
        }
    }
}

fn is_known(file: &File<'_>, node: &Node, date: &DateExpr, known: &Known<'_>) -> bool {
    let name = &date.date;
    let (message, hint) = match known.dates {
        Dates::Unknown => return true,
        Dates::None => {
            let message =
                format!("`{}` is a date of a campaign, and the workflow names none", quote(name));
            let names: Vec<&str> = known.campaigns.keys().map(Name::as_str).collect();
            let name = names.first().copied().unwrap_or("spring-webinar");
            (message, Some(format!("add to the workflow: campaign: {name}")))
        }
        Dates::Of(campaign) => match campaign.dates.get(name) {
            Some(found) if found.is_day && date.time.is_none() => {
                let message = format!("`{name}` is a day, and this does not say at which hour");
                (message, Some(format!("write: {date}, 09:30")))
            }
            Some(_) => return true,
            None => {
                let message = format!("campaign `{}` has no date `{}`", campaign.name, quote(name));
                (message, did_you_mean(name, campaign.dates.keys().map(Name::as_str)))
            }
        },
    };
    file.error("bad-date", node.span, message, hint);
    false
}
