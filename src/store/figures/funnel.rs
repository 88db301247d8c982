//! Where leads stand, how they came there, and what they were worth.

use std::collections::BTreeMap;

use super::count;
use crate::{
    domain::{
        event::{EventData, EventKind},
        id::{IdSource, LeadId},
        lead::Stage,
        name::Name,
        time::Instant,
        value::Value,
    },
    store::{
        Result, Store, StoreError,
        db::{Tx, on_db},
        dialect::Text,
        records::{CohortCount, Deal, Period, StageChange},
        rows,
    },
};

/// Offsets of time zones are whole quarters of an hour.
const QUARTER: i64 = 15 * 60 * 1000;

/// When a lead was made stands in its number: no wide row is read.
const COHORTS: Text =
    sql!("SELECT l.lead / $1 AS quarter, l.stage, COUNT(*) FROM leads AS l GROUP BY 1, l.stage");

/// By the condition of the index; in the order in which each lead went.
pub(in crate::store) const THAT_MATTER: Text = sql!(
    "SELECT e.lead, e.occurred_at, e.object, e.data FROM events AS e WHERE e.kind = $1 \
     AND e.kind IN ",
    that_matter,
    " ORDER BY e.lead, e.rev"
);

const HAND_OFFS: Text = sql!(
    "SELECT e.kind, COUNT(*) AS number, COUNT(DISTINCT e.lead) AS leads FROM events AS e \
     WHERE e.kind IN ",
    that_matter,
    " AND e.kind LIKE 'handoff.%' \
     AND e.occurred_at >= $1 AND e.occurred_at < $2 GROUP BY e.kind"
);

impl Store {
    /// Hand-offs to sales that were made, accepted and given back in a period, by when that happened: how many,
    /// of how many leads.
    pub async fn hand_offs(&self, period: Period) -> Result<BTreeMap<Name, (u64, u64)>> {
        let rows: Vec<(String, i64, i64)> =
            on_db!(self.db.read(), HAND_OFFS, |db, sql| sqlx::query_as(sql)
                .bind(period.from.millis())
                .bind(period.until.millis())
                .fetch_all(db)
                .await)?;
        let number = |(kind, number, leads): (String, i64, i64)| {
            (Name::from(kind), (count(number), count(leads)))
        };
        Ok(rows.into_iter().map(number).collect())
    }

    /// All leads, by when they came in and by where they stand.
    pub async fn cohorts(&self) -> Result<Vec<CohortCount>> {
        let rows: Vec<(i64, String, i64)> =
            on_db!(self.db.read(), COHORTS, |db, sql| sqlx::query_as(sql)
                .bind(IdSource::span(QUARTER))
                .fetch_all(db)
                .await)?;
        rows.into_iter()
            .map(|(quarter, stage, leads)| {
                Ok(CohortCount {
                    from: IdSource::made_at(quarter.saturating_mul(IdSource::span(QUARTER))),
                    stage: stage_of(&stage, "leads")?,
                    leads: count(leads),
                })
            })
            .collect()
    }

    /// Every change of a stage, lead by lead in its order, and every deal that was won, once for each
    /// of its leads.
    pub async fn milestones(&self) -> Result<(Vec<StageChange>, Vec<Deal>)> {
        let mut tx = self.db.snapshot().await?;
        let changes = tx.that_matter(&EventKind::STAGE_CHANGED).await?;
        let deals = tx.that_matter(&EventKind::DEAL_WON).await?;
        tx.rollback().await?;
        let changes = changes
            .into_iter()
            .map(|event| {
                let reason = event.data.get("reason").map(ToString::to_string);
                Ok(StageChange {
                    lead: event.lead,
                    at: event.at,
                    to: stage_of(event.object.as_deref().unwrap_or_default(), "events")?,
                    reason: reason.unwrap_or_default(),
                })
            })
            .collect::<Result<_>>()?;
        let deals = deals
            .into_iter()
            .map(|event| Deal {
                lead: event.lead,
                id: event.object.map(Into::into),
                at: event.at,
                amount: event.data.get("amount").and_then(Value::number),
                currency: match event.data.get("currency") {
                    Some(Value::Text(currency)) => Some(currency.clone()),
                    _ => None,
                },
            })
            .collect();
        Ok((changes, deals))
    }
}

struct Matter {
    lead: LeadId,
    at: Instant,
    object: Option<String>,
    data: EventData,
}

impl Tx {
    async fn that_matter(&mut self, kind: &EventKind) -> Result<Vec<Matter>> {
        let rows: Vec<(i64, i64, Option<String>, String)> =
            on_db!(self.on(), THAT_MATTER, |db, sql| sqlx::query_as(sql)
                .bind(kind.as_str())
                .fetch_all(db)
                .await)?;
        rows.into_iter()
            .map(|(lead, at, object, data)| {
                Ok(Matter {
                    data: rows::decode(&data, "events", "data", rows::lead_key(lead))?,
                    lead: LeadId(lead),
                    at: Instant::from_millis(at),
                    object,
                })
            })
            .collect()
    }
}

fn stage_of(word: &str, table: &'static str) -> Result<Stage> {
    Stage::from_word(word).ok_or_else(|| StoreError::corrupt(table, "stage", word))
}
