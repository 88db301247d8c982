//! Writing decisions: a handful of statements for a whole batch, where the revs still hold.

mod enrolments;
mod guard;
mod mails;
mod trail;

use super::{
    Batch, Result, Store,
    records::{Committed, LeadWrite},
};
use crate::domain::{id::Rev, time::Instant};

impl Store {
    /// Writes the decisions on a batch and ends its transaction.
    ///
    /// A lead whose rev has moved on, or whose message could not be withdrawn any more, is not written:
    /// it stays due. The others' rev goes up by one and by the events that the decision made, which count
    /// as reflected. Leads of the batch without a decision stay as they are; unreadable ones are parked.
    ///
    /// # Errors
    /// `UniqueViolation`, `Unstorable`: a decision that cannot be written; nothing of the batch was.
    pub async fn commit(
        &self,
        batch: Batch,
        writes: Vec<LeadWrite>,
        now: Instant,
    ) -> Result<Committed> {
        let Batch { corrupt, mut tx, .. } = batch;
        let mut committed = Committed::default();
        if !writes.is_empty() {
            let stuck = tx.stuck_withdrawals(&writes).await?;
            let revs = tx.move_timers(&writes, &stuck, now).await?;
            let (written, lost): (Vec<LeadWrite>, Vec<LeadWrite>) =
                writes.into_iter().partition(|write| revs.contains_key(&write.lead.0));
            tx.write_leads(&written, now).await?;
            tx.write_enrolments(&written).await?;
            committed.withdrawn = tx.withdraw(&written, now).await?;
            tx.cancel_parked(&written, now).await?;
            committed.reserved = tx.reserve(self, &written, now).await?;
            tx.write_events(&written, now).await?;
            tx.write_log(&written, &revs, now).await?;
            tx.write_ledger(&written, &revs, now).await?;
            committed.written =
                written.iter().map(|write| (write.lead, Rev(revs[&write.lead.0]))).collect();
            committed.lost = lost.iter().map(|write| write.lead).collect();
        }
        tx.park(&corrupt, now).await?;
        tx.commit().await?;
        Ok(committed)
    }
}
