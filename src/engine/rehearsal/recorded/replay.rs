//! A database's past decided again, lead by lead, and what comes out otherwise.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Chronicle,
    again::Again,
    difference::{Difference, Sides},
};
use crate::{
    domain::{event::EventKind, id::LeadId, id::Rev, time::Instant},
    store::{Store, StoreError, records::Past},
};

/// Leads read in one go.
const PAGE: i64 = 500;

/// Which period, and of whom.
#[derive(Clone, Debug)]
pub struct Period {
    pub since: Instant,
    pub until: Instant,
    /// `None`: all leads.
    pub leads: Option<Vec<LeadId>>,
}

/// Why a lead's record says less than its whole past.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// Its events are not kept from the first one on.
    HistoryCut,
    /// Imports have changed its profile, and what it was before is not known.
    ProfileChanged,
    /// It is parked.
    Parked,
    /// It cannot be read.
    Unreadable,
}

impl Gap {
    /// In words, of leads.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::HistoryCut => "their history is not kept from its beginning",
            Self::ProfileChanged => {
                "imports have changed their profile, and only what it is today is known"
            }
            Self::Parked => "they are parked",
            Self::Unreadable => "they cannot be read",
        }
    }

    /// What of a lead's past is not known.
    #[must_use]
    pub fn of(past: &Past) -> Option<Self> {
        let imports = past.events.iter().filter(|it| it.kind == EventKind::LEAD_IMPORTED).count();
        if past.events.first().is_none_or(|event| event.rev != Rev(1)) {
            Some(Self::HistoryCut)
        } else if past.is_parked {
            Some(Self::Parked)
        } else {
            (imports > 1).then_some(Self::ProfileChanged)
        }
    }

    /// Whether it can be replayed all the same; only what differs then says nothing.
    const fn is_harmless_if_nothing_differs(self) -> bool {
        matches!(self, Self::ProfileChanged)
    }
}

/// What a replay came to.
#[derive(Debug, Default)]
pub struct Replayed {
    /// Leads that were decided again, and what is compared.
    pub leads: u64,
    pub decisions: u64,
    /// Mails that were held for what other leads or people did: that is taken from the record.
    pub held_by_others: u64,
    /// Leads that the daemon is still to decide by what is live: until it does there is nothing to compare.
    pub undecided: u64,
    /// Leads of whom nothing can be said.
    pub gaps: BTreeMap<Gap, u64>,
    /// By lead, in the order of leads and then of time.
    pub differences: Vec<(LeadId, Difference)>,
}

impl Replayed {
    /// Decides a period again.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn of(
        store: &Store,
        chronicle: &Chronicle,
        period: &Period,
    ) -> Result<Self, StoreError> {
        let mut replayed = Self::default();
        if let Some(leads) = &period.leads {
            replayed.read(store, chronicle, leads, period).await?;
            return Ok(replayed);
        }
        let mut last = LeadId(i64::MIN);
        loop {
            let leads = store.leads_after(last, PAGE).await?;
            let Some(&end) = leads.last() else { break };
            last = end;
            replayed.read(store, chronicle, &leads, period).await?;
        }
        Ok(replayed)
    }

    async fn read(
        &mut self,
        store: &Store,
        chronicle: &Chronicle,
        leads: &[LeadId],
        period: &Period,
    ) -> Result<(), StoreError> {
        let pasts = store.pasts(leads).await?;
        for _ in &pasts.corrupt {
            self.leave_out(Gap::Unreadable);
        }
        for past in &pasts.known {
            self.decide_again(chronicle, past, period);
            // A turn for others: a past is decided in one go.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn leave_out(&mut self, gap: Gap) {
        *self.gaps.entry(gap).or_default() += 1;
    }

    fn decide_again(&mut self, chronicle: &Chronicle, past: &Past, period: &Period) {
        let gap = Gap::of(past);
        if let Some(gap) = gap.filter(|gap| !gap.is_harmless_if_nothing_differs()) {
            return self.leave_out(gap);
        }
        let Some(mut again) = Again::new(chronicle, past) else { return };
        let mut sides = Sides::default();
        again.run(period.until, &mut |seen| sides.note(seen));
        let mut differences = sides.differences(period.since, period.until);
        if let Some((at, reason)) = again.failed.clone() {
            differences.push(Difference::failed(at, reason));
        } else if differences.is_empty() && past.record.decided_at <= period.until {
            differences = Difference::standing(past, &again, past.record.decided_at);
            differences.retain(|it| it.at >= period.since);
        }
        if let Some(gap) = gap.filter(|_| !differences.is_empty()) {
            return self.leave_out(gap);
        }
        self.leads += 1;
        self.decisions += again.decisions;
        self.held_by_others += again.held_by_others;
        self.undecided += u64::from(again.is_behind(period.until));
        let lead = past.record.lead;
        self.differences.extend(differences.into_iter().map(|it| (lead, it)));
    }
}
