//! The CRM of the demo's sales team: two files, as it exports them, which are imported like any other.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::domain::time::Instant;

/// What sales has learned of a lead.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Qualified {
    /// Budget, authority and timing are there.
    pub yes: bool,
    pub need: &'static str,
    pub timing: &'static str,
    pub lead_status: &'static str,
}

/// A deal, and how it stands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Deal {
    pub id: String,
    /// In EUR.
    pub amount: u64,
    /// `None`: it is open.
    pub won: Option<bool>,
}

#[derive(Debug, Default)]
pub struct Crm {
    /// By address.
    leads: BTreeMap<String, Qualified>,
    deals: BTreeMap<String, Opened>,
}

#[derive(Debug)]
struct Opened {
    address: String,
    at: Instant,
    deal: Deal,
    closed: Option<Instant>,
}

impl Crm {
    pub fn qualify(&mut self, address: &str, qualified: Qualified) {
        self.leads.insert(address.to_owned(), qualified);
    }

    pub fn deal(&mut self, address: &str, deal: &Deal, now: Instant) {
        let opened = self.deals.entry(deal.id.clone()).or_insert_with(|| Opened {
            address: address.to_owned(),
            at: now,
            deal: deal.clone(),
            closed: None,
        });
        opened.deal = deal.clone();
        opened.closed = deal.won.map(|_| now);
    }

    /// For `leads import`.
    pub fn leads_file(&self) -> String {
        let mut text = String::from("email,budget,authority,need,timing,lead status\n");
        for (address, Qualified { yes, need, timing, lead_status }) in &self.leads {
            let yes = if *yes { "yes" } else { "no" };
            let _ = writeln!(text, "{address},{yes},{yes},{need},{timing},{lead_status}");
        }
        text
    }

    /// For `events import`.
    pub fn deals_file(&self) -> String {
        let mut text = String::from("email,deal,amount,currency,opened_on,outcome,closed_on\n");
        for Opened { address, at, deal: Deal { id, amount, won }, closed } in self.deals.values() {
            let outcome = match won {
                None => "",
                Some(true) => "closed_won",
                Some(false) => "closed_lost",
            };
            let closed = closed.map(|at| at.to_string()).unwrap_or_default();
            let _ = writeln!(text, "{address},{id},{amount},EUR,{at},{outcome},{closed}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deal_keeps_the_day_on_which_it_was_opened() {
        let mut crm = Crm::default();
        let open = Deal { id: "d1".into(), amount: 9_000, won: None };
        crm.deal("a@b.example", &open, Instant::DAWN);
        let won = Deal { won: Some(true), ..open };
        crm.deal("a@b.example", &won, "2027-03-28T09:00:00Z".parse().unwrap());
        let row = "a@b.example,d1,9000,EUR,1970-01-01T00:00:00Z,closed_won,2027-03-28T09:00:00Z";
        assert_eq!(crm.deals_file().lines().nth(1), Some(row));
    }
}
