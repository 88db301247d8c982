//! Enrolments as they are read.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use sqlx::FromRow;

use super::{
    Result, Store, StoreError,
    db::{Tx, on_db},
    gather::gather,
    rows,
};
use crate::domain::{
    id::{EnrolmentNo, LeadId, MessageId},
    lead::{Due, Enrolment, Held, Phase, Turn},
    name::Name,
    time::Instant,
    workflow::Version,
};

#[derive(FromRow)]
pub(super) struct StoredEnrolment {
    pub lead: i64,
    enrolment: i64,
    workflow: String,
    version: String,
    step: String,
    visit: i64,
    phase: String,
    entered_at: i64,
    armed_at: i64,
    due_at: Option<i64>,
    civil: Option<String>,
    held: Option<String>,
    entry: Option<String>,
    doubt: Option<i64>,
    turns: Option<String>,
}

impl Tx {
    pub(super) async fn active_enrolments(&mut self, leads: &str) -> Result<Vec<StoredEnrolment>> {
        Ok(on_db!(
            self.on(),
            sql!(
                "SELECT e.lead, e.enrolment, e.workflow, e.version, e.step, e.visit, e.phase, e.entered_at, \
                 e.armed_at, e.due_at, e.civil, e.held, e.entry, e.doubt, e.turns FROM enrolments AS e \
                 WHERE e.status = 'active' AND e.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") ORDER BY e.lead, e.enrolment"
            ),
            |db, sql| gather(sqlx::query_as(sql).bind(leads).fetch(db)).await
        )?)
    }
}

impl Store {
    /// How many leads are inside of each workflow that any is inside of, live or not.
    pub async fn inside(&self) -> Result<BTreeMap<Name, u64>> {
        let rows: Vec<(String, i64)> = on_db!(
            self.db.read(),
            sql!(
                "SELECT workflow, COUNT(*) FROM enrolments WHERE status = 'active' GROUP BY workflow"
            ),
            |db, sql| sqlx::query_as(sql).fetch_all(db).await
        )?;
        Ok(rows
            .into_iter()
            .map(|(workflow, leads)| (workflow.into(), u64::try_from(leads).unwrap_or(0)))
            .collect())
    }

    /// These enrolments, active or ended; one that cannot be read is not among them.
    pub async fn these_enrolments(
        &self,
        of: &[(LeadId, EnrolmentNo)],
    ) -> Result<HashMap<(LeadId, EnrolmentNo), Enrolment>> {
        #[derive(Serialize)]
        struct Row {
            lead: i64,
            enrolment: i64,
        }
        if of.is_empty() {
            return Ok(HashMap::new());
        }
        let wanted: Vec<Row> =
            of.iter().map(|(lead, no)| Row { lead: lead.0, enrolment: no.0 }).collect();
        let wanted = rows::json("enrolments", &wanted)?;
        let found: Vec<StoredEnrolment> = on_db!(
            self.db.read(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 CAST(j.value ->> 'enrolment' AS BIGINT) AS enrolment FROM ",
                each,
                ") SELECT e.lead, e.enrolment, e.workflow, e.version, e.step, e.visit, e.phase, \
                 e.entered_at, e.armed_at, e.due_at, e.civil, e.held, e.entry, e.doubt, e.turns \
                 FROM r INNER JOIN enrolments AS e ON e.lead = r.lead AND e.enrolment = r.enrolment"
            ),
            |db, sql| sqlx::query_as(sql).bind(wanted).fetch_all(db).await
        )?;
        Ok(found
            .into_iter()
            .filter_map(|row| {
                let lead = LeadId(row.lead);
                match Enrolment::try_from(row) {
                    Ok(enrolment) => Some(((lead, enrolment.no), enrolment)),
                    Err(error) => {
                        tracing::error!(%error, "a notice is of an enrolment that cannot be read");
                        None
                    }
                }
            })
            .collect())
    }
}

impl TryFrom<StoredEnrolment> for Enrolment {
    type Error = StoreError;

    fn try_from(row: StoredEnrolment) -> Result<Self> {
        const TABLE: &str = "enrolments";
        let key = format!("lead {} enrolment {}", row.lead, row.enrolment);
        let corrupt = |column| StoreError::corrupt(TABLE, column, &key);
        let phase = match row.phase.as_str() {
            "ready" => Phase::Ready {
                held: row
                    .held
                    .map(|held| rows::decode(&held, TABLE, "held", &key))
                    .transpose()?
                    .map(|(until, reason)| Held { reason, until }),
            },
            "waiting" => Phase::Waiting {
                due: Due {
                    at: Instant::from_millis(row.due_at.ok_or_else(|| corrupt("due_at"))?),
                    civil: row
                        .civil
                        .map(|civil| rows::decode(&civil, TABLE, "civil", &key))
                        .transpose()?,
                },
            },
            "mailing" => Phase::Mailing,
            _ => return Err(corrupt("phase")),
        };
        Ok(Self {
            no: EnrolmentNo(row.enrolment),
            workflow: row.workflow.into(),
            version: Version(row.version.into()),
            entered_at: Instant::from_millis(row.entered_at),
            entry: row.entry.map(|entry| rows::decode(&entry, TABLE, "entry", &key)).transpose()?,
            step: row.step.into(),
            visit: u64::try_from(row.visit).map_err(|_| corrupt("visit"))?,
            armed_at: Instant::from_millis(row.armed_at),
            phase,
            doubt: row.doubt.map(MessageId),
            turns: read_turns(row.turns.as_deref(), &key)?,
        })
    }
}

/// Most ways have none.
pub(super) fn read_turns(turns: Option<&str>, key: &str) -> Result<Vec<Turn>> {
    turns.map_or(Ok(Vec::new()), |turns| rows::decode(turns, "enrolments", "turns", key))
}
