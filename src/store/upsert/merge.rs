//! The merge rule of imports: what a row does to a lead.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::{
    domain::{
        lead::{Basis, Consent, Profile, Stage},
        name::Name,
        time::Instant,
        value::Schema,
    },
    store::{
        Result,
        records::{LeadUpsert, UpsertKind},
        rows::{Place, Texts},
    },
};

/// A lead while the rows of a batch go into it.
pub struct Folding<'a> {
    pub lead: i64,
    pub is_new: bool,
    /// A row of this run, in this batch or before, named it already.
    pub seen: bool,
    /// It is known, and comes by the source of this run for the first time: that is news also where the
    /// rows say nothing new.
    pub comes_first: bool,
    /// Of a known lead, as it was before the first row: a later one may put back what one changed.
    before: Option<Profile>,
    /// The only row so far of a new lead, the how-manieth of the batch: it is the profile as it stands.
    alone: Option<(usize, &'a LeadUpsert)>,
    profile: Profile,
    pub stage: Stage,
    /// This run made it, and no row has named its stage yet: the first that does counts.
    pub stage_is_open: bool,
    /// The stage was named after the lead was made.
    pub stage_changed: bool,
    /// Purposes whose ground is another one now, or none.
    pub regrounded: Vec<Name>,
    pub created_at: Instant,
}

/// How rows of an import are stored where each is all that is known of its lead: what can be made ready
/// of a batch before it is its turn to be written.
#[derive(Debug, Default)]
pub struct Profiles {
    texts: Texts,
    places: Vec<Place>,
}

impl Profiles {
    pub fn of(rows: &[LeadUpsert]) -> Result<Self> {
        let mut profiles = Self::default();
        for row in rows {
            let alone = Alone { attributes: &row.attributes, consents: Kept(row) };
            let place = profiles.texts.add(&alone)?;
            profiles.places.push(place);
        }
        Ok(profiles)
    }

    /// All of them, to be bound.
    pub fn into_bytes(self) -> Vec<u8> {
        self.texts.into_bytes()
    }
}

/// [`Profile`] as a row says it, stored alike.
#[derive(Serialize)]
struct Alone<'a> {
    #[serde(serialize_with = "as_map")]
    attributes: &'a [(Name, serde_json::Value)],
    #[serde(skip_serializing_if = "Kept::is_empty")]
    consents: Kept<'a>,
}

/// The consents of a row that are kept where none is known.
struct Kept<'a>(&'a LeadUpsert);

impl Kept<'_> {
    fn iter(&self) -> impl Iterator<Item = (&Name, &Consent)> {
        self.0.consents.iter().filter(|(_, consent)| self.0.keeps(consent))
    }

    fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

fn as_map<S: Serializer>(
    attributes: &[(Name, serde_json::Value)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(attributes.iter().map(|(name, value)| (name, value)))
}

impl<'a> Folding<'a> {
    pub fn new(lead: i64, now: Instant) -> Self {
        Self {
            lead,
            is_new: true,
            seen: false,
            comes_first: false,
            before: None,
            alone: None,
            profile: Profile::default(),
            stage: Stage::default(),
            stage_is_open: true,
            stage_changed: false,
            regrounded: Vec::new(),
            created_at: now,
        }
    }

    pub fn known(lead: i64, profile: Profile, now: Instant) -> Self {
        Self { is_new: false, profile, ..Self::new(lead, now) }
    }

    /// Whether there is news of a lead that was known.
    pub fn is_changed(&self) -> bool {
        self.comes_first || self.stage_changed || self.has_other_profile()
    }

    pub fn has_other_profile(&self) -> bool {
        self.before.as_ref().is_some_and(|before| *before != self.profile)
    }

    /// Whether a known lead is to be left alone until another day than before.
    pub fn has_other_quiet(&self) -> bool {
        let (later, _) = Schema::STANDARD[Schema::LATER_UNTIL.0];
        let until = |profile: &Profile| profile.attributes.get(later).cloned();
        self.before.as_ref().is_some_and(|before| until(before) != until(&self.profile))
    }

    /// Where among the `profiles` of the batch this one is, as it is to be stored.
    pub fn profile(&self, profiles: &mut Profiles) -> Result<Place> {
        match self.alone {
            Some((row, _)) => Ok(profiles.places[row]),
            None => profiles.texts.add(&self.profile),
        }
    }

    /// Also since when the consent that the row has is withdrawn, if it is.
    pub fn fold(&mut self, row: usize, upsert: &'a LeadUpsert) -> (UpsertKind, Option<Instant>) {
        let mut changed = self.comes_first;
        // What every lead begins as says nothing: a later row may know more.
        let named = upsert.stage.filter(|stage| self.stage_is_open && *stage != Stage::default());
        if let Some(stage) = named {
            self.stage = stage;
            self.stage_is_open = false;
            self.stage_changed = !self.is_new;
            changed = true;
        }
        let is_alone = self.is_new && !self.seen;
        if is_alone {
            self.alone = Some((row, upsert));
        } else {
            if let Some((_, first)) = self.alone.take() {
                self.take(first);
            }
            changed |= self.take(upsert);
        }
        let merged = std::mem::replace(&mut self.seen, true);
        let how = match (merged, self.is_new, changed) {
            (true, ..) => UpsertKind::Merged,
            (false, true, _) => UpsertKind::Created,
            (false, false, true) => UpsertKind::Updated,
            (false, false, false) => UpsertKind::Unchanged,
        };
        (how, self.withdrawn(upsert))
    }

    /// Once the row is taken in.
    fn withdrawn(&self, upsert: &LeadUpsert) -> Option<Instant> {
        let given = upsert.consents.iter().filter(|(_, consent)| consent.withdrawn_at.is_none());
        given.filter_map(|(purpose, _)| self.profile.consents.get(purpose)?.withdrawn_at).max()
    }

    /// Takes attributes and consents of a row in; returns whether that changed anything.
    fn take(&mut self, upsert: &LeadUpsert) -> bool {
        let mut changed = false;
        if !self.is_new && self.before.is_none() {
            self.before = Some(self.profile.clone());
        }
        for (name, value) in &upsert.attributes {
            if self.profile.attributes.get(name) != Some(value) {
                self.profile.attributes.insert(name.clone(), value.clone());
                changed = true;
            }
        }
        for (purpose, consent) in &upsert.consents {
            let is_known = self.profile.consents.contains_key(purpose);
            if merge_consent(&mut self.profile.consents, purpose, consent, upsert) {
                changed = true;
                self.regrounded.extend(is_known.then(|| purpose.clone()));
            }
        }
        changed
    }
}

/// Returns whether anything changed.
fn merge_consent(
    known: &mut BTreeMap<Name, Consent>,
    purpose: &Name,
    new: &Consent,
    row: &LeadUpsert,
) -> bool {
    let Some(old) = known.get_mut(purpose) else {
        if !row.keeps(new) {
            return false;
        }
        known.insert(purpose.clone(), new.clone());
        return true;
    };
    if let Some(withdrawn_at) = old.withdrawn_at {
        let renews = row.dated && new.basis == Basis::Consent && new.withdrawn_at.is_none();
        if renews && new.at > withdrawn_at {
            old.clone_from(new);
            return true;
        }
        return false;
    }
    if new.withdrawn_at.is_some() {
        old.withdrawn_at = new.withdrawn_at;
        return true;
    }
    // The same ground again proves nothing that the first proof does not.
    if new.basis != old.basis && new.at > old.at {
        old.clone_from(new);
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Address;

    #[test]
    fn a_row_alone_is_stored_as_it_would_be_folded() {
        let now = Instant::from_millis(1_800_000_000_000);
        let consent = |withdrawn_at| Consent {
            basis: Basis::Consent,
            at: now,
            source: "crm".into(),
            withdrawn_at,
        };
        let row = |objects: bool, consents: &[(&str, Option<Instant>)]| LeadUpsert {
            address: Address::parse("ann@example.com").unwrap(),
            attributes: [("city".into(), "Milano".into()), ("seats".into(), 7.into())].into(),
            consents: consents.iter().map(|(name, at)| ((*name).into(), consent(*at))).collect(),
            dated: false,
            objects,
            stage: Some(Stage::Mql),
            suppress: None,
        };
        let withdrawn = [("insights", Some(now))];
        for (objects, consents) in [
            (false, &[][..]),
            (false, &[("insights", None)]),
            (false, &withdrawn),
            (true, &withdrawn),
        ] {
            let row = row(objects, consents);
            let mut alone = Folding::new(1, now);
            assert_eq!(alone.fold(0, &row).0, UpsertKind::Created);
            let mut twice = Folding::new(1, now);
            twice.fold(0, &row);
            assert_eq!(twice.fold(1, &row).0, UpsertKind::Merged);
            let stored = |lead: &Folding<'_>| {
                let mut profiles = Profiles::of(std::slice::from_ref(&row)).unwrap();
                let place = lead.profile(&mut profiles).unwrap();
                profiles.texts.get(place).to_vec()
            };
            assert_eq!(stored(&alone), stored(&twice));
            assert_eq!(alone.stage, Stage::Mql);
        }
    }
}
