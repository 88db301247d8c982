//! What is parked waits until something may have mended what parked it.

use sqlx::FromRow;

use super::{
    Result, Store,
    db::{Tx, on_db},
    dialect::Text,
    gate::Turn,
    records::{Lane, Parked},
    rows,
    timers::{Timer, Wake},
};
use crate::domain::{address::Address, id::LeadId, name::Name, time::Instant};

pub(super) const PARKED_OF: Text = sql!(
    "SELECT m.id FROM messages AS m WHERE m.state = 'parked' \
     AND m.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
    each,
    ") LIMIT 1"
);

pub(super) const PARKED_MAILS: Text =
    sql!("SELECT COUNT(*) FROM messages AS m WHERE m.state = 'parked'");

/// Each of the two groups walks over what is parked alone. Each has a limit of its own: what is wrong with a
/// lead may name its rows, so that there are as many reasons as leads, and mails must not fall out for that.
pub(super) const WHY_PARKED: Text = sql!(
    "SELECT p.template, p.reason, p.number, p.lead, \
     (SELECT l.address FROM leads AS l WHERE l.lead = p.lead) AS example FROM (\
     SELECT * FROM (\
     SELECT m.template, COALESCE(m.reason, '') AS reason, COUNT(*) AS number, MIN(m.lead) AS lead \
     FROM messages AS m WHERE m.state = 'parked' GROUP BY m.template, m.reason \
     ORDER BY 3 DESC, 4 LIMIT $1) AS mails \
     UNION ALL SELECT * FROM (\
     SELECT CAST(NULL AS TEXT) AS template, k.reason, COUNT(*) AS number, MIN(k.lead) AS lead \
     FROM parked_leads AS k GROUP BY k.reason ORDER BY 3 DESC, 4 LIMIT $1) AS undecided) AS p \
     ORDER BY p.number DESC, p.lead"
);

impl Store {
    /// What is parked, grouped by its reason, the most first; of mails and of leads no more than `most`
    /// groups each.
    pub async fn parked(&self, most: i64) -> Result<Vec<Parked>> {
        #[derive(FromRow)]
        struct Row {
            template: Option<String>,
            reason: String,
            number: i64,
            lead: i64,
            example: Option<String>,
        }
        let found: Vec<Row> = on_db!(self.db.read(), WHY_PARKED, |db, sql| sqlx::query_as(sql)
            .bind(most)
            .fetch_all(db)
            .await)?;
        Ok(found
            .into_iter()
            .map(|row| Parked {
                template: row.template.map(Name::from),
                reason: row.reason,
                number: u64::try_from(row.number).unwrap_or_default(),
                lead: LeadId(row.lead),
                // A lead that cannot be read is parked, too.
                example: row.example.and_then(|address| Address::parse(&address).ok()),
            })
            .collect())
    }

    /// How many mails are parked.
    pub async fn parked_mails(&self) -> Result<u64> {
        let number: i64 = on_db!(self.db.read(), PARKED_MAILS, |db, sql| sqlx::query_scalar(sql)
            .fetch_one(db)
            .await)?;
        Ok(u64::try_from(number).unwrap_or_default())
    }

    /// Gives parked messages and leads another try, as a release does: what parked them may be mended in
    /// the lead.
    pub async fn try_parked_again(&self, now: Instant) -> Result<()> {
        let mut tx = self.db.begin(Turn::Act).await?;
        tx.unpark_all(now).await?;
        tx.commit().await
    }
}

impl Tx {
    /// Gives all parked messages and leads another try.
    pub(super) async fn unpark_all(&mut self, now: Instant) -> Result<()> {
        self.unpark_calls(now).await?;
        let leads: Vec<i64> = on_db!(
            self.on(),
            sql!(
                "SELECT lead FROM parked_leads \
                 UNION SELECT lead FROM messages WHERE state = 'parked'"
            ),
            |db, sql| sqlx::query_scalar(sql).fetch_all(db).await
        )?;
        let leads = rows::ids(leads);
        let timers = self.lock_timers(&leads).await?;
        // Whoever is looking at one of these leads at this moment decides without the mails that are open
        // again now: what that comes to must not be written.
        let again = |timer: &Timer| Wake {
            lead: timer.lead,
            lane: Lane::Timers.number(),
            revs: 1,
            stops: 0,
        };
        self.wake(&timers.iter().map(again).collect::<Vec<_>>(), now).await?;
        let parked = timers.iter().filter(|timer| timer.is_parked()).map(|timer| timer.lead);
        let parked: Vec<i64> = parked.collect();
        self.unpark_messages(&leads, now).await?;
        self.unpark_leads(&parked, now).await
    }

    /// Gives the parked messages of these leads, whose timers are locked, another try. Of those of a lead
    /// that has another mail open, or several parked ones, the oldest goes first; the others follow when
    /// that one has ended. A mail whose enrolment has ended or gone on is cancelled.
    pub(super) async fn unpark_messages(&mut self, leads: &str, now: Instant) -> Result<()> {
        let parked: Option<i64> = on_db!(self.on(), PARKED_OF, |db, sql| sqlx::query_scalar(sql)
            .bind(leads)
            .fetch_optional(db)
            .await)?;
        // Nearly always.
        if parked.is_none() {
            return Ok(());
        }
        on_db!(
            self.on(),
            sql!(
                "UPDATE messages AS t SET state = ",
                taken_back,
                ", settled_at = $2, \
                 reason = 'the enrolment is no longer at this step' \
                 WHERE t.state = 'parked' AND t.kind = 'marketing' \
                 AND t.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") AND NOT EXISTS (\
                 SELECT 1 FROM enrolments AS e WHERE e.lead = t.lead \
                 AND e.enrolment = t.enrolment AND e.status = 'active' \
                 AND e.step = t.step AND e.visit = t.visit)"
            ),
            |db, sql| sqlx::query(sql).bind(leads).bind(now.millis()).execute(db).await.map(drop)
        )?;
        on_db!(
            self.on(),
            sql!(
                "UPDATE messages AS t SET state = 'reserved', reason = NULL, settled_at = NULL, \
                 due_at = CASE WHEN t.due_at < $2 THEN $2 ELSE t.due_at END \
                 WHERE t.state = 'parked' AND t.lead IN (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") AND (t.kind = 'internal' OR (\
                 NOT EXISTS (SELECT 1 FROM messages AS o WHERE o.lead = t.lead AND o.kind = 'marketing' \
                 AND o.state IN ('reserved', 'claimed', 'transmitting', 'deferred')) \
                 AND NOT EXISTS (SELECT 1 FROM messages AS o WHERE o.lead = t.lead AND o.kind = 'marketing' \
                 AND o.state = 'parked' AND o.id < t.id)))"
            ),
            |db, sql| sqlx::query(sql).bind(leads).bind(now.millis()).execute(db).await.map(drop)
        )?;
        Ok(())
    }
}
