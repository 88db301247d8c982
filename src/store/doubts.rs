//! Mails that may have arrived, and nobody knows, for people to say what became of them.

use sqlx::FromRow;

use super::{
    Result, Store,
    db::on_db,
    dialect::Text,
    records::{ClaimToken, Doubt, Settled, Settlement},
};
use crate::domain::{
    address::Address,
    id::{LeadId, MessageId},
    name::Name,
    time::Instant,
};

/// How many are settled in one transaction.
const AT_ONCE: usize = 500;

/// Walks over what is in doubt alone: the first condition is that of the index.
pub(super) const DOUBTS: Text = sql!(
    "SELECT m.id, m.token, COALESCE(m.doubted_at, m.settled_at, m.created_at) AS at, m.workflow, m.step, \
     m.template, m.recipient, m.lead, (SELECT l.address FROM leads AS l WHERE l.lead = m.lead) AS address, \
     m.relay, m.reason, m.attempts, \
     EXISTS (SELECT 1 FROM enrolments AS e WHERE e.lead = m.lead AND e.enrolment = m.enrolment \
     AND e.status = 'active' AND e.doubt = m.id) AS waits \
     FROM messages AS m WHERE m.state IN ('sent', 'failed', 'in_doubt', 'cancelled') \
     AND m.state = 'in_doubt' ORDER BY at, m.id"
);

impl Store {
    /// All mails that are in doubt, the newest last.
    pub async fn doubts(&self) -> Result<Vec<Doubt>> {
        #[derive(FromRow)]
        struct Row {
            id: i64,
            token: Option<i64>,
            at: i64,
            workflow: String,
            step: String,
            template: String,
            recipient: String,
            lead: i64,
            address: Option<String>,
            relay: Option<String>,
            reason: Option<String>,
            attempts: i64,
            waits: bool,
        }
        let found: Vec<Row> =
            on_db!(self.db.read(), DOUBTS, |db, sql| sqlx::query_as(sql).fetch_all(db).await)?;
        let doubt = |row: Row| Doubt {
            message: MessageId(row.id),
            token: ClaimToken(row.token.unwrap_or_default()),
            at: Instant::from_millis(row.at),
            workflow: row.workflow.into(),
            step: row.step.into(),
            template: row.template.into(),
            recipient: row.recipient.into(),
            lead: LeadId(row.lead),
            address: row.address.and_then(|address| Address::parse(&address).ok()),
            relay: row.relay.map(Name::from),
            reason: row.reason,
            attempts: row.attempts,
            waits: row.waits,
        };
        Ok(found.into_iter().map(doubt).collect())
    }

    /// Somebody knows whether these mails arrived; `by` says who, in words. Their leads are due. Returns those
    /// that were not in doubt any more.
    pub async fn settle_doubts(
        &self,
        doubts: &[&Doubt],
        arrived: bool,
        by: &str,
        now: Instant,
    ) -> Result<Vec<MessageId>> {
        let mut gone = Vec::new();
        for some in doubts.chunks(AT_ONCE) {
            let said = |doubt: &&Doubt| Settlement {
                message: doubt.message,
                token: doubt.token,
                outcome: Settled::Said { arrived, by: by.to_owned() },
                relay: None,
            };
            let batch = self.settle(&some.iter().map(said).collect::<Vec<_>>(), &[], now).await?;
            gone.extend(&batch.refused);
            self.commit(batch, Vec::new(), now).await?;
        }
        Ok(gone)
    }
}
