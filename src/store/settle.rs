//! The end of claims. What the lead must be told becomes an event, and the lead is decided on in the
//! same transaction.

mod claimed;

use std::collections::{BTreeMap, HashMap, HashSet};

use claimed::{Claimed, SOURCE, asked_a_relay, lets_others_go, reason, source};
use serde::Serialize;

use super::{
    Batch, Result, Store,
    db::{Either, Tx, on_db},
    events::EventRow,
    gate::Turn,
    records::{ClaimToken, Lane, Settled, Settlement},
    rows,
    timers::{Timer, Wake},
};
use crate::domain::{
    event::EventKind,
    id::MessageId,
    lead::Suppression,
    message::{MessageKind, MessageState},
    time::Instant,
};

#[derive(Serialize)]
struct Outcome<'a> {
    id: i64,
    state: &'static str,
    /// `None`: as it was.
    due_at: Option<i64>,
    attempts: i64,
    reason: Option<&'a str>,
    relay: Option<&'a str>,
    settled: bool,
    sent: bool,
    doubted: bool,
    tried: bool,
}

#[derive(Serialize)]
struct AttemptRow<'a> {
    id: i64,
    attempt: i64,
    relay: Option<&'a str>,
    outcome: &'static str,
    detail: Option<&'a str>,
}

impl Store {
    /// Settles claims, in one transaction with what it tells the leads. The commit takes other messages past
    /// their point of no return, as [`Store::mark_transmitting`] does, as the last that it does.
    ///
    /// Refused are those whose token is stale, or whose state does not lead there: `sent` comes from
    /// `transmitting`, `failed` also from `claimed`, and both, by a late answer, from `in_doubt`, or from
    /// `reserved` where it is sent once more; `in_doubt` from `transmitting`; what somebody says of it from
    /// `in_doubt`; `released`, `cancelled` and `parked` from `claimed`; `deferred` from `claimed`
    /// and `transmitting`. The outcome of a marketing mail becomes an event (object: the template; data:
    /// `workflow`, `purpose`, `reason`, `hard`), that of internal mail does not. An address that does not
    /// exist is suppressed.
    ///
    /// The batch holds the leads that were told something. It must be committed, with their decisions
    /// or without: dropped, nothing is settled.
    pub async fn settle(
        &self,
        settlements: &[Settlement],
        marks: &[(MessageId, ClaimToken)],
        now: Instant,
    ) -> Result<Batch> {
        let turn = if marks.is_empty() { Turn::Work } else { Turn::Act };
        let mut tx = self.db.begin(turn).await?;
        let settled = settlements.iter().map(|settlement| settlement.message);
        let claimed = tx.lock_claimed(settled.chain(marks.iter().map(|(id, _)| *id))).await?;
        let mut refused = Vec::new();
        let mut accepted: Vec<(&Settlement, &Claimed)> = Vec::new();
        let mut seen = HashSet::new();
        for settlement in settlements {
            match claimed.get(&settlement.message.0) {
                Some(message) if message.admits(settlement) && seen.insert(settlement.message) => {
                    accepted.push((settlement, message));
                }
                _ => refused.push(settlement.message),
            }
        }
        tx.write_outcomes(&accepted, now).await?;
        tx.write_attempts(&accepted, now).await?;
        tx.unpark_after(&accepted, now).await?;
        let told = tx.tell(&accepted, now).await?;
        let mut batch = tx.into_batch(told).await?;
        (batch.refused, batch.marks) = (refused, marks.to_vec());
        Ok(batch)
    }
}

impl Tx {
    /// The messages, with their leads' timers locked first: decisions take the two in this order. SQLite's one
    /// writer needs no locks.
    async fn lock_claimed(
        &mut self,
        messages: impl Iterator<Item = MessageId>,
    ) -> Result<HashMap<i64, Claimed>> {
        let ids = rows::ids(messages.map(|message| message.0));
        if let Either::Postgres(db) = self.on() {
            let lock = "SELECT t.lead FROM lead_timer AS t WHERE t.lead IN (SELECT m.lead FROM messages AS m \
                        WHERE m.id IN (SELECT CAST(j.value AS BIGINT) \
                        FROM jsonb_array_elements(CAST($1 AS jsonb)) AS j(value))) \
                        ORDER BY t.lead FOR UPDATE OF t";
            sqlx::query(lock).bind(&ids).execute(db).await?;
        }
        let claimed: Vec<Claimed> = on_db!(
            self.on(),
            sql!(
                "SELECT t.id, t.lead, t.enrolment, t.step, t.visit, t.kind, t.workflow, t.purpose, t.template, \
                 t.state, t.attempts, t.token, t.doubted_at \
                 FROM messages AS t WHERE t.id IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") ORDER BY t.id",
                lock
            ),
            |db, sql| sqlx::query_as(sql).bind(&ids).fetch_all(db).await
        )?;
        Ok(claimed.into_iter().map(|message| (message.id, message)).collect())
    }

    async fn write_outcomes(
        &mut self,
        accepted: &[(&Settlement, &Claimed)],
        now: Instant,
    ) -> Result<()> {
        if accepted.is_empty() {
            return Ok(());
        }
        let outcomes: Vec<Outcome> = accepted
            .iter()
            .map(|(settlement, message)| {
                let state = message.state_after(&settlement.outcome);
                Outcome {
                    id: message.id,
                    state: state.word(),
                    due_at: match &settlement.outcome {
                        Settled::Deferred { until, .. } => Some(until.millis()),
                        Settled::Released { due_at, .. } => Some(due_at.millis()),
                        Settled::Said { arrived: false, .. } => Some(now.millis()),
                        _ => None,
                    },
                    attempts: message.attempts_after(settlement),
                    reason: reason(&settlement.outcome),
                    relay: settlement.relay.as_deref(),
                    settled: !state.is_open(),
                    sent: state == MessageState::Sent,
                    doubted: state == MessageState::InDoubt,
                    tried: asked_a_relay(settlement),
                }
            })
            .collect();
        let rows = rows::json("messages", &outcomes)?;
        on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'id' AS BIGINT) AS id, \
                 j.value ->> 'state' AS state, CAST(j.value ->> 'due_at' AS BIGINT) AS due_at, \
                 CAST(j.value ->> 'attempts' AS BIGINT) AS attempts, j.value ->> 'reason' AS reason, \
                 j.value ->> 'relay' AS relay, CAST(j.value ->> 'settled' AS BOOLEAN) AS settled, \
                 CAST(j.value ->> 'sent' AS BOOLEAN) AS sent, \
                 CAST(j.value ->> 'doubted' AS BOOLEAN) AS doubted, \
                 CAST(j.value ->> 'tried' AS BOOLEAN) AS tried FROM ",
                each,
                ") UPDATE messages AS t SET state = r.state, due_at = COALESCE(r.due_at, t.due_at), \
                 attempts = r.attempts, reason = r.reason, relay = COALESCE(r.relay, t.relay), \
                 settled_at = CASE WHEN r.settled THEN $2 ELSE t.settled_at END, \
                 sent_at = CASE WHEN r.sent THEN $2 ELSE t.sent_at END, \
                 doubted_at = CASE WHEN r.doubted THEN COALESCE(t.doubted_at, $2) ELSE t.doubted_at END, \
                 first_tried_at = CASE WHEN r.tried THEN COALESCE(t.first_tried_at, $2) \
                 ELSE t.first_tried_at END \
                 FROM r WHERE t.id = r.id"
            ),
            |db, sql| sqlx::query(sql).bind(rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    /// The record of each time that a relay was asked.
    async fn write_attempts(
        &mut self,
        accepted: &[(&Settlement, &Claimed)],
        now: Instant,
    ) -> Result<()> {
        let attempts: Vec<AttemptRow> = accepted
            .iter()
            .filter(|(settlement, _)| asked_a_relay(settlement))
            .map(|(settlement, message)| AttemptRow {
                id: message.id,
                attempt: message.attempts_after(settlement),
                relay: settlement.relay.as_deref(),
                outcome: settlement.outcome.word(),
                detail: match &settlement.outcome {
                    Settled::Sent { reply } => Some(reply),
                    other => reason(other),
                },
            })
            .collect();
        if attempts.is_empty() {
            return Ok(());
        }
        let rows = rows::json("attempts", &attempts)?;
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO attempts (message, attempt, at, relay, outcome, detail) \
                 SELECT CAST(j.value ->> 'id' AS BIGINT), CAST(j.value ->> 'attempt' AS BIGINT), $2, \
                 j.value ->> 'relay', j.value ->> 'outcome', j.value ->> 'detail' FROM ",
                each,
                " WHERE true ON CONFLICT (message, attempt, at) DO UPDATE SET outcome = excluded.outcome, \
                 detail = excluded.detail"
            ),
            |db, sql| sqlx::query(sql).bind(rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    /// Where a lead's open mail has ended, another one of it that is parked may be mended by now.
    async fn unpark_after(
        &mut self,
        accepted: &[(&Settlement, &Claimed)],
        now: Instant,
    ) -> Result<()> {
        let ended = accepted.iter().filter(|(settlement, message)| {
            let state = settlement.outcome.state();
            let is_over = !state.is_open() && state != MessageState::Parked;
            is_over && message.kind == MessageKind::Marketing.word()
        });
        let leads: Vec<i64> = ended.map(|(_, message)| message.lead).collect();
        if leads.is_empty() {
            return Ok(());
        }
        self.unpark_messages(&rows::ids(leads), now).await
    }

    /// Writes the outcomes' events; returns the timers, as they are then, of the leads that they tell something
    /// and that are not parked.
    async fn tell(
        &mut self,
        accepted: &[(&Settlement, &Claimed)],
        now: Instant,
    ) -> Result<Vec<Timer>> {
        let outcomes: Vec<(Option<EventKind>, &Settlement, &Claimed)> = accepted
            .iter()
            .filter(|(_, message)| message.kind == MessageKind::Marketing.word())
            .map(|&(settlement, message)| (settlement.outcome.event(), settlement, message))
            .filter(|(kind, settlement, _)| kind.is_some() || lets_others_go(settlement, now))
            .collect();
        if outcomes.is_empty() {
            return Ok(Vec::new());
        }
        let leads = rows::ids(outcomes.iter().map(|(_, _, message)| message.lead));
        let mut timers = self.lock_timers(&leads).await?;
        let mut next: HashMap<i64, i64> =
            timers.iter().map(|timer| (timer.lead, timer.rev + 1)).collect();
        let (mut events, mut bounced) = (Vec::new(), Vec::new());
        let mut wakes: BTreeMap<i64, Wake> = BTreeMap::new();
        for (kind, settlement, message) in &outcomes {
            let Some(rev) = next.get_mut(&message.lead) else { continue };
            if let Some(kind) = kind {
                let mut row = EventRow::new(
                    message.lead,
                    *rev,
                    kind.as_str(),
                    now.millis(),
                    source(&settlement.outcome),
                )
                .about(Some(&message.about()))?
                .data(&message.data(&settlement.outcome))?;
                row.object = Some(&message.template);
                row.message = Some(message.id);
                events.push(row);
            }
            *rev += 1;
            let wake = wakes.entry(message.lead).or_insert(Wake {
                lead: message.lead,
                lane: Lane::Timers.number(),
                revs: 0,
                stops: 0,
            });
            // One that is no event uses up a rev, too: a decision that did not know of it is lost.
            wake.revs += 1;
            if matches!(settlement.outcome, Settled::Failed { hard: true, .. }) {
                wake.stops += 1;
                bounced.push((message.lead, Suppression::HardBounce, SOURCE));
            }
        }
        self.insert_events(&events, now).await?;
        self.suppress_leads(&bounced, now).await?;
        self.wake(&wakes.values().cloned().collect::<Vec<_>>(), now).await?;
        timers.retain(|timer| !timer.is_parked());
        for timer in &mut timers {
            if let Some(wake) = wakes.get(&timer.lead) {
                timer.rev += wake.revs;
                timer.stop_epoch += wake.stops;
            }
        }
        Ok(timers)
    }
}
