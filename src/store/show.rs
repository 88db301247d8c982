//! What people look at: one lead's story, and counts of everything.

use sqlx::FromRow;

use super::{
    Result, Store, StoreError,
    db::on_db,
    dialect::Text,
    messages::StoredMessage,
    records::{Census, EnrolmentRow, LedgerRow, MessageRow, TimelineRow},
    rows,
};
use crate::domain::{
    decision::{LedgerLine, ScoreKind},
    event::Judgement,
    id::{EnrolmentNo, LeadId, Rev},
    lead::Entry,
    name::Name,
    score::MilliPoints,
    time::Instant,
    workflow::Version,
};

/// Messages by the conditions of their partial indexes.
pub(super) const CENSUS: Text = sql!(
    "SELECT 'stage' AS what, stage AS word, COUNT(*) AS number FROM leads GROUP BY stage \
     UNION ALL SELECT 'message', state, COUNT(*) FROM messages \
     WHERE state IN ('reserved', 'deferred') GROUP BY state \
     UNION ALL SELECT 'message', state, COUNT(*) FROM messages \
     WHERE state IN ('claimed', 'transmitting') GROUP BY state \
     UNION ALL SELECT 'message', state, COUNT(*) FROM messages WHERE state = 'parked' GROUP BY state \
     UNION ALL SELECT 'message', state, COUNT(*) FROM messages \
     WHERE state IN ('sent', 'failed', 'in_doubt', 'cancelled') GROUP BY state \
     UNION ALL SELECT 'active', '', COUNT(*) FROM enrolments WHERE status = 'active' \
     UNION ALL SELECT 'suppressed', '', COUNT(*) FROM suppressions \
     UNION ALL SELECT 'parked', '', COUNT(*) FROM parked_leads \
     UNION ALL SELECT 'due', '', ",
    due
);

#[derive(FromRow)]
pub(super) struct StoredEnrolment {
    pub lead: i64,
    enrolment: i64,
    workflow: String,
    version: String,
    step: String,
    state: String,
    entered_at: i64,
    entry: Option<String>,
    due_at: Option<i64>,
    ended_at: Option<i64>,
    reason: Option<String>,
}

impl From<StoredEnrolment> for EnrolmentRow {
    fn from(row: StoredEnrolment) -> Self {
        // Where it cannot be read, people read the rest all the same.
        let entry = row.entry.and_then(|entry| serde_json::from_str::<Entry>(&entry).ok());
        Self {
            no: EnrolmentNo(row.enrolment),
            workflow: row.workflow.into(),
            version: Version(row.version.into()),
            step: row.step.into(),
            state: row.state,
            entered_at: Instant::from_millis(row.entered_at),
            carries: entry.map(|entry| entry.data).unwrap_or_default(),
            due_at: row.due_at.map(Instant::from_millis),
            ended_at: row.ended_at.map(Instant::from_millis),
            reason: row.reason,
        }
    }
}

impl Store {
    /// All enrolments of a lead, by number.
    pub async fn enrolments(&self, lead: LeadId) -> Result<Vec<EnrolmentRow>> {
        let found: Vec<StoredEnrolment> = on_db!(
            self.db.read(),
            sql!(
                "SELECT lead, enrolment, workflow, version, step, \
                 CASE WHEN status = 'active' THEN phase ELSE status END AS state, \
                 entered_at, entry, due_at, ended_at, reason FROM enrolments WHERE lead = $1 ORDER BY enrolment"
            ),
            |db, sql| sqlx::query_as(sql).bind(lead.0).fetch_all(db).await
        )?;
        Ok(found.into_iter().map(EnrolmentRow::from).collect())
    }

    /// All messages about a lead, the oldest first.
    pub async fn messages_of(&self, lead: LeadId) -> Result<Vec<MessageRow>> {
        let found: Vec<StoredMessage> = on_db!(
            self.db.read(),
            sql!(
                "SELECT m.id, m.lead, m.enrolment, m.step, m.visit, m.recipient, m.kind, m.workflow, \
                 m.version, m.purpose, m.template, m.state, m.due_at, m.attempts, m.token, m.created_at, \
                 m.first_tried_at, m.sent_at, m.reason, m.via, m.placed_on FROM messages AS m \
                 WHERE m.lead = $1 ORDER BY m.created_at, m.id"
            ),
            |db, sql| sqlx::query_as(sql).bind(lead.0).fetch_all(db).await
        )?;
        found.into_iter().map(MessageRow::try_from).collect()
    }

    /// The last `limit` things that happened to a lead or were decided on it, the oldest first; what is
    /// parked now stands where it was parked.
    pub async fn timeline(&self, lead: LeadId, limit: i64) -> Result<Vec<TimelineRow>> {
        #[derive(FromRow)]
        struct Row {
            at: i64,
            kind: String,
            object: Option<String>,
            workflow: Option<String>,
            step: Option<String>,
            detail: Option<String>,
            judgement: Option<String>,
            settles_at: Option<i64>,
        }
        let mut found: Vec<Row> = on_db!(
            self.db.read(),
            sql!(
                "SELECT x.at, x.kind, x.object, x.workflow, x.step, x.detail, x.judgement, x.settles_at FROM (\
                 SELECT occurred_at AS at, kind, object, CAST(NULL AS TEXT) AS workflow, \
                 CAST(NULL AS TEXT) AS step, source AS detail, judgement, settles_at, rev, \
                 CAST(-1 AS BIGINT) AS line \
                 FROM events WHERE lead = $1 \
                 UNION ALL SELECT at, 'decision.' || what, CAST(NULL AS TEXT), workflow, step, reason, \
                 CAST(NULL AS TEXT), CAST(NULL AS BIGINT), rev, line FROM decision_log WHERE lead = $1 \
                 UNION ALL SELECT at, 'decision.parked', CAST(NULL AS TEXT), CAST(NULL AS TEXT), \
                 CAST(NULL AS TEXT), reason, CAST(NULL AS TEXT), CAST(NULL AS BIGINT), \
                 CAST(9223372036854775807 AS BIGINT), CAST(0 AS BIGINT) FROM parked_leads WHERE lead = $1 \
                 UNION ALL SELECT settled_at, 'mail.parked', NULLIF(template, ''), workflow, step, reason, \
                 CAST(NULL AS TEXT), CAST(NULL AS BIGINT), \
                 CAST(9223372036854775807 AS BIGINT), CAST(0 AS BIGINT) FROM messages \
                 WHERE state = 'parked' AND lead = $1) AS x \
                 ORDER BY x.at DESC, x.rev DESC, x.line DESC LIMIT $2"
            ),
            |db, sql| sqlx::query_as(sql).bind(lead.0).bind(limit).fetch_all(db).await
        )?;
        found.reverse();
        Ok(found
            .into_iter()
            .map(|row| TimelineRow {
                at: Instant::from_millis(row.at),
                kind: row.kind,
                object: row.object,
                workflow: row.workflow,
                step: row.step,
                detail: row.detail,
                judgement: row.judgement.as_deref().and_then(Judgement::from_word),
                settles_at: row.settles_at.map(Instant::from_millis),
            })
            .collect())
    }

    /// Every point that a lead got or lost, in the order of the decisions.
    pub async fn ledger(&self, lead: LeadId) -> Result<Vec<LedgerRow>> {
        #[derive(FromRow)]
        struct Row {
            score: String,
            rule: String,
            points: i64,
            at: i64,
            reason: String,
            event: Option<i64>,
            object: Option<String>,
        }
        let found: Vec<Row> = on_db!(
            self.db.read(),
            sql!(
                "SELECT s.score, s.rule, s.points, s.at, s.reason, s.event, e.object \
                 FROM score_ledger AS s LEFT JOIN events AS e ON e.lead = s.lead AND e.rev = s.event \
                 WHERE s.lead = $1 ORDER BY s.rev, s.line"
            ),
            |db, sql| sqlx::query_as(sql).bind(lead.0).fetch_all(db).await
        )?;
        found
            .into_iter()
            .map(|row| {
                let score = [ScoreKind::Fit, ScoreKind::Engagement]
                    .into_iter()
                    .find(|score| score.word() == row.score)
                    .ok_or_else(|| {
                        StoreError::corrupt("score_ledger", "score", rows::lead_key(lead.0))
                    })?;
                let line = LedgerLine {
                    score,
                    rule: row.rule.into(),
                    points: MilliPoints(row.points),
                    at: Instant::from_millis(row.at),
                    reason: row.reason,
                    event: row.event.map(Rev),
                };
                Ok(LedgerRow { line, object: row.object.map(Name::from) })
            })
            .collect()
    }

    /// How many leads are to be decided now.
    pub async fn due_leads(&self, now: Instant) -> Result<u64> {
        let due: i64 =
            on_db!(self.db.read(), sql!("SELECT ", due), |db, sql| sqlx::query_scalar(sql)
                .bind(now.millis())
                .fetch_one(db)
                .await)?;
        Ok(due.unsigned_abs())
    }

    /// Counts of everything. Walks along whole indexes, though along no wide table: for reports, not for
    /// each tick.
    pub async fn census(&self, now: Instant) -> Result<Census> {
        let counts: Vec<(String, String, i64)> =
            on_db!(self.db.read(), CENSUS, |db, sql| sqlx::query_as(sql)
                .bind(now.millis())
                .fetch_all(db)
                .await)?;
        let mut census = Census::default();
        for (what, word, number) in counts {
            let number = u64::try_from(number).unwrap_or_default();
            match what.as_str() {
                "stage" => {
                    census.leads += number;
                    census.by_stage.insert(Name::from(word), number);
                }
                "message" => {
                    census.messages.insert(Name::from(word), number);
                }
                "active" => census.enrolments_active = number,
                "suppressed" => census.suppressions = number,
                "parked" => census.parked_leads = number,
                _ => census.due = number,
            }
        }
        Ok(census)
    }
}
