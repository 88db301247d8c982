//! What a lead was when we came to know it. The profile that is stored is today's: what decisions and answers wrote
//! into it since is taken out again; what imports did is not known.

use std::collections::BTreeMap;

use crate::{
    domain::{
        decision::Verb,
        event::{Event, EventKind},
        id::{EnrolmentNo, ReleaseId, Rev},
        lead::{Consent, LeadRecord, Memory, Profile, Stage},
        name::Name,
        question::Ask,
        time::Instant,
        value::{Schema, Value},
    },
    store::records::Past,
};

/// A lead as it was at the beginning, before anything was decided on it.
#[must_use]
pub fn outset(past: &Past) -> LeadRecord {
    let begin = past.events.first().map_or(past.record.created_at, |event| event.recorded_at);
    LeadRecord {
        rev: Rev(0),
        attempts: 0,
        decided_at: Instant::DAWN,
        decided_under: ReleaseId::default(),
        due_at: begin,
        stage: first_stage(past),
        stage_since: begin,
        profile: first_profile(past),
        memory: Memory { next_enrolment: EnrolmentNo(1), ..Memory::default() },
        enrolments: Vec::new(),
        open_message: None,
        suppressed: None,
        new_events: Vec::new(),
        ..past.record.clone()
    }
}

/// The one that the first change of it was from.
fn first_stage(past: &Past) -> Stage {
    let change = past.log.iter().find(|logged| logged.line.what == Verb::Stage);
    change
        .and_then(|logged| Stage::from_word(logged.line.reason.split_once(" → ")?.0))
        .unwrap_or(past.record.stage)
}

fn first_profile(past: &Past) -> Profile {
    let mut profile = past.record.profile.clone();
    profile.attributes.remove(later());
    let mut seen: Vec<&str> = Vec::new();
    for logged in past.log.iter().filter(|logged| logged.line.what == Verb::Set) {
        let reason = logged.line.reason.as_str();
        if let Some(tags) = reason.strip_prefix("tags ") {
            let signed = tags.split(' ').filter_map(|tag| tag.split_at_checked(1));
            for (sign, tag) in signed {
                // The first time that it is named says what it was before.
                if seen.contains(&tag) {
                    continue;
                }
                seen.push(tag);
                if sign == "+" {
                    profile.tags.remove(tag);
                } else {
                    profile.tags.insert(tag.into());
                }
            }
        } else if let Some((name, _)) = reason.split_once(" = ") {
            profile.attributes.remove(name);
        }
    }
    profile
}

/// The attribute that answers to "later" write as soon as they are recorded.
fn later() -> &'static str {
    Schema::STANDARD[Schema::LATER_UNTIL.0].0
}

/// What an event writes into the profile in the moment in which it is recorded.
#[must_use]
pub fn written_by(event: &Event) -> Option<(&'static str, &Value)> {
    let is_later = event.kind == EventKind::LEAD_ANSWERED
        && event.object.as_deref().is_some_and(|object| object == Ask::LATER);
    let until = event.data.get("until").filter(|_| is_later)?;
    Some((later(), until))
}

/// The grounds that there were at an instant, of those that are known today.
#[must_use]
pub fn grounds(consents: &BTreeMap<Name, Consent>, at: Instant) -> BTreeMap<Name, Consent> {
    let were = consents.iter().filter(|(_, consent)| consent.at <= at);
    were.map(|(purpose, consent)| {
        let withdrawn_at = consent.withdrawn_at.filter(|withdrawn| *withdrawn <= at);
        (purpose.clone(), Consent { withdrawn_at, ..consent.clone() })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lead::Basis;

    #[test]
    fn a_ground_is_there_from_when_it_was_given_until_it_was_withdrawn() {
        let second = |second: i64| Instant::from_millis(second * 1_000);
        let consent = Consent {
            basis: Basis::Consent,
            at: second(10),
            source: "form".into(),
            withdrawn_at: Some(second(20)),
        };
        let consents = BTreeMap::from([(Name::new("insights"), consent)]);
        let at = |at| grounds(&consents, second(at)).get("insights").map(|it| it.withdrawn_at);
        assert_eq!([at(9), at(10), at(19)], [None, Some(None), Some(None)]);
        assert_eq!(at(20), Some(Some(second(20))));
    }
}
