//! How far relays are that warm up.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    domain::{
        definitions::Definitions,
        fleet::Fleet,
        name::Name,
        pace::Takes,
        ramp::{Ramps, all_receivers, lines},
        schedule::Day,
        time::Instant,
    },
    store::{Store, StoreError},
};

/// One relay with some receivers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RampLine {
    pub relay: Name,
    /// A provider of the policy, or `others`.
    pub receivers: Name,
    /// From 1; one more than there are: it is over.
    pub step: usize,
    pub steps: usize,
    /// How many mails leave today; `None`: no limit any more.
    pub a_day: Option<u32>,
    /// How many of these have left, or are about to.
    pub used: u32,
    /// The first day.
    pub since: String,
    /// Why it does not go up.
    pub held: Option<String>,
}

/// All that warm up, or have.
///
/// # Errors
/// When the database cannot be asked.
pub async fn ramps_report(
    store: &Store,
    definitions: &Definitions,
    fleet: &Fleet,
    now: Instant,
) -> Result<Vec<RampLine>, StoreError> {
    if fleet.warming().next().is_none() {
        return Ok(Vec::new());
    }
    let policy = &definitions.policy;
    let ramps = Ramps::new(store.ramps().await?);
    let mut found = Vec::new();
    for (relay, warm_up) in fleet.warming() {
        for receivers in all_receivers(policy) {
            let standing = ramps.standing(relay, &receivers, warm_up);
            let line = lines(relay, &receivers, warm_up, &standing, policy).into_iter().next();
            let is_begun = warm_up.first <= Day::at(now, &policy.zone);
            let a_day = warm_up.ramp.mails(standing.step);
            let told = RampLine {
                relay: relay.clone(),
                receivers,
                step: standing.step + 1,
                steps: warm_up.ramp.steps().len(),
                a_day: a_day.map(|mails| if is_begun { mails } else { 0 }),
                used: 0,
                since: warm_up.first.to_string(),
                held: standing.held,
            };
            found.push((told, line));
        }
    }
    let names: BTreeSet<Name> =
        found.iter().filter_map(|(_, line)| Some(line.as_ref()?.name.clone())).collect();
    let heads = store.where_lines_begin(&names).await?;
    for (told, line) in &mut found {
        let Some(line) = line else { continue };
        if let (Takes::Days(days), Some(head)) = (&line.takes, heads.get(&line.name)) {
            told.used = days.taken(*head, days.day_of(now));
        }
    }
    Ok(found.into_iter().map(|(told, _)| told).collect())
}
