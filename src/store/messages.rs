//! Messages on their way: taken past the point of no return, looked up.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use sqlx::FromRow;

use super::{
    Result, Store, StoreError,
    db::{Either, Tx, on_db},
    gate::Turn,
    records::{ClaimToken, MessageBrief, MessageRow},
    rows,
};
use crate::domain::{
    event::StepRef,
    id::{EnrolmentNo, LeadId, MessageId},
    message::{MessageKind, MessageState},
    schedule::Day,
    time::Instant,
    workflow::Version,
};

#[derive(Clone, Debug, FromRow)]
pub(super) struct StoredMessage {
    pub id: i64,
    pub lead: i64,
    pub enrolment: i64,
    pub step: String,
    pub visit: i64,
    pub recipient: String,
    pub kind: String,
    pub workflow: String,
    pub version: String,
    pub purpose: String,
    pub template: String,
    pub state: String,
    pub due_at: i64,
    pub attempts: i64,
    pub token: Option<i64>,
    pub created_at: i64,
    pub first_tried_at: Option<i64>,
    pub sent_at: Option<i64>,
    pub reason: Option<String>,
    pub via: String,
    pub placed_on: Option<i64>,
}

impl TryFrom<StoredMessage> for MessageRow {
    type Error = StoreError;

    fn try_from(row: StoredMessage) -> Result<Self> {
        let corrupt =
            |column| StoreError::corrupt("messages", column, format!("message {}", row.id));
        Ok(Self {
            id: MessageId(row.id),
            lead: LeadId(row.lead),
            about: StepRef {
                enrolment: EnrolmentNo(row.enrolment),
                visit: u64::try_from(row.visit).map_err(|_| corrupt("visit"))?,
                step: row.step.into(),
            },
            kind: kind(&row.kind).ok_or_else(|| corrupt("kind"))?,
            state: MessageState::from_word(&row.state).ok_or_else(|| corrupt("state"))?,
            recipient: row.recipient.into(),
            workflow: row.workflow.into(),
            version: Version(row.version.into()),
            purpose: row.purpose.into(),
            template: row.template.into(),
            due_at: Instant::from_millis(row.due_at),
            attempts: row.attempts,
            created_at: Instant::from_millis(row.created_at),
            first_tried_at: row.first_tried_at.map(Instant::from_millis),
            sent_at: row.sent_at.map(Instant::from_millis),
            reason: row.reason,
            via: row.via.into(),
            placed_on: row.placed_on.map(Day),
        })
    }
}

#[derive(FromRow)]
struct StoredBrief {
    id: i64,
    lead: i64,
    kind: String,
    template: String,
    workflow: String,
    enrolment: i64,
    step: String,
    visit: i64,
    state: String,
    sent_at: Option<i64>,
}

impl TryFrom<StoredBrief> for MessageBrief {
    type Error = StoreError;

    fn try_from(row: StoredBrief) -> Result<Self> {
        let corrupt =
            |column| StoreError::corrupt("messages", column, format!("message {}", row.id));
        Ok(Self {
            id: MessageId(row.id),
            lead: LeadId(row.lead),
            kind: kind(&row.kind).ok_or_else(|| corrupt("kind"))?,
            about: StepRef {
                enrolment: EnrolmentNo(row.enrolment),
                visit: u64::try_from(row.visit).map_err(|_| corrupt("visit"))?,
                step: row.step.into(),
            },
            template: row.template.into(),
            workflow: row.workflow.into(),
            state: MessageState::from_word(&row.state).ok_or_else(|| corrupt("state"))?,
            sent_at: row.sent_at.map(Instant::from_millis),
        })
    }
}

/// Claimed messages and their tokens; one that cannot be read must not keep the others.
pub(super) fn readable(rows: Vec<StoredMessage>) -> impl Iterator<Item = (MessageRow, ClaimToken)> {
    rows.into_iter().filter_map(|row| {
        let (id, token) = (row.id, ClaimToken(row.token.unwrap_or_default()));
        match MessageRow::try_from(row) {
            Ok(message) => Some((message, token)),
            Err(error) => {
                tracing::error!(message = id, %error, "a message cannot be read; its claim stays");
                None
            }
        }
    })
}

pub(super) fn kind(word: &str) -> Option<MessageKind> {
    [MessageKind::Marketing, MessageKind::Internal].into_iter().find(|kind| kind.word() == word)
}

impl Tx {
    /// Locks the leads' timers and then the messages, each in order, as everybody who locks several. An
    /// objection that is on its way is waited for, and one that comes now is answered after us: none
    /// is answered between our look and our commit. SQLite's one writer needs no locks.
    async fn lock_claims(&mut self, claims: &[(MessageId, ClaimToken)]) -> Result<()> {
        if let Either::Postgres(db) = self.on() {
            let ids = rows::ids(claims.iter().map(|(id, _)| id.0));
            for lock in [
                "SELECT t.lead FROM lead_timer AS t WHERE t.lead IN (SELECT m.lead FROM messages AS m \
                 WHERE m.id IN (SELECT CAST(j.value AS BIGINT) \
                 FROM jsonb_array_elements(CAST($1 AS jsonb)) AS j(value))) ORDER BY t.lead FOR SHARE OF t",
                "SELECT t.id FROM messages AS t WHERE t.id IN (SELECT CAST(j.value AS BIGINT) \
                 FROM jsonb_array_elements(CAST($1 AS jsonb)) AS j(value)) ORDER BY t.id FOR UPDATE OF t",
            ] {
                sqlx::query(lock).bind(&ids).execute(&mut *db).await?;
            }
        }
        Ok(())
    }

    /// See [`Store::mark_transmitting`]. The leads are locked, and after them the messages.
    pub(super) async fn mark(
        &mut self,
        claims: &[(MessageId, ClaimToken)],
        ignores_pauses: bool,
        now: Instant,
    ) -> Result<Vec<bool>> {
        #[derive(Serialize)]
        struct Row {
            id: i64,
            token: i64,
        }
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<Row> =
            claims.iter().map(|(id, token)| Row { id: id.0, token: token.0 }).collect();
        let rows = rows::json("messages", &rows)?;
        let marked: Vec<i64> = on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'id' AS BIGINT) AS id, \
                 CAST(j.value ->> 'token' AS BIGINT) AS token FROM ",
                each,
                ") UPDATE messages SET state = 'transmitting', attempts = messages.attempts + 1, \
                 first_tried_at = COALESCE(messages.first_tried_at, $2) \
                 FROM r WHERE messages.id = r.id AND messages.token = r.token \
                 AND messages.state = 'claimed' \
                 AND (messages.kind = 'internal' OR (\
                 messages.stop_epoch = (SELECT t.stop_epoch FROM lead_timer AS t \
                 WHERE t.lead = messages.lead) \
                 AND NOT EXISTS (SELECT 1 FROM leads AS l INNER JOIN suppressions AS s \
                 ON s.subject IN (l.address, l.domain) WHERE l.lead = messages.lead))) \
                 AND ($3 OR NOT EXISTS (SELECT 1 FROM pauses AS p WHERE p.scope = 'all' \
                 OR p.scope = 'relay:' || messages.relay \
                 OR (messages.kind <> 'internal' \
                 AND p.scope IN (messages.workflow, 'lead:' || messages.lead)))) \
                 RETURNING messages.id"
            ),
            |db, sql| sqlx::query_scalar(sql)
                .bind(&rows)
                .bind(now.millis())
                .bind(ignores_pauses)
                .fetch_all(db)
                .await
        )?;
        let marked: HashSet<i64> = marked.into_iter().collect();
        Ok(claims.iter().map(|(id, _)| marked.contains(&id.0)).collect())
    }
}

impl Store {
    /// The point of no return, for several messages at once. `false`: do not hand it over: the claim is
    /// not ours any more, or the lead objected since the message was reserved, or is suppressed, or
    /// sending was paused since it was claimed.
    ///
    /// Internal mail goes to our own people: a lead's objection does not stop it.
    pub async fn mark_transmitting(
        &self,
        claims: &[(MessageId, ClaimToken)],
        now: Instant,
    ) -> Result<Vec<bool>> {
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.db.begin(Turn::Act).await?;
        tx.lock_claims(claims).await?;
        let marked = tx.mark(claims, self.db.ignores_pauses, now).await?;
        tx.commit().await?;
        Ok(marked)
    }

    /// What hits on these messages lead to; one that cannot be read is not among them.
    pub async fn message_briefs(
        &self,
        messages: &[MessageId],
    ) -> Result<HashMap<MessageId, MessageBrief>> {
        let found: Vec<StoredBrief> = on_db!(
            self.db.read(),
            sql!(
                "SELECT m.id, m.lead, m.kind, m.template, m.workflow, m.enrolment, m.step, m.visit, m.state, \
                 m.sent_at FROM messages AS m WHERE m.id IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ")"
            ),
            |db, sql| sqlx::query_as(sql)
                .bind(rows::ids(messages.iter().map(|message| message.0)))
                .fetch_all(db)
                .await
        )?;
        Ok(found
            .into_iter()
            .filter_map(|row| match MessageBrief::try_from(row) {
                Ok(brief) => Some((brief.id, brief)),
                Err(error) => {
                    tracing::error!(%error, "a hit on a message that cannot be read");
                    None
                }
            })
            .collect())
    }

    pub async fn message(&self, message: MessageId) -> Result<Option<MessageRow>> {
        let found: Option<StoredMessage> = on_db!(
            self.db.read(),
            sql!(
                "SELECT m.id, m.lead, m.enrolment, m.step, m.visit, m.recipient, m.kind, m.workflow, \
                 m.version, m.purpose, m.template, m.state, m.due_at, m.attempts, m.token, m.created_at, \
                 m.first_tried_at, m.sent_at, m.reason, m.via, m.placed_on FROM messages AS m WHERE m.id = $1"
            ),
            |db, sql| sqlx::query_as(sql).bind(message.0).fetch_optional(db).await
        )?;
        found.map(MessageRow::try_from).transpose()
    }
}
