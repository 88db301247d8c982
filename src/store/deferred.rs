//! What is deferred is tried again by itself; whoever looks wants to know what it waits for.

use sqlx::FromRow;

use super::{Result, Store, db::on_db, dialect::Text, records::Deferred};

/// Walks over what is open alone: the first condition is that of the index.
pub(super) const WHY_DEFERRED: Text = sql!(
    "SELECT COALESCE(m.reason, '') AS reason, COUNT(*) AS number FROM messages AS m \
     WHERE m.state IN ('reserved', 'deferred') AND m.state = 'deferred' \
     GROUP BY m.reason ORDER BY number DESC, reason LIMIT $1"
);

impl Store {
    /// Why mails are deferred, the most frequent reason first; no more than `most` reasons.
    pub async fn deferred(&self, most: i64) -> Result<Vec<Deferred>> {
        #[derive(FromRow)]
        struct Row {
            reason: String,
            number: i64,
        }
        let found: Vec<Row> = on_db!(self.db.read(), WHY_DEFERRED, |db, sql| sqlx::query_as(sql)
            .bind(most)
            .fetch_all(db)
            .await)?;
        let group = |row: Row| Deferred {
            reason: row.reason,
            number: u64::try_from(row.number).unwrap_or_default(),
        };
        Ok(found.into_iter().map(group).collect())
    }
}
