//! What the campaign of a workflow has cost, and what it cost to come to the goal.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::{
    campaign::{Campaign, CostOf},
    name::Name,
    schedule::day_begins,
    time::Instant,
};

/// The costs in one currency, in whole ones with two decimals.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CostSum {
    pub currency: Name,
    pub amount: f64,
    /// For each enrolment that reached the goal; `None`: none did.
    pub per_goal: Option<f64>,
}

/// What is of a day counts once that day has begun before `until`; what is `per: lead`, for each of `leads`.
pub(super) fn costs(campaign: &Campaign, until: Instant, leads: u64, goal: u64) -> Vec<CostSum> {
    let mut sums: BTreeMap<&Name, i128> = BTreeMap::new();
    for cost in &campaign.costs {
        let times = match cost.of {
            CostOf::Day(day) => i128::from(day_begins(day, &campaign.zone) < until),
            CostOf::Lead => i128::from(leads),
        };
        *sums.entry(&cost.currency).or_default() += i128::from(cost.hundredths) * times;
    }
    let goal = i128::from(goal);
    sums.into_iter()
        .map(|(currency, sum)| CostSum {
            currency: currency.clone(),
            amount: whole(sum),
            per_goal: (goal > 0).then(|| whole((sum + goal / 2) / goal)),
        })
        .collect()
}

#[allow(clippy::cast_precision_loss)] // sums of money are far below 2^52
fn whole(hundredths: i128) -> f64 {
    hundredths as f64 / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{campaign::Cost, time::Zone};

    fn spring() -> Campaign {
        let cost = |hundredths, currency: &str, of| Cost {
            about: String::new(),
            hundredths,
            currency: currency.into(),
            of,
        };
        Campaign {
            name: "spring".into(),
            file: "spring.campaign.yaml".into(),
            title: "Spring".into(),
            about: String::new(),
            zone: Zone::named("Europe/Rome").expect("a zone"),
            dates: BTreeMap::new(),
            variables: BTreeMap::new(),
            utm: BTreeMap::new(),
            costs: vec![
                cost(45_000, "EUR", CostOf::Day(jiff::civil::date(2027, 3, 1))),
                cost(99_900, "USD", CostOf::Day(jiff::civil::date(2027, 4, 1))),
                cost(150, "EUR", CostOf::Lead),
            ],
        }
    }

    #[test]
    fn days_that_have_begun_and_each_lead_cost_by_currency() {
        let sum = |currency: &str, amount, per_goal| CostSum {
            currency: currency.into(),
            amount,
            per_goal,
        };
        let told = |until: &str, leads, goal| {
            costs(&spring(), until.parse().expect("an instant"), leads, goal)
        };
        // The first of March begins in Rome an hour before it does in UTC.
        let before = [sum("EUR", 15.0, None), sum("USD", 0.0, None)];
        assert_eq!(told("2027-02-28T23:00:00Z", 10, 0), before);
        let within = [sum("EUR", 465.0, Some(155.0)), sum("USD", 0.0, Some(0.0))];
        assert_eq!(told("2027-02-28T23:00:01Z", 10, 3), within);
        let after = [sum("EUR", 450.0, Some(64.29)), sum("USD", 999.0, Some(142.71))];
        assert_eq!(told("2027-05-01T00:00:00Z", 0, 7), after);
    }
}
