//! Writing decisions: a handful of statements for a whole batch, where the revs still hold.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::{
    Batch, Result, Store,
    db::{Tx, on_db},
    events::EventRow,
    records::{Committed, LeadWrite},
    rows,
};
use crate::domain::{
    decision::EnrolmentChange,
    id::{LeadId, Rev},
    lead::{Outcome, Phase},
    time::Instant,
};

#[derive(Serialize)]
struct TimerRow {
    lead: i64,
    loaded: i64,
    rev: i64,
    wake_at: i64,
}

#[derive(Serialize)]
struct LeadRow {
    lead: i64,
    profile: Option<String>,
    memory: Option<String>,
    stage: Option<&'static str>,
    stage_since: Option<i64>,
}

#[derive(Serialize)]
struct EnrolmentRow<'a> {
    lead: i64,
    enrolment: i64,
    workflow: &'a str,
    version: &'a str,
    status: &'static str,
    step: &'a str,
    visit: u32,
    phase: &'static str,
    entered_at: i64,
    armed_at: i64,
    due_at: Option<i64>,
    civil: Option<String>,
    held: Option<String>,
    entry: Option<String>,
    ended_at: Option<i64>,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct MessageRow<'a> {
    id: i64,
    lead: i64,
    enrolment: i64,
    step: &'a str,
    visit: u32,
    recipient: &'a str,
    kind: &'static str,
    workflow: &'a str,
    version: &'a str,
    purpose: &'a str,
    template: &'a str,
    priority: i32,
    due_at: i64,
}

#[derive(Serialize)]
struct WithdrawRow<'a> {
    id: i64,
    lead: i64,
    reason: &'a str,
}

#[derive(Serialize)]
struct LogRow<'a> {
    lead: i64,
    rev: i64,
    line: usize,
    what: &'static str,
    workflow: Option<&'a str>,
    step: Option<&'a str>,
    reason: &'a str,
}

#[derive(Serialize)]
struct LedgerRow<'a> {
    lead: i64,
    rev: i64,
    line: usize,
    at: i64,
    score: &'static str,
    rule: &'a str,
    points: i64,
    reason: &'a str,
}

impl Store {
    /// Writes the decisions on a batch and ends its transaction.
    ///
    /// A lead whose rev has moved on, or whose message could not be withdrawn any more, is not written:
    /// it stays due. The others' rev goes up by one and by the events that the decision made, which count
    /// as reflected. Leads of the batch without a decision stay as they are; unreadable ones are parked.
    ///
    /// # Errors
    /// `UniqueViolation`, `Unstorable`: a decision that cannot be written; nothing of the batch was.
    pub async fn commit(
        &self,
        batch: Batch,
        writes: Vec<LeadWrite>,
        now: Instant,
    ) -> Result<Committed> {
        let Batch { corrupt, mut tx, .. } = batch;
        let mut committed = Committed::default();
        if !writes.is_empty() {
            let stuck = tx.stuck_withdrawals(&writes).await?;
            let revs = tx.move_timers(&writes, &stuck, now).await?;
            let (written, lost): (Vec<LeadWrite>, Vec<LeadWrite>) =
                writes.into_iter().partition(|write| revs.contains_key(&write.lead.0));
            tx.write_leads(&written, now).await?;
            tx.write_enrolments(&written).await?;
            committed.withdrawn = tx.withdraw(&written, now).await?;
            committed.reserved = tx.reserve(self, &written, now).await?;
            tx.write_events(&written, now).await?;
            tx.write_log(&written, &revs, now).await?;
            tx.write_ledger(&written, &revs, now).await?;
            committed.written =
                written.iter().map(|write| (write.lead, Rev(revs[&write.lead.0]))).collect();
            committed.lost = lost.iter().map(|write| write.lead).collect();
        }
        tx.park(&corrupt, now).await?;
        tx.commit().await?;
        Ok(committed)
    }
}

impl Tx {
    /// Leads with a message to withdraw that is past the point of no return; locks the others' messages.
    async fn stuck_withdrawals(&mut self, writes: &[LeadWrite]) -> Result<HashSet<LeadId>> {
        let wanted: Vec<(LeadId, i64)> = writes
            .iter()
            .flat_map(|write| write.withdraw.iter().map(|(id, _)| (write.lead, id.0)))
            .collect();
        if wanted.is_empty() {
            return Ok(HashSet::new());
        }
        let free: Vec<i64> = on_db!(
            self.on(),
            sql!(
                "SELECT t.id FROM messages AS t WHERE t.id IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") AND t.state IN ('reserved', 'claimed', 'deferred', 'parked') ORDER BY t.id",
                lock
            ),
            |db, sql| sqlx::query_scalar(sql)
                .bind(rows::ids(wanted.iter().map(|(_, id)| *id)))
                .fetch_all(db)
                .await
        )?;
        let free: HashSet<i64> = free.into_iter().collect();
        Ok(wanted.into_iter().filter(|(_, id)| !free.contains(id)).map(|(lead, _)| lead).collect())
    }

    /// The guard: returns the new revs of the leads that are to be written.
    async fn move_timers(
        &mut self,
        writes: &[LeadWrite],
        stuck: &HashSet<LeadId>,
        now: Instant,
    ) -> Result<HashMap<i64, i64>> {
        let timers: Vec<TimerRow> = writes
            .iter()
            .filter(|write| !stuck.contains(&write.lead))
            .map(|write| TimerRow {
                lead: write.lead.0,
                loaded: write.rev.0,
                rev: write.rev.0 + 1 + count(&write.events),
                wake_at: write.wake_at.millis(),
            })
            .collect();
        let rows = rows::json("lead_timer", &timers)?;
        let moved: Vec<(i64, i64)> = on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 CAST(j.value ->> 'loaded' AS BIGINT) AS loaded, CAST(j.value ->> 'rev' AS BIGINT) AS rev, \
                 CAST(j.value ->> 'wake_at' AS BIGINT) AS wake_at FROM ",
                each,
                ") UPDATE lead_timer SET rev = r.rev, reflected = r.rev, wake_at = r.wake_at, lane = 1, \
                 attempts = 0, decided_at = $2 FROM r \
                 WHERE lead_timer.lead = r.lead AND lead_timer.rev = r.loaded \
                 RETURNING lead_timer.lead, lead_timer.rev"
            ),
            |db, sql| sqlx::query_as(sql).bind(rows).bind(now.millis()).fetch_all(db).await
        )?;
        Ok(moved.into_iter().collect())
    }

    async fn write_leads(&mut self, writes: &[LeadWrite], now: Instant) -> Result<()> {
        let mut leads = Vec::new();
        for write in writes {
            if write.profile.is_some() || write.memory.is_some() || write.stage.is_some() {
                leads.push(LeadRow {
                    lead: write.lead.0,
                    profile: write.profile.as_ref().map(rows::encode).transpose()?,
                    memory: write.memory.as_ref().map(rows::encode).transpose()?,
                    stage: write.stage.map(|(stage, _)| stage.word()),
                    stage_since: write.stage.map(|(_, since)| since.millis()),
                });
            }
        }
        if leads.is_empty() {
            return Ok(());
        }
        let rows = rows::json("leads", &leads)?;
        on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 j.value ->> 'profile' AS profile, j.value ->> 'memory' AS memory, j.value ->> 'stage' AS stage, \
                 CAST(j.value ->> 'stage_since' AS BIGINT) AS stage_since FROM ",
                each,
                ") UPDATE leads AS t SET profile = COALESCE(r.profile, t.profile), \
                 memory = COALESCE(r.memory, t.memory), stage = COALESCE(r.stage, t.stage), \
                 stage_since = COALESCE(r.stage_since, t.stage_since), updated_at = $2 \
                 FROM r WHERE t.lead = r.lead"
            ),
            |db, sql| sqlx::query(sql).bind(rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    async fn write_enrolments(&mut self, writes: &[LeadWrite]) -> Result<()> {
        let (mut new, mut moved) = (Vec::new(), Vec::new());
        for write in writes {
            for change in &write.enrolments {
                let row = EnrolmentRow::new(write.lead, change)?;
                if change.is_new { new.push(row) } else { moved.push(row) }
            }
        }
        if !new.is_empty() {
            let rows = rows::json("enrolments", &new)?;
            on_db!(
                self.on(),
                sql!(
                    "INSERT INTO enrolments (lead, enrolment, workflow, version, status, step, visit, phase, \
                     entered_at, armed_at, due_at, civil, held, entry, ended_at, reason) \
                     SELECT CAST(j.value ->> 'lead' AS BIGINT), CAST(j.value ->> 'enrolment' AS BIGINT), \
                     j.value ->> 'workflow', j.value ->> 'version', j.value ->> 'status', j.value ->> 'step', \
                     CAST(j.value ->> 'visit' AS BIGINT), j.value ->> 'phase', \
                     CAST(j.value ->> 'entered_at' AS BIGINT), CAST(j.value ->> 'armed_at' AS BIGINT), \
                     CAST(j.value ->> 'due_at' AS BIGINT), j.value ->> 'civil', j.value ->> 'held', \
                     j.value ->> 'entry', CAST(j.value ->> 'ended_at' AS BIGINT), j.value ->> 'reason' FROM ",
                    each
                ),
                |db, sql| sqlx::query(sql).bind(rows).execute(db).await.map(drop)
            )?;
        }
        if !moved.is_empty() {
            let rows = rows::json("enrolments", &moved)?;
            on_db!(
                self.on(),
                sql!(
                    "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                     CAST(j.value ->> 'enrolment' AS BIGINT) AS enrolment, j.value ->> 'version' AS version, \
                     j.value ->> 'status' AS status, j.value ->> 'step' AS step, \
                     CAST(j.value ->> 'visit' AS BIGINT) AS visit, j.value ->> 'phase' AS phase, \
                     CAST(j.value ->> 'armed_at' AS BIGINT) AS armed_at, \
                     CAST(j.value ->> 'due_at' AS BIGINT) AS due_at, j.value ->> 'civil' AS civil, \
                     j.value ->> 'held' AS held, CAST(j.value ->> 'ended_at' AS BIGINT) AS ended_at, \
                     j.value ->> 'reason' AS reason FROM ",
                    each,
                    ") UPDATE enrolments AS t SET version = r.version, status = r.status, step = r.step, \
                     visit = r.visit, phase = r.phase, armed_at = r.armed_at, due_at = r.due_at, \
                     civil = r.civil, held = r.held, ended_at = r.ended_at, reason = r.reason \
                     FROM r WHERE t.lead = r.lead AND t.enrolment = r.enrolment"
                ),
                |db, sql| sqlx::query(sql).bind(rows).execute(db).await.map(drop)
            )?;
        }
        Ok(())
    }

    async fn withdraw(&mut self, writes: &[LeadWrite], now: Instant) -> Result<u64> {
        let withdrawals: Vec<WithdrawRow> = writes
            .iter()
            .flat_map(|write| {
                write.withdraw.iter().map(|(id, reason)| WithdrawRow {
                    id: id.0,
                    lead: write.lead.0,
                    reason,
                })
            })
            .collect();
        if withdrawals.is_empty() {
            return Ok(0);
        }
        let rows = rows::json("messages", &withdrawals)?;
        Ok(on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'id' AS BIGINT) AS id, \
                 CAST(j.value ->> 'lead' AS BIGINT) AS lead, j.value ->> 'reason' AS reason FROM ",
                each,
                ") UPDATE messages AS t SET state = 'cancelled', reason = r.reason, settled_at = $2 \
                 FROM r WHERE t.id = r.id AND t.lead = r.lead \
                 AND t.state IN ('reserved', 'claimed', 'deferred', 'parked')"
            ),
            |db, sql| sqlx::query(sql)
                .bind(rows)
                .bind(now.millis())
                .execute(db)
                .await
                .map(|done| done.rows_affected())
        )?)
    }

    /// A reserved message copies its lead's `stop_epoch`: an objection from now on stops it.
    async fn reserve(&mut self, store: &Store, writes: &[LeadWrite], now: Instant) -> Result<u64> {
        let messages: Vec<MessageRow> = writes
            .iter()
            .flat_map(|write| write.messages.iter().map(move |message| (write.lead, message)))
            .map(|(lead, message)| MessageRow {
                id: store.ids.next(now),
                lead: lead.0,
                enrolment: message.about.enrolment.0,
                step: &message.about.step,
                visit: message.about.visit,
                recipient: &message.recipient,
                kind: message.kind.word(),
                workflow: &message.workflow,
                version: message.version.0.as_str(),
                purpose: &message.purpose,
                template: &message.template,
                priority: message.priority,
                due_at: message.due_at.millis(),
            })
            .collect();
        if messages.is_empty() {
            return Ok(0);
        }
        let rows = rows::json("messages", &messages)?;
        Ok(on_db!(
            self.on(),
            sql!(
                "INSERT INTO messages (id, lead, enrolment, step, visit, recipient, kind, workflow, version, \
                 purpose, template, priority, state, due_at, attempts, stop_epoch, created_at) \
                 SELECT CAST(j.value ->> 'id' AS BIGINT), CAST(j.value ->> 'lead' AS BIGINT), \
                 CAST(j.value ->> 'enrolment' AS BIGINT), j.value ->> 'step', \
                 CAST(j.value ->> 'visit' AS BIGINT), j.value ->> 'recipient', j.value ->> 'kind', \
                 j.value ->> 'workflow', j.value ->> 'version', j.value ->> 'purpose', \
                 j.value ->> 'template', CAST(j.value ->> 'priority' AS BIGINT), 'reserved', \
                 CAST(j.value ->> 'due_at' AS BIGINT), 0, \
                 (SELECT t.stop_epoch FROM lead_timer AS t WHERE t.lead = CAST(j.value ->> 'lead' AS BIGINT)), \
                 $2 FROM ",
                each
            ),
            |db, sql| sqlx::query(sql)
                .bind(rows)
                .bind(now.millis())
                .execute(db)
                .await
                .map(|done| done.rows_affected())
        )?)
    }

    async fn write_events(&mut self, writes: &[LeadWrite], now: Instant) -> Result<()> {
        let mut events = Vec::new();
        for write in writes {
            for (rev, event) in (write.rev.0 + 1..).zip(&write.events) {
                let data = [(
                    "reason".into(),
                    crate::domain::value::Value::Text(event.reason.as_str().into()),
                )];
                let mut row =
                    EventRow::new(write.lead.0, rev, event.kind.as_str(), now.millis(), "decision")
                        .data(&data.into())?;
                row.object = event.object.as_deref();
                events.push(row);
            }
        }
        self.insert_events(&events, now).await
    }

    async fn write_log(
        &mut self,
        writes: &[LeadWrite],
        revs: &HashMap<i64, i64>,
        now: Instant,
    ) -> Result<()> {
        let lines: Vec<LogRow> = writes
            .iter()
            .flat_map(|write| {
                let rev = revs[&write.lead.0];
                write.log.iter().enumerate().map(move |(line, log)| LogRow {
                    lead: write.lead.0,
                    rev,
                    line,
                    what: log.what.word(),
                    workflow: log.workflow.as_deref(),
                    step: log.step.as_deref(),
                    reason: &log.reason,
                })
            })
            .collect();
        if lines.is_empty() {
            return Ok(());
        }
        let rows = rows::json("decision_log", &lines)?;
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO decision_log (lead, rev, line, at, what, workflow, step, reason) \
                 SELECT CAST(j.value ->> 'lead' AS BIGINT), CAST(j.value ->> 'rev' AS BIGINT), \
                 CAST(j.value ->> 'line' AS BIGINT), $2, j.value ->> 'what', j.value ->> 'workflow', \
                 j.value ->> 'step', j.value ->> 'reason' FROM ",
                each
            ),
            |db, sql| sqlx::query(sql).bind(rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    async fn write_ledger(
        &mut self,
        writes: &[LeadWrite],
        revs: &HashMap<i64, i64>,
        now: Instant,
    ) -> Result<()> {
        let lines: Vec<LedgerRow> = writes
            .iter()
            .flat_map(|write| {
                let rev = revs[&write.lead.0];
                write.ledger.iter().enumerate().map(move |(line, entry)| LedgerRow {
                    lead: write.lead.0,
                    rev,
                    line,
                    at: entry.at.millis(),
                    score: entry.score.word(),
                    rule: &entry.rule,
                    points: entry.points.0,
                    reason: &entry.reason,
                })
            })
            .collect();
        if lines.is_empty() {
            return Ok(());
        }
        let rows = rows::json("score_ledger", &lines)?;
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO score_ledger (lead, rev, line, at, recorded_at, score, rule, points, reason) \
                 SELECT CAST(j.value ->> 'lead' AS BIGINT), CAST(j.value ->> 'rev' AS BIGINT), \
                 CAST(j.value ->> 'line' AS BIGINT), CAST(j.value ->> 'at' AS BIGINT), $2, \
                 j.value ->> 'score', j.value ->> 'rule', CAST(j.value ->> 'points' AS BIGINT), \
                 j.value ->> 'reason' FROM ",
                each
            ),
            |db, sql| sqlx::query(sql).bind(rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }
}

impl<'a> EnrolmentRow<'a> {
    fn new(lead: LeadId, change: &'a EnrolmentChange) -> Result<Self> {
        let enrolment = &change.enrolment;
        let mut row = Self {
            lead: lead.0,
            enrolment: enrolment.no.0,
            workflow: &enrolment.workflow,
            version: enrolment.version.0.as_str(),
            status: change.ended.as_ref().map_or("active", |ended| match ended.outcome {
                Outcome::Finished => "finished",
                Outcome::Goal => "goal",
                Outcome::Left => "left",
                Outcome::Cancelled => "cancelled",
            }),
            step: &enrolment.step,
            visit: enrolment.visit,
            phase: "ready",
            entered_at: enrolment.entered_at.millis(),
            armed_at: enrolment.armed_at.millis(),
            due_at: None,
            civil: None,
            held: None,
            entry: enrolment.entry.as_ref().map(rows::encode).transpose()?,
            ended_at: change.ended.as_ref().map(|ended| ended.at.millis()),
            reason: change.ended.as_ref().map(|ended| ended.reason.as_str()),
        };
        match &enrolment.phase {
            Phase::Ready { held } => {
                row.held = held
                    .as_ref()
                    .map(|held| rows::encode(&(held.until, &held.reason)))
                    .transpose()?;
                row.due_at = held.as_ref().map(|held| held.until.millis());
            }
            Phase::Waiting { due } => {
                row.phase = "waiting";
                row.due_at = Some(due.at.millis());
                row.civil = due.civil.as_ref().map(rows::encode).transpose()?;
            }
            Phase::Mailing => row.phase = "mailing",
        }
        Ok(row)
    }
}

fn count<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}
