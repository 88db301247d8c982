//! A lead as a decision leaves it that is only thought of.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

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
    engine::{rehearsal::Person, undecided::refused},
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
        let grants = Grants::with_paused(workflows).and_of_lead(lead);
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
        let decision = decide(definitions, &state, &grants, now);
        let decision = refused(definitions, (&state, decision), grants, now, |wants, grants| {
            let mut is_news = false;
            for want in wants {
                if let Some(held) = held.get(&want.about.enrolment)
                    && grants.refusal(want).is_none()
                {
                    grants.refuse(want, held.until, held.reason.clone());
                    is_news = true;
                }
            }
            is_news
        });
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
