//! Messages that a decision reserves and withdraws.

use serde::Serialize;

use crate::{
    domain::time::Instant,
    store::{
        Result, Store,
        db::{Tx, on_db},
        records::LeadWrite,
        rows,
    },
};

#[derive(Serialize)]
struct MessageRow<'a> {
    id: i64,
    lead: i64,
    enrolment: i64,
    step: &'a str,
    visit: u64,
    recipient: &'a str,
    kind: &'static str,
    workflow: &'a str,
    version: &'a str,
    purpose: &'a str,
    template: &'a str,
    priority: i32,
    due_at: i64,
    via: &'a str,
    placed_on: Option<i64>,
}

#[derive(Serialize)]
struct AgainRow<'a> {
    id: i64,
    lead: i64,
    enrolment: i64,
    step: &'a str,
    visit: u64,
    due_at: i64,
    placed_on: Option<i64>,
}

#[derive(Serialize)]
struct WithdrawRow<'a> {
    id: i64,
    lead: i64,
    reason: &'a str,
}

impl Tx {
    pub(super) async fn withdraw(&mut self, writes: &[LeadWrite], now: Instant) -> Result<u64> {
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
                ") UPDATE messages AS t SET state = ",
                taken_back,
                ", reason = r.reason, settled_at = $2 \
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

    /// What waits, parked, for an enrolment that has ended or gone on past it is over. Notices to our own people are not:
    /// they tell of what has been.
    pub(super) async fn cancel_parked(&mut self, writes: &[LeadWrite], now: Instant) -> Result<()> {
        let over: Vec<WithdrawRow> = writes
            .iter()
            .flat_map(|write| {
                write.enrolments.iter().filter_map(|change| {
                    let ended = change.ended.as_ref().map(|_| "the enrolment ended");
                    let reason = change.gave_up.as_deref().or(ended)?;
                    Some(WithdrawRow { id: change.enrolment.no.0, lead: write.lead.0, reason })
                })
            })
            .collect();
        if over.is_empty() {
            return Ok(());
        }
        let rows = rows::json("messages", &over)?;
        on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'id' AS BIGINT) AS enrolment, \
                 CAST(j.value ->> 'lead' AS BIGINT) AS lead, j.value ->> 'reason' AS reason FROM ",
                each,
                ") UPDATE messages AS t SET state = ",
                taken_back,
                ", reason = r.reason, settled_at = $2 \
                 FROM r WHERE t.lead = r.lead AND t.enrolment = r.enrolment \
                 AND t.state = 'parked' AND t.kind = 'marketing'"
            ),
            |db, sql| sqlx::query(sql).bind(rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    /// Messages that were in doubt or lost, or failed, are sent once more: still the same, with the same key. Objections
    /// from now on stop them, as they do new ones. One that failed is tried as if for the first time.
    pub(super) async fn reserve_again(&mut self, writes: &[LeadWrite]) -> Result<u64> {
        let again: Vec<AgainRow<'_>> = writes
            .iter()
            .flat_map(|write| write.messages.iter().map(move |message| (write.lead, message)))
            .filter_map(|(lead, message)| {
                let id = message.again?.0;
                let about = &message.about;
                Some(AgainRow {
                    id,
                    lead: lead.0,
                    enrolment: about.enrolment.0,
                    step: &about.step,
                    visit: about.visit,
                    due_at: message.due_at.millis(),
                    placed_on: message.placed_on.map(|day| day.0),
                })
            })
            .collect();
        if again.is_empty() {
            return Ok(0);
        }
        let rows = rows::json("messages", &again)?;
        Ok(on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'id' AS BIGINT) AS id, \
                 CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 CAST(j.value ->> 'enrolment' AS BIGINT) AS enrolment, j.value ->> 'step' AS step, \
                 CAST(j.value ->> 'visit' AS BIGINT) AS visit, \
                 CAST(j.value ->> 'due_at' AS BIGINT) AS due_at, \
                 CAST(j.value ->> 'placed_on' AS BIGINT) AS placed_on FROM ",
                each,
                ") UPDATE messages AS t SET state = 'reserved', due_at = r.due_at, placed_on = r.placed_on, settled_at = NULL, \
                 first_tried_at = CASE WHEN t.doubted_at IS NULL THEN NULL ELSE t.first_tried_at END, \
                 stop_epoch = (SELECT l.stop_epoch FROM lead_timer AS l WHERE l.lead = r.lead) \
                 FROM r WHERE t.id = r.id AND t.lead = r.lead AND t.enrolment = r.enrolment \
                 AND t.step = r.step AND t.visit = r.visit \
                 AND t.state IN ('in_doubt', 'failed')"
            ),
            |db, sql| sqlx::query(sql)
                .bind(rows)
                .execute(db)
                .await
                .map(|done| done.rows_affected())
        )?)
    }

    /// A reserved message copies its lead's `stop_epoch`: an objection from now on stops it.
    pub(super) async fn reserve(
        &mut self,
        store: &Store,
        writes: &[LeadWrite],
        now: Instant,
    ) -> Result<u64> {
        let messages: Vec<MessageRow> = writes
            .iter()
            .flat_map(|write| write.messages.iter().map(move |message| (write.lead, message)))
            .filter(|(_, message)| message.again.is_none())
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
                via: &message.relay,
                placed_on: message.placed_on.map(|day| day.0),
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
                 purpose, template, priority, state, due_at, attempts, stop_epoch, created_at, via, placed_on) \
                 SELECT CAST(j.value ->> 'id' AS BIGINT), CAST(j.value ->> 'lead' AS BIGINT), \
                 CAST(j.value ->> 'enrolment' AS BIGINT), j.value ->> 'step', \
                 CAST(j.value ->> 'visit' AS BIGINT), j.value ->> 'recipient', j.value ->> 'kind', \
                 j.value ->> 'workflow', j.value ->> 'version', j.value ->> 'purpose', \
                 j.value ->> 'template', CAST(j.value ->> 'priority' AS BIGINT), 'reserved', \
                 CAST(j.value ->> 'due_at' AS BIGINT), 0, \
                 (SELECT t.stop_epoch FROM lead_timer AS t WHERE t.lead = CAST(j.value ->> 'lead' AS BIGINT)), \
                 $2, j.value ->> 'via', CAST(j.value ->> 'placed_on' AS BIGINT) FROM ",
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
}
