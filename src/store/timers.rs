//! A lead's one timer: its revision, and when and in which lane it is due.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::FromRow;

use super::{
    Result, Store,
    backlog::Backlog,
    db::{Tx, on_db},
    dialect::Text,
    gate::Turn,
    gather::gather,
    records::{Lane, Quota},
    rows,
};
use crate::domain::{id::LeadId, time::Instant};

/// The lane of parked leads: nothing but unparking takes them out of it.
pub const PARKED: i64 = 4;

#[derive(Clone, Debug, FromRow)]
pub struct Timer {
    pub lead: i64,
    pub rev: i64,
    pub reflected: i64,
    pub attempts: i64,
    pub stop_epoch: i64,
    pub decided_at: i64,
    pub decided_release: i64,
    pub lane: i64,
    pub wake_at: i64,
}

impl Timer {
    pub const fn is_parked(&self) -> bool {
        self.lane == PARKED
    }
}

/// An idle claim touches the index only.
pub(super) const DUE: Text = sql!(
    "SELECT t.lead FROM lead_timer AS t WHERE t.lane = $1 AND t.wake_at <= $2 \
                 ORDER BY t.wake_at, t.lead LIMIT $3"
);

pub(super) const NEXT_WAKE_AT: Text = sql!(
    "SELECT MIN(w.wake_at) FROM (\
                 SELECT MIN(wake_at) AS wake_at FROM lead_timer WHERE lane = 0 \
                 UNION ALL SELECT MIN(wake_at) FROM lead_timer WHERE lane = 1 \
                 UNION ALL SELECT MIN(wake_at) FROM lead_timer WHERE lane = 2 \
                 UNION ALL SELECT MIN(wake_at) FROM lead_timer WHERE lane = 3) AS w"
);

/// What happens to a timer when something happens to its lead.
#[derive(Clone, Debug, Serialize)]
pub struct Wake {
    pub lead: i64,
    pub lane: i64,
    /// How many revs are used up.
    pub revs: i64,
    /// How many objections there were.
    pub stops: i64,
}

impl Tx {
    /// The next of those that are due, by lead. Lanes of which nobody is known to be are looked up.
    pub(super) async fn claim_timers(
        &mut self,
        now: Instant,
        quota: &Quota,
        backlog: &mut Backlog,
    ) -> Result<Vec<Timer>> {
        backlog.begin_claim();
        let mut asked = [false; 4];
        loop {
            for (place, lane) in Lane::ALL.into_iter().enumerate() {
                if backlog.lacks(place) && !std::mem::replace(&mut asked[place], true) {
                    let due = self.due(lane, backlog.at_once, now).await?;
                    backlog.put(place, due);
                }
            }
            let taken = backlog.take(quota);
            if !taken.is_empty() {
                let claimed = self.claim_these(&rows::ids(taken), now).await?;
                if !claimed.is_empty() {
                    return Ok(claimed);
                }
            }
            // Nobody: all have been decided since they were looked up, or others have them.
            if backlog.is_empty() && asked.iter().all(|asked| *asked) {
                return Ok(Vec::new());
            }
        }
    }

    async fn due(&mut self, lane: Lane, limit: i64, now: Instant) -> Result<Vec<i64>> {
        Ok(on_db!(self.on(), DUE, |db, sql| gather(
            sqlx::query_scalar(sql).bind(lane.number()).bind(now.millis()).bind(limit).fetch(db)
        )
        .await)?)
    }

    async fn claim_these(&mut self, leads: &str, now: Instant) -> Result<Vec<Timer>> {
        Ok(on_db!(
            self.on(),
            sql!(
                timers,
                " WHERE t.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") AND t.wake_at <= $2 AND t.lane < 4 ORDER BY t.lead",
                skip
            ),
            |db, sql| gather(sqlx::query_as(sql).bind(leads).bind(now.millis()).fetch(db)).await
        )?)
    }

    /// The timers of these leads, in lead order.
    pub(super) async fn timers_of(&mut self, leads: &str) -> Result<Vec<Timer>> {
        Ok(on_db!(
            self.on(),
            sql!(
                timers,
                " WHERE t.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") ORDER BY t.lead"
            ),
            |db, sql| sqlx::query_as(sql).bind(leads).fetch_all(db).await
        )?)
    }

    /// The timers of these leads, locked in lead order: whoever locks several does it in this order.
    pub(super) async fn lock_timers(&mut self, leads: &str) -> Result<Vec<Timer>> {
        Ok(on_db!(
            self.on(),
            sql!(
                timers,
                " WHERE t.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") ORDER BY t.lead",
                lock
            ),
            |db, sql| sqlx::query_as(sql).bind(leads).fetch_all(db).await
        )?)
    }

    /// Moves revs on and makes the leads due; a parked one stays where it is.
    pub(super) async fn wake(&mut self, wakes: &[Wake], now: Instant) -> Result<()> {
        if wakes.is_empty() {
            return Ok(());
        }
        let rows = rows::json("lead_timer", wakes)?;
        on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 CAST(j.value ->> 'lane' AS BIGINT) AS lane, CAST(j.value ->> 'revs' AS BIGINT) AS revs, \
                 CAST(j.value ->> 'stops' AS BIGINT) AS stops FROM ",
                each,
                ") UPDATE lead_timer AS t SET rev = t.rev + r.revs, stop_epoch = t.stop_epoch + r.stops, \
                 lane = CASE WHEN t.lane = 4 OR (t.wake_at <= $2 AND t.lane < r.lane) THEN t.lane ELSE r.lane END, \
                 wake_at = CASE WHEN t.lane = 4 OR t.wake_at <= $2 THEN t.wake_at ELSE $2 END \
                 FROM r WHERE t.lead = r.lead"
            ),
            |db, sql| sqlx::query(sql).bind(rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    /// Makes parked leads due again, with their attempts forgotten.
    pub(super) async fn unpark_leads(&mut self, leads: &[i64], now: Instant) -> Result<()> {
        let leads = rows::ids(leads.iter().copied());
        on_db!(
            self.on(),
            sql!(
                "DELETE FROM parked_leads WHERE lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ")"
            ),
            |db, sql| sqlx::query(sql).bind(&leads).execute(db).await.map(drop)
        )?;
        on_db!(
            self.on(),
            sql!(
                "UPDATE lead_timer SET lane = 1, wake_at = $2, attempts = 0 WHERE lane = 4 AND lead IN \
                 (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ")"
            ),
            |db, sql| sqlx::query(sql).bind(leads).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    /// Takes leads out of the running, with the reason.
    pub(super) async fn park(&mut self, leads: &[(LeadId, String)], now: Instant) -> Result<()> {
        #[derive(Serialize)]
        struct Row<'a> {
            lead: i64,
            reason: &'a str,
        }
        if leads.is_empty() {
            return Ok(());
        }
        let clean: Vec<(i64, String)> =
            leads.iter().map(|(lead, reason)| (lead.0, reason.replace('\0', "\u{fffd}"))).collect();
        let rows: Vec<Row> =
            clean.iter().map(|(lead, reason)| Row { lead: *lead, reason }).collect();
        let rows = rows::json("parked_leads", &rows)?;
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO parked_leads (lead, reason, at) \
                 SELECT CAST(j.value ->> 'lead' AS BIGINT), j.value ->> 'reason', $2 FROM ",
                each,
                " WHERE true ON CONFLICT (lead) DO UPDATE SET reason = excluded.reason, at = excluded.at"
            ),
            |db, sql| sqlx::query(sql).bind(&rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        on_db!(
            self.on(),
            sql!(
                "UPDATE lead_timer SET lane = 4, wake_at = $2 WHERE lead IN \
                 (SELECT CAST(j.value ->> 'lead' AS BIGINT) FROM ",
                each,
                ")"
            ),
            |db, sql| sqlx::query(sql)
                .bind(&rows)
                .bind(Instant::NEVER.millis())
                .execute(db)
                .await
                .map(drop)
        )?;
        Ok(())
    }
}

impl Store {
    /// When the next lead is due; [`Instant::NEVER`] if none ever is.
    pub async fn next_wake_at(&self) -> Result<Instant> {
        let next: Option<i64> =
            on_db!(self.db.read(), NEXT_WAKE_AT, |db, sql| sqlx::query_scalar(sql)
                .fetch_one(db)
                .await)?;
        Ok(next.map_or(Instant::NEVER, Instant::from_millis))
    }

    /// Counts a failed try to decide these leads; returns how many there were in a row.
    pub async fn count_attempt(&self, leads: &[LeadId]) -> Result<HashMap<LeadId, i64>> {
        let mut tx = self.db.begin(Turn::Work).await?;
        let leads = rows::ids(leads.iter().map(|lead| lead.0));
        tx.lock_timers(&leads).await?;
        let counted: Vec<(i64, i64)> = on_db!(
            tx.on(),
            sql!(
                "UPDATE lead_timer SET attempts = attempts + 1 WHERE lead IN \
                 (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") RETURNING lead, attempts"
            ),
            |db, sql| sqlx::query_as(sql).bind(leads).fetch_all(db).await
        )?;
        tx.commit().await?;
        Ok(counted.into_iter().map(|(lead, attempts)| (LeadId(lead), attempts)).collect())
    }

    /// Takes a lead out of the running, with the reason; events are still recorded for it.
    pub async fn park_lead(&self, lead: LeadId, reason: &str, now: Instant) -> Result<()> {
        let mut tx = self.db.begin(Turn::Work).await?;
        tx.lock_timers(&rows::ids([lead.0])).await?;
        tx.park(&[(lead, reason.to_owned())], now).await?;
        tx.commit().await
    }
}
