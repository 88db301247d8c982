//! Times of a test that cannot be: what never comes is no test of anything.

use std::time::Duration;

use jiff::civil::DateTime;

use super::Known;
use crate::{
    definitions::{
        node::Node,
        problem::{File, Span, quote},
    },
    domain::{
        case::{Case, Moment},
        lead::whereabouts,
        schedule::resolve,
        time::Instant,
    },
};

/// How long a case lasts at most, as a simulation.
const DAYS: u32 = 3660;
const LONGEST: Duration = Duration::from_hours(24 * DAYS as u64);

/// When a case may begin: events are counted from 1970 on, and calendars are known for a while.
const YEARS: std::ops::RangeInclusive<i16> = 1971..=2199;

pub(super) fn check_beginning(file: &File<'_>, node: &Node, from: DateTime) -> Option<DateTime> {
    if YEARS.contains(&from.year()) {
        return Some(from);
    }
    let message = format!("cases begin in the years {} to {}", YEARS.start(), YEARS.end());
    file.error("bad-date", node.span, message, Some("write: 2027-03-01 08:00".to_owned()));
    None
}

/// The parts of a case that say when.
pub(super) struct Written<'n> {
    pub until: Span,
    pub happens: &'n [Node],
    pub expects: &'n [Node],
}

/// Reports what is before a case begins, and what it never comes to.
pub(super) fn check(file: &File<'_>, case: &Case, written: &Written<'_>, known: &Known<'_>) {
    let definitions = known.definitions;
    let (zone, country, _) = whereabouts(definitions, &case.lead.values(&definitions.schema));
    let place = definitions.policy.place(&zone, country);
    let from = resolve(case.from, &zone);
    let longest = from + LONGEST;
    let begins = case.from.strftime("%F %H:%M");
    let error = |span: Span, message: String, hint: &str| {
        file.error("bad-date", span, message, Some(hint.to_owned()));
    };
    // Whether it is a time of the case, so far.
    let is_in = |what: &str, moment: &Moment, span: Span| {
        let at = moment.at(from, place);
        if at < from {
            let message = format!("{what} before the case begins, which it does at {begins}");
            error(span, message, "`from` says when it begins");
        } else if at > longest {
            let message = format!("{what} more than {DAYS} days after the case begins");
            error(span, message, "write a time that is nearer to `from`");
        }
        (from..=longest).contains(&at).then_some(at)
    };
    let at_of = |node: &Node| node.get("at").map_or(node.span, |at| at.span);
    let mut end: Option<Instant> = is_in("it ends", &case.until, written.until);
    for (expected, node) in case.expects.iter().zip(written.expects) {
        let Some(Some(moment)) = expected.instant() else { continue };
        let at = is_in("this is expected", moment, at_of(node));
        end = end.zip(at).map(|(end, at)| end.max(at));
    }
    for (occurrence, node) in case.happens.iter().zip(written.happens) {
        let span = at_of(node);
        let at = is_in("this happens", &occurrence.at, span);
        if at.zip(end).is_some_and(|(at, end)| at > end) {
            let message = format!("`{}` is over by then", quote(&case.name));
            error(span, message, "`until` says how long a case lasts: until: 60d");
        }
    }
}
