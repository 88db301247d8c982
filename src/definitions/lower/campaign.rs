//! `campaign:` → its title, dates, words for its mails, parameters of links, and costs.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};

use super::{Found, dates::no_such_day, read};
use crate::{
    definitions::{
        names::is_identifier,
        node::{Data, Node},
        problem::{File, quote},
        schema,
    },
    domain::{
        campaign::{Campaign, CampaignDate, Cost, CostOf},
        name::Name,
        time::Zone,
    },
};

/// What templates see of every campaign.
const OWN: [&str; 2] = ["name", "title"];

/// `None` if there are problems; all are reported.
pub(super) fn lower(found: &Found<'_>, house: &Zone) -> Option<Campaign> {
    let (file, node) = (found.file, found.node());
    let what = format!("campaign `{}`", found.unit.name);
    let fields = read::Fields::open(file, node, &what, &schema::CAMPAIGN)?;
    let about = fields.get("about").and_then(|node| read::text(file, node, "about"));
    let title = fields
        .need("title", "title: Approvals in two days, as people read it")
        .and_then(|node| read::text(file, node, "title"));
    let zone = match fields.get("zone") {
        None => Some(house.clone()),
        Some(node) => super::policy::zone(file, node),
    };
    let dates = match fields.get("dates") {
        None => Some(BTreeMap::new()),
        Some(node) => all(file, node, "dates", |node, what| date(file, node, what)),
    };
    let dates = dates.filter(|dates| is_in_order(file, fields.get("dates"), dates));
    let variables = match fields.get("variables") {
        None => Some(BTreeMap::new()),
        Some(node) => all(file, node, "variables", |node, what| {
            read::text(file, node, what).map(str::to_owned)
        }),
    };
    if let (Some(dates), Some(variables)) = (&dates, &variables)
        && let Some(name) = dates.keys().find(|name| variables.contains_key(*name))
    {
        let message = format!("`{name}` is a date and a variable: templates see one of them");
        file.error("conflict", fields.key_span("variables"), message, None);
        return None;
    }
    let utm = match fields.get("utm") {
        None => Some(BTreeMap::new()),
        Some(node) => utm(file, node),
    };
    let costs = match fields.get("costs") {
        None => Some(Vec::new()),
        Some(node) => costs(file, node),
    };
    Some(Campaign {
        name: found.unit.name.clone(),
        file: file.path.to_owned(),
        title: title?.to_owned(),
        about: about.unwrap_or("").to_owned(),
        zone: zone?,
        dates: dates?,
        variables: variables?,
        utm: utm?,
        costs: costs?,
    })
}

/// A map of names that templates can read; all are read, also after one that is none.
fn all<T>(
    file: &File<'_>,
    node: &Node,
    what: &str,
    read_one: impl Fn(&Node, &str) -> Option<T>,
) -> Option<BTreeMap<Name, T>> {
    let entries = read::map(file, node, &format!("`{what}`"))?;
    let mut found = BTreeMap::new();
    for (key, node) in entries {
        let name = key.text.as_str();
        if !is_identifier(name) || OWN.contains(&name) {
            let (message, hint) = if OWN.contains(&name) {
                (format!("`{name}` is there already: every campaign has it"), None)
            } else {
                let hint = "use lower-case letters, digits and `_`, as in `early_bird`".to_owned();
                (format!("`{}` is no name that templates can read", quote(name)), Some(hint))
            };
            file.error("bad-name", key.span, message, hint);
        } else if let Some(value) = read_one(node, name) {
            found.insert(Name::new(name), value);
        }
    }
    (found.len() == entries.len()).then_some(found)
}

/// `2027-10-14 11:00`, or a day.
fn date(file: &File<'_>, node: &Node, what: &str) -> Option<CampaignDate> {
    let written = read::text(file, node, what)?;
    let (local, is_day) = match (written.parse::<Date>(), written.contains(':')) {
        (Ok(day), false) => (day.to_datetime(jiff::civil::Time::midnight()), true),
        _ => match written.parse::<DateTime>().ok().filter(|_| written.contains(':')) {
            Some(local) if !has_offset(written) => (local, false),
            _ => {
                let (message, hint) = no_such_day(written).unwrap_or_else(|| {
                    let hint = "write: 2027-10-14 11:00, on the clock of the campaign's `zone`, or a day: \
                                2027-10-14";
                    let message = format!("`{what}` is a date; this is `{}`", quote(written));
                    (message, Some(hint.to_owned()))
                });
                file.error("bad-date", node.span, message, hint);
                return None;
            }
        },
    };
    Some(CampaignDate { local, is_day, written_at: file.position(node.span.start) })
}

/// Whether its end is after its start; else no mail could hold an event for the reader's calendar.
fn is_in_order(file: &File<'_>, node: Option<&Node>, dates: &BTreeMap<Name, CampaignDate>) -> bool {
    let (Some(starts), Some(ends)) = (dates.get("starts"), dates.get("ends")) else { return true };
    let is_after = if starts.is_day || ends.is_day {
        ends.local.date() >= starts.local.date()
    } else {
        ends.local > starts.local
    };
    let written = node.and_then(|node| read::map(file, node, "`dates`"));
    let written = written.and_then(|entries| entries.iter().find(|(key, _)| key.text == "ends"));
    if let Some((_, node)) = written.filter(|_| !is_after) {
        let message = "`ends` is not after `starts`";
        file.error("bad-date", node.span, message, Some("move one of the two".to_owned()));
    }
    is_after
}

/// `…Z`, `…+02:00`: what a civil time cannot have.
fn has_offset(written: &str) -> bool {
    let time = written.get(10..).unwrap_or("");
    time.contains(['Z', 'z', '+', '-', '['])
}

fn utm(file: &File<'_>, node: &Node) -> Option<BTreeMap<Name, String>> {
    let fields = read::Fields::open(file, node, "`utm`", &schema::UTM)?;
    let mut utm = BTreeMap::new();
    for key in Campaign::UTM {
        let Some(node) = fields.get(key) else { continue };
        let written = read::text(file, node, key)?;
        if written.is_empty() || written.chars().count() > 100 {
            let message = format!("`{key}` is a text of 1 to 100 characters");
            file.error("bad-value", node.span, message, None);
            return None;
        }
        utm.insert(Name::new(key), written.to_owned());
    }
    Some(utm)
}

fn costs(file: &File<'_>, node: &Node) -> Option<Vec<Cost>> {
    let Data::List(items) = &node.data else {
        let message = format!("`costs` is a list; this is {}", node.what());
        let hint = "write: - { amount: 1200, currency: EUR, on: 2027-09-01 }".to_owned();
        file.error("wrong-type", node.span, message, Some(hint));
        return None;
    };
    let costs: Vec<Option<Cost>> = items.iter().map(|node| cost(file, node)).collect();
    costs.into_iter().collect()
}

fn cost(file: &File<'_>, node: &Node) -> Option<Cost> {
    let fields = read::Fields::open(file, node, "a cost", &schema::COST)?;
    let amount = fields.need("amount", "amount: 1200").and_then(|node| amount(file, node));
    let currency = fields.need("currency", "currency: EUR").and_then(|node| currency(file, node));
    let about = fields.get("about").and_then(|node| read::text(file, node, "about"));
    let of = match (fields.get("on"), fields.get("per")) {
        (Some(node), None) => day(file, node).map(CostOf::Day),
        (None, Some(node)) => read::word(file, node, "per", &[("lead", CostOf::Lead)]),
        (None, None) => {
            if !fields.has("on") && !fields.has("per") {
                let message = "a cost is for a day, or for each lead; this does not say";
                let hint = "add: on: 2027-09-01, or: per: lead".to_owned();
                file.error("missing-key", fields.at(), message, Some(hint));
            }
            None
        }
        (Some(_), Some(_)) => {
            let message = "`on` and `per` are two kinds of costs";
            let hint = "keep one; another line of the list takes the other".to_owned();
            file.error("conflict", fields.key_span("per"), message, Some(hint));
            None
        }
    };
    let about = about.unwrap_or("").to_owned();
    Some(Cost { about, hundredths: amount?, currency: currency?, of: of? })
}

/// In hundredths.
fn amount(file: &File<'_>, node: &Node) -> Option<i64> {
    let found = read::number(file, node, "amount")? * 100.0;
    let whole = found.round();
    if !(0.0..=1e13).contains(&found) || (found - whole).abs() > 1e-6 {
        let message = "`amount` is not negative and has two decimals at most";
        file.error("bad-value", node.span, message, None);
        return None;
    }
    #[allow(clippy::cast_possible_truncation)] // whole and far inside of i64 by the line above
    Some(whole as i64)
}

fn currency(file: &File<'_>, node: &Node) -> Option<Name> {
    let written = read::text(file, node, "currency")?;
    if written.len() == 3 && written.chars().all(|c| c.is_ascii_uppercase()) {
        return Some(written.into());
    }
    let message = format!("`{}` is no currency", quote(written));
    let hint = "write its three letters, as EUR".to_owned();
    file.error("bad-value", node.span, message, Some(hint));
    None
}

fn day(file: &File<'_>, node: &Node) -> Option<Date> {
    let written = read::text(file, node, "on")?;
    if let (Ok(day), 10) = (written.parse::<Date>(), written.len()) {
        return Some(day);
    }
    let (message, hint) = no_such_day(written).unwrap_or_else(|| {
        let message = format!("`on` is a day; this is `{}`", quote(written));
        (message, Some("write: 2027-09-01".to_owned()))
    });
    file.error("bad-date", node.span, message, hint);
    None
}
