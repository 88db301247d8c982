//! What waits: mails that are not over, and leads inside of workflows.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::{count, or_never, why_held};
use crate::{
    domain::{name::Name, time::Instant},
    store::{
        Result, Store,
        db::on_db,
        dialect::Text,
        records::{Inside, Queue},
    },
};

#[derive(FromRow)]
struct Group {
    workflow: String,
    via: String,
    state: String,
    why: Option<String>,
    number: i64,
    due_at: Option<i64>,
    last_due_at: Option<i64>,
}

/// No notices: a pause of a workflow does not keep them.
const QUEUES: Text = sql!(
    "SELECT m.workflow, m.via, m.state, COALESCE(m.reason, '') AS why, COUNT(*) AS number, MIN(m.due_at) AS due_at, \
     MAX(m.due_at) AS last_due_at FROM messages AS m WHERE m.kind = 'marketing' AND m.state IN ('reserved', 'deferred') GROUP BY m.workflow, m.via, m.state, m.reason \
     UNION ALL SELECT m.workflow, m.via, m.state, '', COUNT(*), MIN(m.due_at), MAX(m.due_at) \
     FROM messages AS m WHERE m.kind = 'marketing' AND m.state IN ('claimed', 'transmitting') GROUP BY m.workflow, m.via, m.state \
     ORDER BY number DESC, workflow, via, state, why"
);

const INSIDE: Text = sql!(
    "SELECT e.workflow, '' AS via, e.phase AS state, ltrim(e.held, '[-0123456789') AS why, COUNT(*) AS number, \
     MIN(e.due_at) AS due_at, MAX(e.due_at) AS last_due_at FROM enrolments AS e WHERE e.status = 'active' \
     GROUP BY e.workflow, e.phase, ltrim(e.held, '[-0123456789') ORDER BY number DESC, e.workflow, e.phase, why"
);

const PER_HOUR: Text = sql!(
    "SELECT (m.due_at - $1) / 3600000 AS hour, COUNT(*) FROM messages AS m \
     WHERE m.state IN ('reserved', 'deferred') AND m.kind = 'marketing' AND m.due_at < $2 \
     GROUP BY 1"
);

const WAITS_PER_HOUR: Text = sql!(
    "SELECT (e.due_at - $1) / 3600000 AS hour, COUNT(*) FROM enrolments AS e \
     WHERE e.status = 'active' AND e.due_at < $2 GROUP BY 1"
);

/// Walks over all enrolments: as below.
const ENDED: Text = sql!(
    "SELECT e.status, COUNT(DISTINCT e.lead) FROM enrolments AS e WHERE e.status <> 'active' GROUP BY e.status"
);

/// Walks over the whole log: for whoever asks why nothing happens at all.
const REFUSALS: Text = sql!(
    "SELECT d.reason, COUNT(DISTINCT d.lead) AS number FROM decision_log AS d \
     WHERE d.what = 'not_entered' GROUP BY d.reason ORDER BY number DESC, d.reason LIMIT $1"
);

impl Store {
    /// How many leads have left a workflow, whichever, by how it ended.
    pub async fn ended(&self) -> Result<BTreeMap<Name, u64>> {
        let rows: Vec<(String, i64)> =
            on_db!(self.db.read(), ENDED, |db, sql| sqlx::query_as(sql).fetch_all(db).await)?;
        Ok(rows.into_iter().map(|(outcome, leads)| (outcome.into(), count(leads))).collect())
    }

    /// Why leads were not let into workflows, the most leads first; no more than `most` reasons.
    pub async fn refusals(&self, most: i64) -> Result<Vec<(String, u64)>> {
        let rows: Vec<(String, i64)> =
            on_db!(self.db.read(), REFUSALS, |db, sql| sqlx::query_as(sql)
                .bind(most)
                .fetch_all(db)
                .await)?;
        Ok(rows.into_iter().map(|(reason, number)| (reason, count(number))).collect())
    }

    /// Marketing mails that are not over and not parked, by workflow, state and reason, the most first.
    pub async fn queues(&self) -> Result<Vec<Queue>> {
        let rows: Vec<Group> =
            on_db!(self.db.read(), QUEUES, |db, sql| sqlx::query_as(sql).fetch_all(db).await)?;
        let queue = |row: Group| Queue {
            workflow: row.workflow.into(),
            via: row.via.into(),
            state: row.state,
            reason: row.why.unwrap_or_default(),
            number: count(row.number),
            due_at: or_never(row.due_at),
            last_due_at: or_never(row.last_due_at),
        };
        Ok(rows.into_iter().map(queue).collect())
    }

    /// Who is inside of workflows, by what they wait for, the most first.
    pub async fn standing(&self) -> Result<Vec<Inside>> {
        let rows: Vec<Group> =
            on_db!(self.db.read(), INSIDE, |db, sql| sqlx::query_as(sql).fetch_all(db).await)?;
        let inside = |row: Group| Inside {
            workflow: row.workflow.into(),
            state: row.state,
            why: row.why.as_deref().map(why_held).unwrap_or_default(),
            number: count(row.number),
            due_at: or_never(row.due_at),
            last_due_at: or_never(row.last_due_at),
        };
        Ok(rows.into_iter().map(inside).collect())
    }

    /// In each of the next `hours`: mails that are due, and waits and holds that are over. What is due
    /// already counts in the first.
    pub async fn due_per_hour(&self, now: Instant, hours: usize) -> Result<Vec<(u64, u64)>> {
        let until = now.millis() + i64::try_from(hours).unwrap_or(0) * 3_600_000;
        let mut due = vec![(0, 0); hours];
        let mut tx = self.db.snapshot().await?;
        for (text, is_mails) in [(PER_HOUR, true), (WAITS_PER_HOUR, false)] {
            let rows: Vec<(i64, i64)> = on_db!(tx.on(), text, |db, sql| sqlx::query_as(sql)
                .bind(now.millis())
                .bind(until)
                .fetch_all(db)
                .await)?;
            for (hour, number) in rows {
                let hour = usize::try_from(hour.max(0)).unwrap_or(usize::MAX);
                let Some(place) = due.get_mut(hour) else { continue };
                let figure = if is_mails { &mut place.0 } else { &mut place.1 };
                *figure += count(number);
            }
        }
        tx.rollback().await?;
        Ok(due)
    }
}
