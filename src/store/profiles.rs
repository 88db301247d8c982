//! What an event changes in its lead's profile at the door: what a person asks of us about themselves is
//! in force when they are told so, not only once it is decided on.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Result,
    db::{Tx, on_db},
    records::{NewEvent, ProfileChange},
    rows,
};
use crate::domain::{
    lead::{Basis, Consent, Profile},
    name::Name,
    time::Instant,
};

/// Where mails that are on their way are judged again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Reconsidered<'a> {
    pub lead: i64,
    /// Those for this purpose alone; `None`: all.
    pub purpose: Option<&'a str>,
}

impl ProfileChange {
    fn apply(&self, profile: &mut Profile, at: Instant) {
        for (name, value) in &self.attributes {
            profile.attributes.insert(name.clone(), value.clone());
        }
        self.change_consents(&mut profile.consents, at);
    }

    /// What it says about consents, as of an instant.
    pub fn change_consents(&self, consents: &mut BTreeMap<Name, Consent>, at: Instant) {
        for purpose in &self.given {
            let stands =
                |known: &Consent| known.basis == Basis::Consent && known.withdrawn_at.is_none();
            // The same ground again proves nothing that the first proof does not.
            if !consents.get(purpose).is_some_and(stands) {
                let (basis, source) = (Basis::Consent, self.source.clone());
                let given = Consent { basis, at, source, withdrawn_at: None };
                consents.insert(purpose.clone(), given);
            }
        }
        for purpose in &self.withdrawn {
            if let Some(known) = consents.get_mut(purpose) {
                known.withdrawn_at.get_or_insert(at);
            }
        }
    }

    /// A mail that is claimed may have been judged by what was so before.
    fn reconsidered(&self, lead: i64) -> Vec<Reconsidered<'_>> {
        if !self.attributes.is_empty() {
            return vec![Reconsidered { lead, purpose: None }];
        }
        let withdrawn = self.withdrawn.iter();
        withdrawn.map(|purpose| Reconsidered { lead, purpose: Some(purpose) }).collect()
    }
}

impl Tx {
    /// Changes profiles as these events say. The leads' timers are locked.
    pub(super) async fn change_profiles(
        &mut self,
        taken: &[(i64, &NewEvent)],
        now: Instant,
    ) -> Result<()> {
        #[derive(Serialize)]
        struct Row {
            lead: i64,
            profile: String,
        }
        let changes: Vec<(i64, Instant, &ProfileChange)> = taken
            .iter()
            .filter_map(|(_, event)| {
                Some((event.lead.0, event.occurred_at.min(now), event.profile.as_ref()?))
            })
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        let leads = rows::ids(changes.iter().map(|(lead, ..)| *lead));
        let known: Vec<(i64, String)> = on_db!(
            self.on(),
            sql!(
                "SELECT l.lead, l.profile FROM leads AS l WHERE l.lead IN \
                 (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ")"
            ),
            |db, sql| sqlx::query_as(sql).bind(leads).fetch_all(db).await
        )?;
        let mut profiles = BTreeMap::new();
        for (lead, text) in known {
            let key = rows::lead_key(lead);
            profiles.insert(lead, rows::decode::<Profile>(&text, "leads", "profile", &key)?);
        }
        for (lead, at, change) in &changes {
            if let Some(profile) = profiles.get_mut(lead) {
                change.apply(profile, *at);
            }
        }
        let rows = profiles
            .iter()
            .map(|(lead, profile)| Ok(Row { lead: *lead, profile: rows::encode(profile)? }))
            .collect::<Result<Vec<_>>>()?;
        let rows = rows::json("leads", &rows)?;
        on_db!(
            self.on(),
            sql!(
                "UPDATE leads AS t SET profile = j.value ->> 'profile', updated_at = $2 FROM ",
                each,
                " WHERE t.lead = CAST(j.value ->> 'lead' AS BIGINT)"
            ),
            |db, sql| sqlx::query(sql).bind(rows).bind(now.millis()).execute(db).await.map(drop)
        )?;
        let reconsidered: Vec<Reconsidered<'_>> =
            changes.iter().flat_map(|(lead, _, change)| change.reconsidered(*lead)).collect();
        self.judge_again(&reconsidered).await
    }

    /// Takes claimed mails to leads out of their claims: the mark fails, and whether they may be sent is
    /// asked again.
    pub(super) async fn judge_again(&mut self, mails: &[Reconsidered<'_>]) -> Result<()> {
        if mails.is_empty() {
            return Ok(());
        }
        let rows = rows::json("messages", mails)?;
        on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 j.value ->> 'purpose' AS purpose FROM ",
                each,
                ") UPDATE messages AS t SET state = 'reserved', token = NULL, lease_until = NULL FROM r \
                 WHERE t.lead = r.lead AND (r.purpose IS NULL OR t.purpose = r.purpose) \
                 AND t.kind = 'marketing' AND t.state = 'claimed'"
            ),
            |db, sql| sqlx::query(sql).bind(rows).execute(db).await.map(drop)
        )?;
        Ok(())
    }
}
