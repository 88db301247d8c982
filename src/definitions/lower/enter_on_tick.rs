//! `enter: { schedule: … }` → when a clock ticks, and for whom.

use super::{policy, read, workflow::Known};
use crate::{
    definitions::{node::Node, problem::File},
    domain::{
        condition::Scope,
        enter::{LATE, Ticking},
        schedule::Ticks,
    },
};

pub(super) fn lower(
    file: &File<'_>,
    node: &Node,
    fields: &read::Fields<'_>,
    known: &Known<'_>,
) -> Option<Ticking> {
    let ticks = read::text(file, node, "schedule").and_then(|written| {
        let report = |message| file.error("bad-schedule", node.span, message, None);
        Ticks::parse(written).map_err(report).ok()
    });
    let zone = fields.optional("zone", |node| policy::zone(file, node));
    let who = fields
        .need("who", "who: in_segment(\"cold-prospects\"), the leads that come in at each tick")
        .and_then(|node| known.conditions.compile(file, node, "who", Scope::Lead));
    let late = fields.optional("late", |node| read::duration(file, node, "late"));
    Some(Ticking { ticks: ticks?, zone: zone?, who: who?, late: late?.unwrap_or(LATE) })
}
