//! The leads that a batch of rows is about, and what becomes of each row: alike for an import and for
//! its dry run.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sqlx::FromRow;

use super::merge::Folding;
use crate::{
    domain::{event::EventKind, id::LeadId, lead::Stage, name::Name, time::Instant},
    store::{
        Result, StoreError,
        db::{Tx, on_db},
        dialect::Text,
        gather::gather,
        records::{ImportRun, LeadUpsert, UpsertKind, Upserted},
        rows,
    },
};

/// The event is among a lead's first, nearly always.
pub(in crate::store) const NEVER_BROUGHT_BY: Text = sql!(
    "SELECT k.lead FROM (SELECT CAST(j.value AS BIGINT) AS lead FROM ",
    each,
    ") AS k WHERE NOT EXISTS (SELECT 1 FROM events AS e WHERE e.lead = k.lead AND e.kind = $2 AND e.object = $3)"
);

/// By address.
#[derive(Default)]
pub struct Concerned<'a> {
    pub leads: BTreeMap<&'a str, Folding<'a>>,
    pub unreadable: HashMap<&'a str, i64>,
}

impl<'a> Concerned<'a> {
    /// Takes the rows in, in order; what became of each by then.
    pub fn fold(&mut self, upserts: &'a [LeadUpsert]) -> Result<Vec<Upserted>> {
        let mut taken = Vec::with_capacity(upserts.len());
        for (row, upsert) in upserts.iter().enumerate() {
            let address = upsert.address.as_str();
            let (lead, (how, withdrawn)) =
                match (self.leads.get_mut(address), self.unreadable.get(address)) {
                    (Some(lead), _) => (lead.lead, lead.fold(row, upsert)),
                    (None, Some(&lead)) => (lead, (UpsertKind::Unreadable, None)),
                    (None, None) => {
                        let row = "of an imported address";
                        return Err(StoreError::corrupt("addresses", "lead", row));
                    }
                };
            taken.push(Upserted { lead: LeadId(lead), how, suppressed: false, withdrawn });
        }
        Ok(taken)
    }

    /// Once all rows are folded: one that a later row undid has changed nothing.
    pub fn upserted(
        &self,
        upserts: &[LeadUpsert],
        mut taken: Vec<Upserted>,
        suppressed: &HashSet<&str>,
    ) -> Vec<Upserted> {
        for (upsert, row) in upserts.iter().zip(&mut taken) {
            let address = upsert.address.as_str();
            let is_changed = self.leads.get(address).is_some_and(Folding::is_changed);
            if row.how == UpsertKind::Updated && !is_changed {
                row.how = UpsertKind::Unchanged;
            }
            row.suppressed = suppressed.contains(address);
        }
        taken
    }
}

#[derive(FromRow)]
struct KnownRow {
    lead: i64,
    address: String,
    imported_by: Option<i64>,
    stage: String,
    created_at: i64,
    profile: String,
}

impl Tx {
    /// The leads that have these addresses.
    pub(super) async fn leads_at(&mut self, addresses: &str) -> Result<Vec<i64>> {
        Ok(on_db!(
            self.on(),
            sql!(
                "SELECT a.lead FROM ",
                each,
                " INNER JOIN addresses AS a ON a.domain = j.value ->> 'domain' AND a.local = j.value ->> 'local'"
            ),
            |db, sql| gather(sqlx::query_scalar(sql).bind(addresses).fetch(db)).await
        )?)
    }

    /// Which of these leads no import of a source has brought yet.
    async fn never_brought_by(&mut self, leads: &str, source: &Name) -> Result<HashSet<i64>> {
        let leads: Vec<i64> = on_db!(self.on(), NEVER_BROUGHT_BY, |db, sql| gather(
            sqlx::query_scalar(sql)
                .bind(leads)
                .bind(EventKind::LEAD_IMPORTED.as_str())
                .bind(source.as_str())
                .fetch(db)
        )
        .await)?;
        Ok(leads.into_iter().collect())
    }

    /// Reads those of the leads that are not among the concerned yet. An earlier batch of the run may have
    /// brought them.
    pub(super) async fn read_known<'a>(
        &mut self,
        leads: &str,
        addresses: &BTreeSet<&'a str>,
        run: &ImportRun,
        concerned: &mut Concerned<'a>,
        now: Instant,
    ) -> Result<()> {
        let known: Vec<KnownRow> = on_db!(
            self.on(),
            sql!(
                "SELECT l.lead, l.address, l.imported_by, l.stage, l.created_at, l.profile FROM leads AS l \
                 WHERE l.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ")"
            ),
            |db, sql| gather(sqlx::query_as(sql).bind(leads).fetch(db)).await
        )?;
        if known.is_empty() {
            return Ok(());
        }
        let never_brought = if run.is_named {
            self.never_brought_by(leads, &run.source).await?
        } else {
            HashSet::new()
        };
        for row in known {
            let Some(&address) = addresses.get(row.address.as_str()) else { continue };
            if concerned.leads.contains_key(address) {
                continue;
            }
            let key = rows::lead_key(row.lead);
            let profile = match rows::decode(&row.profile, "leads", "profile", key) {
                Ok(profile) => profile,
                Err(error) => {
                    tracing::error!(%error, "a lead cannot be read and is not brought up to date");
                    concerned.unreadable.insert(address, row.lead);
                    continue;
                }
            };
            let seen = row.imported_by == Some(run.id);
            let is_fresh = seen && row.created_at == now.millis();
            let mut known = Folding::known(row.lead, profile, now);
            known.seen = seen;
            known.comes_first = never_brought.contains(&row.lead);
            known.stage_is_open = is_fresh && row.stage == Stage::default().word();
            concerned.leads.insert(address, known);
        }
        Ok(())
    }
}
