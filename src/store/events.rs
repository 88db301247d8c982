//! Events as rows.

use serde::Serialize;
use sqlx::FromRow;

use super::{
    Result, Store, StoreError,
    db::{Tx, on_db},
    rows,
};
use crate::domain::{
    event::{Event, EventData, EventKind, Judgement, StepRef},
    id::{LeadId, MessageId, Rev},
    time::Instant,
};

/// An event on its way in.
#[derive(Clone, Debug, Serialize)]
pub struct EventRow<'a> {
    pub lead: i64,
    pub rev: i64,
    pub kind: &'a str,
    pub object: Option<&'a str>,
    pub occurred_at: i64,
    pub judgement: &'static str,
    pub settles_at: Option<i64>,
    pub message: Option<i64>,
    /// The mail that it came back on: counted by whose it is.
    pub on_mail: Option<i64>,
    pub about: Option<String>,
    pub revises: Option<i64>,
    pub data: String,
    pub source: &'a str,
}

impl<'a> EventRow<'a> {
    pub fn new(lead: i64, rev: i64, kind: &'a str, occurred_at: i64, source: &'a str) -> Self {
        Self {
            lead,
            rev,
            kind,
            object: None,
            occurred_at,
            judgement: Judgement::Human.word(),
            settles_at: None,
            message: None,
            on_mail: None,
            about: None,
            revises: None,
            data: "{}".to_owned(),
            source,
        }
    }

    pub fn about(mut self, about: Option<&StepRef>) -> Result<Self> {
        self.about = about.map(rows::encode).transpose()?;
        Ok(self)
    }

    pub fn data(mut self, data: &EventData) -> Result<Self> {
        if !data.is_empty() {
            self.data = rows::encode(data)?;
        }
        Ok(self)
    }
}

/// An event as it is stored.
#[derive(Clone, Debug, FromRow)]
pub struct StoredEvent {
    pub lead: i64,
    pub rev: i64,
    pub kind: String,
    pub object: Option<String>,
    pub occurred_at: i64,
    pub recorded_at: i64,
    pub judgement: String,
    pub settles_at: Option<i64>,
    pub message: Option<i64>,
    pub about: Option<String>,
    pub revises: Option<i64>,
    pub data: String,
}

impl TryFrom<StoredEvent> for Event {
    type Error = StoreError;

    fn try_from(row: StoredEvent) -> Result<Self> {
        let key = format!("lead {} rev {}", row.lead, row.rev);
        let corrupt = |column| StoreError::corrupt("events", column, &key);
        Ok(Self {
            rev: Rev(row.rev),
            kind: EventKind::parse(&row.kind).map_err(|_| corrupt("kind"))?,
            object: rows::some_name(row.object),
            occurred_at: Instant::from_millis(row.occurred_at),
            recorded_at: Instant::from_millis(row.recorded_at),
            judgement: Judgement::from_word(&row.judgement).ok_or_else(|| corrupt("judgement"))?,
            settles_at: row.settles_at.map(Instant::from_millis),
            message: row.message.map(MessageId),
            about: row
                .about
                .map(|about| rows::decode(&about, "events", "about", &key))
                .transpose()?,
            revises: row.revises.map(Rev),
            data: match row.data.as_str() {
                "{}" => EventData::new(),
                data => rows::decode(data, "events", "data", &key)?,
            },
        })
    }
}

impl Tx {
    /// Writes events whose revs have been taken.
    pub(super) async fn insert_events(
        &mut self,
        events: &[EventRow<'_>],
        now: Instant,
    ) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let rows = rows::json("events", events)?;
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO events (lead, rev, kind, object, occurred_at, recorded_at, judgement, settles_at, \
                 message, about, revises, data, source, workflow, step) \
                 SELECT CAST(j.value ->> 'lead' AS BIGINT), CAST(j.value ->> 'rev' AS BIGINT), \
                 j.value ->> 'kind', j.value ->> 'object', CAST(j.value ->> 'occurred_at' AS BIGINT), $2, \
                 j.value ->> 'judgement', CAST(j.value ->> 'settles_at' AS BIGINT), \
                 CAST(j.value ->> 'message' AS BIGINT), j.value ->> 'about', \
                 CAST(j.value ->> 'revises' AS BIGINT), j.value ->> 'data', j.value ->> 'source', \
                 (SELECT m.workflow FROM messages AS m WHERE m.kind = 'marketing' \
                 AND m.id = CAST(j.value ->> 'on_mail' AS BIGINT)), \
                 (SELECT m.step FROM messages AS m WHERE m.kind = 'marketing' \
                 AND m.id = CAST(j.value ->> 'on_mail' AS BIGINT)) FROM ",
                each
            ),
            |db, sql| sqlx::query(sql).bind(rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    /// The whole history of each of these leads, by rev.
    pub(super) async fn all_events(&mut self, leads: &str) -> Result<Vec<StoredEvent>> {
        Ok(on_db!(
            self.on(),
            sql!(
                "SELECT e.lead, e.rev, e.kind, e.object, e.occurred_at, e.recorded_at, e.judgement, \
                 e.settles_at, e.message, e.about, e.revises, e.data \
                 FROM events AS e WHERE e.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") ORDER BY e.lead, e.rev"
            ),
            |db, sql| sqlx::query_as(sql).bind(leads).fetch_all(db).await
        )?)
    }
}

impl Store {
    /// A lead's last answer to a question, by its key.
    pub async fn last_answer(&self, lead: LeadId, question: &str) -> Result<Option<Event>> {
        let found: Option<StoredEvent> = on_db!(
            self.db.read(),
            sql!(
                "SELECT e.lead, e.rev, e.kind, e.object, e.occurred_at, e.recorded_at, e.judgement, \
                 e.settles_at, e.message, e.about, e.revises, e.data FROM events AS e \
                 WHERE e.lead = $1 AND e.kind = $2 AND e.object = $3 ORDER BY e.rev DESC LIMIT 1"
            ),
            |db, sql| sqlx::query_as(sql)
                .bind(lead.0)
                .bind(EventKind::LEAD_ANSWERED.as_str())
                .bind(question)
                .fetch_optional(db)
                .await
        )?;
        found.map(Event::try_from).transpose()
    }

    /// A lead's whole history, by rev.
    pub async fn events_of(&self, lead: LeadId) -> Result<Vec<Event>> {
        let mut tx = self.db.snapshot().await?;
        let events = tx.all_events(&rows::ids([lead.0])).await?;
        tx.rollback().await?;
        events.into_iter().map(Event::try_from).collect()
    }
}
