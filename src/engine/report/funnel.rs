//! Where leads stand, how they came there, how long it took, and what it was worth.

mod by_attribute;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

pub use by_attribute::{ByAttribute, Group, Uncounted, by_attribute};
use serde::Serialize;

use super::{as_time, share};
use crate::{
    domain::{
        event::EventKind,
        id::{IdSource, LeadId},
        lead::Stage,
        name::Name,
        schedule::date_at,
        time::{Instant, Zone},
    },
    store::{
        Store, StoreError,
        records::{CohortCount, Deal, Period, StageChange},
    },
};

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FunnelReport {
    #[serde(serialize_with = "as_time")]
    pub since: Instant,
    #[serde(serialize_with = "as_time")]
    pub until: Instant,
    /// All there are, now.
    pub leads: u64,
    pub stages: Vec<StageFigures>,
    /// Changes of a stage within the period, the most first.
    pub transitions: Vec<Transition>,
    /// Leads by the month in which they came in, and where they stand now.
    pub cohorts: Vec<Cohort>,
    /// Leads that were handed to sales within the period, that these accepted, and gave back; each once.
    pub handed_off: u64,
    pub accepted: u64,
    pub returned: u64,
    /// Deals won within the period, by currency.
    pub deals: Vec<DealSum>,
    /// Leads by an attribute, where that was asked for.
    pub by: Option<ByAttribute>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StageFigures {
    pub stage: Stage,
    /// Who stands there now.
    pub leads: u64,
    /// Of all leads.
    pub share: Option<f64>,
    /// Who came to it within the period, each once.
    pub came: u64,
    /// Who went on from it within the period, each once.
    pub went: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Transition {
    pub from: Stage,
    pub to: Stage,
    pub changes: u64,
    pub leads: u64,
    /// Of all changes that left `from` within the period.
    pub share: Option<f64>,
    /// How long they had stood there.
    pub mean_days: f64,
    pub median_days: f64,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Cohort {
    /// `2027-03`, in the policy's zone.
    pub month: String,
    pub leads: u64,
    pub by_stage: BTreeMap<Stage, u64>,
    /// Of its leads: those who stand at `customer` now.
    pub customers: Option<f64>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DealSum {
    /// Empty where the deal did not say.
    pub currency: Name,
    pub deals: u64,
    /// Whose deals they are, each once.
    pub leads: u64,
    pub amount: f64,
}

/// Counts stages now, and what changed within the period; months are those of `zone`.
pub async fn funnel_report(
    store: &Store,
    zone: &Zone,
    period: Period,
) -> Result<FunnelReport, StoreError> {
    let counts = store.cohorts().await?;
    let (changes, deals) = store.milestones().await?;
    let hand_offs = store.hand_offs(period).await?;
    let hand_off = |kind: &EventKind| hand_offs.get(kind.as_str()).map_or(0, |(_, leads)| *leads);
    let moves: Vec<Move> = moves(&changes);
    let within: Vec<&Move> = moves.iter().filter(|one| period.contains(one.at)).collect();
    let leads = counts.iter().map(|count| count.leads).sum();
    let distinct = |is: &dyn Fn(&Move) -> bool| -> u64 {
        let leads = within.iter().filter(|one| is(one)).map(|one| one.lead);
        number(leads.collect::<BTreeSet<LeadId>>().len())
    };
    let stages = Stage::ALL
        .into_iter()
        .map(|stage| {
            let here = counts.iter().filter(|count| count.stage == stage);
            let here = here.map(|count| count.leads).sum();
            StageFigures {
                stage,
                leads: here,
                share: share(here, leads),
                came: distinct(&|one| one.to == stage),
                went: distinct(&|one| one.from == stage),
            }
        })
        .collect();
    Ok(FunnelReport {
        since: period.from,
        until: period.until,
        leads,
        stages,
        transitions: transitions(&within),
        cohorts: cohorts(&counts, zone),
        handed_off: hand_off(&EventKind::HANDOFF_MADE),
        accepted: hand_off(&EventKind::HANDOFF_ACCEPTED),
        returned: hand_off(&EventKind::HANDOFF_RETURNED),
        deals: sums(&deals, period),
        by: None,
    })
}

/// How many leads there are, and the part of them that are customers.
fn in_all(by_stage: &BTreeMap<Stage, u64>) -> (u64, Option<f64>) {
    let leads = by_stage.values().sum();
    (leads, share(by_stage.get(&Stage::Customer).copied().unwrap_or_default(), leads))
}

/// A change of a stage, with what went before.
struct Move {
    lead: LeadId,
    from: Stage,
    to: Stage,
    at: Instant,
    /// Milliseconds.
    stood: i64,
}

/// Changes come lead by lead, each in its order. The first is from the stage that it names, and a lead has
/// stood there since it came in.
fn moves(changes: &[StageChange]) -> Vec<Move> {
    let mut moves: Vec<Move> = Vec::with_capacity(changes.len());
    for change in changes {
        let before = moves.last().filter(|before| before.lead == change.lead);
        let named = change.reason.split(" → ").next().and_then(Stage::from_word);
        let (from, since) = match before {
            Some(before) => (named.unwrap_or(before.to), before.at),
            None => (named.unwrap_or_default(), IdSource::made_at(change.lead.0)),
        };
        let stood = change.at.since(since).max(0);
        moves.push(Move { lead: change.lead, from, to: change.to, at: change.at, stood });
    }
    moves
}

fn transitions(within: &[&Move]) -> Vec<Transition> {
    let mut groups: BTreeMap<(Stage, Stage), Vec<&Move>> = BTreeMap::new();
    for one in within {
        groups.entry((one.from, one.to)).or_default().push(one);
    }
    let left = |from| number(within.iter().filter(|one| one.from == from).count());
    let mut transitions: Vec<Transition> = groups
        .into_iter()
        .map(|((from, to), moves)| {
            let leads: BTreeSet<LeadId> = moves.iter().map(|one| one.lead).collect();
            let mut stood: Vec<i64> = moves.iter().map(|one| one.stood).collect();
            stood.sort_unstable();
            Transition {
                from,
                to,
                changes: number(moves.len()),
                leads: number(leads.len()),
                share: share(number(moves.len()), left(from)),
                mean_days: days(stood.iter().sum::<i64>() / count_of(&stood)),
                median_days: days(median(&stood)),
            }
        })
        .collect();
    transitions.sort_by_key(|one| (Reverse(one.changes), one.from, one.to));
    transitions
}

/// Of what is sorted and not empty.
fn median(sorted: &[i64]) -> i64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        i64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

/// With one decimal.
#[allow(clippy::cast_precision_loss)] // centuries are far below 2^52
fn days(millis: i64) -> f64 {
    (millis as f64 / 8_640_000.0).round() / 10.0
}

fn cohorts(counts: &[CohortCount], zone: &Zone) -> Vec<Cohort> {
    let mut months: BTreeMap<String, BTreeMap<Stage, u64>> = BTreeMap::new();
    for count in counts {
        let month = date_at(count.from, zone).strftime("%Y-%m").to_string();
        *months.entry(month).or_default().entry(count.stage).or_default() += count.leads;
    }
    months
        .into_iter()
        .map(|(month, by_stage)| {
            let (leads, customers) = in_all(&by_stage);
            Cohort { month, leads, by_stage, customers }
        })
        .collect()
}

/// A deal counts once, however many leads it is told of: as it is told last, by whom its amount is said.
fn sums(deals: &[Deal], period: Period) -> Vec<DealSum> {
    let mut told: BTreeMap<(Option<&Name>, usize), Vec<&Deal>> = BTreeMap::new();
    for (place, deal) in deals.iter().enumerate().filter(|(_, deal)| period.contains(deal.at)) {
        // One without an id is like no other.
        let place = if deal.id.is_some() { 0 } else { place };
        told.entry((deal.id.as_ref(), place)).or_default().push(deal);
    }
    let mut sums: BTreeMap<Name, (u64, BTreeSet<LeadId>, f64)> = BTreeMap::new();
    for told in told.values() {
        let last = told.iter().max_by_key(|deal| (deal.amount.is_some(), deal.at));
        let Some(last) = last else { continue };
        let currency = last.currency.clone().unwrap_or_else(|| "".into());
        let (number, leads, amount) = sums.entry(currency).or_default();
        *number += 1;
        leads.extend(told.iter().map(|deal| deal.lead));
        *amount += last.amount.unwrap_or_default();
    }
    sums.into_iter()
        .map(|(currency, (deals, leads, amount))| DealSum {
            currency,
            deals,
            leads: number(leads.len()),
            amount,
        })
        .collect()
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn count_of(items: &[i64]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deal(lead: i64, id: Option<&str>, at: i64, amount: Option<f64>, currency: &str) -> Deal {
        let (id, currency) = (id.map(Into::into), Some(currency.into()));
        Deal { lead: LeadId(lead), id, at: Instant::from_millis(at), amount, currency }
    }

    #[test]
    fn a_deal_counts_once_however_many_leads_it_is_told_of() {
        let deals = [
            deal(1, Some("X1"), 10, Some(1000.0), "EUR"),
            deal(2, Some("X1"), 10, Some(1000.0), "EUR"),
            // Told again later, with another amount, and once with none.
            deal(1, Some("X2"), 10, Some(5.0), "EUR"),
            deal(2, Some("X2"), 20, Some(7.0), "EUR"),
            deal(3, Some("X2"), 30, None, ""),
            // Without an id, each is one.
            deal(4, None, 10, Some(3.0), "USD"),
            deal(4, None, 10, Some(3.0), "USD"),
            deal(4, Some("X3"), 99, Some(9.0), "USD"),
        ];
        let until = Instant::from_millis(50);
        let sums = sums(&deals, Period { until, ..Period::ALL });
        let sum = |currency: &str, deals, leads, amount| DealSum {
            currency: currency.into(),
            deals,
            leads,
            amount,
        };
        assert_eq!(sums, [sum("EUR", 2, 3, 1007.0), sum("USD", 2, 1, 6.0)]);
    }
}
