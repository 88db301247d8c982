//! Sweeps: leads are made due in steps, as something changed that concerns them all, or all in a workflow.

use super::{
    Result, Store,
    db::{Tx, on_db},
    dialect::Text,
    gate::Turn,
    pauses::Person,
    records::{Lane, SweepProgress},
    rows,
    timers::Wake,
};
use crate::domain::{id::ReleaseId, pause::Scope, time::Instant};

pub(super) const OPEN: Text = sql!(
    "SELECT EXISTS (SELECT 1 FROM sweeps WHERE NOT done) \
                 OR EXISTS (SELECT 1 FROM workflow_sweeps)"
);

pub(super) const IN_WORKFLOW: Text = sql!(
    "SELECT DISTINCT e.lead FROM enrolments AS e WHERE e.workflow = $1 \
                 AND e.status = 'active' AND e.lead > $2 ORDER BY e.lead LIMIT $3"
);

impl Store {
    /// Whether there is anything for [`Store::sweep_step`] to do.
    pub async fn has_open_sweep(&self) -> Result<bool> {
        Ok(on_db!(self.db.read(), OPEN, |db, sql| sqlx::query_scalar(sql).fetch_one(db).await)?)
    }

    /// Makes the next `limit` leads of an open sweep due: of a release in the lane of sweeps, of a workflow
    /// in that of imports. Those that are due already stay as they are.
    pub async fn sweep_step(&self, limit: i64, now: Instant) -> Result<SweepProgress> {
        let mut tx = self.db.begin(Turn::Work).await?;
        let progress = match tx.sweep_release(limit, now).await? {
            Some(progress) => progress,
            None => tx.sweep_workflow(limit, now).await?,
        };
        tx.commit().await?;
        Ok(progress)
    }

    /// Notes the rules of time zones by their mark. Where others were noted before, a sweep over all leads
    /// begins anew, and it returns that.
    pub async fn note_zone_rules(&self, mark: i64) -> Result<bool> {
        let mark = mark.to_string();
        let mut tx = self.db.begin(Turn::Work).await?;
        let known: Option<String> =
            on_db!(tx.on(), sql!("SELECT value FROM meta WHERE key = 'zone_rules'"), |db, sql| {
                sqlx::query_scalar(sql).fetch_optional(db).await
            })?;
        if known.as_ref() == Some(&mark) {
            return Ok(false);
        }
        on_db!(
            tx.on(),
            sql!(
                "INSERT INTO meta (key, value) VALUES ('zone_rules', $1) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            ),
            |db, sql| sqlx::query(sql).bind(&mark).execute(db).await.map(drop)
        )?;
        if known.is_some() {
            on_db!(
                tx.on(),
                sql!(
                    "UPDATE sweeps SET cursor = $1, done = false \
                     WHERE release = (SELECT MAX(release) FROM sweeps)"
                ),
                |db, sql| sqlx::query(sql).bind(i64::MIN).execute(db).await.map(drop)
            )?;
        }
        tx.commit().await?;
        Ok(known.is_some())
    }
}

impl Tx {
    /// Ends the sweeps of earlier releases.
    pub(super) async fn begin_sweep(&mut self, release: ReleaseId, now: Instant) -> Result<()> {
        on_db!(self.on(), sql!("UPDATE sweeps SET done = true WHERE NOT done"), |db, sql| {
            sqlx::query(sql).execute(db).await.map(drop)
        })?;
        on_db!(
            self.on(),
            sql!("INSERT INTO sweeps (release, begun_at, cursor, done) VALUES ($1, $2, $3, false)"),
            |db, sql| sqlx::query(sql)
                .bind(release.0)
                .bind(now.millis())
                .bind(i64::MIN)
                .execute(db)
                .await
                .map(drop)
        )?;
        Ok(())
    }

    /// Begins a sweep over the leads in a workflow, or begins it anew.
    pub(super) async fn begin_workflow_sweep(&mut self, workflow: &str) -> Result<()> {
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO workflow_sweeps (workflow, cursor) VALUES ($1, $2) \
                 ON CONFLICT (workflow) DO UPDATE SET cursor = excluded.cursor"
            ),
            |db, sql| sqlx::query(sql).bind(workflow).bind(i64::MIN).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    /// The sweep of a release that is under way, locked: of which, and up to which lead it is done.
    pub(super) async fn open_sweep(&mut self) -> Result<Option<(i64, i64)>> {
        Ok(on_db!(
            self.on(),
            sql!(
                "SELECT t.release, t.cursor FROM sweeps AS t WHERE NOT t.done \
                 ORDER BY t.release DESC LIMIT 1",
                lock
            ),
            |db, sql| sqlx::query_as(sql).fetch_optional(db).await
        )?)
    }

    /// `None`: none is open.
    async fn sweep_release(&mut self, limit: i64, now: Instant) -> Result<Option<SweepProgress>> {
        let Some((release, cursor)) = self.open_sweep().await? else { return Ok(None) };
        let leads: Vec<i64> = on_db!(
            self.on(),
            sql!(
                "SELECT t.lead FROM lead_timer AS t WHERE t.lead > $1 ORDER BY t.lead LIMIT $2",
                lock
            ),
            |db, sql| sqlx::query_scalar(sql).bind(cursor).bind(limit).fetch_all(db).await
        )?;
        let is_last = i64::try_from(leads.len()).unwrap_or(limit) < limit;
        let last = leads.last().copied().unwrap_or(cursor);
        let woken = on_db!(
            self.on(),
            sql!(
                "UPDATE lead_timer SET wake_at = $3, lane = 3 \
                 WHERE lead > $1 AND lead <= $2 AND wake_at > $3 AND lane <> 4"
            ),
            |db, sql| sqlx::query(sql)
                .bind(cursor)
                .bind(last)
                .bind(now.millis())
                .execute(db)
                .await
                .map(|update| update.rows_affected())
        )?;
        on_db!(
            self.on(),
            sql!("UPDATE sweeps SET cursor = $2, done = $3 WHERE release = $1"),
            |db, sql| sqlx::query(sql)
                .bind(release)
                .bind(last)
                .bind(is_last)
                .execute(db)
                .await
                .map(drop)
        )?;
        let others: i64 =
            on_db!(self.on(), sql!("SELECT COUNT(*) FROM workflow_sweeps"), |db, sql| {
                sqlx::query_scalar(sql).fetch_one(db).await
            })?;
        Ok(Some(SweepProgress { woken, done: is_last && others == 0 }))
    }

    async fn sweep_workflow(&mut self, limit: i64, now: Instant) -> Result<SweepProgress> {
        let sweep: Option<(String, i64)> = on_db!(
            self.on(),
            sql!(
                "SELECT t.workflow, t.cursor FROM workflow_sweeps AS t ORDER BY t.workflow LIMIT 1",
                lock
            ),
            |db, sql| sqlx::query_as(sql).fetch_optional(db).await
        )?;
        let Some((workflow, cursor)) = sweep else {
            return Ok(SweepProgress { woken: 0, done: true });
        };
        if let Scope::Account(account) = Scope::from(workflow.as_str()) {
            return self.sweep_account((&workflow, &account), cursor, limit, now).await;
        }
        let leads: Vec<i64> = on_db!(self.on(), IN_WORKFLOW, |db, sql| sqlx::query_scalar(sql)
            .bind(&workflow)
            .bind(cursor)
            .bind(limit)
            .fetch_all(db)
            .await)?;
        let ids = rows::ids(leads.iter().copied());
        self.lock_timers(&ids).await?;
        let woken = on_db!(
            self.on(),
            sql!(
                "UPDATE lead_timer SET wake_at = $2, lane = 2 \
                 WHERE wake_at > $2 AND lane <> 4 AND lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ")"
            ),
            |db, sql| sqlx::query(sql)
                .bind(&ids)
                .bind(now.millis())
                .execute(db)
                .await
                .map(|update| update.rows_affected())
        )?;
        let last = leads.last().filter(|_| i64::try_from(leads.len()) == Ok(limit));
        self.move_sweep(&workflow, last.copied()).await?;
        // There may be one of another workflow: the next step tells.
        Ok(SweepProgress { woken, done: false })
    }

    /// Looks through all leads for those of a company. Their revs move on: a decision that is made of what
    /// was before is lost.
    async fn sweep_account(
        &mut self,
        (key, account): (&str, &str),
        cursor: i64,
        limit: i64,
        now: Instant,
    ) -> Result<SweepProgress> {
        let page: Vec<Person> = on_db!(
            self.on(),
            sql!(
                "SELECT l.lead, l.address, l.profile FROM leads AS l WHERE l.lead > $1 \
                 ORDER BY l.lead LIMIT $2"
            ),
            |db, sql| sqlx::query_as(sql).bind(cursor).bind(limit).fetch_all(db).await
        )?;
        let theirs = page.iter().filter(|person| person.is_of(account));
        let lane = Lane::Bulk.number();
        let wakes: Vec<Wake> =
            theirs.map(|person| Wake { lead: person.lead, lane, revs: 1, stops: 0 }).collect();
        self.lock_timers(&rows::ids(wakes.iter().map(|wake| wake.lead))).await?;
        self.wake(&wakes, now).await?;
        let last = page.last().filter(|_| i64::try_from(page.len()) == Ok(limit));
        self.move_sweep(key, last.map(|person| person.lead)).await?;
        Ok(SweepProgress { woken: wakes.len() as u64, done: false })
    }

    /// `None`: it is done.
    async fn move_sweep(&mut self, workflow: &str, cursor: Option<i64>) -> Result<()> {
        if let Some(last) = cursor {
            on_db!(
                self.on(),
                sql!("UPDATE workflow_sweeps SET cursor = $2 WHERE workflow = $1"),
                |db, sql| sqlx::query(sql).bind(workflow).bind(last).execute(db).await.map(drop)
            )?;
        } else {
            on_db!(
                self.on(),
                sql!("DELETE FROM workflow_sweeps WHERE workflow = $1"),
                |db, sql| sqlx::query(sql).bind(workflow).execute(db).await.map(drop)
            )?;
        }
        Ok(())
    }
}
