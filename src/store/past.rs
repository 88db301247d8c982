//! Leads' pasts: what happened and what was decided, of some leads in a few statements.

use std::collections::HashMap;

use sqlx::FromRow;

use super::{
    Result, Store, StoreError,
    db::{Tx, on_db},
    messages::StoredMessage,
    records::{EnrolmentRow, Logged, MessageRow, Past},
    rows,
    show::StoredEnrolment,
};
use crate::domain::{
    decision::{LogLine, Verb},
    event::Event,
    id::{LeadId, Rev},
    lead::{LeadRecord, Suppression},
    time::Instant,
};

/// The pasts of some leads, and those that cannot be read.
#[derive(Debug, Default)]
pub struct Pasts {
    /// In the order of their numbers.
    pub known: Vec<Past>,
    pub corrupt: Vec<(LeadId, String)>,
}

#[derive(FromRow)]
struct LogRow {
    lead: i64,
    rev: i64,
    at: i64,
    what: String,
    workflow: Option<String>,
    step: Option<String>,
    reason: String,
}

#[derive(FromRow)]
struct Objection {
    lead: i64,
    reason: String,
    at: i64,
}

/// Pasts as they come together.
struct Gathering {
    known: HashMap<i64, Past>,
    corrupt: Vec<(LeadId, String)>,
}

impl Gathering {
    fn put<T>(&mut self, lead: i64, part: Result<T>, place: impl FnOnce(&mut Past, T)) {
        match (part, self.known.get_mut(&lead)) {
            (Ok(part), Some(past)) => place(past, part),
            (Err(error), Some(_)) => {
                self.known.remove(&lead);
                self.corrupt.push((LeadId(lead), error.to_string()));
            }
            (_, None) => {}
        }
    }
}

impl Store {
    /// The pasts of these leads. Those that are gone are not among them.
    pub async fn pasts(&self, leads: &[LeadId]) -> Result<Pasts> {
        let ids = rows::ids(leads.iter().map(|lead| lead.0));
        let mut tx = self.db.snapshot().await?;
        let timers = tx.timers_of(&ids).await?;
        let parked: Vec<i64> =
            timers.iter().filter(|timer| timer.is_parked()).map(|timer| timer.lead).collect();
        let (records, corrupt) = tx.load(timers).await?;
        let order: Vec<i64> = records.iter().map(|record| record.lead.0).collect();
        let past = |record: LeadRecord| Past {
            is_parked: parked.contains(&record.lead.0),
            record,
            events: Vec::new(),
            made: Vec::new(),
            log: Vec::new(),
            enrolments: Vec::new(),
            messages: Vec::new(),
            suppressed: None,
        };
        let known = records.into_iter().map(|record| (record.lead.0, past(record))).collect();
        let mut all = Gathering { known, corrupt };
        for row in tx.all_events(&ids).await? {
            all.put(row.lead, Event::try_from(row), |past, event| past.events.push(event));
        }
        for (lead, rev) in tx.made_events(&ids).await? {
            all.put(lead, Ok(Rev(rev)), |past, rev| past.made.push(rev));
        }
        for row in tx.log_of(&ids).await? {
            all.put(row.lead, Logged::try_from(row), |past, line| past.log.push(line));
        }
        for row in tx.enrolments_of(&ids).await? {
            all.put(row.lead, Ok(EnrolmentRow::from(row)), |past, it| past.enrolments.push(it));
        }
        for row in tx.messages_about(&ids).await? {
            all.put(row.lead, MessageRow::try_from(row), |past, it| past.messages.push(it));
        }
        for row in tx.objections_of(&ids).await? {
            let reason = Suppression::from_word(&row.reason).ok_or_else(|| {
                StoreError::corrupt("suppressions", "reason", rows::lead_key(row.lead))
            });
            let since = reason.map(|reason| (Instant::from_millis(row.at), reason));
            all.put(row.lead, since, |past, since| {
                // Its own entry comes before that of its domain.
                past.suppressed.get_or_insert(since);
            });
        }
        tx.rollback().await?;
        let Gathering { mut known, corrupt } = all;
        Ok(Pasts { known: order.iter().filter_map(|lead| known.remove(lead)).collect(), corrupt })
    }
}

impl TryFrom<LogRow> for Logged {
    type Error = StoreError;

    fn try_from(row: LogRow) -> Result<Self> {
        let what: Verb = serde_json::from_value(row.what.into()).map_err(|_| {
            StoreError::corrupt(
                "decision_log",
                "what",
                format!("lead {} rev {}", row.lead, row.rev),
            )
        })?;
        Ok(Self {
            rev: Rev(row.rev),
            at: Instant::from_millis(row.at),
            line: LogLine {
                what,
                workflow: rows::some_name(row.workflow),
                step: rows::some_name(row.step),
                reason: row.reason,
            },
        })
    }
}

impl Tx {
    /// Which of their events decisions made.
    async fn made_events(&mut self, leads: &str) -> Result<Vec<(i64, i64)>> {
        Ok(on_db!(
            self.on(),
            sql!(
                "SELECT e.lead, e.rev FROM events AS e WHERE e.source = 'decision' \
                 AND e.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") ORDER BY e.lead, e.rev"
            ),
            |db, sql| sqlx::query_as(sql).bind(leads).fetch_all(db).await
        )?)
    }

    async fn log_of(&mut self, leads: &str) -> Result<Vec<LogRow>> {
        Ok(on_db!(
            self.on(),
            sql!(
                "SELECT d.lead, d.rev, d.at, d.what, d.workflow, d.step, d.reason \
                 FROM decision_log AS d WHERE d.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") ORDER BY d.lead, d.rev, d.line"
            ),
            |db, sql| sqlx::query_as(sql).bind(leads).fetch_all(db).await
        )?)
    }

    async fn enrolments_of(&mut self, leads: &str) -> Result<Vec<StoredEnrolment>> {
        Ok(on_db!(
            self.on(),
            sql!(
                "SELECT n.lead, n.enrolment, n.workflow, n.version, n.step, \
                 CASE WHEN n.status = 'active' THEN n.phase ELSE n.status END AS state, \
                 n.entered_at, n.entry, n.due_at, n.ended_at, n.reason FROM enrolments AS n \
                 WHERE n.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") ORDER BY n.lead, n.enrolment"
            ),
            |db, sql| sqlx::query_as(sql).bind(leads).fetch_all(db).await
        )?)
    }

    async fn messages_about(&mut self, leads: &str) -> Result<Vec<StoredMessage>> {
        Ok(on_db!(
            self.on(),
            sql!(
                "SELECT m.id, m.lead, m.enrolment, m.step, m.visit, m.recipient, m.kind, m.workflow, \
                 m.version, m.purpose, m.template, m.state, m.due_at, m.attempts, m.token, m.created_at, \
                 m.first_tried_at, m.sent_at, m.reason, m.via, m.placed_on FROM messages AS m \
                 WHERE m.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") ORDER BY m.lead, m.created_at, m.id"
            ),
            |db, sql| sqlx::query_as(sql).bind(leads).fetch_all(db).await
        )?)
    }

    /// Of addresses before those of domains.
    async fn objections_of(&mut self, leads: &str) -> Result<Vec<Objection>> {
        Ok(on_db!(
            self.on(),
            sql!(
                "SELECT l.lead, s.reason, s.at FROM leads AS l INNER JOIN suppressions AS s \
                 ON s.subject IN (l.address, l.domain) \
                 WHERE l.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") ORDER BY l.lead, CASE WHEN s.subject = l.address THEN 0 ELSE 1 END"
            ),
            |db, sql| sqlx::query_as(sql).bind(leads).fetch_all(db).await
        )?)
    }
}
