//! `enter: { date: … }` → on which days of a lead it enters.

use jiff::civil::Time;

use super::{attributes, read, workflow::Known};
use crate::{
    definitions::{
        nearest::nearest,
        node::Node,
        problem::{File, quote},
    },
    domain::{
        condition::Scope,
        enter::{DateEntry, LATE},
        name::Name,
        schedule::Occasion,
        value::{Slot, ValueType},
    },
};

pub(super) fn lower(
    file: &File<'_>,
    node: &Node,
    fields: &read::Fields<'_>,
    known: &Known<'_>,
) -> Option<DateEntry> {
    let attribute = attribute(file, node, known);
    let shift = fields.optional("offset", |node| {
        let written = read::text(file, node, "offset")?;
        or_report(file, node, Occasion::parse_shift(written))
    });
    let time = fields.optional("at", |node| {
        let written = read::text(file, node, "at")?;
        or_report(file, node, Occasion::parse_time(written))
    });
    let yearly = fields.optional("yearly", |node| read::yes_no(file, node, "yearly"));
    let filter =
        fields.optional("where", |node| known.conditions.compile(file, node, "where", Scope::Lead));
    let late = fields.optional("late", |node| read::duration(file, node, "late"));
    let (slot, attribute) = attribute?;
    let time = time?.unwrap_or(Time::constant(9, 0, 0, 0));
    let occasion = Occasion::new(shift?, time, yearly?.unwrap_or(false));
    Some(DateEntry { slot, attribute, occasion, filter: filter?, late: late?.unwrap_or(LATE) })
}

fn or_report<T>(file: &File<'_>, node: &Node, parsed: Result<T, String>) -> Option<T> {
    parsed.map_err(|message| file.error("bad-date", node.span, message, None)).ok()
}

/// One of type date.
fn attribute(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<(Slot, Name)> {
    let name = read::text(file, node, "date")?;
    let schema = &known.conditions.schema;
    let dates = || schema.iter().filter(|(_, it)| it.kind == ValueType::Date);
    let Some(slot) = schema.slot(name) else {
        let message = format!("leads have no attribute `{}`", quote(name));
        let hint = match nearest(name, dates().map(|(_, it)| it.name.as_str())) {
            Some(word) => format!("did you mean `{word}`?"),
            None if attributes::is_reserved(name) => attributes::hint_for_unknown(name),
            None => format!("declare it in an `attributes:` file: {}: date", quote(name)),
        };
        file.error("unknown-attribute", node.span, message, Some(hint));
        return None;
    };
    let kind = schema.attribute(slot).kind;
    if kind != ValueType::Date {
        let message = format!("`{name}` is a {kind}, and leads enter by a date");
        let names: Vec<&str> = dates().map(|(_, it)| it.name.as_str()).collect();
        let hint = format!("dates are: {}", names.join(", "));
        file.error("bad-value", node.span, message, Some(hint));
        return None;
    }
    Some((slot, name.into()))
}
