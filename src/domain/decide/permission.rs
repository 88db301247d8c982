//! Whether a mail may leave: asked before it is reserved, and again at the instant of sending.

use crate::domain::{
    definitions::Definitions,
    event::StepRef,
    lead::{Basis, LeadState, Phase},
    message::{MaySend, MessageKind},
    policy::Tracking,
    time::Instant,
    workflow::{Version, Workflow},
};

/// Whether this lead's behaviour may be looked at, by the policy's `tracking`. Only consent will do:
/// another ground for writing is none for looking over a shoulder (Garante 284/2026).
#[must_use]
pub fn tracked(definitions: &Definitions, state: &LeadState) -> bool {
    match &definitions.policy.tracking {
        Tracking::Nobody => false,
        Tracking::Everybody => true,
        Tracking::With(purpose) => {
            state.consent(purpose).is_some_and(|consent| consent.basis == Basis::Consent)
        }
    }
}

/// Whether there is a ground for the purpose, of a kind that the policy takes.
pub(super) fn has_ground(definitions: &Definitions, state: &LeadState, purpose: &str) -> bool {
    state.consent(purpose).is_some_and(|consent| {
        definitions
            .policy
            .purposes
            .get(purpose)
            .is_some_and(|purpose| purpose.basis.contains(&consent.basis))
    })
}

/// The rules for any marketing mail of a workflow to a lead at an instant.
pub(super) fn permission(
    definitions: &Definitions,
    state: &LeadState,
    workflow: &Workflow,
    now: Instant,
) -> MaySend {
    if let Some(reason) = state.suppressed {
        return MaySend::Never(format!("the address is suppressed: {}", reason.word()));
    }
    if !has_ground(definitions, state, &workflow.purpose) {
        return MaySend::Never(format!("no ground for the purpose `{}`", workflow.purpose));
    }
    if !workflow.now {
        let window = workflow.window.as_ref().unwrap_or(&definitions.policy.window);
        let opens = window.next_open(now, &state.zone);
        if opens > now {
            return MaySend::NotBefore(
                opens,
                format!("outside of the window {window} in {}", state.zone.name()),
            );
        }
    }
    MaySend::Now
}

/// Judges a claimed message again, at the instant of sending: between its reservation and now the
/// lead may have left, objected, or its window closed.
#[must_use]
pub fn may_send(
    definitions: &Definitions,
    state: &LeadState,
    about: &StepRef,
    kind: MessageKind,
    version: &Version,
    now: Instant,
) -> MaySend {
    if kind == MessageKind::Internal {
        return MaySend::Now;
    }
    let at_step = state.enrolments.iter().any(|enrolment| {
        enrolment.no == about.enrolment
            && enrolment.step == about.step
            && enrolment.visit == about.visit
            && enrolment.phase == Phase::Mailing
    });
    if !at_step {
        return MaySend::Never("the enrolment is no longer at this step".to_owned());
    }
    match definitions.structures.get(version) {
        Some(workflow) => permission(definitions, state, workflow, now),
        None => MaySend::Never("its workflow's structure is not known any more".to_owned()),
    }
}
