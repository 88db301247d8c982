//! The relays that share the mails, and who of them writes to whom.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use super::{
    id::LeadId,
    message::MessageKind,
    name::Name,
    pace::{Line, Rate},
    ramp::WarmUp,
};

/// All relays, in the order of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    relays: Vec<Berth>,
}

/// One relay, as who shares out mails looks at it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Berth {
    pub name: Name,
    /// How many leads it writes to, next to the others' shares; at 0 it only stands in for others.
    pub share: u8,
    /// Who its mails are from. Relays of one identity stand in for each other.
    pub identity: Name,
    /// How fast it takes mails at most.
    pub rate: Option<Rate>,
    /// While it is new: how many mails a day it takes.
    pub warm_up: Option<WarmUp>,
}

impl Berth {
    pub const LARGEST_SHARE: u8 = 100;

    /// The line that every mail by it stands in, if it has a rate.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        self.rate.map(|rate| Line::rate(format!("relay {}", self.name), rate))
    }
}

impl Fleet {
    #[must_use]
    pub fn new(relays: Vec<Berth>) -> Self {
        Self { relays }
    }

    /// Those that are, or were, to take few mails a day at first.
    pub fn warming(&self) -> impl Iterator<Item = (&Name, &WarmUp)> {
        self.relays.iter().filter_map(|relay| Some((&relay.name, relay.warm_up.as_ref()?)))
    }

    /// Whether any of them has a rate.
    #[must_use]
    pub fn has_rates(&self) -> bool {
        self.relays.iter().any(|relay| relay.rate.is_some())
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Berth> {
        self.relays.iter().find(|relay| relay.name == *name)
    }

    /// The relay by which a lead is written to, always the same one: a prospect does not hear from another
    /// sender each time. If a relay is added, only those leads change to it whom it is to write to, and if one is
    /// taken away, only its own go elsewhere (rendezvous hashing, Thaler and Ravishankar 1998; a relay has as many
    /// tickets as its share). `None`: there is no relay.
    #[must_use]
    pub fn relay_of(&self, lead: LeadId) -> Option<&Berth> {
        let luck = |relay: &Berth| (0..relay.share).map(|ticket| luck(relay, ticket, lead)).max();
        let drawn = self.relays.iter().filter_map(|relay| Some((luck(relay)?, relay)));
        drawn.max_by_key(|(luck, _)| *luck).map(|(_, relay)| relay).or(self.house_relay())
    }

    /// The relay of the mail to our own people.
    #[must_use]
    pub fn house_relay(&self) -> Option<&Berth> {
        self.relays.first()
    }

    /// The relay by which a mail to a lead, or about it, is to go.
    #[must_use]
    pub fn relay_for(&self, kind: MessageKind, lead: LeadId) -> Option<&Berth> {
        match kind {
            MessageKind::Marketing => self.relay_of(lead),
            MessageKind::Internal => self.house_relay(),
        }
    }

    /// Who else may hand over the mails of a relay: those whose mails are from the same sender.
    pub fn kin_of(&self, name: &str) -> impl Iterator<Item = &Berth> {
        let identity = self.get(name).map(|relay| &relay.identity);
        let is_kin = move |relay: &&Berth| Some(&relay.identity) == identity && relay.name != *name;
        self.relays.iter().filter(is_kin)
    }

    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.relays.iter().map(|relay| &relay.name)
    }
}

fn luck(relay: &Berth, ticket: u8, lead: LeadId) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(relay.name.as_bytes());
    hasher.write_u8(ticket);
    hasher.write_i64(lead.0);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn fleet(relays: &[(&str, u8)]) -> Fleet {
        let berth = |(name, share): &(&str, u8)| Berth {
            name: Name::new(name),
            share: *share,
            identity: Name::new(name),
            rate: None,
            warm_up: None,
        };
        Fleet::new(relays.iter().map(berth).collect())
    }

    fn chosen(fleet: &Fleet, lead: i64) -> &str {
        &fleet.relay_of(LeadId(lead)).unwrap().name
    }

    #[test]
    fn leads_are_shared_out_by_the_relays_shares() {
        let relays = fleet(&[("a", 1), ("b", 3), ("spare", 0)]);
        let mut leads: BTreeMap<&str, u32> = BTreeMap::new();
        for lead in 0..10_000 {
            *leads.entry(chosen(&relays, lead)).or_default() += 1;
        }
        assert_eq!(leads.len(), 2, "{leads:?}");
        // Four standard deviations of a fair draw.
        assert!(leads["a"].abs_diff(2_500) < 174, "{leads:?}");
    }

    #[test]
    fn a_lead_keeps_its_relay_unless_a_new_one_is_to_write_to_it_or_its_own_is_gone() {
        let (before, after) =
            (fleet(&[("a", 2), ("b", 1)]), fleet(&[("b", 1), ("c", 1), ("a", 2)]));
        let without = fleet(&[("b", 1)]);
        for lead in 0..5_000 {
            let (then, now) = (chosen(&before, lead), chosen(&after, lead));
            assert!(now == then || now == "c", "lead {lead} went from {then} to {now}");
            assert_eq!(chosen(&without, lead), "b");
        }
    }

    #[test]
    fn where_none_has_a_share_the_first_writes_to_all() {
        assert_eq!(chosen(&fleet(&[("a", 0), ("b", 0)]), 7), "a");
        assert!(Fleet::default().relay_of(LeadId(1)).is_none());
    }

    #[test]
    fn relays_of_the_same_sender_stand_in_for_each_other() {
        let berth = |name: &str, identity: &str| Berth {
            name: Name::new(name),
            share: 1,
            identity: Name::new(identity),
            rate: None,
            warm_up: None,
        };
        let fleet = Fleet::new(vec![
            berth("a", "ada@example.com"),
            berth("b", "ben@example.net"),
            berth("c", "ada@example.com"),
        ]);
        let kin = |name: &str| fleet.kin_of(name).map(|it| it.name.to_string()).collect::<Vec<_>>();
        assert_eq!((kin("a"), kin("b"), kin("gone")), (vec!["c".to_owned()], vec![], vec![]));
    }
}
