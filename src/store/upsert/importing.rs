//! Taking rows of an import in.

use super::{KnownLead, NewLead, Profiles, objections::regrounded};
use crate::{
    domain::time::Instant,
    store::{
        Result, Store,
        db::Tx,
        gate::Turn,
        records::{ImportRun, LeadUpsert, Upserted},
    },
};

/// Rows of an import on their way in: some batches in one transaction, where it has room. Dropped without
/// a commit, nothing of them is there.
///
/// While it is open no other method that writes to SQLite goes ahead: do not call one.
#[derive(Debug)]
pub struct Importing {
    store: Store,
    tx: Tx,
}

impl Store {
    /// Begins to take rows of an import in.
    pub async fn begin_import(&self) -> Result<Importing> {
        Ok(Importing { store: self.clone(), tx: self.db.begin(Turn::Bulk).await? })
    }

    /// Takes a batch of rows in, alone; see [`Importing::take`].
    pub async fn upsert_leads(
        &self,
        upserts: &[LeadUpsert],
        run: &ImportRun,
        now: Instant,
    ) -> Result<Vec<Upserted>> {
        let mut importing = self.begin_import().await?;
        let upserted = importing.take(upserts, Profiles::of(upserts)?, run, now).await?;
        importing.commit().await?;
        Ok(upserted)
    }
}

impl Importing {
    /// Takes rows of an import in, in order.
    ///
    /// The merge rule: a value of a later row replaces an earlier one, an empty cell replaces nothing. A
    /// consent that is there stays unless the row brings another ground given later; one that was
    /// withdrawn is renewed by a later one alone that the row dates, one that the row withdraws is so from
    /// now on, and one that somebody objects to also where none was known; a suppression stays.
    /// The stage is taken for new leads only: the first that a row of the run names, beside `lead`. A mail
    /// on its way for a purpose whose ground has changed, or to who is to be left alone until another day, is
    /// judged again. A lead whose row cannot be read
    /// stays as it is.
    /// Each lead that was created or changed, or comes by a named source for the first time, gets one
    /// `lead.imported` event and becomes due in the bulk lane.
    pub async fn take(
        &mut self,
        upserts: &[LeadUpsert],
        mut profiles: Profiles,
        run: &ImportRun,
        now: Instant,
    ) -> Result<Vec<Upserted>> {
        if upserts.is_empty() {
            return Ok(Vec::new());
        }
        let tx = &mut self.tx;
        let mut concerned = tx.take_addresses(&self.store, upserts, run, now).await?;
        let taken = concerned.fold(upserts)?;
        let leads = &concerned.leads;
        let (mut new, mut known) = (Vec::new(), Vec::new());
        for (address, lead) in leads {
            if lead.is_new {
                new.push(NewLead::of(address, lead, &mut profiles)?);
            } else {
                known.push(KnownLead::of(lead, &mut profiles)?);
            }
        }
        let profiles = profiles.into_bytes();
        tx.write_new(&new, &profiles, run, now).await?;
        tx.write_known(&known, &profiles, run, now).await?;
        tx.write_imported(leads, run, now).await?;
        tx.judge_again(&regrounded(leads)).await?;
        tx.suppress_rows(upserts, leads, run, now).await?;
        let suppressed = tx.suppressed_among(upserts.iter().map(|upsert| &upsert.address)).await?;
        Ok(concerned.upserted(upserts, taken, &suppressed))
    }

    /// Whether another batch may go into the same transaction.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.tx.may_go_on()
    }

    /// Makes what was taken in last.
    pub async fn commit(self) -> Result<()> {
        self.tx.commit().await
    }
}
