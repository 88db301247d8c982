//! Enrolments after a decision.

use serde::Serialize;

use crate::{
    domain::{
        decision::EnrolmentChange,
        id::LeadId,
        lead::{Outcome, Phase},
    },
    store::{
        Result,
        db::{Tx, on_db},
        records::LeadWrite,
        rows,
    },
};

#[derive(Serialize)]
struct EnrolmentRow<'a> {
    lead: i64,
    enrolment: i64,
    workflow: &'a str,
    version: &'a str,
    status: &'static str,
    step: &'a str,
    visit: u64,
    phase: &'static str,
    entered_at: i64,
    armed_at: i64,
    due_at: Option<i64>,
    civil: Option<String>,
    held: Option<String>,
    entry: Option<String>,
    ended_at: Option<i64>,
    reason: Option<&'a str>,
    turns: Option<String>,
    doubt: Option<i64>,
}

impl Tx {
    pub(super) async fn write_enrolments(&mut self, writes: &[LeadWrite]) -> Result<()> {
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
                     entered_at, armed_at, due_at, civil, held, entry, ended_at, reason, turns, doubt) \
                     SELECT CAST(j.value ->> 'lead' AS BIGINT), CAST(j.value ->> 'enrolment' AS BIGINT), \
                     j.value ->> 'workflow', j.value ->> 'version', j.value ->> 'status', j.value ->> 'step', \
                     CAST(j.value ->> 'visit' AS BIGINT), j.value ->> 'phase', \
                     CAST(j.value ->> 'entered_at' AS BIGINT), CAST(j.value ->> 'armed_at' AS BIGINT), \
                     CAST(j.value ->> 'due_at' AS BIGINT), j.value ->> 'civil', j.value ->> 'held', \
                     j.value ->> 'entry', CAST(j.value ->> 'ended_at' AS BIGINT), j.value ->> 'reason', \
                     j.value ->> 'turns', CAST(j.value ->> 'doubt' AS BIGINT) FROM ",
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
                     j.value ->> 'held' AS held, j.value ->> 'entry' AS entry, CAST(j.value ->> 'ended_at' AS BIGINT) AS ended_at, \
                     j.value ->> 'reason' AS reason, j.value ->> 'turns' AS turns, \
                     CAST(j.value ->> 'doubt' AS BIGINT) AS doubt FROM ",
                    each,
                    ") UPDATE enrolments AS t SET version = r.version, status = r.status, step = r.step, \
                     visit = r.visit, phase = r.phase, armed_at = r.armed_at, due_at = r.due_at, \
                     civil = r.civil, held = r.held, entry = r.entry, ended_at = r.ended_at, reason = r.reason, \
                     turns = r.turns, doubt = r.doubt \
                     FROM r WHERE t.lead = r.lead AND t.enrolment = r.enrolment"
                ),
                |db, sql| sqlx::query(sql).bind(rows).execute(db).await.map(drop)
            )?;
        }
        self.move_mails(writes).await
    }

    /// The mails of enrolments that moved to another version move with them: they are judged and written by
    /// that one.
    async fn move_mails(&mut self, writes: &[LeadWrite]) -> Result<()> {
        #[derive(Serialize)]
        struct Row<'a> {
            lead: i64,
            enrolment: i64,
            version: &'a str,
        }
        let moved = writes.iter().flat_map(|write| {
            let moved = write.enrolments.iter().filter(|change| change.has_migrated);
            moved.map(|change| Row {
                lead: write.lead.0,
                enrolment: change.enrolment.no.0,
                version: change.enrolment.version.0.as_str(),
            })
        });
        let moved: Vec<Row<'_>> = moved.collect();
        if moved.is_empty() {
            return Ok(());
        }
        let rows = rows::json("messages", &moved)?;
        on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 CAST(j.value ->> 'enrolment' AS BIGINT) AS enrolment, j.value ->> 'version' AS version FROM ",
                each,
                ") UPDATE messages AS t SET version = r.version \
                 FROM r WHERE t.lead = r.lead AND t.enrolment = r.enrolment AND t.kind = 'marketing' \
                 AND t.state IN ('reserved', 'claimed', 'transmitting', 'deferred', 'parked', 'in_doubt')"
            ),
            |db, sql| sqlx::query(sql).bind(rows).execute(db).await.map(drop)
        )
        .map_err(Into::into)
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
            turns: match enrolment.turns.as_slice() {
                [] => None,
                turns => Some(rows::encode(turns)?),
            },
            doubt: enrolment.doubt.map(|message| message.0),
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
