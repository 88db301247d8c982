//! A lead: who it is, where it stands, and all that a decision may look at.

mod after;
mod enrolment;
mod glance;
mod packed;
mod passages;
mod stored;

use std::collections::{BTreeMap, BTreeSet};

pub use after::Aftermath;
pub use enrolment::{CivilDue, Due, Ended, Enrolment, Entry, Held, Key, Outcome, Phase, Turn};
pub use glance::{Glance, Missing, Standing, Stored};
pub use packed::Unreadable;
pub use passages::{Passage, Passages};
use serde::{Deserialize, Serialize};
pub use stored::{Hydrated, LeadRecord, Memory, Profile, whereabouts};

use super::{
    address::Address,
    country::Country,
    event::Event,
    facts::Fact,
    id::{EnrolmentNo, LeadId, MessageId, ReleaseId, Rev},
    message::OpenMessage,
    name::Name,
    score::{Booked, MilliPoints},
    time::{Instant, Zone},
    value::Value,
};

/// Where a lead stands.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    #[default]
    Lead,
    /// Marketing qualified: by score.
    Mql,
    /// Sales qualified: budget, authority, need, timing.
    Sql,
    Customer,
    /// Sales gave it back to nurture.
    Recycled,
    Disqualified,
}

impl Stage {
    pub const ALL: [Self; 6] =
        [Self::Lead, Self::Mql, Self::Sql, Self::Customer, Self::Recycled, Self::Disqualified];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Mql => "mql",
            Self::Sql => "sql",
            Self::Customer => "customer",
            Self::Recycled => "recycled",
            Self::Disqualified => "disqualified",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.word() == word)
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// On what ground we may write to somebody for a purpose (GDPR article 6, ePrivacy article 13).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    Consent,
    LegitimateInterest,
    /// A sale of similar goods, told at collection (Codice privacy article 130(4)).
    SoftOptIn,
    Contract,
}

impl Basis {
    pub const ALL: [Self; 4] =
        [Self::Consent, Self::LegitimateInterest, Self::SoftOptIn, Self::Contract];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::LegitimateInterest => "legitimate_interest",
            Self::SoftOptIn => "soft_opt_in",
            Self::Contract => "contract",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|basis| basis.word() == word)
    }
}

/// The ground we have for one purpose, and how we can prove it (GDPR article 7).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Consent {
    pub basis: Basis,
    /// When it was given.
    pub at: Instant,
    /// Where it came from: a file, a form.
    pub source: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Instant>,
}

/// Why an address is not written to any more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suppression {
    Unsubscribed,
    Complained,
    HardBounce,
    /// Put on the list by hand or by a file.
    Manual,
}

impl Suppression {
    pub const ALL: [Self; 4] =
        [Self::Unsubscribed, Self::Complained, Self::HardBounce, Self::Manual];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unsubscribed => "unsubscribed",
            Self::Complained => "complained",
            Self::HardBounce => "hard_bounce",
            Self::Manual => "manual",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// A mail that was sent, as caps look at it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SentMail {
    #[serde(default)]
    pub message: Option<MessageId>,
    pub at: Instant,
    pub workflow: Name,
    pub purpose: Name,
}

/// All that a decision may look at. About 4 KB; never "all events".
#[derive(Clone, Debug)]
pub struct LeadState {
    pub lead: LeadId,
    pub rev: Rev,
    /// Since when we know the lead; what the CRM says of its age is an attribute.
    pub created_at: Instant,
    /// When it was last decided; [`Instant::DAWN`] if never.
    pub decided_at: Instant,
    /// By which release it was decided then; 0 if never.
    pub decided_under: ReleaseId,
    pub address: Address,
    /// By slot of the schema.
    pub attributes: Vec<Option<Value>>,
    pub tags: BTreeSet<Name>,
    /// By purpose.
    pub consents: BTreeMap<Name, Consent>,
    /// The lead's own zone, or that of its country, or the policy's.
    pub zone: Zone,
    /// As its attribute says it, where that is one.
    pub country: Option<Country>,
    /// The lead's own language, or the policy's.
    pub language: Name,
    pub stage: Stage,
    pub stage_since: Instant,
    /// By index of the fact plan.
    pub facts: Vec<Fact>,
    /// The last fit that was written, and what each rule gave to it then.
    pub fit: MilliPoints,
    pub fit_rules: BTreeMap<Name, MilliPoints>,
    pub booked: Booked,
    /// Stage rules that are true by a release, not by what happened, or were when sales gave the lead back:
    /// they are let be until they have been false.
    pub withheld: BTreeSet<Name>,
    /// By index of the segment: since when it is in. May be shorter than there are segments.
    pub segments: Vec<Option<Instant>>,
    /// By index of the live workflow: since when its entry condition is true. May be shorter.
    pub at_the_door: Vec<Option<Instant>>,
    /// Active enrolments, by number.
    pub enrolments: Vec<Enrolment>,
    pub next_enrolment: EnrolmentNo,
    /// Re-entry history.
    pub passages: Passages,
    /// The last marketing mails, oldest first, as many as the longest cap needs.
    pub sends: Vec<SentMail>,
    /// Content ever received: template and when last.
    pub received: BTreeMap<Name, Instant>,
    /// At most one.
    pub open_message: Option<OpenMessage>,
    pub suppressed: Option<Suppression>,
    /// Events not yet reflected in the above, by rev.
    pub new_events: Vec<Event>,
    /// Hits that could enter a workflow but whose judgement has not settled.
    pub unsettled: Vec<Event>,
}

impl LeadState {
    /// How many sent mails are remembered.
    pub const SENDS: usize = 32;

    /// The ground for writing to this lead for `purpose`, if there is one now.
    #[must_use]
    pub fn consent(&self, purpose: &str) -> Option<&Consent> {
        self.consents.get(purpose).filter(|consent| consent.withdrawn_at.is_none())
    }
}

impl LeadState {
    /// A lead of whom we know since `created_at`, and to whom nothing has happened, before any definitions:
    /// without their facts and segments.
    #[must_use]
    pub fn new(
        address: Address,
        zone: Zone,
        attributes: Vec<Option<Value>>,
        created_at: Instant,
    ) -> Self {
        Self {
            lead: LeadId(1),
            rev: Rev(0),
            created_at,
            decided_at: Instant::DAWN,
            decided_under: ReleaseId::default(),
            address,
            attributes,
            tags: BTreeSet::new(),
            consents: BTreeMap::new(),
            zone,
            country: None,
            language: "en".into(),
            stage: Stage::Lead,
            stage_since: created_at,
            facts: Vec::new(),
            fit: MilliPoints(0),
            fit_rules: BTreeMap::new(),
            booked: Booked::default(),
            withheld: BTreeSet::new(),
            segments: Vec::new(),
            at_the_door: Vec::new(),
            enrolments: Vec::new(),
            next_enrolment: EnrolmentNo(1),
            passages: Passages::default(),
            sends: Vec::new(),
            received: BTreeMap::new(),
            open_message: None,
            suppressed: None,
            new_events: Vec::new(),
            unsettled: Vec::new(),
        }
    }
}

#[cfg(test)]
impl LeadState {
    /// A lead in Rome, likewise.
    pub(crate) fn newcomer(
        address: &str,
        attributes: Vec<Option<Value>>,
        created_at: Instant,
    ) -> Self {
        let (address, zone) = (Address::parse(address), Zone::named("Europe/Rome"));
        Self::new(address.unwrap(), zone.unwrap(), attributes, created_at)
    }
}
