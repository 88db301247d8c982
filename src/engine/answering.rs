//! Answers: what the page of a question knows of its reader, and what its button records.

use std::collections::BTreeSet;

use super::deciding::look;
use crate::{
    domain::{
        definitions::Definitions,
        event::{Event, EventData},
        id::Rev,
        lead::{LeadState, Suppression},
        name::Name,
        policy::Policy,
        question::Ask,
        schedule::Later,
        time::Instant,
        value::{Schema, Value},
    },
    store::{Store, StoreError, records::ProfileChange},
    token::MailRef,
};

/// Whose link it is.
#[derive(Clone, Debug)]
pub struct Reader {
    pub state: LeadState,
    /// What the lead answered last to the same question.
    last: Option<Event>,
}

/// What a button records.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    pub ask: Ask,
    pub data: EventData,
    pub profile: Option<ProfileChange>,
    /// The lead's last answer to this question: pressed twice at once, it is recorded once.
    pub after: Option<Rev>,
}

/// What somebody ticked on the page of preferences. Each holds names of purposes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Choice {
    /// All that were shown.
    pub shown: BTreeSet<Name>,
    /// Those that were ticked when they were shown: to leave a tick is no consent, and to leave a box empty
    /// is no objection.
    pub had: BTreeSet<Name>,
    pub ticked: BTreeSet<Name>,
}

impl Reader {
    /// `None`: the lead is not there any more.
    pub async fn of(
        store: &Store,
        definitions: &Definitions,
        mail: MailRef,
        ask: &Ask,
        now: Instant,
    ) -> Result<Option<Self>, StoreError> {
        // In this order: a lead read before it would not have what the answer wrote with itself, and a second
        // press beside the first would look like a new wish.
        let last = store.last_answer(mail.lead, ask.key()).await?;
        let Some(record) = store.record(mail.lead).await? else { return Ok(None) };
        let (state, ..) = look(definitions, record, &[], now);
        Ok(Some(Self { state, last }))
    }

    /// Gets no mail any more, by a wish of their own.
    #[must_use]
    pub fn has_left(&self) -> bool {
        let reason = self.state.suppressed;
        matches!(reason, Some(Suppression::Unsubscribed | Suppression::Complained))
    }

    /// The answer that this very link gave, if nothing else was answered to its question since.
    #[must_use]
    pub fn given(&self, mail: MailRef, ask: &Ask) -> Option<&Event> {
        self.last.as_ref().filter(|last| {
            last.message == Some(mail.message)
                && last.data.get("value").is_some_and(|value| value.to_string() == ask.value())
        })
    }

    /// Until when this very link has the lead left in peace: pressed again meanwhile, it is not any later.
    #[must_use]
    pub fn later_by(&self, mail: MailRef, ask: &Ask, now: Instant) -> Option<Instant> {
        let until = self.quiet_until(now)?;
        let given = self.given(mail, ask)?.data.get("until");
        (given == Some(&Value::Date(until))).then_some(until)
    }

    /// Until when the lead asked to be left in peace, as a date without a time.
    #[must_use]
    pub fn quiet_until(&self, now: Instant) -> Option<Instant> {
        match self.state.attributes.get(Schema::LATER_UNTIL.0) {
            Some(Some(Value::Date(until))) if *until > now => Some(*until),
            _ => None,
        }
    }

    /// Whether there is a ground for a purpose that the policy takes.
    #[must_use]
    pub fn is_written_about(&self, policy: &Policy, purpose: &str) -> bool {
        let basis = self.state.consent(purpose).map(|consent| consent.basis);
        policy
            .purposes
            .get(purpose)
            .is_some_and(|known| basis.is_some_and(|basis| known.basis.contains(&basis)))
    }

    /// What the link itself says.
    #[must_use]
    pub fn answer(&self, ask: &Ask) -> Answer {
        let data = EventData::from([("value".into(), Value::Text(ask.value().into()))]);
        self.with(ask.clone(), data, None)
    }

    /// To be left in peace for so long; in force at once.
    #[must_use]
    pub fn later(&self, ask: &Ask, later: &Later, now: Instant) -> Answer {
        let until = Value::Date(later.until(now, &self.state.zone));
        let mut answer = self.answer(ask);
        answer.data.insert("until".into(), until.clone());
        let (name, _) = Schema::STANDARD[Schema::LATER_UNTIL.0];
        answer.profile = Some(ProfileChange {
            attributes: vec![(name.into(), until.to_json())],
            given: Vec::new(),
            withdrawn: Vec::new(),
            source: Ask::LATER.into(),
        });
        answer
    }

    /// What is to change about what the lead is written to about; in force at once. `None`: nothing is.
    #[must_use]
    pub fn preferences(&self, policy: &Policy, choice: &Choice) -> Option<Answer> {
        let shown = policy.purposes.keys().filter(|purpose| choice.shown.contains(*purpose));
        let (ticked, unticked): (Vec<&Name>, Vec<&Name>) =
            shown.partition(|purpose| choice.ticked.contains(*purpose));
        let given: Vec<Name> = ticked
            .iter()
            .filter(|purpose| {
                !choice.had.contains(**purpose) && !self.is_written_about(policy, purpose)
            })
            .map(|purpose| (*purpose).clone())
            .collect();
        let withdrawn: Vec<Name> = unticked
            .into_iter()
            .filter(|it| choice.had.contains(*it) && self.state.consent(it).is_some())
            .cloned()
            .collect();
        if given.is_empty() && withdrawn.is_empty() {
            return None;
        }
        let listed = |names: &mut dyn Iterator<Item = &Name>| {
            let names: Vec<&str> = names.map(Name::as_str).collect();
            Value::Text(names.join(" ").into())
        };
        let data = EventData::from([
            ("value".into(), listed(&mut ticked.into_iter())),
            ("agreed".into(), listed(&mut given.iter())),
            ("withdrawn".into(), listed(&mut withdrawn.iter())),
        ]);
        let source = Ask::PREFERENCES.into();
        let profile = ProfileChange { attributes: Vec::new(), given, withdrawn, source };
        Some(self.with(Ask::Preferences, data, Some(profile)))
    }

    fn with(&self, ask: Ask, data: EventData, profile: Option<ProfileChange>) -> Answer {
        Answer { ask, data, profile, after: self.last.as_ref().map(|last| last.rev) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        lead::{Basis, Consent},
        policy::Purpose,
    };

    fn names(names: &[&str]) -> BTreeSet<Name> {
        names.iter().map(|name| Name::new(name)).collect()
    }

    /// To somebody who agreed to `insights` and is written to about `offers` for another reason.
    fn reader() -> (Policy, Reader) {
        let purpose = |basis| Purpose { label: String::new(), basis };
        let policy = Policy {
            purposes: [
                ("insights".into(), purpose(vec![Basis::Consent])),
                ("news".into(), purpose(vec![Basis::Consent])),
                ("offers".into(), purpose(vec![Basis::Consent, Basis::SoftOptIn])),
            ]
            .into(),
            ..Policy::default()
        };
        let slots = vec![None; Schema::STANDARD.len()];
        let mut state = LeadState::newcomer("ada@example.com", slots, Instant::DAWN);
        for (purpose, basis) in [("insights", Basis::Consent), ("offers", Basis::SoftOptIn)] {
            let consent =
                Consent { basis, at: Instant::DAWN, source: "crm".into(), withdrawn_at: None };
            state.consents.insert(purpose.into(), consent);
        }
        (policy, Reader { state, last: None })
    }

    #[test]
    fn only_what_was_ticked_or_unticked_changes() {
        let (policy, reader) = reader();
        let shown = names(&["insights", "news", "offers"]);
        let had = names(&["insights", "offers"]);
        let choice = |ticked: &[&str]| Choice {
            shown: shown.clone(),
            had: had.clone(),
            ticked: names(ticked),
        };
        let change = |ticked: &[&str]| {
            let answer = reader.preferences(&policy, &choice(ticked))?;
            let profile = answer.profile.unwrap();
            Some((names_of(&profile.given), names_of(&profile.withdrawn)))
        };
        fn names_of(names: &[Name]) -> String {
            names.iter().map(Name::as_str).collect::<Vec<_>>().join(" ")
        }
        let said = |given: &str, withdrawn: &str| Some((given.to_owned(), withdrawn.to_owned()));
        assert_eq!(change(&["insights", "offers"]), None, "a tick that was left is no consent");
        assert_eq!(change(&["insights", "offers", "news"]), said("news", ""));
        assert_eq!(change(&["insights"]), said("", "offers"));
        assert_eq!(change(&[]), said("", "insights offers"));
        // Shown without a tick, by a page from before or for a ground that does not count, it was left so.
        let stale = Choice { had: names(&[]), ..choice(&[]) };
        assert_eq!(reader.preferences(&policy, &stale), None, "nobody unticked anything");
        // What was not shown is neither given nor taken.
        let other = Choice { ticked: names(&["news", "gone"]), ..Choice::default() };
        assert_eq!(reader.preferences(&policy, &other), None);
    }
}
