//! The clocks of workflows: when they tick next, and how far the leads of a tick are gone through.

use std::time::Duration;

use serde::Serialize;
use sqlx::FromRow;

use super::{
    Result, Store,
    db::{Tx, on_db},
    gate::Turn,
    rows,
};
use crate::domain::{id::LeadId, name::Name, time::Instant};

/// How long missed ticks are remembered.
const KEPT: Duration = Duration::from_hours(24 * 90);

/// The clock of a live workflow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    pub workflow: Name,
    /// What it goes by, and since when.
    pub mark: i64,
    pub since: Instant,
    pub next_at: Instant,
}

/// A clock as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ringing {
    pub schedule: Schedule,
    /// The tick for which leads are being gone through, and up to which that is done.
    pub open: Option<(Instant, LeadId)>,
}

/// What becomes of the ticks of a clock that have come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ring {
    /// For which leads are gone through.
    pub run: Option<Instant>,
    /// The others, and why.
    pub missed: Vec<Instant>,
    pub because: &'static str,
    pub next_at: Instant,
}

/// A tick that nobody entered by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MissedTick {
    pub workflow: Name,
    pub at: Instant,
    pub because: String,
}

#[derive(FromRow)]
struct StoredSchedule {
    workflow: String,
    mark: i64,
    since: i64,
    next_at: i64,
    tick_at: Option<i64>,
    cursor: Option<i64>,
}

impl From<StoredSchedule> for Ringing {
    fn from(row: StoredSchedule) -> Self {
        let schedule = Schedule {
            workflow: row.workflow.into(),
            mark: row.mark,
            since: Instant::from_millis(row.since),
            next_at: Instant::from_millis(row.next_at),
        };
        let open = row.tick_at.map(Instant::from_millis).zip(row.cursor.map(LeadId));
        Self { schedule, open }
    }
}

#[derive(Serialize)]
struct Seat<'a> {
    workflow: &'a str,
    mark: i64,
    since: i64,
    next_at: i64,
}

impl<'a> From<&'a Schedule> for Seat<'a> {
    fn from(schedule: &'a Schedule) -> Self {
        Self {
            workflow: &schedule.workflow,
            mark: schedule.mark,
            since: schedule.since.millis(),
            next_at: schedule.next_at.millis(),
        }
    }
}

impl Store {
    /// Has these clocks and no others. Those that are there and go by the same as before stay as they are.
    pub async fn set_schedules(&self, schedules: &[Schedule]) -> Result<()> {
        let seats: Vec<Seat<'_>> = schedules.iter().map(Seat::from).collect();
        let seats = rows::json("schedules", &seats)?;
        let mut tx = self.db.begin(Turn::Work).await?;
        on_db!(
            tx.on(),
            sql!(
                "DELETE FROM schedules WHERE workflow NOT IN (SELECT j.value ->> 'workflow' FROM ",
                each,
                ")"
            ),
            |db, sql| sqlx::query(sql).bind(&seats).execute(db).await.map(drop)
        )?;
        on_db!(
            tx.on(),
            sql!(
                "INSERT INTO schedules (workflow, mark, since, next_at) \
                 SELECT j.value ->> 'workflow', CAST(j.value ->> 'mark' AS BIGINT), \
                 CAST(j.value ->> 'since' AS BIGINT), CAST(j.value ->> 'next_at' AS BIGINT) FROM ",
                each,
                " WHERE true ON CONFLICT (workflow) DO UPDATE SET mark = excluded.mark, since = excluded.since, \
                 next_at = excluded.next_at, tick_at = NULL, cursor = NULL \
                 WHERE schedules.mark <> excluded.mark OR schedules.since <> excluded.since"
            ),
            |db, sql| sqlx::query(sql).bind(&seats).execute(db).await.map(drop)
        )?;
        tx.commit().await
    }

    /// All clocks, by their workflows.
    pub async fn schedules(&self) -> Result<Vec<Ringing>> {
        let rows: Vec<StoredSchedule> = on_db!(
            self.db.read(),
            sql!(
                "SELECT workflow, mark, since, next_at, tick_at, cursor FROM schedules \
                 ORDER BY workflow"
            ),
            |db, sql| sqlx::query_as(sql).fetch_all(db).await
        )?;
        Ok(rows.into_iter().map(Ringing::from).collect())
    }

    /// Takes what has come of a clock as it was seen. Returns whether it did: of several daemons, one does.
    pub async fn ring(&self, seen: &Ringing, ring: &Ring, now: Instant) -> Result<bool> {
        let mut tx = self.db.begin(Turn::Work).await?;
        let workflow = seen.schedule.workflow.as_str();
        let open = seen.open.map(|(tick, _)| tick.millis());
        // An open pass goes on.
        let (tick, cursor) = match ring.run {
            Some(run) => (Some(run.millis()), Some(i64::MIN)),
            None => (None, None),
        };
        let taken = on_db!(
            tx.on(),
            sql!(
                "UPDATE schedules SET next_at = $3, tick_at = COALESCE($4, tick_at), \
                 cursor = COALESCE($5, cursor) WHERE workflow = $1 AND next_at = $2 \
                 AND COALESCE(tick_at, -1) = $6"
            ),
            |db, sql| sqlx::query(sql)
                .bind(workflow)
                .bind(seen.schedule.next_at.millis())
                .bind(ring.next_at.millis())
                .bind(tick)
                .bind(cursor)
                .bind(open.unwrap_or(-1))
                .execute(db)
                .await
                .map(|update| update.rows_affected())
        )?;
        if taken == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.note_missed(workflow, ring, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The leads of a clock's open tick are gone through up to another one; `None`: to the end.
    pub async fn move_tick(&self, seen: &Ringing, done: Option<LeadId>) -> Result<()> {
        let Some((tick, from)) = seen.open else { return Ok(()) };
        let mut tx = self.db.begin(Turn::Work).await?;
        on_db!(
            tx.on(),
            sql!(
                "UPDATE schedules SET tick_at = CASE WHEN $4 THEN NULL ELSE tick_at END, \
                 cursor = CASE WHEN $4 THEN NULL ELSE $5 END \
                 WHERE workflow = $1 AND tick_at = $2 AND cursor = $3"
            ),
            |db, sql| sqlx::query(sql)
                .bind(seen.schedule.workflow.as_str())
                .bind(tick.millis())
                .bind(from.0)
                .bind(done.is_none())
                .bind(done.map_or(i64::MIN, |lead| lead.0))
                .execute(db)
                .await
                .map(drop)
        )?;
        tx.commit().await
    }

    /// The last ticks that nobody entered by, the newest first.
    pub async fn missed_ticks(&self, most: i64) -> Result<Vec<MissedTick>> {
        let rows: Vec<(String, i64, String)> = on_db!(
            self.db.read(),
            sql!(
                "SELECT workflow, tick_at, because FROM missed_ticks \
                 ORDER BY tick_at DESC, workflow LIMIT $1"
            ),
            |db, sql| sqlx::query_as(sql).bind(most).fetch_all(db).await
        )?;
        let missed = |(workflow, at, because): (String, i64, String)| MissedTick {
            workflow: workflow.into(),
            at: Instant::from_millis(at),
            because,
        };
        Ok(rows.into_iter().map(missed).collect())
    }
}

impl Tx {
    async fn note_missed(&mut self, workflow: &str, ring: &Ring, now: Instant) -> Result<()> {
        if ring.missed.is_empty() {
            return Ok(());
        }
        on_db!(self.on(), sql!("DELETE FROM missed_ticks WHERE noticed_at < $1"), |db, sql| {
            sqlx::query(sql).bind((now - KEPT).millis()).execute(db).await.map(drop)
        })?;
        let ticks = rows::ids(ring.missed.iter().map(|tick| tick.millis()));
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO missed_ticks (workflow, tick_at, noticed_at, because) \
                 SELECT $2, CAST(j.value AS BIGINT), $3, $4 FROM ",
                each,
                " WHERE true ON CONFLICT (workflow, tick_at) DO NOTHING"
            ),
            |db, sql| sqlx::query(sql)
                .bind(&ticks)
                .bind(workflow)
                .bind(now.millis())
                .bind(ring.because)
                .execute(db)
                .await
                .map(drop)
        )
        .map_err(Into::into)
    }
}
