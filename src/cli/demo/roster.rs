//! Who the leads of the demo are, and how warm.

use std::collections::BTreeMap;

use super::setting::Setting;
use crate::{
    cli::failure::Failure,
    domain::{
        id::LeadId,
        lead::{LeadRecord, LeadState, Stage},
        name::Name,
        score::MilliPoints,
        time::Instant,
    },
    engine::{deciding::look, preparing::standing},
};

/// The demo's list is short: one page holds it.
const ALL: i64 = 10_000;

#[derive(Clone, Debug, Default)]
pub struct Who {
    pub address: String,
    /// `Jonah Scott, Pinecrest Health`, or what is known of it.
    pub name: String,
}

#[derive(Debug, Default)]
pub struct Roster {
    leads: BTreeMap<LeadId, Who>,
    nobody: Who,
}

/// A lead that stirs.
#[derive(Debug)]
pub struct Hot {
    pub lead: LeadId,
    pub stage: Stage,
    pub engagement: MilliPoints,
    pub fit: MilliPoints,
}

impl Roster {
    pub fn of(&self, lead: LeadId) -> &Who {
        self.leads.get(&lead).unwrap_or(&self.nobody)
    }

    pub fn all(&self) -> impl Iterator<Item = (LeadId, &Who)> {
        self.leads.iter().map(|(lead, who)| (*lead, who))
    }
}

impl Setting {
    pub(super) async fn roster(&self) -> Result<Roster, Failure> {
        let schema = &self.definitions().schema;
        let leads = self.everybody().await?.into_iter().map(|record| {
            let lead = record.lead;
            let (state, ..) = look(self.definitions(), record, &[], Instant::DAWN);
            let text = |name: &str| {
                let slot = schema.slot(name)?;
                state.attributes[slot.0].as_ref().map(ToString::to_string)
            };
            let names = [text("first_name"), text("last_name")].into_iter().flatten();
            let person = names.collect::<Vec<_>>().join(" ");
            let known = [Some(person).filter(|name| !name.is_empty()), text("company")];
            let known = known.into_iter().flatten().collect::<Vec<_>>().join(", ");
            let address = state.address.as_str().to_owned();
            let name = if known.is_empty() { address.clone() } else { known };
            (lead, Who { address, name })
        });
        Ok(Roster { leads: leads.collect(), nobody: Who::default() })
    }

    async fn everybody(&self) -> Result<Vec<LeadRecord>, Failure> {
        let leads = self.store.leads_after(LeadId(i64::MIN), ALL).await?;
        Ok(self.store.records(&leads).await?)
    }

    /// The warmest leads at an instant.
    pub(super) async fn hottest(&self, now: Instant, most: usize) -> Result<Vec<Hot>, Failure> {
        let mut found = Vec::new();
        for record in self.everybody().await? {
            let lead = record.lead;
            let (LeadState { stage, fit, .. }, engagement) = self.seen(record, now);
            let engagement = engagement.filter(|points| *points > MilliPoints(0));
            found.extend(engagement.map(|engagement| Hot { lead, stage, engagement, fit }));
        }
        found.sort_by_key(|hot| (std::cmp::Reverse(hot.engagement), hot.lead));
        found.truncate(most);
        Ok(found)
    }

    fn seen(&self, record: LeadRecord, now: Instant) -> (LeadState, Option<MilliPoints>) {
        let (state, ..) = look(self.definitions(), record, &[], now);
        let engagement = standing(self.definitions(), &state, now).engagement;
        (state, engagement)
    }

    /// What a lead's engagement is made of at an instant, the most first, as `why-score` says; and its fit.
    pub(super) async fn why(
        &self,
        lead: LeadId,
        now: Instant,
    ) -> Result<(Vec<(Name, MilliPoints)>, MilliPoints), Failure> {
        let Some(record) = self.store.record(lead).await? else {
            return Ok((Vec::new(), MilliPoints(0)));
        };
        let (state, _) = self.seen(record, now);
        let scoring = &self.definitions().scoring;
        let points = scoring.engagement.iter().map(|rule| {
            let points = scoring.rule_points(rule, &state.facts, now);
            (rule.name.clone(), points)
        });
        let mut points: Vec<_> = points.filter(|(_, points)| points.0 > 0).collect();
        points.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        Ok((points, state.fit))
    }
}
