//! What in an import stops mail that is on its way: objections, and grounds that are gone.

use std::collections::BTreeMap;

use super::merge::Folding;
use crate::{
    domain::time::Instant,
    store::{
        Result,
        db::Tx,
        profiles::Reconsidered,
        records::{ImportRun, Lane, LeadUpsert},
        suppressions::add_entry,
        timers::Wake,
    },
};

/// Mails whose ground is another one now, or none, and all to who is to be left alone until another day.
pub(super) fn regrounded<'a>(leads: &'a BTreeMap<&str, Folding<'_>>) -> Vec<Reconsidered<'a>> {
    let of = |lead: &'a Folding<'_>| {
        let purposes = lead.regrounded.iter().map(|purpose| Some(purpose.as_str()));
        let all = lead.has_other_quiet().then_some(None);
        purposes.chain(all).map(|purpose| Reconsidered { lead: lead.lead, purpose })
    };
    leads.values().flat_map(of).collect()
}

impl Tx {
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
