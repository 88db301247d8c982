//! All leads, a page at a time, as far as conditions look at them.

use serde::Serialize;
use sqlx::Row as _;

use super::{
    Result, Store, StoreError, db::on_db, dialect::Text, events::StoredEvent, gather::next, rows,
};
use crate::domain::{
    event::{Event, EventKind},
    facts::{FactKey, ObjectFilter},
    id::LeadId,
    lead::{Stage, Standing, Stored},
    time::Instant,
};

/// The last lead of a page: none is made of rows, or read, to find it.
pub(super) const LAST_OF_PAGE: Text = sql!(
    "SELECT MAX(p.lead) FROM (SELECT t.lead FROM lead_timer AS t WHERE t.lead > $1 \
     ORDER BY t.lead LIMIT $2) AS p"
);

pub(super) const LEADS: Text = sql!(
    "SELECT ",
    looks,
    ", '' AS history FROM leads AS l WHERE l.lead > $1 AND l.lead <= $4 ORDER BY l.lead"
);

pub(super) const LEADS_AND_EVENTS: Text =
    sql!(looks_back, "l.lead IN (SELECT CAST(j.value AS BIGINT) FROM ", each, ") ORDER BY l.lead");

pub(super) const PAGE_AND_EVENTS: Text =
    sql!(looks_back, "l.lead > $1 AND l.lead <= $5 ORDER BY l.lead");

/// The leads that are looked at.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// Those after the first and up to the last.
    Page((LeadId, LeadId)),
    These(&'a [LeadId]),
}

/// What is read of each lead beside its memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Columns {
    pub standing: bool,
    pub profile: bool,
}

/// Events of a lead, not read yet: of most leads the other columns say enough.
#[derive(Clone, Copy, Debug)]
pub struct History<'r> {
    lead: LeadId,
    json: &'r [u8],
}

/// A lead with what was looked up of it.
pub type Found<'r> = Result<(Stored<'r>, History<'r>)>;

/// Which events are read: those of a fact, and what judges an event anew.
#[derive(Debug, Serialize)]
struct EventsOf<'a> {
    kind: &'a str,
    /// `None`: whatever it is about.
    object: Option<&'a str>,
}

impl<'a> From<&'a FactKey> for EventsOf<'a> {
    fn from(key: &'a FactKey) -> Self {
        let object = match &key.filter {
            // What an answer counts for is not its object alone.
            ObjectFilter::Exactly(object) if key.kind != EventKind::LEAD_ANSWERED => {
                Some(object.as_str())
            }
            _ => None,
        };
        Self { kind: key.kind.as_str(), object }
    }
}

/// Which lead it is, its columns, and its events as they are put together. A macro, as each database has
/// rows of its own.
macro_rules! read {
    ($row:ident) => {{
        let lead = LeadId($row.try_get(0)?);
        let memory = $row.try_get(1)?;
        let standing = standing($row.try_get(2)?, lead);
        // As bytes: what is passed over of a text need not be looked through for letters.
        let profile = $row.try_get_unchecked(3)?;
        let history: &[u8] = $row.try_get_unchecked(4)?;
        (lead, standing.map(|standing| Stored { standing, profile, memory }), history)
    }};
}

impl Store {
    /// The last lead of the page after a lead, or of the first one; `None`: there are no more.
    pub async fn end_of_page(&self, after: LeadId, size: i64) -> Result<Option<LeadId>> {
        let last: Option<i64> =
            on_db!(self.db.read(), LAST_OF_PAGE, |db, sql| sqlx::query_scalar(sql)
                .bind(after.0)
                .bind(size)
                .fetch_one(db)
                .await)?;
        Ok(last.map(LeadId))
    }

    /// Goes through the leads after the first and up to the last, in their order. `each` is told which lead
    /// it is; of a row that cannot be read, that.
    pub async fn glance_at(
        &self,
        (first, last): (LeadId, LeadId),
        columns: Columns,
        mut each: impl FnMut(LeadId, Result<Stored<'_>>),
    ) -> Result<()> {
        on_db!(self.db.read(), LEADS, |db, sql| {
            let query = sqlx::query(sql).bind(first.0).bind(columns.standing);
            let mut rows = query.bind(columns.profile).bind(last.0).fetch(db);
            while let Some(row) = next(&mut rows).await.transpose()? {
                let (lead, stored, _) = read!(row);
                each(lead, stored);
            }
            Ok(())
        })
    }

    /// Goes through leads in their order, each with those of its events that belong to the facts.
    pub async fn glance_back(
        &self,
        which: Which<'_>,
        columns: Columns,
        facts: &[FactKey],
        mut each: impl FnMut(LeadId, Found<'_>),
    ) -> Result<()> {
        let of_revisions = EventsOf { kind: EventKind::JUDGEMENT_REVISED.as_str(), object: None };
        let wanted: Vec<_> = facts.iter().map(EventsOf::from).chain([of_revisions]).collect();
        let wanted = rows::json("events", &wanted)?;
        let text = match which {
            Which::Page(_) => PAGE_AND_EVENTS,
            Which::These(_) => LEADS_AND_EVENTS,
        };
        on_db!(self.db.read(), text, |db, sql| {
            let query = match which {
                Which::Page((first, _)) => sqlx::query(sql).bind(first.0),
                Which::These(leads) => {
                    sqlx::query(sql).bind(rows::ids(leads.iter().map(|lead| lead.0)))
                }
            };
            let query = query.bind(columns.standing).bind(columns.profile).bind(&wanted);
            let query = match which {
                Which::Page((_, last)) => query.bind(last.0),
                Which::These(_) => query,
            };
            let mut rows = query.fetch(db);
            while let Some(row) = next(&mut rows).await.transpose()? {
                let (lead, stored, history) = read!(row);
                each(lead, stored.map(|stored| (stored, History { lead, json: history })));
            }
            Ok(())
        })
    }
}

/// Where a lead stands, as the statement puts it together.
fn standing(text: &str, lead: LeadId) -> Result<Option<Standing<'_>>> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = || {
        let mut parts = text.splitn(3, ' ');
        Some(Standing {
            stage: Stage::from_word(parts.next()?)?,
            since: Instant::from_millis(parts.next()?.parse().ok()?),
            address: parts.next()?,
        })
    };
    read().map(Some).ok_or_else(|| StoreError::corrupt("leads", "stage", rows::lead_key(lead.0)))
}

/// What conditions look at of an event, as the statement puts it together.
type Row = (i64, String, Option<String>, i64, String, Option<i64>, Option<i64>, String);

impl History<'_> {
    /// # Errors
    /// When one of them cannot be read.
    pub fn events(&self) -> Result<Vec<Event>> {
        if self.json.is_empty() {
            return Ok(Vec::new());
        }
        let key = || rows::lead_key(self.lead.0);
        let corrupt = |_| StoreError::corrupt("events", "kind", key());
        let mut rows: Vec<Row> = serde_json::from_slice(self.json).map_err(corrupt)?;
        // The database would make a table of its own for each lead to put them in order.
        rows.sort_unstable_by_key(|row| row.0);
        let event =
            |(rev, kind, object, occurred_at, judgement, settles_at, revises, data): Row| {
                Event::try_from(StoredEvent {
                    lead: self.lead.0,
                    rev,
                    kind,
                    object,
                    occurred_at,
                    recorded_at: occurred_at,
                    judgement,
                    settles_at,
                    message: None,
                    about: None,
                    revises,
                    data,
                })
            };
        rows.into_iter().map(event).collect()
    }
}
