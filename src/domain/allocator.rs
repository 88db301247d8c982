//! The allocator: what is shared between leads is granted here, in one order, outside of decisions.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    account::{Account, AccountRules},
    decision::{Grants, Want},
    event::Event,
    id::LeadId,
    name::Name,
    policy::Policy,
    time::{Instant, Zone},
};

/// Grants wants in the order in which leads are decided. A refusal comes with a future slot, never a retry.
///
/// What it knows of a company is as of when the batch was loaded, and what this batch made of it since; the commit
/// finds out whether another was faster, and then its leads are decided again.
#[derive(Debug)]
pub struct Allocator<'p> {
    rules: &'p AccountRules,
    zone: &'p Zone,
    accounts: BTreeMap<Name, Account>,
    /// What came of decisions, in their order.
    pub booked: Vec<Booking>,
    /// Accounts by which leads were decided.
    pub relied_on: BTreeMap<Name, BTreeSet<LeadId>>,
}

/// What a lead's decision means for its company.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booking {
    pub account: Name,
    pub lead: LeadId,
    pub what: Booked,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Booked {
    /// A mail is reserved for it.
    Touched(Instant),
    Replied(Instant),
}

impl<'p> Allocator<'p> {
    /// With what is known of the companies of a batch's leads.
    #[must_use]
    pub fn new(policy: &'p Policy, accounts: BTreeMap<Name, Account>) -> Self {
        Self {
            rules: &policy.accounts,
            zone: &policy.zone,
            accounts,
            booked: Vec::new(),
            relied_on: BTreeMap::new(),
        }
    }

    /// Takes in what happened to a lead before it is decided: whether it replied.
    pub fn hear(&mut self, lead: LeadId, account: Option<&Name>, news: &[Event], now: Instant) {
        let Some(name) = account.filter(|_| self.rules.reply_stops.is_some()) else { return };
        let known = self.accounts.entry(name.clone()).or_default();
        for event in news {
            if known.hear(event, now) {
                let what = Booked::Replied(event.occurred_at);
                self.booked.push(Booking { account: name.clone(), lead, what });
            }
        }
    }

    /// Answers the wants of one lead's decision. Returns whether it refused any that was not refused
    /// before: then the lead is to be decided again.
    pub fn grant(
        &mut self,
        lead: LeadId,
        account: Option<&Name>,
        wants: &[Want],
        grants: &mut Grants,
        now: Instant,
    ) -> bool {
        let Some(name) = account.filter(|_| !self.rules.is_empty() && !wants.is_empty()) else {
            return false;
        };
        self.relied_on.entry(name.clone()).or_default().insert(lead);
        let hold = self
            .accounts
            .get(name)
            .and_then(|account| account.hold(lead, self.rules, self.zone, now));
        let Some((slot, reason)) = hold else { return false };
        let mut is_news = false;
        for want in wants.iter().filter(|want| !want.was_asked_for) {
            if grants.refusal(want).is_none() {
                grants.refuse(want.clone(), slot, reason.clone());
                is_news = true;
            }
        }
        is_news
    }

    /// Books that a mail is reserved for a lead.
    pub fn touch(&mut self, lead: LeadId, account: Option<&Name>, now: Instant) {
        let Some(name) = account.filter(|_| self.rules.people.is_some()) else { return };
        self.accounts.entry(name.clone()).or_default().touch(lead, self.rules, self.zone, now);
        self.booked.push(Booking { account: name.clone(), lead, what: Booked::Touched(now) });
    }
    /// Mails from before then count no more.
    #[must_use]
    pub fn forget_before(&self, now: Instant) -> Instant {
        self.rules.people.map_or(now, |most| most.since(self.zone, now))
    }
}
