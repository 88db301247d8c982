//! What a decision leaves behind to be read: its events, its log, the ledger of scores.

use std::collections::HashMap;

use serde::Serialize;

use crate::{
    domain::{time::Instant, value::Value},
    store::{
        Result,
        db::{Tx, on_db},
        events::EventRow,
        records::LeadWrite,
        rows,
    },
};

#[derive(Serialize)]
struct LogRow<'a> {
    lead: i64,
    rev: i64,
    line: usize,
    what: &'static str,
    workflow: Option<&'a str>,
    step: Option<&'a str>,
    reason: &'a str,
}

#[derive(Serialize)]
struct LedgerRow<'a> {
    lead: i64,
    rev: i64,
    line: usize,
    at: i64,
    score: &'static str,
    rule: &'a str,
    points: i64,
    reason: &'a str,
    event: Option<i64>,
}

impl Tx {
    pub(super) async fn write_events(&mut self, writes: &[LeadWrite], now: Instant) -> Result<()> {
        let mut events = Vec::new();
        for write in writes {
            for (rev, event) in (write.rev.0 + 1..).zip(&write.events) {
                let data = [("reason".into(), Value::Text(event.reason.as_str().into()))];
                let mut row =
                    EventRow::new(write.lead.0, rev, event.kind.as_str(), now.millis(), "decision")
                        .data(&data.into())?;
                row.object = event.object.as_deref();
                events.push(row);
            }
        }
        self.insert_events(&events, now).await
    }

    pub(super) async fn write_log(
        &mut self,
        writes: &[LeadWrite],
        revs: &HashMap<i64, i64>,
        now: Instant,
    ) -> Result<()> {
        let lines: Vec<LogRow> = writes
            .iter()
            .flat_map(|write| {
                let rev = revs[&write.lead.0];
                write.log.iter().enumerate().map(move |(line, log)| LogRow {
                    lead: write.lead.0,
                    rev,
                    line,
                    what: log.what.word(),
                    workflow: log.workflow.as_deref(),
                    step: log.step.as_deref(),
                    reason: &log.reason,
                })
            })
            .collect();
        if lines.is_empty() {
            return Ok(());
        }
        let rows = rows::json("decision_log", &lines)?;
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO decision_log (lead, rev, line, at, what, workflow, step, reason) \
                 SELECT CAST(j.value ->> 'lead' AS BIGINT), CAST(j.value ->> 'rev' AS BIGINT), \
                 CAST(j.value ->> 'line' AS BIGINT), $2, j.value ->> 'what', j.value ->> 'workflow', \
                 j.value ->> 'step', j.value ->> 'reason' FROM ",
                each
            ),
            |db, sql| sqlx::query(sql).bind(rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    pub(super) async fn write_ledger(
        &mut self,
        writes: &[LeadWrite],
        revs: &HashMap<i64, i64>,
        now: Instant,
    ) -> Result<()> {
        let lines: Vec<LedgerRow> = writes
            .iter()
            .flat_map(|write| {
                let rev = revs[&write.lead.0];
                write.ledger.iter().enumerate().map(move |(line, entry)| LedgerRow {
                    lead: write.lead.0,
                    rev,
                    line,
                    at: entry.at.millis(),
                    score: entry.score.word(),
                    rule: &entry.rule,
                    points: entry.points.0,
                    reason: &entry.reason,
                    event: entry.event.map(|event| event.0),
                })
            })
            .collect();
        if lines.is_empty() {
            return Ok(());
        }
        let rows = rows::json("score_ledger", &lines)?;
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO score_ledger (lead, rev, line, at, recorded_at, score, rule, points, reason, \
                 event) \
                 SELECT CAST(j.value ->> 'lead' AS BIGINT), CAST(j.value ->> 'rev' AS BIGINT), \
                 CAST(j.value ->> 'line' AS BIGINT), CAST(j.value ->> 'at' AS BIGINT), $2, \
                 j.value ->> 'score', j.value ->> 'rule', CAST(j.value ->> 'points' AS BIGINT), \
                 j.value ->> 'reason', CAST(j.value ->> 'event' AS BIGINT) FROM ",
                each
            ),
            |db, sql| sqlx::query(sql).bind(rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }
}
