//! How far leads have come in a workflow, what became of its mails and what came back on them.

use sqlx::FromRow;

use super::{count, why_held};
use crate::{
    domain::{event::EventKind, id::LeadId, lead::Outcome, time::Instant, workflow::Version},
    store::{
        Result, Store, StoreError,
        db::{Tx, on_db},
        dialect::Text,
        enrolments::read_turns,
        records::{
            Again, BackCount, Behind, MailCount, OpenCount, PassedOver, Period, Standing,
            WorkflowFigures,
        },
    },
};

/// `$1` the workflow, `$2` and `$3` between which instants they entered, `$4` whenever. Those that ended are
/// read off an index in the order of the groups; the active ones by theirs.
pub(in crate::store) const STANDINGS: Text = sql!(
    "SELECT e.version, e.step, e.status AS state, e.turns, e.reason AS why, COUNT(*) AS number \
     FROM enrolments AS e WHERE e.workflow = $1 AND e.status <> 'active' \
     AND ($4 OR (e.entered_at >= $2 AND e.entered_at < $3)) \
     GROUP BY e.version, e.step, e.status, e.turns, e.reason \
     UNION ALL SELECT e.version, e.step, e.phase, e.turns, ltrim(e.held, '[-0123456789'), COUNT(*) \
     FROM enrolments AS e WHERE e.workflow = $1 AND e.status = 'active' \
     AND ($4 OR (e.entered_at >= $2 AND e.entered_at < $3)) \
     GROUP BY e.version, e.step, e.phase, e.turns, ltrim(e.held, '[-0123456789')"
);

/// All enrolments of those leads that have several.
const AGAIN: Text = sql!(
    "SELECT e.lead, e.version, e.step, e.turns, e.status FROM enrolments AS e \
     WHERE e.workflow = $1 AND ($4 OR (e.entered_at >= $2 AND e.entered_at < $3)) \
     AND e.lead IN (SELECT x.lead FROM enrolments AS x WHERE x.workflow = $1 AND x.enrolment > 1 \
     AND EXISTS (SELECT 1 FROM enrolments AS o WHERE o.lead = x.lead AND o.enrolment < x.enrolment \
     AND o.workflow = x.workflow)) ORDER BY e.lead"
);

/// In the order of the index, so that the leads of a group come in order, too.
pub(in crate::store) const MAILS: Text = sql!(
    "SELECT m.step, m.state, COUNT(*) AS mails, COUNT(DISTINCT m.lead) AS leads FROM messages AS m \
     WHERE m.state IN ('sent', 'failed', 'in_doubt', 'cancelled') AND m.workflow = $1 \
     AND ($4 OR EXISTS (SELECT 1 FROM enrolments AS e WHERE e.lead = m.lead \
     AND e.enrolment = m.enrolment AND e.entered_at >= $2 AND e.entered_at < $3)) \
     GROUP BY m.state, m.step"
);

/// Each part by the condition of its index.
const OPEN: Text = sql!(
    "SELECT o.step, o.state, o.reason, COUNT(*) AS number FROM (\
     SELECT m.step, m.state, COALESCE(m.reason, '') AS reason, m.lead, m.enrolment, m.workflow \
     FROM messages AS m WHERE m.state IN ('reserved', 'deferred') AND m.workflow = $1 \
     UNION ALL SELECT m.step, m.state, '', m.lead, m.enrolment, m.workflow \
     FROM messages AS m WHERE m.state IN ('claimed', 'transmitting') AND m.workflow = $1 \
     UNION ALL SELECT m.step, m.state, COALESCE(m.reason, ''), m.lead, m.enrolment, m.workflow \
     FROM messages AS m WHERE m.state = 'parked' AND m.workflow = $1) AS o \
     WHERE ($4 OR EXISTS (SELECT 1 FROM enrolments AS e WHERE e.lead = o.lead \
     AND e.enrolment = o.enrolment AND e.entered_at >= $2 AND e.entered_at < $3)) \
     GROUP BY o.step, o.state, o.reason"
);

/// A line does not name its enrolment: it is of one that was there when it was written.
pub(in crate::store) const PASSED_OVER: Text = sql!(
    "SELECT d.step, d.what, COUNT(DISTINCT d.lead) AS leads FROM decision_log AS d \
     WHERE d.workflow = $1 AND d.what IN ('skipped', 'expired') AND d.step IS NOT NULL \
     AND ($4 OR EXISTS (SELECT 1 FROM enrolments AS e WHERE e.lead = d.lead AND e.workflow = d.workflow \
     AND e.entered_at <= d.at AND (e.ended_at IS NULL OR e.ended_at >= d.at) \
     AND e.entered_at >= $2 AND e.entered_at < $3)) \
     GROUP BY d.what, d.step ORDER BY d.what, d.step"
);

/// `$5` is now: what was unsure counts as a person's once it has settled, and then a lead that is known as
/// one by another hit is not counted again.
pub(in crate::store) const BACK: Text = sql!(
    "SELECT b.step, b.kind, 'machine' AS behind, COUNT(*) AS events, COUNT(DISTINCT b.lead) AS leads \
     FROM events AS b WHERE b.workflow = $1 AND b.judgement = 'machine' ",
    (entered b),
    " GROUP BY b.step, b.kind \
     UNION ALL SELECT b.step, b.kind, 'unsure', COUNT(*), COUNT(DISTINCT b.lead) \
     FROM events AS b WHERE b.workflow = $1 AND b.judgement = 'unsure' AND b.settles_at > $5 ",
    (entered b),
    " GROUP BY b.step, b.kind \
     UNION ALL SELECT b.step, b.kind, 'human', COUNT(*), COUNT(DISTINCT b.lead) \
     FROM events AS b WHERE b.workflow = $1 AND b.judgement = 'unsure' AND b.settles_at <= $5 ",
    (entered b),
    " GROUP BY b.step, b.kind \
     UNION ALL SELECT b.step, b.kind, 'human', COUNT(*), COUNT(DISTINCT CASE WHEN NOT EXISTS (\
     SELECT 1 FROM events AS o WHERE o.workflow = b.workflow AND o.judgement = 'unsure' \
     AND o.step = b.step AND o.kind = b.kind AND o.lead = b.lead AND o.settles_at <= $5 ",
    (entered o),
    ") THEN b.lead END) FROM events AS b WHERE b.workflow = $1 AND b.judgement = 'human' ",
    (entered b),
    " GROUP BY b.step, b.kind"
);

impl Store {
    /// The figures of a workflow, of those enrolments that began in the period: where they stand, what
    /// became of their mails, and by `now` what came back on these.
    pub async fn workflow_figures(
        &self,
        workflow: &str,
        period: Period,
        now: Instant,
    ) -> Result<WorkflowFigures> {
        let mut tx = self.db.snapshot().await?;
        let figures = WorkflowFigures {
            standings: tx.standings(workflow, period).await?,
            again: tx.again(workflow, period).await?,
            mails: tx.mails(workflow, period).await?,
            open: tx.open_mails(workflow, period).await?,
            back: tx.back(workflow, period, now).await?,
            passed_over: tx.passed_over(workflow, period).await?,
        };
        tx.rollback().await?;
        Ok(figures)
    }
}

/// One statement about a workflow's enrolments of a period.
macro_rules! of_period {
    ($tx:expr, $text:expr, $workflow:expr, $period:expr $(, $more:expr)*) => {
        on_db!($tx.on(), $text, |db, sql| sqlx::query_as(sql)
            .bind($workflow)
            .bind($period.from.millis())
            .bind($period.until.millis())
            .bind($period.is_all())
            $(.bind($more))*
            .fetch_all(db)
            .await)
    };
}

impl Tx {
    async fn standings(&mut self, workflow: &str, period: Period) -> Result<Vec<Standing>> {
        #[derive(FromRow)]
        struct Row {
            version: String,
            step: String,
            state: String,
            turns: Option<String>,
            why: Option<String>,
            number: i64,
        }
        let rows: Vec<Row> = of_period!(self, STANDINGS, workflow, period)?;
        rows.into_iter()
            .map(|row| {
                let why = row.why.unwrap_or_default();
                let is_held = row.state == "ready" && !why.is_empty();
                Ok(Standing {
                    turns: read_turns(row.turns.as_deref(), workflow)?,
                    version: Version(row.version.into()),
                    step: row.step.into(),
                    why: if is_held { why_held(&why) } else { why },
                    state: row.state,
                    number: count(row.number),
                })
            })
            .collect()
    }

    async fn again(&mut self, workflow: &str, period: Period) -> Result<Vec<Again>> {
        let rows: Vec<(i64, String, String, Option<String>, String)> =
            of_period!(self, AGAIN, workflow, period)?;
        rows.into_iter()
            .map(|(lead, version, step, turns, status)| {
                Ok(Again {
                    finished: status == Outcome::Finished.word(),
                    lead: LeadId(lead),
                    version: Version(version.into()),
                    step: step.into(),
                    turns: read_turns(turns.as_deref(), workflow)?,
                })
            })
            .collect()
    }

    async fn mails(&mut self, workflow: &str, period: Period) -> Result<Vec<MailCount>> {
        let rows: Vec<(String, String, i64, i64)> = of_period!(self, MAILS, workflow, period)?;
        Ok(rows
            .into_iter()
            .map(|(step, state, mails, leads)| MailCount {
                step: step.into(),
                state,
                mails: count(mails),
                leads: count(leads),
            })
            .collect())
    }

    async fn open_mails(&mut self, workflow: &str, period: Period) -> Result<Vec<OpenCount>> {
        let rows: Vec<(String, String, String, i64)> = of_period!(self, OPEN, workflow, period)?;
        Ok(rows
            .into_iter()
            .map(|(step, state, reason, number)| OpenCount {
                step: step.into(),
                state,
                reason,
                number: count(number),
            })
            .collect())
    }

    async fn passed_over(&mut self, workflow: &str, period: Period) -> Result<Vec<PassedOver>> {
        let rows: Vec<(String, String, i64)> = of_period!(self, PASSED_OVER, workflow, period)?;
        let passed_over = |(step, what, leads): (String, _, _)| PassedOver {
            step: step.into(),
            what,
            leads: count(leads),
        };
        Ok(rows.into_iter().map(passed_over).collect())
    }

    async fn back(
        &mut self,
        workflow: &str,
        period: Period,
        now: Instant,
    ) -> Result<Vec<BackCount>> {
        let rows: Vec<(String, String, String, i64, i64)> =
            of_period!(self, BACK, workflow, period, now.millis())?;
        rows.into_iter()
            .map(|(step, kind, behind, events, leads)| {
                let kind = EventKind::parse(&kind)
                    .map_err(|_| StoreError::corrupt("events", "kind", &kind))?;
                let behind = match behind.as_str() {
                    "human" => Behind::Human,
                    "machine" => Behind::Machine,
                    _ => Behind::Unsure,
                };
                let (events, leads) = (count(events), count(leads));
                Ok(BackCount { step: step.into(), kind, behind, events, leads })
            })
            .collect()
    }
}
