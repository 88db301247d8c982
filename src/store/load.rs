//! Loading leads: four statements for any number of them.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use sqlx::FromRow;

use super::{
    Batch, Result, Store, StoreError,
    db::{Tx, on_db},
    events::StoredEvent,
    gather::{gather, next},
    rows,
    timers::Timer,
};
use crate::domain::{
    address::Address,
    event::{Event, StepRef},
    id::{EnrolmentNo, LeadId, MessageId, ReleaseId, Rev},
    lead::{Enrolment, LeadRecord, Memory, Profile, Stage, Suppression, Unreadable},
    message::{MessageState, OpenMessage},
    time::Instant,
};

#[derive(FromRow)]
struct LeadRow {
    lead: i64,
    address: String,
    stage: String,
    stage_since: i64,
    created_at: i64,
    profile: String,
    memory: Vec<u8>,
    suppressed: Option<String>,
}

#[derive(FromRow)]
struct OpenRow {
    lead: i64,
    id: i64,
    enrolment: i64,
    step: String,
    visit: i64,
    workflow: String,
    purpose: String,
    template: String,
    state: String,
    due_at: i64,
}

/// Leads as they come together, and those that cannot be read.
#[derive(Default)]
struct Loading {
    records: HashMap<i64, LeadRecord>,
    corrupt: Vec<(LeadId, String)>,
}

impl Loading {
    /// Puts a part into its lead, or sets the lead aside.
    fn put<T>(&mut self, lead: i64, part: Result<T>, place: impl FnOnce(&mut LeadRecord, T)) {
        match part {
            Ok(part) => {
                if let Some(record) = self.records.get_mut(&lead) {
                    place(record, part);
                }
            }
            Err(error) => self.set_aside(lead, &error),
        }
    }

    fn take(&mut self, row: LeadRow, timers: &HashMap<i64, &Timer>) {
        let Some(timer) = timers.get(&row.lead) else { return };
        let lead = row.lead;
        match row.with(timer) {
            Ok(record) => {
                self.records.insert(lead, record);
            }
            Err(error) => self.corrupt.push((LeadId(lead), error.to_string())),
        }
    }

    fn set_aside(&mut self, lead: i64, error: &StoreError) {
        if self.records.remove(&lead).is_some() {
            self.corrupt.push((LeadId(lead), error.to_string()));
        }
    }
}

impl Tx {
    pub(super) async fn into_batch(mut self, timers: Vec<Timer>) -> Result<Batch> {
        let release = self.live_release_id().await?;
        let (mut paused, are_leads) = self.paused().await?;
        let (records, corrupt) = self.load(timers).await?;
        if are_leads {
            paused.leads = self.paused_leads(&records).await?;
        }
        Ok(Batch {
            records,
            corrupt,
            refused: Vec::new(),
            marks: Vec::new(),
            release,
            paused,
            shared: Box::default(),
            tx: self,
            is_locked: true,
        })
    }

    /// Loads the leads of these timers, in their order.
    pub(super) async fn load(
        &mut self,
        timers: Vec<Timer>,
    ) -> Result<(Vec<LeadRecord>, Vec<(LeadId, String)>)> {
        if timers.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let order: Vec<i64> = timers.iter().map(|timer| timer.lead).collect();
        let leads = rows::ids(order.iter().copied());
        let mut loading = self.load_leads(&leads, &timers).await?;
        for row in self.active_enrolments(&leads).await? {
            loading.put(row.lead, Enrolment::try_from(row), |record, enrolment| {
                record.enrolments.push(enrolment);
            });
        }
        for row in self.open_messages(&leads).await? {
            loading.put(row.lead, OpenMessage::try_from(row), |record, message| {
                record.open_message = Some(message);
            });
        }
        for row in self.new_events(&timers).await? {
            loading.put(row.lead, Event::try_from(row), |record, event| {
                record.new_events.push(event);
            });
        }
        let Loading { mut records, corrupt } = loading;
        Ok((order.iter().filter_map(|lead| records.remove(lead)).collect(), corrupt))
    }

    async fn load_leads(&mut self, leads: &str, timers: &[Timer]) -> Result<Loading> {
        let by_lead: HashMap<i64, &Timer> =
            timers.iter().map(|timer| (timer.lead, timer)).collect();
        let mut loading = Loading::default();
        on_db!(
            self.on(),
            sql!(
                "SELECT l.lead, l.address, l.stage, l.stage_since, l.created_at, l.profile, l.memory, \
                 COALESCE((SELECT s.reason FROM suppressions AS s WHERE s.subject = l.address), \
                 (SELECT s.reason FROM suppressions AS s WHERE s.subject = l.domain)) AS suppressed \
                 FROM leads AS l WHERE l.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ")"
            ),
            |db, sql| {
                let mut rows = sqlx::query_as(sql).bind(leads).fetch(db);
                // Each is read while the database is at the next.
                while let Some(row) = next(&mut rows).await.transpose()? {
                    loading.take(row, &by_lead);
                }
                Ok::<(), sqlx::Error>(())
            }
        )?;
        let seen: HashSet<i64> = loading
            .records
            .keys()
            .copied()
            .chain(loading.corrupt.iter().map(|(lead, _)| lead.0))
            .collect();
        for timer in timers.iter().filter(|timer| !seen.contains(&timer.lead)) {
            let error = StoreError::corrupt("leads", "lead", rows::lead_key(timer.lead));
            loading.corrupt.push((LeadId(timer.lead), error.to_string()));
        }
        Ok(loading)
    }

    async fn open_messages(&mut self, leads: &str) -> Result<Vec<OpenRow>> {
        Ok(on_db!(
            self.on(),
            sql!(
                "SELECT m.lead, m.id, m.enrolment, m.step, m.visit, m.workflow, m.purpose, m.template, m.state, \
                 m.due_at FROM messages AS m WHERE m.kind = 'marketing' \
                 AND m.state IN ('reserved', 'claimed', 'transmitting', 'deferred') \
                 AND m.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ")"
            ),
            |db, sql| sqlx::query_as(sql).bind(leads).fetch_all(db).await
        )?)
    }

    /// What the leads' memories do not reflect yet.
    async fn new_events(&mut self, timers: &[Timer]) -> Result<Vec<StoredEvent>> {
        #[derive(Serialize)]
        struct Row {
            lead: i64,
            reflected: i64,
        }
        let behind: Vec<Row> = timers
            .iter()
            .filter(|timer| timer.rev > timer.reflected)
            .map(|timer| Row { lead: timer.lead, reflected: timer.reflected })
            .collect();
        if behind.is_empty() {
            return Ok(Vec::new());
        }
        let behind = rows::json("lead_timer", &behind)?;
        Ok(on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 CAST(j.value ->> 'reflected' AS BIGINT) AS reflected FROM ",
                each,
                ") SELECT e.lead, e.rev, e.kind, e.object, e.occurred_at, e.recorded_at, e.judgement, \
                 e.settles_at, e.message, e.about, e.revises, e.data \
                 FROM r INNER JOIN events AS e ON e.lead = r.lead AND e.rev > r.reflected \
                 ORDER BY e.lead, e.rev"
            ),
            |db, sql| gather(sqlx::query_as(sql).bind(behind).fetch(db)).await
        )?)
    }
}

impl LeadRow {
    fn with(self, timer: &Timer) -> Result<LeadRecord> {
        let key = rows::lead_key(self.lead);
        let corrupt = |column| StoreError::corrupt("leads", column, &key);
        let mut memory =
            Memory::unpack(&self.memory).map_err(|Unreadable(column)| corrupt(column))?;
        memory.reflected = Rev(timer.reflected);
        Ok(LeadRecord {
            lead: LeadId(self.lead),
            rev: Rev(timer.rev),
            stop_epoch: timer.stop_epoch,
            attempts: timer.attempts,
            created_at: Instant::from_millis(self.created_at),
            decided_at: Instant::from_millis(timer.decided_at),
            decided_under: ReleaseId(timer.decided_release),
            due_at: Instant::from_millis(timer.wake_at),
            address: Address::parse(&self.address).map_err(|_| corrupt("address"))?,
            stage: Stage::from_word(&self.stage).ok_or_else(|| corrupt("stage"))?,
            stage_since: Instant::from_millis(self.stage_since),
            profile: rows::decode::<Profile>(&self.profile, "leads", "profile", &key)?,
            memory,
            enrolments: Vec::new(),
            open_message: None,
            suppressed: self.suppressed.as_deref().and_then(Suppression::from_word),
            new_events: Vec::new(),
        })
    }
}

impl TryFrom<OpenRow> for OpenMessage {
    type Error = StoreError;

    fn try_from(row: OpenRow) -> Result<Self> {
        let corrupt =
            |column| StoreError::corrupt("messages", column, format!("message {}", row.id));
        Ok(Self {
            id: MessageId(row.id),
            about: StepRef {
                enrolment: EnrolmentNo(row.enrolment),
                visit: u64::try_from(row.visit).map_err(|_| corrupt("visit"))?,
                step: row.step.into(),
            },
            state: MessageState::from_word(&row.state).ok_or_else(|| corrupt("state"))?,
            workflow: row.workflow.into(),
            purpose: row.purpose.into(),
            template: row.template.into(),
            due_at: Instant::from_millis(row.due_at),
        })
    }
}

/// Leads that were read to be looked at.
#[derive(Debug)]
pub struct People {
    /// In the order of their numbers.
    pub records: Vec<LeadRecord>,
    /// Those that cannot be read, and why.
    pub corrupt: Vec<(LeadId, String)>,
    /// All that happened to them, by rev, of those of whom it was to be read.
    pub histories: HashMap<LeadId, Vec<Event>>,
}

impl People {
    fn remember(&mut self, row: StoredEvent) {
        let lead = LeadId(row.lead);
        match Event::try_from(row) {
            Ok(event) => self.histories.entry(lead).or_default().push(event),
            Err(error) => {
                let known = self.records.len();
                self.records.retain(|record| record.lead != lead);
                if self.records.len() < known {
                    self.corrupt.push((lead, error.to_string()));
                }
            }
        }
    }
}

impl Store {
    /// Leads as they are, to look at; those that cannot be read, or are gone, are not among them.
    pub async fn records(&self, leads: &[LeadId]) -> Result<Vec<LeadRecord>> {
        let mut tx = self.db.snapshot().await?;
        let ids = rows::ids(leads.iter().map(|lead| lead.0));
        let timers = tx.timers_of(&ids).await?;
        let (records, _) = tx.load(timers).await?;
        tx.rollback().await?;
        Ok(records)
    }

    /// Leads as they are, to look at, but for those that are parked or gone. Of those whose memory was folded under
    /// another plan than this, the whole history is there, too.
    pub async fn people(&self, leads: &[LeadId], plan: i64) -> Result<People> {
        let mut tx = self.db.snapshot().await?;
        let timers = tx.timers_of(&rows::ids(leads.iter().map(|lead| lead.0))).await?;
        let timers = timers.into_iter().filter(|timer| !timer.is_parked()).collect();
        let (records, corrupt) = tx.load(timers).await?;
        let mut people = People { records, corrupt, histories: HashMap::new() };
        let strangers = people.records.iter().filter(|record| record.memory.plan != plan);
        let strangers: Vec<i64> = strangers.map(|record| record.lead.0).collect();
        if !strangers.is_empty() {
            for row in tx.all_events(&rows::ids(strangers)).await? {
                people.remember(row);
            }
        }
        tx.rollback().await?;
        Ok(people)
    }

    /// One lead as it is, to look at.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or what it was parked for, when it cannot be read.
    pub async fn record(&self, lead: LeadId) -> Result<Option<LeadRecord>> {
        let mut tx = self.db.snapshot().await?;
        let timers: Vec<Timer> =
            on_db!(tx.on(), sql!(timers, " WHERE t.lead = $1"), |db, sql| sqlx::query_as(sql)
                .bind(lead.0)
                .fetch_all(db)
                .await)?;
        let (records, corrupt) = tx.load(timers).await?;
        tx.rollback().await?;
        match corrupt.into_iter().next() {
            Some((_, reason)) => Err(StoreError::Other(reason)),
            None => Ok(records.into_iter().next()),
        }
    }
}
