//! What guards count: mails to leads that were handed over, and what came of them.

use std::collections::HashMap;

use sqlx::FromRow;

use super::{By, Result, Store, db::on_db, dialect::Text, gate::Turn};
use crate::domain::{guard::Alarm, id::MessageId, name::Name, pause::Scope, time::Instant};

/// Who it is that pauses.
pub const GUARD: &str = "guard";

/// Mails that a relay took in some time, of one workflow by one relay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    pub workflow: Name,
    /// Empty where it is not known.
    pub relay: Name,
    pub mails: u64,
}

/// A mail of which something bad was heard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ill {
    pub message: MessageId,
    pub workflow: Name,
    pub relay: Name,
    /// When a relay took it, or refused its address.
    pub at: Instant,
    /// It is not among those that were taken: its address was refused at once.
    pub is_refused: bool,
    /// Else it was called spam.
    pub is_bounce: bool,
}

pub(super) const TAKEN: Text = sql!(
    "SELECT m.workflow, COALESCE(m.relay, '') AS relay, COUNT(*) AS mails FROM messages AS m \
     WHERE m.sent_at IS NOT NULL AND m.kind = 'marketing' AND m.sent_at >= $1 AND m.sent_at < $2 \
     GROUP BY m.workflow, m.relay"
);

/// The lists say which indexes are meant.
pub(super) const ILL: Text = sql!(
    "SELECT m.id, m.workflow, COALESCE(m.relay, '') AS relay, COALESCE(m.sent_at, m.settled_at, m.created_at) AS at, \
     m.sent_at IS NULL AS is_refused, true AS is_bounce FROM events AS e INNER JOIN messages AS m ON m.id = e.message \
     WHERE e.kind = 'mail.failed' AND e.recorded_at >= $1 AND e.data LIKE '%\"hard\":{\"bool\":true}%' AND m.kind = 'marketing' \
     UNION ALL SELECT m.id, m.workflow, COALESCE(m.relay, ''), COALESCE(m.sent_at, m.settled_at, m.created_at), \
     m.sent_at IS NULL, e.kind = 'mail.bounced' FROM events AS e INNER JOIN messages AS m ON m.id = e.message \
     WHERE e.kind IN ",
    that_matter,
    " AND e.recorded_at >= $1 \
     AND ((e.kind = 'mail.bounced' AND e.object = 'hard') OR e.kind = 'mail.complained') AND m.kind = 'marketing'"
);

#[derive(FromRow)]
struct IllRow {
    id: i64,
    workflow: String,
    relay: String,
    at: i64,
    is_refused: bool,
    is_bounce: bool,
}

impl Store {
    /// Mails to leads that relays took from one instant on and before another.
    pub async fn taken(&self, from: Instant, until: Instant) -> Result<Vec<Taken>> {
        let rows: Vec<(String, String, i64)> =
            on_db!(self.db.read(), TAKEN, |db, sql| sqlx::query_as(sql)
                .bind(from.millis())
                .bind(until.millis())
                .fetch_all(db)
                .await)?;
        let taken = |(workflow, relay, mails): (String, String, i64)| Taken {
            workflow: workflow.into(),
            relay: relay.into(),
            mails: u64::try_from(mails).unwrap_or(0),
        };
        Ok(rows.into_iter().map(taken).collect())
    }

    /// Mails to leads of which it was recorded from an instant on that their address does not exist, or that their
    /// readers called them spam. What is our own fault is not among them. One may be there twice.
    pub async fn ill(&self, from: Instant) -> Result<Vec<Ill>> {
        let rows: Vec<IllRow> = on_db!(self.db.read(), ILL, |db, sql| sqlx::query_as(sql)
            .bind(from.millis())
            .fetch_all(db)
            .await)?;
        let ill = |row: IllRow| Ill {
            message: MessageId(row.id),
            workflow: row.workflow.into(),
            relay: row.relay.into(),
            at: Instant::from_millis(row.at),
            is_refused: row.is_refused,
            is_bounce: row.is_bounce,
        };
        Ok(rows.into_iter().map(ill).collect())
    }

    /// When the last pause of what guards watch ended.
    pub async fn resumed(&self) -> Result<HashMap<Scope, Instant>> {
        let rows: Vec<(String, i64)> =
            on_db!(self.db.read(), sql!("SELECT scope, at FROM resumed"), |db, sql| {
                sqlx::query_as(sql).fetch_all(db).await
            })?;
        let resumed =
            |(scope, at): (String, i64)| (scope.as_str().into(), Instant::from_millis(at));
        Ok(rows.into_iter().map(resumed).collect())
    }

    /// Pauses what a guard wants paused, unless it is paused already or was resumed since the guard looked. Returns
    /// whether it did: of several daemons that find the same, one does.
    pub async fn pause_for(&self, alarm: &Alarm, now: Instant) -> Result<bool> {
        let Alarm { scope, reason, resumed } = alarm;
        let mut tx = self.db.begin(Turn::Act).await?;
        let by = By { who: GUARD, because: Some(reason) };
        let known = resumed.unwrap_or(Instant::DAWN);
        let is_new = tx.pause_unless_resumed_after(known, scope, by, now).await?;
        if is_new {
            tx.sweep_for(scope).await?;
        }
        tx.commit().await?;
        Ok(is_new)
    }
}
