//! Handing a lead to sales: to whom, what is waited for, and what they may answer.

use std::{cmp::Reverse, hash::Hasher as _};

use siphasher::sip::SipHasher24;

use super::{
    definitions::Definitions,
    event::{Event, EventKind},
    id::LeadId,
    lead::Stage,
    name::Name,
    schedule::WaitSpec,
    time::Instant,
    value::{Value, parse_date},
    workflow::StepIx,
};

/// A `hand_off` step. A branch that is not written, or is at its end, goes on after the step.
#[derive(Clone, Debug)]
pub struct HandOff {
    pub to: Receiver,
    /// `None`: the built-in card.
    pub template: Option<Name>,
    pub silence: Silence,
    pub accepted: Option<StepIx>,
    pub returned: Option<StepIx>,
    /// Where nobody answered.
    pub silent: Option<StepIx>,
}

/// Who is to take the lead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Receiver {
    /// The lead's owner, and who takes leads without one that is known here.
    Owner { else_to: Name },
    /// A person, or one of a team.
    People(Name),
}

/// What is done where nobody answers.
#[derive(Clone, Debug)]
pub struct Silence {
    /// How long each is waited for.
    pub after: WaitSpec,
    pub persist: Persist,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Persist {
    /// Nothing: it is over.
    No,
    /// The card goes out once more.
    Remind,
    /// The next of the team gets it, until each had it.
    NextPerson,
    /// The lead is taken back, as if it had been returned.
    Return,
}

impl Persist {
    pub const WORDS: [(&'static str, Self); 3] =
        [("remind", Self::Remind), ("next person", Self::NextPerson), ("return", Self::Return)];
}

/// Whom a lead is handed to, and who is next: its owner, then the others in an order of its own.
///
/// The order is by a hash of the lead and the person. A decision is pure, so that `plan` and `why` say
/// the same as the daemon: there is no "whose turn is it" that leads could share. Over many leads each
/// person gets the same share, and where somebody joins or leaves no lead changes hands between others.
#[must_use]
pub fn receivers<'d>(
    definitions: &'d Definitions,
    to: &Receiver,
    lead: LeadId,
    owner: Option<&'d Name>,
) -> Vec<&'d Name> {
    let (team, is_for_the_owner) = match to {
        Receiver::Owner { else_to } => (else_to, true),
        Receiver::People(team) => (team, false),
    };
    let mut members: Vec<&Name> =
        definitions.people.resolve(team).into_iter().map(|(name, _)| name).collect();
    members.sort_by_cached_key(|person| Reverse(draw(lead, person)));
    let owner = owner.filter(|owner| is_for_the_owner || members.contains(owner));
    if let Some(owner) = owner {
        members.retain(|member| *member != owner);
        members.insert(0, owner);
    }
    members
}

fn draw(lead: LeadId, person: &str) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(&lead.0.to_be_bytes());
    hasher.write(person.as_bytes());
    hasher.finish()
}

/// What sales says of a lead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    Accepted,
    Returned(Reason),
}

/// Why a lead is given back; the object of `handoff.returned`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    NotNow,
    NoBudget,
    WrongPerson,
    Other,
    /// Nobody said anything.
    NoAnswer,
}

impl Reason {
    pub const ALL: [Self; 5] =
        [Self::NotNow, Self::NoBudget, Self::WrongPerson, Self::Other, Self::NoAnswer];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotNow => "not_now",
            Self::NoBudget => "no_budget",
            Self::WrongPerson => "wrong_person",
            Self::Other => "other",
            Self::NoAnswer => "no_answer",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// What a lead is that is given back for it.
    #[must_use]
    pub const fn stage(self) -> Stage {
        match self {
            Self::WrongPerson => Stage::Disqualified,
            Self::NotNow | Self::NoBudget | Self::Other | Self::NoAnswer => Stage::Recycled,
        }
    }
}

impl Answer {
    /// In an event's data: the reason that it takes back.
    pub const INSTEAD_OF: &str = "instead_of";

    /// What an event answers. A reason that nobody knows is another one.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        if event.kind == EventKind::HANDOFF_ACCEPTED {
            Some(Self::Accepted)
        } else if event.kind == EventKind::HANDOFF_RETURNED {
            let reason = event.object.as_deref().and_then(Reason::from_word);
            Some(Self::Returned(reason.unwrap_or(Reason::Other)))
        } else {
            None
        }
    }

    #[must_use]
    pub const fn kind(self) -> EventKind {
        match self {
            Self::Accepted => EventKind::HANDOFF_ACCEPTED,
            Self::Returned(_) => EventKind::HANDOFF_RETURNED,
        }
    }

    /// For which reason the lead was given back by the word that this one is said instead of.
    #[must_use]
    pub fn instead_of(event: &Event) -> Option<Reason> {
        match event.data.get(Self::INSTEAD_OF)? {
            Value::Text(word) => Reason::from_word(word),
            _ => None,
        }
    }

    /// Until when the lead is to be left alone, by the event's data.
    #[must_use]
    pub fn until(event: &Event) -> Option<Instant> {
        match event.data.get("until")? {
            Value::Date(at) => Some(*at),
            Value::Text(text) => parse_date(text),
            _ => None,
        }
    }
}

/// One of the buttons of a card.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choice {
    /// What its link says.
    pub word: &'static str,
    pub answer: Answer,
    /// How long the lead is left alone, as [`Later`](super::schedule::Later) reads it.
    pub later: Option<&'static str>,
}

impl Choice {
    pub const ACCEPTED: Self = Self { word: "accepted", answer: Answer::Accepted, later: None };
    pub const IN_1_MONTH: Self = Self::not_now("not_now_1mo", "1mo");
    pub const IN_3_MONTHS: Self = Self::not_now("not_now_3mo", "3mo");
    pub const IN_6_MONTHS: Self = Self::not_now("not_now_6mo", "6mo");
    pub const NO_BUDGET: Self = Self::returned("no_budget", Reason::NoBudget);
    pub const WRONG_PERSON: Self = Self::returned("wrong_person", Reason::WrongPerson);
    pub const ALL: [Self; 6] = [
        Self::ACCEPTED,
        Self::IN_1_MONTH,
        Self::IN_3_MONTHS,
        Self::IN_6_MONTHS,
        Self::NO_BUDGET,
        Self::WRONG_PERSON,
    ];

    const fn not_now(word: &'static str, later: &'static str) -> Self {
        Self { word, answer: Answer::Returned(Reason::NotNow), later: Some(later) }
    }

    const fn returned(word: &'static str, reason: Reason) -> Self {
        Self { word, answer: Answer::Returned(reason), later: None }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.word == word)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::{
        address::Address,
        people::{People, Person},
    };

    fn house(team: &[&str]) -> Definitions {
        let person = |name: &str| Person {
            name: name.into(),
            address: Address::parse(&format!("{name}@example.com")).unwrap(),
            language: None,
        };
        let persons = ["ada", "ben", "cyd", "dan"].map(|name| (Name::new(name), person(name)));
        let members = team.iter().copied().map(Name::new).collect();
        let teams = BTreeMap::from([(Name::new("sales"), members)]);
        let people = People { persons: persons.into(), teams };
        Definitions { people, ..Definitions::default() }
    }

    fn order(house: &Definitions, lead: i64, owner: Option<&'static str>) -> Vec<String> {
        let owner = owner.and_then(|owner| house.people.find(owner)).map(|(name, _)| name);
        let to = Receiver::People("sales".into());
        let order = receivers(house, &to, LeadId(lead), owner);
        order.into_iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_of_a_team_gets_the_same_share_and_the_same_share_of_what_others_leave() {
        let house = house(&["ada", "ben", "cyd"]);
        let mut firsts: BTreeMap<(String, String), u32> = BTreeMap::new();
        for lead in 0..6_000 {
            let order = order(&house, lead, None);
            assert_eq!(order.len(), 3);
            *firsts.entry((order[0].clone(), order[1].clone())).or_default() += 1;
        }
        assert_eq!(firsts.len(), 6);
        assert!(firsts.values().all(|share| (850..1150).contains(share)), "{firsts:?}");
    }

    #[test]
    fn who_joins_takes_leads_and_moves_none_between_others() {
        let (before, after) = (house(&["ada", "ben"]), house(&["ada", "ben", "cyd"]));
        for lead in 0..500 {
            let (was, is) = (order(&before, lead, None), order(&after, lead, None));
            assert!(is[0] == was[0] || is[0] == "cyd");
        }
    }

    #[test]
    fn the_owner_goes_first_if_they_are_asked_for_or_of_the_team() {
        let house = house(&["ada", "ben"]);
        for lead in 0..20 {
            assert_eq!(order(&house, lead, Some("ben"))[0], "ben");
            assert!(!order(&house, lead, Some("dan")).contains(&"dan".to_owned()));
            let to = Receiver::Owner { else_to: "sales".into() };
            let owner = house.people.find("dan").map(|(name, _)| name);
            let order = receivers(&house, &to, LeadId(lead), owner);
            assert_eq!((order[0].as_str(), order.len()), ("dan", 3));
            assert_eq!(receivers(&house, &to, LeadId(lead), None).len(), 2);
        }
    }
}
