//! Writing decisions: a handful of statements for a whole batch, where the revs still hold.

mod calls;
mod enrolments;
mod guard;
mod mails;
mod trail;

use super::{
    Batch, Result, Shared, Store,
    db::Tx,
    gate::Turn,
    profiles::Reconsidered,
    records::{ClaimToken, Committed, LeadWrite},
};
use crate::domain::{
    id::{LeadId, MessageId, Rev},
    time::Instant,
};

impl Store {
    /// Writes the decisions on a batch and ends its transaction.
    ///
    /// Of a batch that was only looked at nothing is written once another release is live, or other
    /// workflows are paused: whoever changed that wakes the leads that are not due, and these still were.
    ///
    /// A lead whose rev has moved on, whose message could not be withdrawn any more, or whose company or line is not
    /// what it was decided by, is not written: it stays due. The others' rev goes up by one and by the events that the decision made, which count
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
        let Batch { corrupt, release, paused, marks, shared, tx, is_locked, .. } = batch;
        let mut tx = if is_locked {
            tx
        } else {
            tx.rollback().await?;
            if writes.is_empty() && corrupt.is_empty() {
                return Ok(Committed::default());
            }
            let mut tx = self.db.begin(Turn::Work).await?;
            if tx.live_release_id().await? != release
                || tx.paused_workflows().await? != paused.workflows
            {
                tx.rollback().await?;
                let lost = writes.iter().map(|write| write.lead).collect();
                return Ok(Committed { lost, is_outdated: true, ..Committed::default() });
            }
            tx
        };
        match tx.write_decisions(self, writes, &shared, &corrupt, &marks, now).await {
            Ok(committed) => {
                tx.commit().await?;
                Ok(Committed { parked: corrupt, ..committed })
            }
            Err(error) => {
                // Waited for, so that the leads are free when the caller looks at them one by one. What
                // is wrong is already known: a connection that is gone rolls back by itself.
                let _ = tx.rollback().await;
                Err(error)
            }
        }
    }
}

impl Tx {
    async fn write_decisions(
        &mut self,
        store: &Store,
        writes: Vec<LeadWrite>,
        shared: &Shared,
        corrupt: &[(LeadId, String)],
        marks: &[(MessageId, ClaimToken)],
        now: Instant,
    ) -> Result<Committed> {
        let mut committed = Committed::default();
        if !writes.is_empty() {
            let overtaken = self.overtaken_in_line(shared).await?;
            let (accounts, outdated) = self.lock_accounts(shared).await?;
            let mut stuck = self.stuck_withdrawals(&writes).await?;
            stuck.extend(outdated.into_iter().chain(overtaken));
            let revs = self.move_timers(&writes, &stuck, now).await?;
            let is_written = |lead: LeadId| revs.contains_key(&lead.0);
            self.move_lines(&shared.taken, is_written).await?;
            self.write_accounts(shared, accounts, is_written).await?;
            let (written, lost): (Vec<LeadWrite>, Vec<LeadWrite>) =
                writes.into_iter().partition(|write| revs.contains_key(&write.lead.0));
            self.write_leads(&written, now).await?;
            self.write_enrolments(&written).await?;
            committed.withdrawn = self.withdraw(&written, now).await?;
            self.cancel_parked(&written, now).await?;
            let again: Vec<Reconsidered<'_>> = written
                .iter()
                .filter(|write| write.judge_again)
                .map(|write| Reconsidered { lead: write.lead.0, purpose: None })
                .collect();
            self.judge_again(&again).await?;
            let again = self.reserve_again(&written).await?;
            committed.reserved = again + self.reserve(store, &written, now).await?;
            self.ask_for_calls(store, &written, now).await?;
            self.write_events(&written, now).await?;
            self.write_log(&written, &revs, now).await?;
            self.write_ledger(&written, &revs, now).await?;
            committed.written =
                written.iter().map(|write| (write.lead, Rev(revs[&write.lead.0]))).collect();
            committed.lost = lost.iter().map(|write| write.lead).collect();
        }
        self.park(corrupt, now).await?;
        // Last: a pause or an objection that is written until then stops them.
        committed.marked = self.mark(marks, store.db.ignores_pauses, now).await?;
        Ok(committed)
    }
}
