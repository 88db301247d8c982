//! Calls of webhooks: who makes them, and what becomes of them. A call is one daemon's for as long as its lease; what
//! was answered and not settled before that is over is made again, with the same key.

use std::time::Duration;

use sqlx::FromRow;

use super::{
    Result, Store,
    db::{Tx, on_db},
    dialect::Text,
    events::EventRow,
    gate::Turn,
    records::{Call, CallCount, Called, ClaimToken, Lane},
    rows,
    timers::Wake,
};
use crate::domain::{
    event::{EventData, EventKind, StepRef},
    id::{EnrolmentNo, LeadId, MessageId},
    time::Instant,
    value::Value,
};

/// `$1` now, `$2` the clock of leases, `$3` how many at most, `$4` by which token, `$5` until when, `$6` whether what is
/// paused is taken too.
pub(super) const CLAIM: Text = sql!(
    "WITH due AS MATERIALIZED (SELECT t.id FROM calls AS t WHERE t.state = 'due' AND t.due_at <= $1 \
     AND (t.lease_until IS NULL OR t.lease_until <= $2) \
     AND ($6 OR NOT EXISTS (SELECT 1 FROM pauses AS p WHERE p.scope = 'all' OR p.scope = t.workflow)) \
     ORDER BY t.due_at, t.id LIMIT $3",
    skip,
    ") UPDATE calls SET token = $4, lease_until = $5 WHERE id IN (SELECT due.id FROM due) \
     RETURNING id, lead, enrolment, step, visit, workflow, target, told, attempts, first_tried_at"
);

/// `$1` the clock of leases, `$2` whether what is paused is taken too.
pub(super) const NEXT_CALL_AT: Text = sql!(
    "SELECT t.due_at FROM calls AS t WHERE t.state = 'due' AND (t.lease_until IS NULL OR t.lease_until <= $1) \
     AND ($2 OR NOT EXISTS (SELECT 1 FROM pauses AS p WHERE p.scope = 'all' OR p.scope = t.workflow)) \
     ORDER BY t.due_at, t.id LIMIT 1"
);

pub(super) const PARKED: Text = sql!("SELECT COUNT(*) FROM calls AS t WHERE t.state = 'parked'");

#[derive(FromRow)]
struct StoredCall {
    id: i64,
    lead: i64,
    enrolment: i64,
    step: String,
    visit: i64,
    workflow: String,
    target: String,
    told: String,
    attempts: i64,
    first_tried_at: Option<i64>,
}

impl StoredCall {
    fn claimed(self, token: ClaimToken) -> Call {
        Call {
            id: MessageId(self.id),
            lead: LeadId(self.lead),
            about: StepRef {
                enrolment: EnrolmentNo(self.enrolment),
                step: self.step.into(),
                visit: self.visit.unsigned_abs(),
            },
            workflow: self.workflow.into(),
            target: self.target.into(),
            told: self.told,
            attempts: self.attempts,
            first_tried_at: self.first_tried_at.map(Instant::from_millis),
            token,
        }
    }
}

impl Store {
    /// Claims calls that are due and not paused, the longest due first. Of several daemons one has each, for as long
    /// as the `lease`.
    pub async fn claim_calls(
        &self,
        now: Instant,
        token: ClaimToken,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<Call>> {
        let clock = self.lease_clock(now).await?;
        let mut tx = self.db.begin(Turn::Work).await?;
        let rows: Vec<StoredCall> = on_db!(tx.on(), CLAIM, |db, sql| sqlx::query_as(sql)
            .bind(now.millis())
            .bind(clock.millis())
            .bind(limit)
            .bind(token.0)
            .bind((clock + lease).millis())
            .bind(self.db.ignores_pauses)
            .fetch_all(db)
            .await)?;
        tx.commit().await?;
        let mut calls: Vec<Call> = rows.into_iter().map(|row| row.claimed(token)).collect();
        calls.sort_by_key(|call| call.id);
        Ok(calls)
    }

    /// When the next call is due of those that are not paused and in nobody's hands; [`Instant::NEVER`] if none is.
    pub async fn next_call_at(&self, now: Instant) -> Result<Instant> {
        let clock = self.lease_clock(now).await?;
        let due: Option<i64> = on_db!(self.db.read(), NEXT_CALL_AT, |db, sql| {
            sqlx::query_scalar(sql)
                .bind(clock.millis())
                .bind(self.db.ignores_pauses)
                .fetch_optional(db)
                .await
        })?;
        Ok(super::figures::or_never(due))
    }

    /// How many calls wait for somebody to mend what was wrong.
    pub async fn parked_calls(&self) -> Result<u64> {
        let parked: i64 =
            on_db!(self.db.read(), PARKED, |db, sql| sqlx::query_scalar(sql).fetch_one(db).await)?;
        Ok(u64::try_from(parked).unwrap_or_default())
    }

    /// Settles a claimed call, with the event that tells its lead. Returns whether it was still ours.
    pub async fn settle_call(&self, call: &Call, called: &Called, now: Instant) -> Result<bool> {
        let mut tx = self.db.begin(Turn::Work).await?;
        // Decisions take a lead before what is its.
        let timers = tx.lock_timers(&rows::ids([call.lead.0])).await?;
        if !tx.end_claim(call, called, now).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        let (kind, data) = match called {
            Called::Again { .. } => {
                tx.commit().await?;
                return Ok(true);
            }
            Called::Answered { status } => {
                let status = Value::Number(f64::from(*status));
                (EventKind::WEBHOOK_ANSWERED, EventData::from([("status".into(), status)]))
            }
            Called::GivenUp { reason } => {
                let reason = Value::Text(reason.as_str().into());
                (EventKind::WEBHOOK_FAILED, EventData::from([("reason".into(), reason)]))
            }
        };
        if let Some(timer) = timers.first() {
            let lead = call.lead.0;
            let mut row =
                EventRow::new(lead, timer.rev + 1, kind.as_str(), now.millis(), "webhook")
                    .about(Some(&call.about))?
                    .data(&data)?;
            row.object = Some(&call.target);
            tx.insert_events(&[row], now).await?;
            let lane = Lane::Timers.number();
            tx.wake(&[Wake { lead, lane, revs: 1, stops: 0 }], now).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// How many calls there are, by target and state.
    pub async fn calls(&self) -> Result<Vec<CallCount>> {
        let rows: Vec<(String, String, i64, Option<String>)> = on_db!(
            self.db.read(),
            sql!(
                "SELECT c.target, c.state, COUNT(*), (SELECT o.reason FROM calls AS o \
                 WHERE o.target = c.target AND o.state = c.state AND c.state IN ('due', 'parked') \
                 AND o.reason IS NOT NULL ORDER BY o.id LIMIT 1) \
                 FROM calls AS c GROUP BY c.target, c.state ORDER BY c.target, c.state"
            ),
            |db, sql| sqlx::query_as(sql).fetch_all(db).await
        )?;
        let count = |(target, state, number, reason): (String, String, i64, Option<String>)| {
            let number = u64::try_from(number).unwrap_or_default();
            CallCount { target: target.into(), state, reason, number }
        };
        Ok(rows.into_iter().map(count).collect())
    }
}

impl Tx {
    /// Whether the claim was still ours.
    async fn end_claim(&mut self, call: &Call, called: &Called, now: Instant) -> Result<bool> {
        let (until, reason) = match called {
            Called::Answered { .. } => (None, None),
            Called::Again { until, reason } => (Some(until.millis()), Some(reason)),
            Called::GivenUp { reason } => (None, Some(reason)),
        };
        let state = match called {
            Called::Answered { .. } => "answered",
            Called::Again { .. } => "due",
            Called::GivenUp { .. } => "failed",
        };
        let ended = on_db!(
            self.on(),
            sql!(
                "UPDATE calls SET state = CASE WHEN $3 = 'failed' AND parks THEN 'parked' ELSE $3 END, \
                 told = CASE WHEN $3 = 'answered' OR ($3 = 'failed' AND NOT parks) THEN '{}' ELSE told END, \
                 due_at = COALESCE($4, due_at), reason = $5, attempts = attempts + 1, token = NULL, \
                 lease_until = NULL, first_tried_at = COALESCE(first_tried_at, $6), \
                 settled_at = CASE WHEN $3 = 'due' THEN NULL ELSE $6 END \
                 WHERE id = $1 AND token = $2 AND state = 'due'"
            ),
            |db, sql| sqlx::query(sql)
                .bind(call.id.0)
                .bind(call.token.0)
                .bind(state)
                .bind(until)
                .bind(reason)
                .bind(now.millis())
                .execute(db)
                .await
                .map(|done| done.rows_affected())
        )?;
        Ok(ended == 1)
    }

    /// Gives parked calls another day.
    pub(super) async fn unpark_calls(&mut self, now: Instant) -> Result<()> {
        on_db!(
            self.on(),
            sql!(
                "UPDATE calls SET state = 'due', due_at = $1, attempts = 0, first_tried_at = NULL, \
                 settled_at = NULL WHERE state = 'parked'"
            ),
            |db, sql| sqlx::query(sql).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }
}
