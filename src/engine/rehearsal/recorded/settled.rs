//! A lead as a decision leaves it that is only thought of.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::again::REFUSALS;
use crate::{
    domain::{
        allocator::is_of_others,
        decide::decide,
        decision::{Decision, Grants, LogLine},
        definitions::Definitions,
        lead::{LeadState, Phase},
        name::Name,
        pause,
        time::Instant,
    },
    engine::rehearsal::Person,
};

/// A lead in the moment after a decision that nobody has written.
#[derive(Debug)]
pub struct Settled {
    pub definitions: Arc<Definitions>,
    pub state: LeadState,
    /// When it is to be looked at again.
    pub wake_at: Instant,
    /// What it logged.
    pub log: Vec<LogLine>,
}

impl Settled {
    /// A lead as it stands, by what is live, as a decision now would leave it. `paused`: workflows, and why the mails
    /// of the lead are held. What others have refused it is still refused.
    #[must_use]
    pub fn now(
        definitions: &Arc<Definitions>,
        state: LeadState,
        (workflows, lead): (&BTreeSet<Name>, Option<&String>),
        now: Instant,
    ) -> Self {
        let mut grants = Grants::with_paused(workflows).and_of_lead(lead);
        let held: BTreeMap<_, _> = state
            .enrolments
            .iter()
            .filter_map(|enrolment| match &enrolment.phase {
                Phase::Ready { held: Some(held) } => Some((enrolment.no, held)),
                _ => None,
            })
            .filter(|(_, held)| held.until > now && is_of_others(&held.reason))
            .filter(|(_, held)| !held.reason.starts_with(pause::HELD))
            .collect();
        let mut decision = decide(definitions, &state, &grants, now);
        for _ in 0..REFUSALS {
            let refused = decision.wants.iter().find_map(|want| {
                let held = held.get(&want.about.enrolment)?;
                grants.refusal(want).is_none().then(|| (want.clone(), *held))
            });
            let Some((want, held)) = refused else { break };
            grants.refuse(&want, held.until, held.reason.clone());
            decision = decide(definitions, &state, &grants, now);
        }
        let person = Person::new(definitions, state, now);
        Self::of(Arc::clone(definitions), person, decision, now)
    }

    pub(super) fn of(
        definitions: Arc<Definitions>,
        mut person: Person,
        decision: Decision,
        at: Instant,
    ) -> Self {
        let (log, wake_at) = (decision.log.clone(), decision.wake_at);
        person.decided(&definitions, decision, at);
        Self { definitions, state: person.state, wake_at, log }
    }
}
