//! `calendar:` of a mail → the event that goes with it.

use std::collections::BTreeMap;

use super::{dates::no_such_day, read, templates::line};
use crate::{
    definitions::{
        node::Node,
        problem::{File, quote},
        schema,
    },
    domain::{
        template::{CalendarTemplate, Line},
        value::parse_date,
    },
};

pub(super) fn lower(file: &File<'_>, node: &Node) -> Option<CalendarTemplate> {
    let fields = read::Fields::open(file, node, "`calendar`", &schema::CALENDAR)?;
    let mut parts = BTreeMap::new();
    for part in CalendarTemplate::PARTS {
        let Some(node) = fields.get(part) else { continue };
        let written = line(file, node, part)?;
        if matches!(part, "starts" | "ends") && !is_date(&written.text) {
            let (message, hint) = no_such_day(&written.text).unwrap_or_else(|| {
                let hint = format!(
                    "write: {part}: \"{{{{ campaign.{part} }}}}\", or 2027-10-14T11:00+02:00"
                );
                let message = format!("`{part}` is a date; this is `{}`", quote(&written.text));
                (message, Some(hint))
            });
            file.error("bad-date", node.span, message, hint);
            return None;
        }
        parts.insert(part, written);
    }
    let duration = match fields.get("duration") {
        None => None,
        Some(node) => Some(read::duration(file, node, "duration")?),
    };
    if duration.is_some() && parts.contains_key("ends") {
        let message = "`ends` and `duration` say the same thing";
        let hint = "keep one of the two".to_owned();
        file.error("conflict", fields.key_span("duration"), message, Some(hint));
        return None;
    }
    // What is not said is the campaign's own.
    let at = file.position(fields.at().start);
    let own =
        if duration.is_some() { &["title", "starts"][..] } else { &["title", "starts", "ends"] };
    for &part in own {
        let text = format!("{{{{ campaign.{part} }}}}");
        parts.entry(part).or_insert(Line { text, at });
    }
    Some(CalendarTemplate { parts, duration })
}

/// Or one that is not yet known.
fn is_date(written: &str) -> bool {
    written.contains("{{") || parse_date(written).is_some()
}
