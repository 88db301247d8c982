//! What in an import stops mail that is on its way: objections, and grounds that are gone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::merge::Folding;
use crate::{
    domain::time::Instant,
    store::{
        Result,
        db::{Tx, on_db},
        records::{ImportRun, Lane, LeadUpsert},
        rows,
        suppressions::add_entry,
        timers::Wake,
    },
};

impl Tx {
    /// Takes claimed mails out of their claims where the ground for their purpose has changed: the mark
    /// fails, and whether they may be sent is asked again.
    pub(super) async fn judge_again(&mut self, leads: &BTreeMap<&str, Folding<'_>>) -> Result<()> {
        #[derive(Serialize)]
        struct Row<'a> {
            lead: i64,
            purpose: &'a str,
        }
        let regrounded: Vec<Row> = leads
            .values()
            .flat_map(|lead| lead.regrounded.iter().map(|purpose| (lead.lead, purpose)))
            .map(|(lead, purpose)| Row { lead, purpose })
            .collect();
        if regrounded.is_empty() {
            return Ok(());
        }
        let rows = rows::json("messages", &regrounded)?;
        on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 j.value ->> 'purpose' AS purpose FROM ",
                each,
                ") UPDATE messages AS t SET state = 'reserved', token = NULL, lease_until = NULL FROM r \
                 WHERE t.lead = r.lead AND t.purpose = r.purpose AND t.kind = 'marketing' \
                 AND t.state = 'claimed'"
            ),
            |db, sql| sqlx::query(sql).bind(rows).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    pub(super) async fn suppress_rows(
        &mut self,
        upserts: &[LeadUpsert],
        leads: &BTreeMap<&str, Folding<'_>>,
        run: &ImportRun,
        now: Instant,
    ) -> Result<()> {
        let mut entries = BTreeMap::new();
        for upsert in upserts {
            if let Some(reason) = upsert.suppress {
                add_entry(&mut entries, upsert.address.as_str().to_owned(), reason, &run.source);
            }
        }
        let added = self.insert_suppressions(entries, now).await?;
        let wakes: Vec<Wake> = leads
            .iter()
            .filter(|(address, _)| added.contains(**address))
            .map(|(_, lead)| Wake { lead: lead.lead, lane: Lane::Bulk.number(), revs: 1, stops: 1 })
            .collect();
        self.wake(&wakes, now).await
    }
}
