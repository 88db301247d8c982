//! Events at the door: recorded, the lead's rev moved on and its timer made due, in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::{
    Result, Store,
    db::{Tx, on_db},
    events::EventRow,
    gate::Turn,
    profiles::Reconsidered,
    records::{Lane, NewEvent, Recorded},
    rows,
    timers::Wake,
};
use crate::domain::{event::EventKind, id::Rev, lead::Suppression, time::Instant};

impl Store {
    /// Records events in one transaction. Several events of one lead get consecutive revs, in order.
    ///
    /// It is on disk when this returns. If one of the events is an act, this goes before other writers;
    /// if none is, it is a part of an import.
    pub async fn record_events(&self, events: &[NewEvent], now: Instant) -> Result<Vec<Recorded>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let is_act = events.iter().any(|event| event.lane == Lane::Acts);
        if is_act && self.db.file().is_some() {
            return self.record_in_group(events, now).await;
        }
        self.record_alone(if is_act { Turn::Act } else { Turn::Bulk }, events, now).await
    }

    /// What [`Self::record_events`] would answer, with nothing written.
    pub async fn foresee_events(&self, events: &[NewEvent], now: Instant) -> Result<Vec<Recorded>> {
        let events: Vec<&NewEvent> = events.iter().collect();
        let leads = rows::ids(events.iter().map(|event| event.lead.0).collect::<HashSet<i64>>());
        let mut tx = self.db.snapshot().await?;
        let revs: Vec<(i64, i64)> = on_db!(
            tx.on(),
            sql!(
                "SELECT t.lead, t.rev + 1 FROM lead_timer AS t WHERE t.lead IN \
                 (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ")"
            ),
            |db, sql| sqlx::query_as(sql).bind(leads).fetch_all(db).await
        )?;
        let next = revs.into_iter().collect();
        let mut firsts = firsts(&events, &next);
        let known: Vec<(i64, String)> = on_db!(
            tx.on(),
            sql!(
                "SELECT d.lead, d.key FROM ",
                each,
                " INNER JOIN event_dedupe AS d \
                 ON d.lead = CAST(j.value ->> 'lead' AS BIGINT) AND d.key = j.value ->> 'key'"
            ),
            |db, sql| sqlx::query_as(sql).bind(keys(&firsts)?).fetch_all(db).await
        )?;
        tx.rollback().await?;
        for (lead, key) in &known {
            firsts.remove(&(*lead, key.as_str()));
        }
        let fresh = firsts.into_values().collect();
        Ok(taken(&events, next, &fresh, now).0)
    }

    /// In a transaction of their own.
    pub(super) async fn record_alone(
        &self,
        turn: Turn,
        events: &[NewEvent],
        now: Instant,
    ) -> Result<Vec<Recorded>> {
        let tx = self.db.begin(turn).await?;
        tx.record(&events.iter().collect::<Vec<_>>(), now).await
    }
}

/// PostgreSQL stores no NUL in a text. The data is stored as JSON, where it is an escape.
fn is_storable(event: &NewEvent) -> bool {
    [
        event.object.as_deref(),
        event.dedupe.as_deref(),
        Some(&*event.source),
        Some(event.kind.as_str()),
    ]
    .into_iter()
    .flatten()
    .all(rows::storable)
        && event.about.as_ref().is_none_or(|about| rows::storable(&about.step))
}

/// Of each dedupe key of a lead the event that has it first, by index.
type Firsts<'e> = BTreeMap<(i64, &'e str), usize>;

fn firsts<'e>(events: &[&'e NewEvent], known: &HashMap<i64, i64>) -> Firsts<'e> {
    let mut firsts = Firsts::new();
    for (index, event) in events.iter().enumerate() {
        if let Some(key) = &event.dedupe
            && known.contains_key(&event.lead.0)
            && is_storable(event)
        {
            firsts.entry((event.lead.0, key)).or_insert(index);
        }
    }
    firsts
}

/// As rows, in order, so that two writers cannot wait for each other.
fn keys(firsts: &Firsts<'_>) -> Result<String> {
    #[derive(Serialize)]
    struct Row<'a> {
        lead: i64,
        key: &'a str,
    }
    let rows: Vec<Row> = firsts.keys().map(|&(lead, key)| Row { lead, key }).collect();
    rows::json("event_dedupe", &rows)
}

/// What becomes of each event, and those that are taken, with their revs. `next`: the next rev of each
/// lead that there is; `fresh`: by index, whose dedupe keys were not known.
fn taken<'e>(
    events: &[&'e NewEvent],
    mut next: HashMap<i64, i64>,
    fresh: &HashSet<usize>,
    now: Instant,
) -> (Vec<Recorded>, Vec<(i64, &'e NewEvent)>) {
    let mut recorded = Vec::with_capacity(events.len());
    let mut taken = Vec::with_capacity(events.len());
    for (index, &event) in events.iter().enumerate() {
        recorded.push(match next.get_mut(&event.lead.0) {
            None => Recorded::NoSuchLead,
            Some(_) if !is_storable(event) => Recorded::Unstorable,
            Some(_) if event.dedupe.is_some() && !fresh.contains(&index) => Recorded::Duplicate,
            Some(next) => {
                let rev = *next;
                *next += 1;
                taken.push((rev, event));
                Recorded::New { rev: Rev(rev), clamped: event.occurred_at > now }
            }
        });
    }
    (recorded, taken)
}

impl Tx {
    /// Records the events and commits.
    pub(super) async fn record(
        mut self,
        events: &[&NewEvent],
        now: Instant,
    ) -> Result<Vec<Recorded>> {
        let leads: HashSet<i64> = events.iter().map(|event| event.lead.0).collect();
        let timers = self.lock_timers(&rows::ids(leads)).await?;
        let next = timers.iter().map(|timer| (timer.lead, timer.rev + 1)).collect();
        let firsts = firsts(events, &next);
        let fresh = self.remember(&firsts).await?;
        let (recorded, taken) = taken(events, next, &fresh, now);
        self.write_taken(&taken, now).await?;
        self.commit().await?;
        Ok(recorded)
    }

    /// Remembers dedupe keys; returns the events whose keys were not known, by index.
    async fn remember(&mut self, firsts: &Firsts<'_>) -> Result<HashSet<usize>> {
        if firsts.is_empty() {
            return Ok(HashSet::new());
        }
        let fresh: Vec<(i64, String)> = on_db!(
            self.on(),
            sql!(
                "INSERT INTO event_dedupe (lead, key) \
                 SELECT CAST(j.value ->> 'lead' AS BIGINT), j.value ->> 'key' FROM ",
                each,
                " WHERE true ON CONFLICT (lead, key) DO NOTHING RETURNING lead, key"
            ),
            |db, sql| sqlx::query_as(sql).bind(keys(firsts)?).fetch_all(db).await
        )?;
        Ok(fresh
            .iter()
            .filter_map(|(lead, key)| firsts.get(&(*lead, key.as_str())).copied())
            .collect())
    }

    /// Writes events with their revs, and what follows from them: objections, revisions, timers.
    async fn write_taken(&mut self, taken: &[(i64, &NewEvent)], now: Instant) -> Result<()> {
        let mut rows = Vec::with_capacity(taken.len());
        let mut wakes: BTreeMap<i64, Wake> = BTreeMap::new();
        let mut objections: Vec<(i64, Suppression, &str)> = Vec::new();
        for &(rev, event) in taken {
            let mut row = EventRow::new(
                event.lead.0,
                rev,
                event.kind.as_str(),
                event.occurred_at.min(now).millis(),
                &event.source,
            )
            .about(event.about.as_ref())?
            .data(&event.data)?;
            row.object = event.object.as_deref();
            row.judgement = event.judgement.word();
            row.settles_at = event.settles_at.map(Instant::millis);
            row.message = event.message.map(|message| message.0);
            row.on_mail = row.message.filter(|_| event.revises.is_none());
            row.revises = event.revises.map(|rev| rev.0);
            rows.push(row);
            let wake = wakes.entry(event.lead.0).or_insert(Wake {
                lead: event.lead.0,
                lane: event.lane.number(),
                revs: 0,
                stops: 0,
            });
            wake.lane = wake.lane.min(event.lane.number());
            wake.revs += 1;
            if let Some(reason) = event.suppress {
                wake.stops += 1;
                objections.push((event.lead.0, reason, &event.source));
            }
        }
        self.insert_events(&rows, now).await?;
        self.revise(taken).await?;
        self.suppress_leads(&objections, now).await?;
        self.change_profiles(taken, now).await?;
        let cancelled =
            taken.iter().filter(|(_, event)| event.kind == EventKind::ENROLMENT_CANCELLED);
        let cancelled: Vec<Reconsidered<'_>> = cancelled
            .map(|(_, event)| Reconsidered { lead: event.lead.0, purpose: None })
            .collect();
        self.judge_again(&cancelled).await?;
        self.wake(&wakes.into_values().collect::<Vec<_>>(), now).await
    }

    /// A later judgement of a hit is also written to the hit itself.
    async fn revise(&mut self, taken: &[(i64, &NewEvent)]) -> Result<()> {
        #[derive(Serialize)]
        struct Row {
            lead: i64,
            rev: i64,
            judgement: &'static str,
        }
        // The last word on a hit is the one that stands.
        let revisions: BTreeMap<(i64, i64), &'static str> = taken
            .iter()
            .filter_map(|(_, event)| {
                let target = event.revises?;
                Some(((event.lead.0, target.0), event.judgement.word()))
            })
            .collect();
        if revisions.is_empty() {
            return Ok(());
        }
        let rows: Vec<Row> = revisions
            .into_iter()
            .map(|((lead, rev), judgement)| Row { lead, rev, judgement })
            .collect();
        let rows = rows::json("events", &rows)?;
        on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 CAST(j.value ->> 'rev' AS BIGINT) AS rev, j.value ->> 'judgement' AS judgement FROM ",
                each,
                ") UPDATE events AS t SET judgement = r.judgement FROM r \
                 WHERE t.lead = r.lead AND t.rev = r.rev"
            ),
            |db, sql| sqlx::query(sql).bind(rows).execute(db).await.map(drop)
        )?;
        Ok(())
    }
}
