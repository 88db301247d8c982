//! Windows that are open for less than an hour a week.

use super::House;
use crate::{
    definitions::{
        node::Node,
        problem::{File, quote},
    },
    domain::{artefact::ArtefactKind, schedule::Window, time::Instant},
};

/// Minutes a week below which a slip is likelier than a wish.
const LEAST: u32 = 60;
/// How many openings are told.
const TOLD: usize = 3;

pub(super) fn warn(house: &House<'_>, now: Instant) {
    for unit in house.units(ArtefactKind::Policy) {
        let written = unit.node.as_ref().and_then(|node| node.get("window"));
        if let Some(written) = written {
            one(house, house.file(unit), written, &house.definitions.policy.window, now);
        }
    }
    for unit in house.units(ArtefactKind::Workflow) {
        let written = unit.node.as_ref().and_then(|node| node.get("send")?.get("window"));
        let live = house.definitions.workflow(&unit.name);
        let window = live.and_then(|live| live.workflow.window.as_ref());
        if let (Some(written), Some(window)) = (written, window) {
            one(house, house.file(unit), written, window, now);
        }
    }
}

fn one(house: &House<'_>, file: &File<'_>, written: &Node, window: &Window, now: Instant) {
    let minutes = window.minutes_a_week();
    if minutes >= LEAST {
        return;
    }
    let policy = &house.definitions.policy;
    let place = policy.place(&policy.zone, None);
    let openings = window.openings(now, place, TOLD);
    let openings: Vec<String> = openings
        .into_iter()
        .map(|at| crate::domain::schedule::local(at, &policy.zone))
        .map(|at| at.strftime("%a %F %H:%M").to_string().to_lowercase())
        .collect();
    let outside = if policy.quiet.is_some() { " outside of the quiet hours" } else { "" };
    let s = if minutes == 1 { "" } else { "s" };
    let message = format!(
        "`{}` is open for {minutes} minute{s} a week{outside}; in {} next on {}",
        quote(written.text().unwrap_or_default()),
        policy.zone.name(),
        openings.join(", ")
    );
    let hint = "open it for longer: what does not leave in time waits for the next time";
    file.warning("window-seldom-opens", written.span, message, Some(hint.to_owned()));
}
