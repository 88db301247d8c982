//! Who is in a workflow, a page at a time.

use super::{Result, Store, db::on_db, pauses::Person, records::Stand, rows, sweeps::IN_WORKFLOW};
use crate::domain::{id::LeadId, name::Name, workflow::Version};

impl Store {
    /// The next leads after one who are in a workflow, or in any, in their order.
    pub async fn enrolled(
        &self,
        workflow: Option<&Name>,
        after: LeadId,
        limit: i64,
    ) -> Result<Vec<LeadId>> {
        let leads: Vec<i64> = match workflow {
            Some(workflow) => {
                on_db!(self.db.read(), IN_WORKFLOW, |db, sql| sqlx::query_scalar(sql)
                    .bind(workflow.as_str())
                    .bind(after.0)
                    .bind(limit)
                    .fetch_all(db)
                    .await)?
            }
            None => on_db!(
                self.db.read(),
                sql!(
                    "SELECT DISTINCT e.lead FROM enrolments AS e WHERE e.status = 'active' \
                     AND e.lead > $1 ORDER BY e.lead LIMIT $2"
                ),
                |db, sql| sqlx::query_scalar(sql).bind(after.0).bind(limit).fetch_all(db).await
            )?,
        };
        Ok(leads.into_iter().map(LeadId).collect())
    }

    /// How many are at each step of each version of a workflow.
    pub async fn stands(&self) -> Result<Vec<Stand>> {
        let rows: Vec<(String, String, String, i64)> = on_db!(
            self.db.read(),
            sql!(
                "SELECT e.workflow, e.version, e.step, COUNT(*) FROM enrolments AS e \
                 WHERE e.status = 'active' GROUP BY e.workflow, e.version, e.step \
                 ORDER BY e.workflow, e.version, e.step"
            ),
            |db, sql| sqlx::query_as(sql).fetch_all(db).await
        )?;
        let stand = |(workflow, version, step, people): (String, String, String, i64)| Stand {
            workflow: workflow.into(),
            version: Version(version.into()),
            step: step.into(),
            people: u64::try_from(people).unwrap_or_default(),
        };
        Ok(rows.into_iter().map(stand).collect())
    }

    /// Those of these leads who belong to a company.
    pub async fn people_among(&self, leads: &[LeadId], account: &Name) -> Result<Vec<LeadId>> {
        let found: Vec<Person> = on_db!(
            self.db.read(),
            sql!(
                "SELECT l.lead, l.address, l.profile FROM leads AS l WHERE l.lead IN \
                 (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") ORDER BY l.lead"
            ),
            |db, sql| sqlx::query_as(sql)
                .bind(rows::ids(leads.iter().map(|lead| lead.0)))
                .fetch_all(db)
                .await
        )?;
        let theirs = found.iter().filter(|person| person.is_of(account));
        Ok(theirs.map(|person| LeadId(person.lead)).collect())
    }
}
