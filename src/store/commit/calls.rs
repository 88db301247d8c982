//! Calls that a decision asks for.

use serde::Serialize;

use crate::{
    domain::time::Instant,
    store::{
        Result, Store,
        db::{Tx, on_db},
        records::LeadWrite,
        rows,
    },
};

#[derive(Serialize)]
struct CallRow<'a> {
    id: i64,
    lead: i64,
    enrolment: i64,
    step: &'a str,
    visit: u64,
    workflow: &'a str,
    target: &'a str,
    told: String,
    parks: bool,
}

impl Tx {
    /// A step that is decided twice is one call.
    pub(super) async fn ask_for_calls(
        &mut self,
        store: &Store,
        writes: &[LeadWrite],
        now: Instant,
    ) -> Result<()> {
        let mut calls = Vec::new();
        for write in writes {
            for call in &write.calls {
                calls.push(CallRow {
                    id: store.ids.next(now),
                    lead: write.lead.0,
                    enrolment: call.about.enrolment.0,
                    step: &call.about.step,
                    visit: call.about.visit,
                    workflow: &call.workflow,
                    target: &call.target,
                    told: rows::encode(&call.told)?,
                    parks: call.parks,
                });
            }
        }
        if calls.is_empty() {
            return Ok(());
        }
        let rows = rows::json("calls", &calls)?;
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO calls (id, lead, enrolment, step, visit, workflow, target, told, parks, state, \
                 due_at, attempts, created_at) \
                 SELECT CAST(j.value ->> 'id' AS BIGINT), CAST(j.value ->> 'lead' AS BIGINT), \
                 CAST(j.value ->> 'enrolment' AS BIGINT), j.value ->> 'step', \
                 CAST(j.value ->> 'visit' AS BIGINT), j.value ->> 'workflow', j.value ->> 'target', \
                 j.value ->> 'told', CAST(j.value ->> 'parks' AS BOOLEAN), 'due', $2, 0, $2 FROM ",
                each,
                " WHERE true ON CONFLICT (lead, enrolment, step, visit) DO NOTHING"
            ),
            |db, sql| sqlx::query(sql).bind(rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }
}
