//! Leads by what they have for an attribute, and where they stand.

use std::{cmp::Reverse, collections::BTreeMap};

use serde::Serialize;

use super::in_all;
use crate::{
    domain::{
        id::LeadId,
        lead::{Profile, Stage, Stored},
        name::Name,
        value::{Value, ValueType},
    },
    store::{Columns, Store, StoreError},
};

/// The most values of an attribute: of names and telephone numbers nearly each lead has another.
const MOST_VALUES: usize = 1_000;

/// Leads by what they have for an attribute, and where they stand now.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ByAttribute {
    pub attribute: Name,
    /// The most leads first; last those who have nothing.
    pub groups: Vec<Group>,
    /// Leads that cannot be read, in no group.
    pub unreadable: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Group {
    pub value: Option<Name>,
    pub leads: u64,
    pub by_stage: BTreeMap<Stage, u64>,
    /// Of its leads: those who stand at `customer` now.
    pub customers: Option<f64>,
}

/// Why leads are not counted by an attribute.
#[derive(Debug, thiserror::Error)]
pub enum Uncounted {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("leads have more than {MOST_VALUES} values for `{0}`: count by something coarser")]
    TooMany(Name),
}

/// Counts all leads by an attribute that is a text, as they stand now, in pages of so many leads.
///
/// # Errors
/// When the database cannot be read, or there are too many values. A lead that cannot be read is counted as such.
pub async fn by_attribute(
    store: &Store,
    attribute: &Name,
    page: i64,
) -> Result<ByAttribute, Uncounted> {
    let mut tally = Tally::default();
    let columns = Columns { standing: true, profile: true };
    let mut before = LeadId(i64::MIN);
    while let Some(last) = store.end_of_page(before, page).await? {
        let each = |_, stored: Result<Stored<'_>, _>| tally.take(attribute, stored.ok());
        store.glance_at((before, last), columns, each).await?;
        if tally.is_over {
            return Err(Uncounted::TooMany(attribute.clone()));
        }
        before = last;
    }
    Ok(tally.told(attribute))
}

#[derive(Default)]
struct Tally {
    some: BTreeMap<Name, BTreeMap<Stage, u64>>,
    none: BTreeMap<Stage, u64>,
    unreadable: u64,
    /// There is a value more than may be.
    is_over: bool,
}

impl Tally {
    fn take(&mut self, attribute: &Name, stored: Option<Stored<'_>>) {
        let read = stored.and_then(|stored| {
            let profile: Profile = serde_json::from_slice(stored.profile).ok()?;
            Some((stored.standing?.stage, profile))
        });
        let Some((stage, profile)) = read else {
            self.unreadable += 1;
            return;
        };
        let json = profile.attributes.get(attribute);
        let by_stage = match json.and_then(|json| Value::from_json(ValueType::Text, json)) {
            Some(Value::Text(value)) if !value.is_empty() => {
                if self.some.len() == MOST_VALUES && !self.some.contains_key(&value) {
                    self.is_over = true;
                    return;
                }
                self.some.entry(value).or_default()
            }
            _ => &mut self.none,
        };
        *by_stage.entry(stage).or_default() += 1;
    }

    fn told(self, attribute: &Name) -> ByAttribute {
        let group = |(value, by_stage)| {
            let (leads, customers) = in_all(&by_stage);
            Group { value, leads, by_stage, customers }
        };
        let some = self.some.into_iter().map(|(value, by_stage)| (Some(value), by_stage));
        let mut groups: Vec<Group> = some.map(group).collect();
        groups.sort_by_key(|group| Reverse(group.leads));
        groups.extend((!self.none.is_empty()).then(|| group((None, self.none))));
        ByAttribute { attribute: attribute.clone(), groups, unreadable: self.unreadable }
    }
}
