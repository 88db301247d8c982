//! The leads of a rehearsal, as the database has them.

use std::collections::{BTreeMap, BTreeSet};

use super::Person;
use crate::{
    domain::{
        account::Account,
        allocator::{has_lines, lines},
        definitions::Definitions,
        fleet::Fleet,
        id::LeadId,
        name::Name,
        pace::{Heads, Line},
        ramp::{Ramps, Standing},
        time::Instant,
    },
    engine::deciding::look,
    store::{Store, StoreError},
};

/// Leads read in one go.
const PAGE: i64 = 2_000;

/// Leads by definitions, and what they share.
#[derive(Debug, Default)]
pub struct Cast {
    pub people: Vec<Person>,
    /// Leads that cannot be read, and why.
    pub unreadable: Vec<(LeadId, String)>,
    pub accounts: BTreeMap<Name, Account>,
    pub heads: Heads,
    pub ramps: Vec<((Name, Name), Standing)>,
}

impl Cast {
    /// All leads of a database, as these definitions look at them; each is due as its timer says, or at once, if
    /// definitions are others than those that it was decided by. Whoever waits for the answer to a call gets it.
    /// Those that are parked stay out.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn of(
        store: &Store,
        definitions: &Definitions,
        fleet: &Fleet,
        now: Instant,
    ) -> Result<Self, StoreError> {
        let mut cast = Self::default();
        let mut last = LeadId(i64::MIN);
        loop {
            let leads = store.leads_after(last, PAGE).await?;
            let Some(&end) = leads.last() else { break };
            last = end;
            cast.read(store, definitions, &leads, now).await?;
        }
        cast.find_shared(store, definitions, fleet).await?;
        Ok(cast)
    }

    /// Likewise, of leads that were read, in any order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn of_people(
        store: &Store,
        definitions: &Definitions,
        fleet: &Fleet,
        mut people: Vec<Person>,
    ) -> Result<Self, StoreError> {
        people.sort_unstable_by_key(|person| person.state.lead);
        let mut cast = Self { people, ..Self::default() };
        cast.find_shared(store, definitions, fleet).await?;
        Ok(cast)
    }

    async fn read(
        &mut self,
        store: &Store,
        definitions: &Definitions,
        leads: &[LeadId],
        now: Instant,
    ) -> Result<(), StoreError> {
        let mut found = store.people(leads, definitions.plan_mark).await?;
        self.people.reserve(found.records.len());
        for record in found.records {
            let history = found.histories.get(&record.lead).map_or(&[][..], Vec::as_slice);
            let timer = (record.decided_under, record.due_at);
            let (state, _, _) = look(definitions, record, history, now);
            let mut person = Person::decided_under(definitions, state, timer, now);
            person.hear_answers(definitions, now.next());
            self.people.push(person);
        }
        self.unreadable.append(&mut found.corrupt);
        Ok(())
    }

    /// What their companies, their lines and the relays are like.
    async fn find_shared(
        &mut self,
        store: &Store,
        definitions: &Definitions,
        fleet: &Fleet,
    ) -> Result<(), StoreError> {
        self.ramps = store.ramps().await?.into_iter().collect();
        let ramps = Ramps::new(self.ramps.iter().cloned());
        let companies: BTreeSet<Name> =
            self.people.iter().filter_map(|person| person.account.clone()).collect();
        if !companies.is_empty() {
            self.accounts = store.accounts_now(&companies).await?;
        }
        let policy = &definitions.policy;
        if !has_lines(policy, fleet) {
            return Ok(());
        }
        let domains: BTreeSet<(Option<&Name>, &str)> = self
            .people
            .iter()
            .map(|person| {
                let relay = fleet.relay_of(person.state.lead).map(|relay| &relay.name);
                (relay, person.state.address.domain())
            })
            .collect();
        let mut names = BTreeSet::new();
        for (relay, domain) in domains {
            let relay = relay.and_then(|relay| fleet.get(relay));
            for live in definitions.workflows.iter() {
                let found = lines(policy, (relay, &ramps), domain, &live.workflow.name);
                names.extend(found.iter().flat_map(Line::names));
            }
        }
        self.heads = store.where_lines_begin(&names).await?;
        Ok(())
    }
}
