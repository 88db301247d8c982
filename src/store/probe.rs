//! Whether the database is there, for those who ask how we are.

use super::{Result, Store, db::on_db, gate::Turn};
use crate::domain::time::Instant;

impl Store {
    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        on_db!(
            self.db.read(),
            sql!("SELECT value FROM meta WHERE key = 'rehearsal'"),
            |db, sql| sqlx::query(sql).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    /// Whether the database can be written to: writes a small row. One that is full still answers.
    pub async fn try_writing(&self, now: Instant) -> Result<()> {
        let mut tx = self.db.begin(Turn::Act).await?;
        on_db!(
            tx.on(),
            sql!(
                "INSERT INTO meta (key, value) VALUES ('written_at', $1) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            ),
            |db, sql| sqlx::query(sql).bind(now.millis().to_string()).execute(db).await.map(drop)
        )?;
        tx.commit().await
    }
}
