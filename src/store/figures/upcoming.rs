//! What is due, and by which way it goes.

use super::count;
use crate::{
    domain::{id::LeadId, time::Instant, workflow::Version},
    store::{
        Result, Store,
        db::on_db,
        gather::gather,
        records::{Upcoming, What},
    },
};

impl Store {
    /// What is due from `now` until an instant: open marketing mails, and steps that are held or waited for.
    /// What was due before counts in the first hour. Walks over all who are inside of workflows.
    pub async fn upcoming(&self, now: Instant, until: Instant) -> Result<Vec<Upcoming>> {
        let mut tx = self.db.snapshot().await?;
        let mails: Vec<(String, String, String, i64, i64)> = on_db!(
            tx.on(),
            sql!(
                "SELECT m.via, l.domain, m.workflow, \
                 CASE WHEN m.due_at < $1 THEN 0 ELSE (m.due_at - $1) / 3600000 END AS hour, COUNT(*) \
                 FROM messages AS m JOIN leads AS l ON l.lead = m.lead \
                 WHERE m.state IN ('reserved', 'deferred') AND m.kind = 'marketing' AND m.due_at < $2 \
                 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
            ),
            |db, sql| gather(sqlx::query_as(sql).bind(now.millis()).bind(until.millis()).fetch(db))
                .await
        )?;
        type Step = (i64, String, String, String, String, String, i64);
        let steps: Vec<Step> = on_db!(
            tx.on(),
            sql!(
                "SELECT e.lead, l.domain, e.workflow, e.step, e.version, e.phase, \
                 CASE WHEN COALESCE(e.due_at, 0) < $1 THEN 0 ELSE (e.due_at - $1) / 3600000 END AS hour \
                 FROM enrolments AS e JOIN leads AS l ON l.lead = e.lead \
                 WHERE e.status = 'active' AND e.phase IN ('ready', 'waiting') \
                 AND COALESCE(e.due_at, 0) < $2 ORDER BY e.lead, e.enrolment"
            ),
            |db, sql| gather(sqlx::query_as(sql).bind(now.millis()).bind(until.millis()).fetch(db))
                .await
        )?;
        tx.rollback().await?;
        let domain = |text: String| text.trim_start_matches('@').into();
        let mails = mails.into_iter().map(|(via, of, workflow, hour, number)| Upcoming {
            what: What::Mail { via: via.into() },
            domain: domain(of),
            workflow: workflow.into(),
            hour: count(hour),
            number: count(number),
        });
        let steps = steps.into_iter().map(|(lead, of, workflow, step, version, phase, hour)| {
            let is_wait = phase == "waiting";
            let (lead, version) = (LeadId(lead), Version(version.into()));
            Upcoming {
                what: What::Step { lead, step: step.into(), version, is_wait },
                domain: domain(of),
                workflow: workflow.into(),
                hour: count(hour),
                number: 1,
            }
        });
        Ok(mails.chain(steps).collect())
    }
}
