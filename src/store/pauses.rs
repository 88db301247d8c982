//! What is paused: everything, or the marketing mail of a workflow.

use std::collections::BTreeSet;

use super::{
    Result, Store,
    db::{Tx, on_db},
    gate::Turn,
};
use crate::domain::{name::Name, time::Instant};

impl Store {
    /// Pauses `all`, or a workflow; what is paused already stays paused by whoever did it. The leads in
    /// the workflow are looked at again: other mail of theirs need not wait for its own.
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
        tx.begin_workflow_sweep(scope).await?;
        tx.commit().await
    }

    /// Ends a pause, if there is one. What was held back by it is looked at again.
    pub async fn resume(&self, scope: &Name) -> Result<()> {
        let mut tx = self.db.begin(Turn::Act).await?;
        on_db!(tx.on(), sql!("DELETE FROM pauses WHERE scope = $1"), |db, sql| sqlx::query(sql)
            .bind(scope.as_str())
            .execute(db)
            .await
            .map(drop))?;
        tx.begin_workflow_sweep(scope).await?;
        tx.commit().await
    }

    /// The same database, for one that acts as if nothing were paused.
    #[must_use]
    pub fn heedless_of_pauses(&self) -> Self {
        let mut heedless = self.clone();
        heedless.db.ignores_pauses = true;
        heedless
    }

    /// The relays that are paused.
    pub async fn paused_relays(&self) -> Result<BTreeSet<Name>> {
        if self.db.ignores_pauses {
            return Ok(BTreeSet::new());
        }
        let scopes: Vec<String> = on_db!(
            self.db.read(),
            sql!("SELECT p.scope FROM pauses AS p WHERE p.scope LIKE 'relay:%'"),
            |db, sql| sqlx::query_scalar(sql).fetch_all(db).await
        )?;
        Ok(scopes.iter().filter_map(|scope| Some(scope.strip_prefix("relay:")?.into())).collect())
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

impl Tx {
    /// The workflows whose mail is paused. Whoever ends a pause waits until this transaction ends: what
    /// was decided by the pause is there to be looked at again.
    pub(super) async fn paused_workflows(&mut self) -> Result<BTreeSet<Name>> {
        if self.ignores_pauses {
            return Ok(BTreeSet::new());
        }
        let scopes: Vec<String> = on_db!(
            self.on(),
            sql!(
                "SELECT t.scope FROM pauses AS t WHERE t.scope <> 'all' AND t.scope NOT LIKE 'relay:%' \
                 ORDER BY t.scope",
                share
            ),
            |db, sql| sqlx::query_scalar(sql).fetch_all(db).await
        )?;
        Ok(scopes.into_iter().map(Name::from).collect())
    }
}
