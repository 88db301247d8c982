//! What people are going to do, and when.

use std::collections::BTreeMap;

use super::crm::{Deal, Qualified};
use crate::domain::{id::LeadId, name::Name, time::Instant};

/// What somebody does. Addresses are those of links in their mails.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Act {
    Open {
        pixel: String,
    },
    Click {
        link: String,
    },
    Answer {
        link: String,
    },
    Later {
        link: String,
    },
    Preferences {
        link: String,
    },
    Unsubscribe {
        link: String,
    },
    WriteBack,
    Visit {
        page: &'static str,
    },
    Submit {
        form: &'static str,
    },
    /// A person of sales presses a button of a card.
    Press {
        link: String,
        person: Name,
        word: &'static str,
    },
    Call,
    Meet,
    /// Sales writes into its CRM what it has learned.
    Qualify(Qualified),
    Deal(Deal),
}

impl Act {
    /// Done by the lead, out of a mail or on the website; the others by sales.
    const fn is_of_lead(&self) -> bool {
        !matches!(
            self,
            Self::Press { .. } | Self::Call | Self::Meet | Self::Qualify(_) | Self::Deal(_)
        )
    }
}

/// An act that is planned.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Plan {
    pub lead: LeadId,
    /// The mail that it comes of: its template; else empty.
    pub mail: Name,
    pub act: Act,
}

#[derive(Debug, Default)]
pub struct Agenda {
    planned: BTreeMap<Instant, Vec<Plan>>,
}

impl Agenda {
    pub fn add(&mut self, at: Instant, lead: LeadId, mail: &Name, act: Act) {
        self.planned.entry(at).or_default().push(Plan { lead, mail: mail.clone(), act });
    }

    pub fn next(&self) -> Instant {
        self.planned.keys().next().copied().unwrap_or(Instant::NEVER)
    }

    /// Takes what is planned up to an instant, in its order.
    pub fn until(&mut self, now: Instant) -> Vec<Plan> {
        let later = self.planned.split_off(&now.next());
        let due = std::mem::replace(&mut self.planned, later);
        let in_order = due.into_values().flat_map(|mut plans| {
            plans.sort();
            plans
        });
        in_order.collect()
    }

    /// Whoever has left does nothing more with us.
    pub fn leaves(&mut self, lead: LeadId) {
        for plans in self.planned.values_mut() {
            plans.retain(|plan| plan.lead != lead || !plan.act.is_of_lead());
        }
        self.planned.retain(|_, plans| !plans.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_left_does_nothing_more_but_sales_may() {
        let mut agenda = Agenda::default();
        let (lead, other) = (LeadId(1), LeadId(2));
        agenda.add(Instant::DAWN, lead, &"".into(), Act::Visit { page: "/demo" });
        agenda.add(Instant::DAWN, lead, &"".into(), Act::Call);
        agenda.add(Instant::DAWN, other, &"".into(), Act::WriteBack);
        agenda.leaves(lead);
        let left: Vec<_> = agenda.until(Instant::DAWN).into_iter().map(|plan| plan.act).collect();
        assert_eq!(left, [Act::Call, Act::WriteBack]);
        assert_eq!(agenda.next(), Instant::NEVER);
    }
}
