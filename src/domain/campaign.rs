//! Campaigns: what workflows belong together by. They name one, and tell time by its dates.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};

use super::{
    definitions::Definitions,
    lead::Due,
    name::Name,
    schedule::{DateExpr, DaysOff, Place},
    time::{Instant, Zone},
    workflow::Workflow,
};

/// A campaign. Always the live one: a date that is moved moves whoever waits for it.
#[derive(Clone, Debug)]
pub struct Campaign {
    pub name: Name,
    /// For messages.
    pub file: String,
    pub title: String,
    pub about: String,
    /// In which its dates are told.
    pub zone: Zone,
    pub dates: BTreeMap<Name, CampaignDate>,
    /// Texts that its mails may use.
    pub variables: BTreeMap<Name, String>,
    /// Of `utm_source` and the like, without `utm_`.
    pub utm: BTreeMap<Name, String>,
    pub costs: Vec<Cost>,
}

/// A date of a campaign.
#[derive(Clone, Debug)]
pub struct CampaignDate {
    /// On the clock of the campaign's zone; midnight where it is a day as a whole.
    pub local: DateTime,
    pub is_day: bool,
    /// Where it is written, for messages: line and column, 1-based, in characters.
    pub written_at: (usize, usize),
}

/// What a campaign costs.
#[derive(Clone, PartialEq, Debug)]
pub struct Cost {
    pub about: String,
    /// Hundredths of the currency.
    pub hundredths: i64,
    /// As ISO 4217 names it: `EUR`.
    pub currency: Name,
    pub of: CostOf,
}

/// What a cost is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CostOf {
    /// Spent on this day.
    Day(Date),
    /// Spent for each lead.
    Lead,
}

impl Campaign {
    /// The parameters of a link that a campaign may set: `source` of `utm_source`.
    pub const UTM: [&'static str; 5] = ["source", "medium", "campaign", "content", "term"];

    /// The instant that one of its dates is; of a day its first.
    #[must_use]
    pub fn instant(&self, date: &str) -> Option<Instant> {
        let expr = DateExpr { date: date.into(), shift: None, time: None };
        let due = || self.due(&expr, &self.zone, DaysOff::default());
        self.dates.contains_key(date).then(|| due().at)
    }

    /// When a date comes that is told by one of this campaign, for a lead in `reader`'s zone;
    /// [`Instant::NEVER`] if there is no such date. Its days off are nobody's own: it is the same day for
    /// everybody.
    fn due(&self, expr: &DateExpr, reader: &Zone, days_off: DaysOff<'_>) -> Due {
        match self.dates.get(&expr.date) {
            Some(date) => expr.due(date.local, Place { zone: &self.zone, days_off }, reader),
            None => Due { at: Instant::NEVER, civil: None },
        }
    }
}

impl Definitions {
    /// The campaign that a workflow names.
    #[must_use]
    pub fn campaign_of(&self, workflow: &Workflow) -> Option<&Campaign> {
        self.campaigns.get(workflow.campaign.as_ref()?)
    }

    /// When a date of a workflow's campaign comes, for a lead in this zone.
    #[must_use]
    pub fn date(&self, workflow: &Workflow, expr: &DateExpr, reader: &Zone) -> Due {
        match self.campaign_of(workflow) {
            Some(campaign) => campaign.due(expr, reader, self.policy.calendar.days_off(None)),
            None => Due { at: Instant::NEVER, civil: None },
        }
    }
}
