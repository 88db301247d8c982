//! The guard of a commit, and the lead's own rows.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::{
    domain::{id::LeadId, time::Instant},
    store::{
        Result,
        db::{Tx, on_db},
        gather::gather,
        records::LeadWrite,
        rows::{self, Place, Texts},
    },
};

#[derive(Serialize)]
struct TimerRow {
    lead: i64,
    loaded: i64,
    rev: i64,
    wake_at: i64,
    release: i64,
}

#[derive(Serialize)]
struct LeadRow {
    lead: i64,
    profile: Option<Place>,
    memory: Option<Place>,
    stage: Option<&'static str>,
    stage_since: Option<i64>,
}

impl Tx {
    /// Leads with a message to withdraw that is past the point of no return; locks the others' messages.
    pub(super) async fn stuck_withdrawals(
        &mut self,
        writes: &[LeadWrite],
    ) -> Result<HashSet<LeadId>> {
        let wanted: Vec<(LeadId, i64)> = writes
            .iter()
            .flat_map(|write| write.withdraw.iter().map(|(id, _)| (write.lead, id.0)))
            .collect();
        if wanted.is_empty() {
            return Ok(HashSet::new());
        }
        let free: Vec<i64> = on_db!(
            self.on(),
            sql!(
                "SELECT t.id FROM messages AS t WHERE t.id IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") AND t.state IN ('reserved', 'claimed', 'deferred', 'parked') ORDER BY t.id",
                lock
            ),
            |db, sql| sqlx::query_scalar(sql)
                .bind(rows::ids(wanted.iter().map(|(_, id)| *id)))
                .fetch_all(db)
                .await
        )?;
        let free: HashSet<i64> = free.into_iter().collect();
        Ok(wanted.into_iter().filter(|(_, id)| !free.contains(id)).map(|(lead, _)| lead).collect())
    }

    /// The guard: returns the new revs of the leads that are to be written.
    pub(super) async fn move_timers(
        &mut self,
        writes: &[LeadWrite],
        stuck: &HashSet<LeadId>,
        now: Instant,
    ) -> Result<HashMap<i64, i64>> {
        let timers: Vec<TimerRow> = writes
            .iter()
            .filter(|write| !stuck.contains(&write.lead))
            .map(|write| TimerRow {
                lead: write.lead.0,
                loaded: write.rev.0,
                rev: write.rev.0 + 1 + count(&write.events),
                wake_at: write.wake_at.millis(),
                release: write.release.0,
            })
            .collect();
        let rows = rows::json("lead_timer", &timers)?;
        let moved: Vec<(i64, i64)> = on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 CAST(j.value ->> 'loaded' AS BIGINT) AS loaded, CAST(j.value ->> 'rev' AS BIGINT) AS rev, \
                 CAST(j.value ->> 'wake_at' AS BIGINT) AS wake_at, \
                 CAST(j.value ->> 'release' AS BIGINT) AS release FROM ",
                each,
                ") UPDATE lead_timer SET rev = r.rev, reflected = r.rev, wake_at = r.wake_at, lane = 1, \
                 attempts = 0, decided_at = $2, decided_release = r.release FROM r \
                 WHERE lead_timer.lead = r.lead AND lead_timer.rev = r.loaded \
                 RETURNING lead_timer.lead, lead_timer.rev"
            ),
            |db, sql| gather(sqlx::query_as(sql).bind(rows).bind(now.millis()).fetch(db)).await
        )?;
        Ok(moved.into_iter().collect())
    }

    pub(super) async fn write_leads(&mut self, writes: &[LeadWrite], now: Instant) -> Result<()> {
        let mut leads = Vec::new();
        let mut texts = Texts::default();
        for write in writes {
            if write.profile.is_some() || write.memory.is_some() || write.stage.is_some() {
                leads.push(LeadRow {
                    lead: write.lead.0,
                    profile: write.profile.as_ref().map(|it| texts.add(it)).transpose()?,
                    memory: write.memory.as_ref().map(|it| texts.add_memory(it)).transpose()?,
                    stage: write.stage.map(|(stage, _)| stage.word()),
                    stage_since: write.stage.map(|(_, since)| since.millis()),
                });
            }
        }
        if leads.is_empty() {
            return Ok(());
        }
        let rows = rows::json("leads", &leads)?;
        on_db!(
            self.on(),
            sql!(
                "UPDATE leads AS t SET profile = COALESCE(",
                (text 3 "profile"),
                ", t.profile), memory = COALESCE(",
                (bytes 3 "memory"),
                ", t.memory), stage = COALESCE(j.value ->> 'stage', t.stage), \
                 stage_since = COALESCE(CAST(j.value ->> 'stage_since' AS BIGINT), t.stage_since), \
                 updated_at = $2 FROM ",
                each,
                " WHERE t.lead = CAST(j.value ->> 'lead' AS BIGINT)"
            ),
            |db, sql| sqlx::query(sql)
                .bind(rows)
                .bind(now.millis())
                .bind(texts.into_bytes())
                .execute(db)
                .await
                .map(drop)
        )?;
        Ok(())
    }
}

fn count<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}
