//! The merge rule of imports: what a row does to a lead.

use std::collections::BTreeMap;

use crate::{
    domain::{
        lead::{Consent, Profile, Stage},
        name::Name,
        time::Instant,
    },
    store::records::{LeadUpsert, UpsertKind},
};

/// A lead while the rows of a batch go into it.
pub struct Folding {
    pub lead: i64,
    pub is_new: bool,
    /// A row of this run, in this batch or before, named it already.
    pub seen: bool,
    pub changed: bool,
    pub profile: Profile,
    pub stage: Stage,
    /// This run made it, and no row has named its stage yet: the first that does counts.
    pub stage_is_open: bool,
    /// The stage was named after the lead was made.
    pub stage_changed: bool,
    /// Purposes whose ground is another one now, or none.
    pub regrounded: Vec<Name>,
    pub created_at: Instant,
}

impl Folding {
    pub fn new(lead: i64, now: Instant) -> Self {
        Self {
            lead,
            is_new: true,
            seen: false,
            changed: false,
            profile: Profile::default(),
            stage: Stage::default(),
            stage_is_open: true,
            stage_changed: false,
            regrounded: Vec::new(),
            created_at: now,
        }
    }

    pub fn fold(&mut self, upsert: &LeadUpsert) -> UpsertKind {
        let mut changed = false;
        // What every lead begins as says nothing: a later row may know more.
        let named = upsert.stage.filter(|stage| self.stage_is_open && *stage != Stage::default());
        if let Some(stage) = named {
            self.stage = stage;
            self.stage_is_open = false;
            self.stage_changed = !self.is_new;
            changed = true;
        }
        for (name, value) in &upsert.attributes {
            if self.profile.attributes.get(name) != Some(value) {
                self.profile.attributes.insert(name.clone(), value.clone());
                changed = true;
            }
        }
        for (purpose, consent) in &upsert.consents {
            let is_known = self.profile.consents.contains_key(purpose);
            if merge_consent(&mut self.profile.consents, purpose, consent) {
                changed = true;
                self.regrounded.extend(is_known.then(|| purpose.clone()));
            }
        }
        self.changed |= changed;
        let merged = std::mem::replace(&mut self.seen, true);
        match (merged, self.is_new, changed) {
            (true, ..) => UpsertKind::Merged,
            (false, true, _) => UpsertKind::Created,
            (false, false, true) => UpsertKind::Updated,
            (false, false, false) => UpsertKind::Unchanged,
        }
    }
}

/// Returns whether anything changed.
fn merge_consent(known: &mut BTreeMap<Name, Consent>, purpose: &Name, new: &Consent) -> bool {
    let Some(old) = known.get_mut(purpose) else {
        if new.withdrawn_at.is_some() {
            return false;
        }
        known.insert(purpose.clone(), new.clone());
        return true;
    };
    if old.withdrawn_at.is_some() {
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
