//! Imports: leads made, brought up to date, merged.

mod concerned;
mod importing;
mod merge;
mod objections;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use concerned::Concerned;
#[cfg(test)]
pub(super) use concerned::NEVER_BROUGHT_BY;
pub use importing::Importing;
use merge::Folding;
pub use merge::Profiles;
use serde::Serialize;

use super::{
    Result, Store,
    db::{Tx, on_db},
    leads::AddressRow,
    records::{ImportRun, Lane, LeadUpsert, Upserted},
    rows::{self, Place},
    timers::Wake,
};
use crate::domain::{
    event::{EventData, EventKind},
    time::Instant,
    value::Value,
};

#[derive(Serialize)]
struct NewLead<'a> {
    lead: i64,
    address: &'a str,
    /// With its `@`.
    domain: &'a str,
    stage: &'static str,
    created_at: i64,
    profile: Place,
}

#[derive(Serialize)]
struct NewTimer {
    lead: i64,
    bucket: i64,
}

#[derive(Serialize)]
struct ImportedRow {
    lead: i64,
    rev: i64,
}

#[derive(Serialize)]
struct KnownLead {
    lead: i64,
    /// `None`: as it was.
    profile: Option<Place>,
    /// `None`: as it was.
    stage: Option<&'static str>,
}

impl<'a> NewLead<'a> {
    fn of(address: &'a str, lead: &Folding<'_>, profiles: &mut Profiles) -> Result<Self> {
        Ok(Self {
            lead: lead.lead,
            address,
            domain: AddressRow::new(address, lead.lead).key().0,
            stage: lead.stage.word(),
            created_at: lead.created_at.millis(),
            profile: lead.profile(profiles)?,
        })
    }
}

impl KnownLead {
    fn of(lead: &Folding<'_>, profiles: &mut Profiles) -> Result<Self> {
        Ok(Self {
            lead: lead.lead,
            profile: lead.has_other_profile().then(|| lead.profile(profiles)).transpose()?,
            stage: lead.stage_changed.then(|| lead.stage.word()),
        })
    }
}

impl Store {
    /// What [`Importing::take`] would answer, as far as the database tells that nothing is written to:
    /// rows before this batch are not there. A lead that would be made has the number 0.
    pub async fn foresee_leads(
        &self,
        upserts: &[LeadUpsert],
        run: &ImportRun,
        now: Instant,
    ) -> Result<Vec<Upserted>> {
        let addresses: BTreeSet<&str> =
            upserts.iter().map(|upsert| upsert.address.as_str()).collect();
        let rows: Vec<AddressRow> =
            addresses.iter().map(|&address| AddressRow::new(address, 0)).collect();
        let mut tx = self.db.snapshot().await?;
        let mut concerned = Concerned::default();
        let leads = tx.leads_at(&rows::json("addresses", &rows)?).await?;
        tx.read_known(&rows::ids(leads), &addresses, run, &mut concerned, now).await?;
        let mut suppressed =
            tx.suppressed_among(upserts.iter().map(|upsert| &upsert.address)).await?;
        tx.rollback().await?;
        for address in addresses {
            if !concerned.unreadable.contains_key(address) {
                concerned.leads.entry(address).or_insert_with(|| Folding::new(0, now));
            }
        }
        let objecting = upserts.iter().filter(|upsert| upsert.suppress.is_some());
        suppressed.extend(objecting.map(|upsert| upsert.address.as_str()));
        let taken = concerned.fold(upserts)?;
        Ok(concerned.upserted(upserts, taken, &suppressed))
    }
}

impl Tx {
    /// The leads of these addresses; a new one has its address taken.
    async fn take_addresses<'a>(
        &mut self,
        store: &Store,
        upserts: &'a [LeadUpsert],
        run: &ImportRun,
        now: Instant,
    ) -> Result<Concerned<'a>> {
        let addresses: BTreeSet<&str> =
            upserts.iter().map(|upsert| upsert.address.as_str()).collect();
        let made: HashMap<i64, &str> =
            addresses.iter().map(|&address| (store.ids.next(now), address)).collect();
        let mut rows: Vec<AddressRow> =
            made.iter().map(|(&lead, &address)| AddressRow::new(address, lead)).collect();
        // In order, so that two imports cannot wait for each other.
        rows.sort_unstable_by_key(AddressRow::key);
        let rows = rows::json("addresses", &rows)?;
        let inserted = on_db!(
            self.on(),
            sql!(
                "INSERT INTO addresses (domain, local, lead) \
                 SELECT j.value ->> 'domain', j.value ->> 'local', CAST(j.value ->> 'lead' AS BIGINT) FROM ",
                each,
                " WHERE true ON CONFLICT (domain, local) DO NOTHING"
            ),
            |db, sql| sqlx::query(sql)
                .bind(&rows)
                .execute(db)
                .await
                .map(|done| done.rows_affected())
        )?;
        let mut concerned = Concerned::default();
        if inserted == made.len() as u64 {
            let new = made.into_iter().map(|(lead, address)| (address, Folding::new(lead, now)));
            concerned.leads = new.collect();
        } else {
            let mut known = Vec::new();
            for lead in self.leads_at(&rows).await? {
                if let Some(&address) = made.get(&lead) {
                    concerned.leads.insert(address, Folding::new(lead, now));
                } else {
                    known.push(lead);
                }
            }
            let known = rows::ids(known);
            // Locked by way of their timers, so that no decision writes a profile in between.
            self.lock_timers(&known).await?;
            self.read_known(&known, &addresses, run, &mut concerned, now).await?;
        }
        Ok(concerned)
    }

    async fn write_new(
        &mut self,
        new: &[NewLead<'_>],
        profiles: &[u8],
        run: &ImportRun,
        now: Instant,
    ) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        let rows = rows::json("leads", new)?;
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO leads (lead, address, domain, stage, stage_since, created_at, updated_at, \
                 imported_by, profile, memory) \
                 SELECT CAST(j.value ->> 'lead' AS BIGINT), j.value ->> 'address', j.value ->> 'domain', \
                 j.value ->> 'stage', $2, CAST(j.value ->> 'created_at' AS BIGINT), $2, $3, ",
                (text 4 "profile"),
                ", ",
                no_memory,
                " FROM ",
                each
            ),
            |db, sql| sqlx::query(sql)
                .bind(&rows)
                .bind(now.millis())
                .bind(run.id)
                .bind(profiles)
                .execute(db)
                .await
                .map(drop)
        )?;
        let timers: Vec<NewTimer> =
            new.iter().map(|new| NewTimer { lead: new.lead, bucket: bucket(new.lead) }).collect();
        let rows = rows::json("lead_timer", &timers)?;
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO lead_timer (lead, bucket, lane, wake_at, rev, reflected, attempts, stop_epoch, \
                 decided_at) \
                 SELECT CAST(j.value ->> 'lead' AS BIGINT), CAST(j.value ->> 'bucket' AS BIGINT), 2, $2, 1, 0, \
                 0, 0, 0 FROM ",
                each
            ),
            |db, sql| sqlx::query(sql).bind(&rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    async fn write_known(
        &mut self,
        known: &[KnownLead],
        profiles: &[u8],
        run: &ImportRun,
        now: Instant,
    ) -> Result<()> {
        if known.is_empty() {
            return Ok(());
        }
        let rows = rows::json("leads", known)?;
        on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 ",
                (text 4 "profile"),
                " AS profile, j.value ->> 'stage' AS stage FROM ",
                each,
                ") UPDATE leads AS t SET profile = COALESCE(r.profile, t.profile), \
                 stage = COALESCE(r.stage, t.stage), imported_by = $3, \
                 updated_at = CASE WHEN r.profile IS NULL THEN t.updated_at ELSE $2 END \
                 FROM r WHERE t.lead = r.lead"
            ),
            |db, sql| sqlx::query(sql)
                .bind(rows)
                .bind(now.millis())
                .bind(run.id)
                .bind(profiles)
                .execute(db)
                .await
                .map(drop)
        )?;
        Ok(())
    }

    /// A `lead.imported` event for each lead that there is news of, and another try for the mails
    /// that lacked something of it.
    async fn write_imported(
        &mut self,
        leads: &BTreeMap<&str, Folding<'_>>,
        run: &ImportRun,
        now: Instant,
    ) -> Result<()> {
        let mut data = EventData::new();
        if let Some(campaign) = &run.campaign {
            data.insert("campaign".into(), Value::Text(campaign.clone()));
        }
        let changed = rows::ids(
            leads.values().filter(|lead| !lead.is_new && lead.is_changed()).map(|lead| lead.lead),
        );
        let revs: HashMap<i64, i64> = self
            .lock_timers(&changed)
            .await?
            .into_iter()
            .map(|timer| (timer.lead, timer.rev))
            .collect();
        let data = rows::encode(&data)?;
        let (mut events, mut wakes) = (Vec::new(), Vec::new());
        for lead in leads.values().filter(|lead| lead.is_new || lead.is_changed()) {
            let rev = if lead.is_new { 1 } else { revs.get(&lead.lead).map_or(1, |rev| rev + 1) };
            events.push(ImportedRow { lead: lead.lead, rev });
            if !lead.is_new {
                wakes.push(Wake { lead: lead.lead, lane: Lane::Bulk.number(), revs: 1, stops: 0 });
            }
        }
        if events.is_empty() {
            return Ok(());
        }
        let rows = rows::json("events", &events)?;
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO events (lead, rev, kind, object, occurred_at, recorded_at, judgement, data, source) \
                 SELECT CAST(j.value ->> 'lead' AS BIGINT), CAST(j.value ->> 'rev' AS BIGINT), $2, $3, $4, $4, \
                 'human', $5, 'import' FROM ",
                each
            ),
            |db, sql| sqlx::query(sql)
                .bind(rows)
                .bind(EventKind::LEAD_IMPORTED.as_str())
                .bind(run.source.as_str())
                .bind(now.millis())
                .bind(&data)
                .execute(db)
                .await
                .map(drop)
        )?;
        self.wake(&wakes, now).await?;
        self.unpark_messages(&changed, now).await
    }
}

/// By which daemons can share the leads out: 64 buckets of about the same size.
fn bucket(lead: i64) -> i64 {
    // Fibonacci hashing: ids of one millisecond differ in their lowest bits only.
    let mixed = lead.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58;
    mixed.cast_signed()
}
