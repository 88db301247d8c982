//! Leases of claimed messages: how long a claimer has them, and by which clock.
//!
//! Daemons on one PostgreSQL may have clocks that differ, and leases are between them: the server's clock
//! tells. Everywhere else `now` is a parameter, on SQLite here, too: nobody shares a file's leases.

use super::{
    Result, Store,
    db::{Either, on_db},
    dialect::Text,
    messages::{StoredMessage, readable},
    records::{ClaimToken, MessageRow},
};
use crate::domain::time::Instant;

pub(super) const EXPIRED: Text = sql!(
    "SELECT m.id, m.lead, m.enrolment, m.step, m.visit, m.recipient, m.kind, m.workflow, \
     m.version, m.purpose, m.template, m.state, m.due_at, m.attempts, m.token, m.created_at, \
     m.first_tried_at, m.sent_at, m.reason, m.via, m.placed_on FROM messages AS m \
     WHERE m.state IN ('claimed', 'transmitting') AND m.lease_until <= $1 \
     ORDER BY m.lease_until, m.id"
);

const SERVERS_CLOCK: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";

impl Store {
    /// What leases are counted from and end by: the server's clock, `now` on SQLite.
    pub async fn lease_clock(&self, now: Instant) -> Result<Instant> {
        match self.db.read() {
            Either::Sqlite(_) => Ok(now),
            Either::Postgres(pool) => {
                let millis = sqlx::query_scalar(SERVERS_CLOCK).fetch_one(pool).await?;
                Ok(Instant::from_millis(millis))
            }
        }
    }

    /// Claims whose lease is over, or all that are open (`everything`: at the start, when the engine lock
    /// says that nobody else runs), with the tokens to settle them by: what was only claimed is
    /// released, what was being transmitted is in doubt.
    pub async fn expired_claims(
        &self,
        now: Instant,
        everything: bool,
    ) -> Result<Vec<(MessageRow, ClaimToken)>> {
        let before = if everything { Instant::NEVER } else { self.lease_clock(now).await? };
        let expired: Vec<StoredMessage> =
            on_db!(self.db.read(), EXPIRED, |db, sql| sqlx::query_as(sql)
                .bind(before.millis())
                .fetch_all(db)
                .await)?;
        Ok(readable(expired).collect())
    }
}
