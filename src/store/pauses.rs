//! What is paused: everything, or the marketing mail of a workflow.

use super::{Result, Store, db::on_db, gate::Turn};
use crate::domain::{name::Name, time::Instant};

impl Store {
    /// Pauses `all`, or a workflow; what is paused already stays paused by whoever did it.
    pub async fn pause(&self, scope: &Name, who: &str, now: Instant) -> Result<()> {
        let mut tx = self.db.begin(Turn::Act).await?;
        on_db!(
            tx.on(),
            sql!(
                "INSERT INTO pauses (scope, who, at) VALUES ($1, $2, $3) ON CONFLICT (scope) DO NOTHING"
            ),
            |db, sql| sqlx::query(sql)
                .bind(scope.as_str())
                .bind(who)
                .bind(now.millis())
                .execute(db)
                .await
                .map(drop)
        )?;
        tx.commit().await
    }

    /// Ends a pause, if there is one.
    pub async fn resume(&self, scope: &Name) -> Result<()> {
        let mut tx = self.db.begin(Turn::Act).await?;
        on_db!(tx.on(), sql!("DELETE FROM pauses WHERE scope = $1"), |db, sql| sqlx::query(sql)
            .bind(scope.as_str())
            .execute(db)
            .await
            .map(drop))?;
        tx.commit().await
    }

    /// The pauses, and since when.
    pub async fn pauses(&self) -> Result<Vec<(Name, Instant)>> {
        let rows: Vec<(String, i64)> = on_db!(
            self.db.read(),
            sql!("SELECT scope, at FROM pauses ORDER BY scope"),
            |db, sql| sqlx::query_as(sql).fetch_all(db).await
        )?;
        Ok(rows.into_iter().map(|(scope, at)| (scope.into(), Instant::from_millis(at))).collect())
    }
}
