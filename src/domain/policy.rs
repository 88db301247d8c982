//! The house rules that no workflow may break.

use std::collections::BTreeMap;

use super::{
    account::AccountRules,
    caps::Caps,
    country::Country,
    guard::Guards,
    lead::{Basis, Consent},
    name::Name,
    pace::Pacing,
    schedule::{Calendar, Place, QuietHours, Window},
    time::Zone,
};

/// The live policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// For leads without a zone of their own, and whose country says none.
    pub zone: Zone,
    /// By country, where it is not the one that [`Country::zone`] says.
    pub zones: BTreeMap<Country, Zone>,
    /// For leads without a language of their own.
    pub language: Name,
    /// When marketing mail may leave, on the lead's own clock, where a workflow says nothing; without the
    /// quiet hours.
    pub window: Window,
    /// How often a lead is written to at most.
    pub caps: Caps,
    /// What people of a company share.
    pub accounts: AccountRules,
    /// How fast mails leave.
    pub pacing: Pacing,
    /// What pauses by itself, or asks first.
    pub guards: Guards,
    /// No workflow's window is open in them.
    pub quiet: Option<QuietHours>,
    /// On which days all windows are shut, and which are no business days.
    pub calendar: Calendar,
    /// What we may write about.
    pub purposes: BTreeMap<Name, Purpose>,
    pub tracking: Tracking,
}

impl Policy {
    /// The zone of a lead that has none of its own.
    #[must_use]
    pub fn zone_of(&self, country: Option<Country>) -> Zone {
        let by_country = country
            .and_then(|country| self.zones.get(&country).cloned().or_else(|| country.zone()));
        by_country.unwrap_or_else(|| self.zone.clone())
    }

    /// Where a lead is, by its zone and country.
    #[must_use]
    pub fn place<'a>(&'a self, zone: &'a Zone, country: Option<Country>) -> Place<'a> {
        Place { zone, days_off: self.calendar.days_off(country) }
    }

    /// A purpose as people read it: its label, or where it has none its name.
    #[must_use]
    pub fn label<'a>(&'a self, purpose: &'a Name) -> &'a str {
        let written = self.purposes.get(purpose).map(|purpose| purpose.label.as_str());
        written.filter(|label| !label.is_empty()).unwrap_or(purpose.as_str())
    }
}

/// One purpose that a lead can consent to.
#[derive(Clone, Debug)]
pub struct Purpose {
    /// As the lead reads it on the unsubscribe page and in `List-Id`.
    pub label: String,
    /// The grounds that are good enough.
    pub basis: Vec<Basis>,
}

/// Whose opens, clicks and visits may be looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tracking {
    Nobody,
    /// Those who consented to this purpose. The others' engagement is unknown, not 0.
    With(Name),
    Everybody,
}

impl Tracking {
    /// Whether the behaviour of a lead with these consents may be looked at. Only consent will do: another
    /// ground for writing is none for looking over a shoulder (Garante 284/2026).
    #[must_use]
    pub fn allows(&self, consents: &BTreeMap<Name, Consent>) -> bool {
        match self {
            Self::Nobody => false,
            Self::Everybody => true,
            Self::With(purpose) => consents.get(purpose).is_some_and(|consent| {
                consent.withdrawn_at.is_none() && consent.basis == Basis::Consent
            }),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            zone: Zone::utc(),
            zones: BTreeMap::new(),
            language: "en".into(),
            window: Window::always(),
            caps: Caps::default(),
            accounts: AccountRules::default(),
            pacing: Pacing::default(),
            guards: Guards::default(),
            quiet: None,
            calendar: Calendar::default(),
            purposes: BTreeMap::new(),
            tracking: Tracking::Nobody,
        }
    }
}
